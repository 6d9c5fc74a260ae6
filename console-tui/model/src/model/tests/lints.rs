//! Each lint: fires on its fault, is silent on what only looks like it.

use taskscope_proto::v1::{TaskKind, TaskState};

use super::{
    Client, Fake, FakeTask,
    fake::{MS, S},
};
use crate::{LintKind, Severity, screen::findings::FindingView};

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
    assert_eq!(client.rows(&["id", "state"]), ["5,000 tasks"]);
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
    // When it was is not known: perhaps long ago.
    assert_eq!(found(|task, _| task.longest_poll_ns = 2 * S), []);
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
    let (lint, severity, message) = only(|task, now_ns| waiting(task, 3 * S, now_ns));
    assert_eq!((lint, severity), (LintKind::LongScheduleDelay, Severity::Warning));
    assert!(
        message.contains(
            "was woken 3.00 s ago and has not been polled yet; what the workers did meanwhile is unknown"
        ),
        "{message}"
    );
    assert_eq!(found(|task, now_ns| waiting(task, 300 * MS, now_ns)), [], "nothing says why");
    assert_eq!(found(|task, _| task.longest_scheduled_ns = 200 * MS), [], "perhaps long ago");
    assert_eq!(found(|task, now_ns| waiting(task, 50 * MS, now_ns)), []);
    let unknown = found(|task, now_ns| {
        waiting(task, 3 * S, now_ns);
        task.knows = 0;
    });
    assert_eq!(unknown, [], "an unknown value is no finding");
}

/// What is said after three seconds of so much a second.
fn after(wakes: u64, self_wakes: u64, polls: u64, busy_ns: u64) -> Vec<FindingView> {
    let mut fake = Fake::with_tasks(2);
    let mut client = Client::watching(&mut fake);
    for _ in 0..4 {
        let task = fake.task(1);
        task.wakes += wakes;
        task.self_wakes += self_wakes;
        task.polls += polls;
        task.busy_ns += busy_ns;
        client.run(&mut fake, 1);
    }
    client.model.findings()
}

#[test]
fn self_wakes() {
    let list = after(1_000_000, 999_000, 1_000_000, 200 * MS);
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!((list[0].id.lint, list[0].severity), (LintKind::SelfWakes, Severity::Warning));
    let words = "wakes itself 999.0k times a second, 99.9 % of its wakes, for polls of 200 ns on average. That costs 40 % of a CPU";
    assert!(list[0].message.contains(words), "{}", list[0].message);
    // A DNS server: 30 wakes a second at 0.2 % of a CPU.
    assert_eq!(after(30, 29, 30, 2 * MS), []);
    assert_eq!(after(1_000_000, 500_000, 1_000_000, 200 * MS), [], "others wake it, too");
    // It computes, and yields as it should.
    assert_eq!(after(1_000, 1_000, 1_000, 950 * MS), []);
    assert_eq!(after(60_000, 60_000, 60_000, 950 * MS), []);
    assert_eq!(only(|task, _| task.size_bytes = 8192).0, LintKind::LargeFuture);
    assert_eq!(found(|task, _| (task.wakes, task.self_wakes) = (1_000, 980)), [], "what was is no loop now");
}

#[test]
fn what_the_cooperative_budget_makes_a_task_do_is_no_loop() {
    let mut fake = Fake::with_tasks(2);
    let mut client = Client::watching(&mut fake);
    for second in 1..5 {
        let task = fake.task(1);
        task.wakes += 200_000;
        task.self_wakes += 200_000;
        task.polls += 200_000;
        task.busy_ns += 900 * MS;
        let mut report = super::scheduler::scheduler(Vec::new(), Vec::new());
        report.runtimes[0].budget_yields = Some(second * 190_000);
        super::scheduler::send(&mut client, &mut fake, report);
    }
    assert_eq!(client.model.findings(), []);
}

#[test]
fn large_and_boxed_futures() {
    let (lint, severity, message) = only(|task, _| task.size_bytes = 8192);
    assert_eq!((lint, severity), (LintKind::LargeFuture, Severity::Info));
    assert!(message.ends_with("has a future of 8.0 K."), "{message}");
    let (lint, _, message) = only(|task, _| (task.size_bytes, task.original_size_bytes) = (8, 20_000));
    assert_eq!(lint, LintKind::AutoBoxedFuture);
    assert!(
        message.contains("has a future of 19.5 K, which tokio moved to the heap when it was spawned (")
            && message.contains("over 2 KiB to the heap in a debug build, over 16 KiB in a release build"),
        "{message}"
    );
    assert_eq!(found(|task, _| task.size_bytes = 4095), []);
}

#[test]
fn futures_of_other_crates_are_not_found_and_an_info_is_on_no_strip() {
    let with = |file: &str| {
        let mut fake = Fake::new();
        fake.files[1] = file.into();
        fake.add(0, |task| (task.size_bytes, task.original_size_bytes) = (8, 20_000));
        fake.add(1, |task| task.size_bytes = 8192);
        Client::watching(&mut fake).model
    };
    let own = with("src/main.rs");
    assert_eq!(own.findings().len(), 2);
    assert_eq!(own.strip(), None);
    for file in [
        "/home/me/.cargo/registry/src/index/hyper-util-0.1.3/src/rt/tokio.rs",
        "/home/me/.cargo/git/checkouts/tower-1/0a/src/lib.rs",
        "C:\\Users\\me\\.cargo\\registry\\src\\index\\h2-0.4.1\\src\\lib.rs",
    ] {
        assert_eq!(with(file).findings(), [], "{file}");
    }
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

/// Tasks of one place, each spawned so many seconds ago and idle since so many.
fn spawned(tasks: impl Iterator<Item = (u64, u64)>, finished: u64) -> crate::Model {
    let mut fake = Fake::new();
    fake.now_ns = 10_000 * S;
    for (slot, (age_s, idle_s)) in (0_u32..).zip(tasks) {
        fake.add(slot, |task| {
            task.site = 3;
            (task.created_ns, task.since_ns) = ((10_000 - age_s) * S, (10_000 - idle_s) * S);
        });
    }
    let spawned = fake.tasks.len() as u64 + finished;
    let totals = taskscope_proto::v1::SiteTotals { site: 3, spawned, finished, ..Default::default() };
    fake.totals.insert(3, totals);
    Client::watching(&mut fake).model
}

#[test]
fn task_leak() {
    // One every two seconds, for ten minutes.
    let steady = || (0..300).map(|n| (n * 2, n * 2));
    let model = spawned(steady(), 3);
    let list = model.findings();
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!(
        (list[0].id.lint, list[0].severity, list[0].count),
        (LintKind::TaskLeak, Severity::Warning, 300)
    );
    let message = &list[0].message;
    assert!(
        message.starts_with(
            "This looks like a leak: 300 tasks spawned at src/db.rs:30 are alive and only 3 of 303"
        ),
        "{message}"
    );
    assert!(message.contains("Their number has grown steadily for 5m00s"), "{message}");
    // The oldest first.
    assert_eq!(list[0].tasks[0].slot, 299);
    assert_eq!(model.report().lints[0].tasks.len(), 300);
    assert_eq!(spawned(steady(), 100).findings(), [], "a quarter of them ended");
    assert_eq!(spawned(steady().map(|(age, idle)| (age + 40, idle)), 3).findings(), [], "it has stopped");
    assert_eq!(spawned(steady().map(|(age, idle)| (age, idle.min(5))), 3).findings(), [], "they work");
}

#[test]
fn clients_that_connect_all_at_once_are_no_leak() {
    // 500 within 20 s, seen while they connect and at any time later.
    for later in (0..700).step_by(7) {
        let burst = (0..500).map(|n| (later + n / 25, later + n / 25));
        assert_eq!(spawned(burst, 0).findings(), [], "{later} s later");
    }
    // Three such bursts.
    let bursts = (0..1500).map(|n| (n / 500 * 100 + n % 500 / 25, n / 500 * 100 + n % 500 / 25));
    assert_eq!(spawned(bursts, 0).findings(), []);
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
    assert_eq!(client.rows(&["warn", "id"])[0], "▲ 102");
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
