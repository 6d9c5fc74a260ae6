//! What a reader sees of the threads that poll.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use taskscope_recorder::{
    Limits, LongPoll, Place, Recorder, Spawn, TaskId, TaskKind, ThreadPolls, WorkerReading, threads,
};

fn traced() -> Spawn<'static> {
    Spawn { place: Some(Place { file: "src/main.rs", line: 3, column: 7 }), traced: true, ..Spawn::default() }
}

fn poll(recorder: &Recorder, task: TaskId) {
    recorder.enter(task);
    recorder.exit(task);
}

fn only(recorder: &Recorder) -> WorkerReading {
    let mut workers = recorder.workers();
    let worker = workers.next().unwrap();
    assert_eq!(workers.next(), None);
    worker
}

fn spin(length: Duration) {
    let start = Instant::now();
    while start.elapsed() < length {
        std::hint::spin_loop();
    }
}

#[test]
fn a_thread_shows_what_it_polls_and_has_polled() {
    let recorder = Recorder::default();
    let task = recorder.spawn(&traced());
    assert_eq!(recorder.workers().next(), None);
    recorder.enter(task);
    let (polled, since) = only(&recorder).polling.unwrap();
    assert_eq!(polled, task);
    assert!(since <= recorder.clock().ticks());
    recorder.exit(task);
    let idle = only(&recorder);
    assert_eq!((idle.polling, idle.last, idle.polls), (None, Some(task), 1));
    poll(&recorder, task);
    assert_eq!(only(&recorder).polls, 2);
    assert_eq!(recorder.worker(idle.thread), Some(only(&recorder)));
}

#[test]
fn the_entry_that_drops_the_future_is_no_poll_of_the_thread() {
    let recorder = Recorder::default();
    for _ in 0..3 {
        let task = recorder.spawn(&traced());
        poll(&recorder, task);
        poll(&recorder, task);
        // Tokio drops the future inside its span.
        recorder.enter(task);
        spin(Duration::from_micros(200));
        recorder.exit(task);
        assert!(recorder.release(task));
    }
    let worker = only(&recorder);
    assert_eq!(worker.polls, 6);
    assert!(recorder.clock().length_ns(worker.busy) < 600_000, "the drops are in it");
    assert_eq!(recorder.threads.all_polls().polls.iter().sum::<u64>(), 6);
}

#[test]
fn a_poll_inside_a_poll_is_not_counted_twice() {
    let recorder = Recorder::default();
    let (outer, inner) = (recorder.spawn(&traced()), recorder.spawn(&traced()));
    recorder.enter(outer);
    recorder.enter(inner);
    assert_eq!(only(&recorder).polling.unwrap().0, outer);
    spin(Duration::from_micros(100));
    recorder.exit(inner);
    assert_eq!(only(&recorder).polling.unwrap().0, outer);
    recorder.exit(outer);
    let worker = only(&recorder);
    assert_eq!((worker.polls, worker.last), (1, Some(outer)));
    assert_eq!(recorder.threads.all_polls().polls.iter().sum::<u64>(), 2);
}

#[test]
fn a_task_that_ends_in_its_own_poll_leaves_the_thread() {
    let recorder = Recorder::default();
    let task = recorder.spawn(&Spawn { traced: false, ..traced() });
    recorder.enter(task);
    recorder.release(task);
    recorder.exit(task);
    assert_eq!(only(&recorder).polling, None);
    let next = recorder.spawn(&traced());
    poll(&recorder, next);
    assert_eq!(only(&recorder).last, Some(next));
}

#[test]
fn waits_are_in_the_histogram_of_all() {
    let recorder = Recorder::default();
    let task = recorder.spawn(&traced());
    poll(&recorder, task);
    // Not woken: no wait.
    poll(&recorder, task);
    recorder.wake(task, false);
    spin(Duration::from_millis(2));
    poll(&recorder, task);
    let all = recorder.threads.all_polls();
    assert_eq!(all.scheduled.iter().sum::<u64>(), 2, "after the spawn and after the wake");
    assert!(recorder.clock().length_ns(all.longest_scheduled) >= 2_000_000);
}

#[test]
fn long_polls_are_kept_and_what_is_overwritten_is_counted() {
    let recorder = Recorder::default();
    let task = recorder.spawn(&traced());
    poll(&recorder, task);
    recorder.enter(task);
    spin(Duration::from_millis(1) + Duration::from_micros(10));
    recorder.exit(task);
    let thread = only(&recorder).thread;
    let mut found: Vec<LongPoll> = Vec::new();
    let (next, lost) = recorder.threads.long_polls(thread, 0, |poll| found.push(poll));
    assert_eq!((found.len(), next, lost), (1, 1, 0));
    assert_eq!(found[0].task, task.to_u64());
    assert_eq!(recorder.sites.site(found[0].site).unwrap().place().line, 3);
    assert!(recorder.clock().between_ns(found[0].started, found[0].ended) >= ThreadPolls::LONG_POLL_NS);

    for _ in 0..300 {
        recorder.enter(task);
        spin(Duration::from_millis(1) + Duration::from_micros(10));
        recorder.exit(task);
    }
    let mut taken = 0;
    let (next, lost) = recorder.threads.long_polls(thread, next, |_| taken += 1);
    assert_eq!((next, taken + lost), (301, 300));
    assert!(lost > 0);
    assert_eq!(recorder.threads.long_polls(thread, next, |_| panic!("nothing new")), (301, 0));
}

#[test]
fn a_number_used_again_starts_from_nothing_and_sums_stay() {
    let recorder = Arc::new(Recorder::default());
    let round = || {
        let recorder = Arc::clone(&recorder);
        let (thread_number, number) = mpsc::channel();
        let thread = thread::Builder::new().name("polls".to_owned()).spawn(move || {
            let task = recorder.spawn(&Spawn { kind: TaskKind::Local, ..traced() });
            (0..5).for_each(|_| poll(&recorder, task));
            let mine = threads().into_iter().find(|known| known.id == thread::current().id()).unwrap();
            assert_eq!(&*mine.name, "polls");
            #[cfg(target_os = "linux")]
            assert!(std::path::Path::new(&format!("/proc/self/task/{}", mine.os_id.unwrap())).exists());
            thread_number.send((mine.number, recorder.worker(mine.number).unwrap().polls)).unwrap();
        });
        thread.unwrap().join().unwrap();
        number.recv().unwrap()
    };
    // Other tests' threads may take the number between two rounds.
    let mut numbers = Vec::new();
    for rounds in 1..200 {
        let (number, polls) = round();
        assert_eq!(polls, 5);
        assert_eq!(recorder.threads.all_polls().polls.iter().sum::<u64>(), rounds * 5);
        if numbers.contains(&number) {
            return;
        }
        numbers.push(number);
    }
    panic!("no number was used again");
}

#[test]
fn counts_are_exact_with_many_threads() {
    const THREADS: u64 = 4;
    const TASKS: u64 = 5_000;
    let recorder = Arc::new(Recorder::new(Limits::default()));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let recorder = Arc::clone(&recorder);
            thread::spawn(move || {
                for _ in 0..TASKS {
                    let task = recorder.spawn(&traced());
                    (0..4).for_each(|_| poll(&recorder, task));
                    recorder.release(task);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    // Four entries each, of which the last only dropped the future.
    assert_eq!(recorder.threads.all_polls().polls.iter().sum::<u64>(), THREADS * TASKS * 3);
    assert_eq!(recorder.threads.unplaced(), 0);
}
