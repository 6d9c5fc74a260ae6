//! What the lints make of the newest facts: a storm of less than a second, a poll that gave its worker's place away.

use std::time::Duration;

use taskscope_proto::v1::{self, TaskState, WorkerState};

use super::{
    Client, Fake,
    fake::{MS, S},
};
use crate::{Event, LintKind, Severity};

/// A frame after some milliseconds, and the scan after it.
fn frame_after(client: &mut Client, fake: &mut Fake, ms: u64, scheduler: Option<v1::Scheduler>) {
    fake.now_ns += ms * MS;
    let mut frame = fake.delta();
    frame.scheduler = scheduler;
    client.send(Event::Frame(Box::new(frame)));
    client.wait(Duration::from_secs(1));
}

#[test]
fn a_storm_is_found_before_a_second_of_it_is_over() {
    for (after_ms, wakes, found) in [(600, 48_000, true), (600, 500, false), (400, 48_000, false)] {
        let mut fake = Fake::with_tasks(2);
        let mut client = Client::watching(&mut fake);
        client.run(&mut fake, 2);
        let task = fake.task(1);
        (task.wakes, task.polls) = (task.wakes + wakes, task.polls + wakes / 50);
        frame_after(&mut client, &mut fake, after_ms, None);
        let storms = client.model.findings().iter().any(|finding| finding.id.lint == LintKind::WakeStorm);
        assert_eq!(storms, found, "{wakes} wakes in {after_ms} ms");
    }
}

#[test]
fn a_poll_that_gave_its_place_away_is_not_blamed() {
    // Of a runtime with one worker: the thread that polls, its runtime, and whether the task is to blame.
    for (runtime, blamed) in [(1, true), (0, false)] {
        let mut fake = Fake::with_tasks(2);
        let mut client = Client::watching(&mut fake);
        let since_ns = fake.now_ns;
        let task = fake.task(1);
        (task.state, task.since_ns) = (TaskState::Running, since_ns);
        let reference = v1::TaskRef { slot: 1, generation: task.generation };
        let polling = |now_ns: u64| v1::Worker {
            runtime,
            thread: 1,
            state: WorkerState::Polling.into(),
            state_ago_ns: now_ns - since_ns,
            task: Some(reference),
            ..v1::Worker::default()
        };
        let other = v1::Worker { runtime: 1, worker: 1, thread: 2, ..v1::Worker::default() };
        let known = v1::Runtime { index: 1, workers: 2, ..v1::Runtime::default() };
        let scheduler = |now_ns: u64| v1::Scheduler {
            runtimes: vec![known.clone()],
            workers: vec![polling(now_ns), other.clone()],
            ..v1::Scheduler::default()
        };
        let report = scheduler(fake.now_ns + 4 * S);
        frame_after(&mut client, &mut fake, 4000, Some(report));
        let accused = |client: &Client| {
            let findings = client.model.findings();
            findings
                .iter()
                .any(|finding| matches!(finding.id.lint, LintKind::LongPoll | LintKind::NeverYielded))
        };
        assert_eq!(accused(&client), blamed, "{:?}", client.model.findings());

        // It is over, and was the longest.
        let now_ns = fake.now_ns;
        let task = fake.task(1);
        (task.state, task.since_ns, task.longest_poll_ns) = (TaskState::Idle, now_ns, 4 * S);
        task.polls += 1;
        let mut report = scheduler(now_ns + S);
        report.workers.remove(0);
        report.long_polls = vec![v1::LongPoll {
            thread: 1,
            task: Some(reference),
            started_ago_ns: 5 * S,
            duration_ns: 4 * S,
            ..v1::LongPoll::default()
        }];
        frame_after(&mut client, &mut fake, 1000, Some(report));
        assert_eq!(accused(&client), blamed, "{:?}", client.model.findings());
    }
}

#[test]
fn one_look_at_a_poll_is_no_finding() {
    // The process stood still for a second: its only worker was in a poll, as it happened.
    for (goes_on, blamed) in [(true, true), (false, false)] {
        let mut fake = Fake::with_tasks(2);
        let mut client = Client::watching(&mut fake);
        let since_ns = fake.now_ns;
        let task = fake.task(1);
        (task.state, task.since_ns) = (TaskState::Running, since_ns);
        let reference = Some(v1::TaskRef { slot: 1, generation: task.generation });
        let worker = v1::Worker {
            runtime: 1,
            thread: 1,
            state: WorkerState::Polling.into(),
            state_ago_ns: 1200 * MS,
            task: reference,
            ..v1::Worker::default()
        };
        let poll = v1::StuckPoll {
            thread: 1,
            task: reference,
            started_ago_ns: 1200 * MS,
            ..v1::StuckPoll::default()
        };
        let report = v1::Scheduler {
            runtimes: vec![v1::Runtime { index: 1, workers: 1, ..v1::Runtime::default() }],
            workers: vec![worker],
            stuck: vec![poll],
            ..v1::Scheduler::default()
        };
        frame_after(&mut client, &mut fake, 1200, Some(report));
        let accused = |client: &Client| {
            let findings = client.model.findings();
            findings.iter().any(|finding| finding.severity == Severity::Critical)
        };
        assert!(!accused(&client), "{:?}", client.model.findings());
        if !goes_on {
            let now_ns = fake.now_ns;
            let task = fake.task(1);
            (task.state, task.since_ns) = (TaskState::Idle, now_ns);
        }
        // The scheduler's last report is still the old one.
        frame_after(&mut client, &mut fake, 200, None);
        assert_eq!(accused(&client), blamed, "{:?}", client.model.findings());
    }
}

#[test]
fn one_look_at_a_wait_is_none() {
    let mut fake = Fake::with_tasks(2);
    let mut client = Client::watching(&mut fake);
    client.run(&mut fake, 1);
    let since_ns = fake.now_ns;
    let task = fake.task(1);
    (task.state, task.since_ns) = (TaskState::Scheduled, since_ns + MS);
    let starves = |client: &Client| {
        let findings = client.model.findings();
        findings.iter().any(|finding| finding.id.lint == LintKind::LongScheduleDelay)
    };
    frame_after(&mut client, &mut fake, 1200, None);
    assert!(!starves(&client), "the process stood still, as far as is known");
    frame_after(&mut client, &mut fake, 200, None);
    assert!(starves(&client));
}
