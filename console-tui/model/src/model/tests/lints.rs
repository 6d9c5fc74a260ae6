//! Each lint: fires on its fault, is silent on what only looks like it.

use taskscope_proto::v1::{TaskKind, TaskState};

use super::{
    Client, Fake, FakeTask,
    fake::{MS, S},
};
use crate::{Column, LintKind, Severity, screen::findings::FindingView};

type Change<'a> = &'a dyn Fn(&mut FakeTask, u64);

/// What is found in a process with one healthy task and one that was changed by `change`.
fn found(change: impl FnOnce(&mut FakeTask, u64)) -> Vec<FindingView> {
    let mut fake = Fake::with_tasks(1);
    let now_ns = fake.now_ns;
    fake.add(7, |task| {
        task.name = "suspect".into();
        change(task, now_ns);
    });
    Client::watching(&mut fake).model.findings()
}

fn only(change: impl FnOnce(&mut FakeTask, u64)) -> (LintKind, Severity, String) {
    let mut list = found(change);
    assert_eq!(list.len(), 1, "{list:#?}");
    let finding = list.remove(0);
    assert!(!finding.advice.is_empty());
    (finding.id.lint, finding.severity, finding.message)
}

#[test]
fn a_healthy_task_is_left_alone() {
    assert_eq!(found(|_, _| {}), []);
}

#[test]
fn lost_waker() {
    let lost = |task: &mut FakeTask, now_ns: u64| {
        task.wakers = Some(0);
        task.since_ns = now_ns - 41 * S;
    };
    let (lint, severity, message) = only(lost);
    assert_eq!((lint, severity), (LintKind::LostWaker, Severity::Critical));
    assert_eq!(
        message,
        "suspect #107 (spawned at src/main.rs:10) has been idle for 41.0 s and no waker for it exists: \
         nothing can wake it, short of aborting it."
    );
    let spared: [Change; 8] = [
        // Just now: a waker may be on its way.
        &|task, now_ns| task.since_ns = now_ns - S / 2,
        &|task, _| task.wakers = Some(1),
        &|task, _| task.wakers = None,
        &|task, _| task.knows = 0,
        &|task, _| task.state = TaskState::Scheduled,
        &|task, _| task.kind = TaskKind::BlockOn,
        &|task, _| task.polls = 0,
        &|task, _| task.state = TaskState::Done,
    ];
    for (i, spare) in spared.into_iter().enumerate() {
        let seen = found(|task, now_ns| {
            lost(task, now_ns);
            spare(task, now_ns);
        });
        assert!(seen.iter().all(|finding| finding.id.lint != LintKind::LostWaker), "{i}: {seen:?}");
    }
    let (_, severity, message) = only(|task, now_ns| {
        lost(task, now_ns);
        task.kind = TaskKind::Future;
    });
    assert_eq!(severity, Severity::Warning);
    assert!(message.contains("unless the task around it"), "{message}");
}

#[test]
fn thousands_of_lost_wakers_are_one_finding() {
    let mut fake = Fake::new();
    for slot in 0..5000 {
        fake.add(slot, |task| {
            task.wakers = Some(0);
            task.site = 2;
            task.since_ns -= u64::from(slot) * MS;
        });
    }
    let client = Client::watching(&mut fake);
    let list = client.model.findings();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].count, 5000);
    assert_eq!(list[0].place.as_deref(), Some("src/ledger.rs:20:5"));
    let message = &list[0].message;
    assert!(message.starts_with("5,000 tasks spawned at src/ledger.rs:20 are idle"), "{message}");
    assert!(message.contains("The worst: #5099 has been idle for 7.00 s"), "{message}");
    assert!(message.ends_with("The others: #100, #101, #102, #103 and 4,995 more."), "{message}");
    assert_eq!(client.model.strip().unwrap().text, *message);
    let report = client.model.report();
    assert_eq!((report.lints[0].count, report.lints[0].tasks.len()), (5000, 1000));
    // The group is the suspect, not each of its tasks.
    assert_eq!(client.rows(&[Column::Id, Column::State]), ["5,000 tasks"]);
}

#[test]
fn never_yielded() {
    let running = |task: &mut FakeTask, now_ns: u64| {
        task.state = TaskState::Running;
        task.polls = 1;
        task.busy_ns = 0;
        task.longest_poll_ns = 0;
        task.since_ns = now_ns - 5 * S;
    };
    let (lint, severity, message) = only(running);
    assert_eq!((lint, severity), (LintKind::NeverYielded, Severity::Critical));
    assert!(message.contains("has been in its first poll for 5.00 s"), "{message}");
    let seen = found(|task, now_ns| {
        running(task, now_ns);
        task.since_ns = now_ns - 50 * MS;
    });
    assert_eq!(seen, []);
    let seen = found(|task, now_ns| {
        running(task, now_ns);
        task.kind = TaskKind::Blocking;
    });
    assert_eq!(seen, [], "a blocking task may block");
}

#[test]
fn long_poll_while_it_runs_and_after() {
    let running = |task: &mut FakeTask, ns: u64, now_ns: u64| {
        task.state = TaskState::Running;
        task.since_ns = now_ns - ns;
    };
    let (lint, severity, message) = only(|task, now_ns| running(task, 318 * MS, now_ns));
    assert_eq!((lint, severity), (LintKind::LongPoll, Severity::Warning));
    assert!(message.contains("has been in one poll for 318 ms"), "{message}");
    assert_eq!(only(|task, now_ns| running(task, 2 * S, now_ns)).1, Severity::Critical);
    let (lint, severity, message) = only(|task, _| task.longest_poll_ns = 2 * S);
    assert_eq!((lint, severity), (LintKind::LongPoll, Severity::Warning));
    assert!(message.contains("was in one poll for 2.00 s"), "{message}");
    assert_eq!(only(|task, _| task.longest_poll_ns = 200 * MS).1, Severity::Info);
    assert_eq!(found(|task, now_ns| running(task, 99 * MS, now_ns)), []);
    // A first poll that is long, but not yet so long that it counts as never yielding.
    let first = only(|task, now_ns| {
        running(task, 500 * MS, now_ns);
        task.polls = 1;
    });
    assert_eq!(first.0, LintKind::LongPoll);
    let root = only(|task, now_ns| {
        running(task, 5 * S, now_ns);
        task.kind = TaskKind::BlockOn;
    });
    assert_eq!((root.0, root.1), (LintKind::LongPoll, Severity::Warning));
}

#[test]
fn long_schedule_delay() {
    let waiting = |task: &mut FakeTask, ns: u64, now_ns: u64| {
        task.state = TaskState::Scheduled;
        task.since_ns = now_ns - ns;
    };
    let (lint, severity, message) = only(|task, now_ns| waiting(task, 300 * MS, now_ns));
    assert_eq!((lint, severity), (LintKind::LongScheduleDelay, Severity::Warning));
    assert!(message.contains("was woken 300 ms ago and has not been polled yet"), "{message}");
    assert_eq!(only(|task, now_ns| waiting(task, 3 * S, now_ns)).1, Severity::Critical);
    assert_eq!(only(|task, _| task.longest_scheduled_ns = 200 * MS).1, Severity::Info);
    assert_eq!(found(|task, now_ns| waiting(task, 50 * MS, now_ns)), []);
    let unknown = found(|task, now_ns| {
        waiting(task, 3 * S, now_ns);
        task.knows = 0;
    });
    assert_eq!(unknown, [], "what is not known accuses nobody");
}

#[test]
fn self_wakes() {
    let (lint, severity, message) = only(|task, _| (task.wakes, task.self_wakes) = (1000, 980));
    assert_eq!((lint, severity), (LintKind::SelfWakes, Severity::Warning));
    assert!(message.contains("woke itself 980 times, 98 % of its 1.0k wakes"), "{message}");
    assert_eq!(found(|task, _| (task.wakes, task.self_wakes) = (1000, 500)), []);
    assert_eq!(found(|task, _| (task.wakes, task.self_wakes) = (10, 10)), [], "too few to judge");
}

#[test]
fn large_and_boxed_futures() {
    let (lint, severity, message) = only(|task, _| task.size_bytes = 8192);
    assert_eq!((lint, severity), (LintKind::LargeFuture, Severity::Info));
    assert!(message.ends_with("has a future of 8.0 K."), "{message}");
    let (lint, _, message) = only(|task, _| (task.size_bytes, task.original_size_bytes) = (8, 20_000));
    assert_eq!(lint, LintKind::AutoBoxedFuture);
    assert!(
        message.contains("has a future of 19.5 K, so large that tokio moved it to the heap"),
        "{message}"
    );
    assert_eq!(found(|task, _| task.size_bytes = 4095), []);
}

#[test]
fn wake_storm() {
    let storm = |wakes: u64, polls: u64| {
        let mut fake = Fake::with_tasks(2);
        let mut client = Client::watching(&mut fake);
        for _ in 0..4 {
            let task = fake.task(1);
            task.wakes += wakes;
            task.polls += polls;
            client.run(&mut fake, 1);
        }
        client.model.findings()
    };
    let list = storm(48_000, 1200);
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!(list[0].id.lint, LintKind::WakeStorm);
    assert!(list[0].message.contains("is woken 48.0k times a second but polled only 1.2k times"), "{list:?}");
    assert_eq!(storm(48_000, 47_000), [], "a busy task is no storm");
    assert_eq!(storm(500, 10), [], "so few don't matter");
}

#[test]
fn task_leak() {
    let leaky = |finished: u64, newest_ns: u64, idle: bool| {
        let mut fake = Fake::new();
        for slot in 0..200_u32 {
            fake.add(slot, |task| {
                task.site = 3;
                task.created_ns = 100 * S - newest_ns - u64::from(slot) * 100 * MS;
                task.since_ns = if idle { 90 * S } else { 100 * S - MS };
            });
        }
        fake.totals.insert(
            3,
            taskscope_proto::v1::SiteTotals {
                site: 3,
                spawned: 200 + finished,
                finished,
                ..Default::default()
            },
        );
        Client::watching(&mut fake).model
    };
    let model = leaky(3, S, true);
    let list = model.findings();
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!(
        (list[0].id.lint, list[0].severity, list[0].count),
        (LintKind::TaskLeak, Severity::Warning, 200)
    );
    assert!(list[0].message.starts_with(
        "This looks like a leak: 200 tasks spawned at src/db.rs:30 are alive and only 3 of 203"
    ));
    // The oldest first.
    assert_eq!(list[0].tasks[0].slot, 199);
    assert_eq!(model.report().lints[0].tasks.len(), 200);
    assert_eq!(leaky(100, S, true).findings(), [], "a third of them ends");
    assert_eq!(leaky(3, 20 * S, true).findings(), [], "it has stopped");
    assert_eq!(leaky(3, S, false).findings(), [], "they work");
}

#[test]
fn the_worst_comes_first_and_keeps_its_place() {
    let mut fake = Fake::with_tasks(1);
    fake.add(1, |task| task.size_bytes = 9000);
    let mut client = Client::watching(&mut fake);
    client.run(&mut fake, 2);
    assert_eq!(client.model.findings()[0].id.lint, LintKind::LargeFuture);
    let now_ns = fake.now_ns;
    fake.add(2, |task| {
        task.site = 2;
        task.wakers = Some(0);
        task.since_ns = now_ns - 3 * S;
    });
    client.run(&mut fake, 2);
    let list = client.model.findings();
    assert_eq!(
        list.iter().map(|f| f.id.lint).collect::<Vec<_>>(),
        [LintKind::LostWaker, LintKind::LargeFuture]
    );
    assert!(list[1].seen_for_ns >= 3 * S, "{list:?}");
    assert!(list[0].seen_for_ns < list[1].seen_for_ns);
    // The suspect is the first row.
    assert_eq!(client.rows(&[Column::Warn, Column::Id])[0], "▲ 102");
}

#[test]
fn thresholds_can_be_set_and_typos_are_errors() {
    let config: crate::LintConfig = serde_json::from_str(
        r#"{"long-poll": {"poll-ms": 5, "enabled": true}, "self-wakes": {"enabled": false}}"#,
    )
    .unwrap();
    assert_eq!(config.long_poll.poll_ms, 5);
    assert!(!config.self_wakes.enabled);
    let error = serde_json::from_str::<crate::LintConfig>(r#"{"long-poll": {"pol-ms": 5}}"#).unwrap_err();
    assert!(error.to_string().contains("unknown field `pol-ms`"), "{error}");
}
