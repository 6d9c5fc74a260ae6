//! What a reader sees of what a program did.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{sync::Arc, time::Duration};

use taskscope_recorder::{
    Agent, Event, EventKind, Knows, Limits, Place, Recorder, Spawn, State, TaskId, TaskKind, ThreadPolls,
};

const HERE: Place<'_> = Place { file: "src/main.rs", line: 3, column: 7 };

fn traced() -> Spawn<'static> {
    Spawn {
        place: Some(HERE),
        traced: true,
        knows: Knows { wakes: true, scheduled: true, wakers: true, waker_clones: true, no_polls: false },
        ..Spawn::default()
    }
}

fn poll(recorder: &Recorder, task: TaskId) {
    recorder.enter(task);
    recorder.exit(task);
}

fn counters(recorder: &Recorder, task: TaskId) -> taskscope_recorder::Counters {
    recorder.tasks.get(task).unwrap().counters().unwrap()
}

#[test]
fn a_spawned_task_is_scheduled_then_runs_then_idles() {
    let recorder = Recorder::default();
    let task = recorder.spawn(&traced());
    assert_eq!(counters(&recorder, task).state, State::Scheduled);
    recorder.enter(task);
    assert_eq!(counters(&recorder, task).state, State::Running);
    assert_eq!(recorder.current(), Some(task));
    recorder.exit(task);
    assert_eq!(counters(&recorder, task).state, State::Idle);
    recorder.wake(task, false);
    let woken = counters(&recorder, task);
    assert_eq!((woken.state, woken.wakes, woken.self_wakes), (State::Scheduled, 1, 0));
    assert!(matches!(woken.last_waker, Agent::Thread(_)));
}

#[test]
fn a_wake_during_the_poll_schedules_the_task_from_the_polls_end() {
    let recorder = Recorder::default();
    let task = recorder.spawn(&traced());
    recorder.enter(task);
    recorder.wake(task, false);
    assert_eq!(counters(&recorder, task).state, State::Running);
    recorder.exit(task);
    let after = counters(&recorder, task);
    assert_eq!((after.state, after.wakes, after.self_wakes), (State::Scheduled, 1, 1));
    assert_eq!(after.last_waker, Agent::Task(task));
    assert_eq!(after.last_wake, Some(after.since));
}

#[test]
fn block_on_and_named_futures_start_idle() {
    let recorder = Recorder::default();
    for kind in [TaskKind::BlockOn, TaskKind::Future] {
        let task = recorder.spawn(&Spawn { kind, ..traced() });
        assert_eq!(counters(&recorder, task).state, State::Idle);
    }
}

#[test]
fn the_entry_that_drops_the_future_is_no_poll() {
    let recorder = Recorder::default();
    let task = recorder.spawn(&traced());
    poll(&recorder, task);
    poll(&recorder, task);
    // Tokio drops the future inside its span.
    poll(&recorder, task);
    assert!(recorder.release(task));
    let done = counters(&recorder, task);
    assert_eq!((done.state, done.polls), (State::Done, 2));
    let (site, _) = recorder.sites.iter().find(|(_, site)| site.place() == HERE).unwrap();
    let totals = recorder.sites.totals(site);
    assert_eq!((totals.spawned, totals.finished, totals.polls), (1, 1, 2));
    assert_eq!(totals.busy, done.busy);
}

#[test]
fn every_entry_of_a_wrapped_task_is_a_poll() {
    let recorder = Recorder::default();
    let task = recorder.spawn(&Spawn { traced: false, ..traced() });
    poll(&recorder, task);
    poll(&recorder, task);
    assert!(recorder.release(task));
    assert_eq!(counters(&recorder, task).polls, 2);
}

#[test]
fn two_sources_are_one_task() {
    let recorder = Recorder::default();
    let task = recorder.spawn(&Spawn { traced: false, name: "wrapped", ..traced() });
    recorder.tasks.adopt(task, &Spawn { tokio_id: 12, ..traced() });
    poll(&recorder, task);
    poll(&recorder, task);
    assert!(!recorder.release(task));
    assert!(recorder.release(task));
    let description = recorder.tasks.get(task).unwrap().description().unwrap();
    assert_eq!((description.tokio_id, &*description.name), (12, "wrapped"));
    assert_eq!(counters(&recorder, task).polls, 1);
}

#[test]
fn a_late_wake_is_counted_apart() {
    let recorder = Recorder::new(Limits { retained_tasks: 1, ..Limits::default() });
    let task = recorder.spawn(&traced());
    recorder.release(task);
    recorder.wake(task, false);
    // Pushed out of its slot by the next one that ends.
    let other = recorder.spawn(&traced());
    recorder.release(other);
    let third = recorder.spawn(&traced());
    assert_eq!(third.index(), task.index());
    assert_ne!(third.generation(), task.generation());
    recorder.wake(task, true);
    assert_eq!(recorder.losses().late_wakes, 2);
    assert_eq!(counters(&recorder, third).wakes, 0);
}

#[test]
fn memory_stays_with_a_million_tasks_that_end() {
    let recorder = Recorder::default();
    // The list of long polls comes with the first one, which a busy machine could put anywhere in what follows.
    let long = recorder.spawn(&traced());
    recorder.enter(long);
    std::thread::sleep(Duration::from_millis(5));
    recorder.exit(long);
    recorder.release(long);
    let mut after_ten_thousand = 0;
    for n in 0..1_000_000 {
        if n == 10_000 {
            after_ten_thousand = recorder.memory_bytes();
        }
        let task = recorder.spawn(&traced());
        poll(&recorder, task);
        recorder.release(task);
    }
    assert_eq!(recorder.memory_bytes(), after_ten_thousand);
}

#[test]
fn rings_live_while_a_timeline_is_watched_and_texts_while_their_task_lives() {
    let recorder =
        Recorder::new(Limits { retained_tasks: 1, retention: Duration::ZERO, ..Limits::default() });
    let task = recorder.spawn(&traced());
    // Its histograms come with the third poll.
    (0..3).for_each(|_| poll(&recorder, task));
    // The ring of long polls is there from the first one on, and on a busy machine any poll may be one.
    recorder.enter(task);
    std::thread::sleep(Duration::from_nanos(2 * ThreadPolls::LONG_POLL_NS));
    recorder.exit(task);
    let before = recorder.memory_bytes();
    for _ in 0..3 {
        recorder.timelines.watch_all(true);
        // The second one shows that the first was a poll, and not the entry that drops the future.
        (0..2).for_each(|_| poll(&recorder, task));
        assert!(recorder.memory_bytes() >= before + 16_384 * 32, "{before} -> {}", recorder.memory_bytes());
        let mut events = 0;
        recorder.timelines.drain(|_| events += 1);
        assert!(events >= 2, "a poll's two ends");
        recorder.timelines.watch_all(false);
        recorder.timelines.watch_none();
        assert_eq!(recorder.memory_bytes(), before);
    }

    let name = "n".repeat(200);
    let named = recorder.spawn(&Spawn { name: &name, ..traced() });
    assert!(recorder.memory_bytes() >= before + 200);
    recorder.release(named);
    recorder.tasks.reap();
    assert_eq!(recorder.memory_bytes(), before);
}

#[test]
fn retention_ends_by_time_and_by_number() {
    let recorder = Recorder::new(Limits { retained_tasks: 2, retention: Duration::MAX, ..Limits::default() });
    let tasks: Vec<TaskId> = (0..5).map(|_| recorder.spawn(&traced())).collect();
    for task in &tasks {
        assert!(recorder.release(*task));
    }
    recorder.tasks.reap();
    let kept = |task: &&TaskId| recorder.tasks.get(**task).unwrap().counters().is_some();
    assert_eq!(tasks.iter().filter(kept).count(), 2);

    let recorder = Recorder::new(Limits { retention: Duration::ZERO, ..Limits::default() });
    let task = recorder.spawn(&traced());
    recorder.release(task);
    recorder.tasks.reap();
    assert!(recorder.tasks.get(task).unwrap().counters().is_none());
}

#[test]
fn past_the_limit_tasks_are_counted() {
    let recorder = Recorder::new(Limits { max_tasks: 1024, ..Limits::default() });
    let tasks: Vec<TaskId> = (0..1030).map(|_| recorder.spawn(&traced())).collect();
    assert_eq!(recorder.losses().untracked, 6);
    for task in tasks {
        poll(&recorder, task);
        recorder.wake(task, false);
        recorder.release(task);
    }
    let (site, _) = recorder.sites.iter().find(|(_, site)| site.place() == HERE).unwrap();
    assert_eq!((recorder.sites.totals(site).spawned, recorder.sites.totals(site).finished), (1030, 1030));
}

#[test]
fn histograms_have_every_poll_whenever_they_are_read() {
    let recorder = Recorder::default();
    let task = recorder.spawn(&traced());
    for polls in 1..=5 {
        recorder.enter(task);
        let running = recorder.tasks.histograms(recorder.tasks.get(task).unwrap()).unwrap();
        assert_eq!(running.polls.iter().sum::<u64>(), polls - 1, "during poll {polls}");
        recorder.exit(task);
        let idle = recorder.tasks.histograms(recorder.tasks.get(task).unwrap()).unwrap();
        assert_eq!(idle.polls.iter().sum::<u64>(), polls);
        assert_eq!(idle.scheduled.iter().sum::<u64>(), polls.min(idle.scheduled.iter().sum()));
    }
}

#[test]
fn events_exist_only_while_watched_and_losses_are_exact() {
    let recorder = Recorder::default();
    let task = recorder.spawn(&traced());
    poll(&recorder, task);
    recorder.watch(task, true);
    recorder.wake(task, false);
    // A poll that comes at once may be the entry that drops the future, and is held back.
    std::thread::sleep(Duration::from_millis(1));
    poll(&recorder, task);
    let mut events: Vec<Event> = Vec::new();
    recorder.timelines.drain(|event| events.push(event));
    let kinds: Vec<EventKind> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Wake, EventKind::PollStart, EventKind::PollEnd]);

    (0..3000).for_each(|_| recorder.wake(task, false));
    let mut taken = 0;
    recorder.timelines.drain(|event| taken += u64::from(event.kind == EventKind::Wake));
    assert_eq!(taken + recorder.losses().lost_events, 3000);

    recorder.watch(task, false);
    recorder.wake(task, false);
    recorder.timelines.drain(|_| panic!("no timeline is watched"));
}

#[test]
fn counts_are_exact_with_many_threads() {
    const THREADS: u64 = 4;
    const ROUNDS: u64 = 20_000;
    let recorder = Arc::new(Recorder::default());
    let sleeper = recorder.spawn(&traced());
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let recorder = Arc::clone(&recorder);
            std::thread::spawn(move || {
                for _ in 0..ROUNDS {
                    let task = recorder.spawn(&traced());
                    recorder.enter(task);
                    recorder.wake(task, false);
                    recorder.wake(sleeper, false);
                    recorder.exit(task);
                    poll(&recorder, task);
                    recorder.release(task);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let (site, _) = recorder.sites.iter().find(|(_, site)| site.place() == HERE).unwrap();
    let totals = recorder.sites.totals(site);
    assert_eq!(
        (totals.finished, totals.polls, totals.wakes),
        (THREADS * ROUNDS, THREADS * ROUNDS, THREADS * ROUNDS)
    );
    assert_eq!(totals.self_wakes, THREADS * ROUNDS);
    assert_eq!(counters(&recorder, sleeper).wakes, THREADS * ROUNDS);
}

#[test]
fn long_names_are_cut_and_counted() {
    let recorder = Recorder::default();
    let name = "é".repeat(1 << 20);
    let task = recorder.spawn(&Spawn { name: &name, ..traced() });
    let description = recorder.tasks.get(task).unwrap().description().unwrap();
    assert!(description.name.len() <= taskscope_recorder::MAX_NAME_BYTES && !description.name.is_empty());
    assert_eq!(recorder.losses().truncated, 1);
}

#[test]
fn parents_are_the_tasks_that_spawn() {
    let recorder = Recorder::default();
    let parent = recorder.spawn(&traced());
    recorder.enter(parent);
    let child = recorder.spawn(&traced());
    recorder.exit(parent);
    let orphan = recorder.spawn(&traced());
    let parent_of = |task| recorder.tasks.get(task).unwrap().description().unwrap().parent;
    assert_eq!(parent_of(child), Some(parent));
    assert_eq!(parent_of(orphan), None);
}
