//! What a timeline contains: every poll once, no other entry, and a gap where events are missing.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::time::{Duration, Instant};

use taskscope_recorder::{Event, EventKind, Place, Recorder, Spawn, TaskId, TaskKind};

fn spawn(recorder: &Recorder, kind: TaskKind) -> TaskId {
    let place = Place { file: "src/main.rs", line: 3, column: 7 };
    recorder.spawn(&Spawn { kind, place: Some(place), traced: true, ..Spawn::default() })
}

fn poll(recorder: &Recorder, task: TaskId) {
    recorder.enter(task);
    recorder.exit(task);
}

fn drained(recorder: &Recorder) -> Vec<Event> {
    let mut events = Vec::new();
    recorder.timelines.drain(|event| events.push(event));
    events
}

fn count(events: &[Event], kind: EventKind) -> usize {
    events.iter().filter(|event| event.kind == kind).count()
}

/// A task that is woken in its last poll, and dropped. False: the drop came late, so the events prove nothing.
fn drop_comes_at_once(recorder: &Recorder, polls: usize) -> bool {
    let task = spawn(recorder, TaskKind::Task);
    let mut ended = Instant::now();
    for _ in 0..polls {
        ended = Instant::now();
        poll(recorder, task);
        recorder.wake(task, false);
    }
    poll(recorder, task);
    let came_at_once = ended.elapsed() < Duration::from_micros(10);
    recorder.release(task);
    let reported = drained(recorder);
    if came_at_once {
        assert_eq!(
            (count(&reported, EventKind::PollStart), count(&reported, EventKind::PollEnd)),
            (polls, polls)
        );
    }
    came_at_once
}

/// Tokio enters the span once more to drop the future: after the last poll, and without a wake.
#[test]
fn a_finished_task_has_as_many_polls_as_are_counted() {
    for polls in 1..5 {
        let recorder = Recorder::default();
        recorder.timelines.watch_all(true);
        // Woken in its last poll, too: the drop looks like a poll that comes at once. On a busy machine the thread may lose its CPU right there;
        // then it is tried again.
        while !drop_comes_at_once(&recorder, polls) {}

        let task = spawn(&recorder, TaskKind::Task);
        for _ in 1..polls {
            poll(&recorder, task);
            recorder.wake(task, false);
        }
        poll(&recorder, task);
        poll(&recorder, task);
        let counted = recorder.tasks.get(task).unwrap().counters().unwrap().polls;
        recorder.release(task);
        let reported = drained(&recorder);
        assert_eq!(
            (count(&reported, EventKind::PollStart), count(&reported, EventKind::PollEnd)),
            (polls, polls)
        );
        assert_eq!(counted, polls as u64 + 1, "until it is known what the last entry was");
    }
}

#[test]
fn a_poll_without_a_wake_is_reported_with_its_times_when_the_next_begins() {
    let recorder = Recorder::default();
    recorder.timelines.watch_all(true);
    let root = spawn(&recorder, TaskKind::BlockOn);
    poll(&recorder, root);
    poll(&recorder, root);
    let first = drained(&recorder);
    poll(&recorder, root);
    let second = drained(&recorder);
    for reported in [&first, &second] {
        let kinds: Vec<EventKind> = reported.iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::PollStart, EventKind::PollEnd]);
    }
    assert!(first[1].at < second[0].at && second[0].at <= second[1].at);
    recorder.release(root);
    assert_eq!(drained(&recorder), []);
}

#[test]
fn what_a_full_ring_lost_is_a_gap_from_its_last_event_on() {
    let recorder = Recorder::default();
    let task = spawn(&recorder, TaskKind::Task);
    recorder.watch(task, true);
    (0..3000).for_each(|_| recorder.wake(task, false));
    let events = drained(&recorder);
    let (gap, reported) = events.split_last().unwrap();
    assert_eq!((gap.kind, gap.by), (EventKind::Gap, reported.last().unwrap().at));
    assert!(gap.at >= gap.by);
    recorder.wake(task, false);
    let events = drained(&recorder);
    assert_eq!((events.len(), events[0].kind), (1, EventKind::Wake), "nothing was lost since");
    assert!(events[0].at >= gap.at);
}
