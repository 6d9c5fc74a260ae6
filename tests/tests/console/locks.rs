//! Locks and channels that get stuck: each is found with everybody in it; those that only look alike are not.
//!
//! Each scenario runs on tokio's own locks, seen through its spans, and on `taskscope::sync`'s. Blocking locks and channels are known by
//! the wrappers alone.

use std::time::Duration;

use serde_json::json;
use taskscope_model::{Config, LintKind, Model, Severity, report::Report};
use taskscope_tests::{program::Program, screen::Screen};

use crate::start_init;

/// What can be said against a lock or channel.
pub(crate) const ABOUT_LOCKS: [LintKind; 10] = [
    LintKind::Deadlock,
    LintKind::Futurelock,
    LintKind::GuardAcrossAwait,
    LintKind::BlockingLockHeld,
    LintKind::BlockingLockWait,
    LintKind::LockConvoy,
    LintKind::WriterStarvation,
    LintKind::FullChannel,
    LintKind::StuckOneshot,
    LintKind::UnmetRequest,
];

/// A scenario under way.
pub(crate) fn stuck(scenario: &str) -> (Program, Screen) {
    let mut program = start_init(&[scenario]);
    program.ask("go");
    let screen = Screen::open(program.address());
    (program, screen)
}

fn message(model: &Model, lint: LintKind) -> Option<String> {
    model.report().lints.into_iter().find(|found| found.lint == lint).map(|found| found.message)
}

/// Waits for the finding; each of these words must be in its sentence. Returns the report it was in.
pub(crate) async fn found(scenario: &str, lint: LintKind, words: &[&str]) -> (Program, Screen, String) {
    let (program, mut screen) = stuck(scenario);
    let time = screen.wait_for(scenario, |model| message(model, lint).is_some()).await;
    println!("{scenario}: found {:.2} s after it began", time.as_secs_f64());
    // A sentence grows while the ring closes: the last edge may be a moment younger.
    screen
        .wait_for(&format!("{scenario}: {words:?}"), |model| {
            message(model, lint).is_some_and(|message| words.iter().all(|word| message.contains(word)))
        })
        .await;
    let message = message(&screen.model, lint).expect("it was there a moment ago");
    (program, screen, message)
}

/// Names of the tasks that a finding blames.
pub(crate) fn blamed(report: &Report, lint: LintKind) -> Vec<String> {
    let found = report.lints.iter().filter(|found| found.lint == lint).flat_map(|found| &found.tasks);
    let name = |id: &String| report.tasks.iter().find(|task| task.id == *id)?.name.clone();
    let mut names: Vec<String> = found.filter_map(name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_ring_of_three_is_named_with_every_task_and_lock() {
    for scenario in ["deadlock", "deadlock-wrapped"] {
        let words = ["transfer", "audit", "report", "Mutex", "Semaphore", "Behind them wait 1: bystander"];
        let (_program, screen, message) = found(scenario, LintKind::Deadlock, &words).await;
        assert_eq!(
            blamed(&screen.report(), LintKind::Deadlock),
            ["audit", "report", "transfer"],
            "{message}"
        );
        if scenario.ends_with("wrapped") {
            // Each edge with where it is waited for and where it was acquired.
            assert!(
                message.matches("locks.rs:").count() >= 9 && message.contains("acquired at"),
                "{message}"
            );
        }
        let report = screen.report();
        let held = report
            .locks
            .iter()
            .filter_map(|lock| lock.holders.as_ref())
            .flatten()
            .filter(|holder| holder.task.is_some());
        assert_eq!(held.count(), 3, "{:?}", report.locks);
    }
}

#[tokio::test]
async fn a_lock_given_to_a_future_that_is_not_polled_is_a_futurelock() {
    for scenario in ["futurelock", "futurelock-wrapped"] {
        let words = ["futurelocked", "has not been polled since, though the task was"];
        let (_program, screen, message) = found(scenario, LintKind::Futurelock, &words).await;
        assert_eq!(blamed(&screen.report(), LintKind::Futurelock), ["futurelocked"], "{message}");
        assert!(message.contains("locks.rs:"), "{message}");
    }
}

#[tokio::test]
async fn a_ring_over_a_blocking_and_an_async_lock_is_named_while_the_workers_stand_still() {
    for scenario in ["mixed", "mixed-wrapped"] {
        let words = ["flush", "reload", "request 1"];
        let (_program, screen, message) = found(scenario, LintKind::Deadlock, &words).await;
        let names = blamed(&screen.report(), LintKind::Deadlock);
        assert_eq!(names, ["flush", "reload"], "{message}");
    }
}

#[tokio::test]
async fn a_chain_of_full_channels_leads_to_the_receiver_that_stopped() {
    let words = ["is full", "relay", "store", "held by lock-keeper", "producer"];
    let (_program, _screen, message) = found("full-wrapped", LintKind::FullChannel, &words).await;
    assert!(message.contains("received last"), "what is only likely is worded as what was seen: {message}");
}

#[tokio::test]
async fn what_goes_on_is_not_accused() {
    for scenario in ["peaceful", "peaceful-wrapped"] {
        let (mut program, mut screen) = stuck(scenario);
        screen.wait_for("the first snapshot", Model::is_complete).await;
        let before = program.ask("done");
        // Long enough for every lint about locks to lose its patience with something that stands still.
        for _ in 0..12 {
            screen.watch_for(Duration::from_millis(500)).await;
            for lint in screen.report().lints {
                assert!(!ABOUT_LOCKS.contains(&lint.lint), "{scenario}: {lint:?}");
            }
        }
        let after = program.ask("done");
        let counts = |answer: &serde_json::Value| {
            let done = answer["done"].as_array().expect("counts").clone();
            done.iter().map(|count| count.as_u64().expect("a count")).collect::<Vec<_>>()
        };
        for (before, after) in counts(&before).into_iter().zip(counts(&after)) {
            assert!(after > before, "{scenario}: all of it went on: {before} {after}");
        }
    }
}

/// A console that suspects at once.
fn impatient(address: &str) -> Screen {
    let thresholds = json!({ "deadlock": { "alone-ms": 300, "suspected-ms": 300 } });
    let lints = serde_json::from_value(thresholds).expect("thresholds that exist");
    Screen::open_with(address, Config { lints, ..Config::default() })
}

#[tokio::test]
async fn what_waits_with_patience_is_not_accused() {
    for scenario in ["patient", "patient-wrapped"] {
        let mut program = start_init(&[scenario]);
        let mut screen = impatient(program.address());
        screen.wait_for("the first snapshot", Model::is_complete).await;
        let mut before = 0;
        for round in 0..4 {
            for _ in 0..4 {
                screen.watch_for(Duration::from_millis(400)).await;
                for lint in screen.report().lints {
                    let accuses = ABOUT_LOCKS.contains(&lint.lint) && lint.severity >= Severity::Warning;
                    assert!(!accuses, "{scenario}, round {round}: {lint:?}");
                }
            }
            let after = program.ask("go on")["done"].as_u64().expect("a count");
            assert!(after > before, "{scenario}, round {round}: all of it went on: {before} {after}");
            before = after;
        }
    }
}

#[tokio::test]
async fn a_pool_that_all_its_holders_wait_for_is_found_with_every_holder() {
    for scenario in ["pool", "pool-wrapped"] {
        let mut program = start_init(&[scenario]);
        program.ask("go");
        let mut screen = impatient(program.address());
        screen
            .wait_for(scenario, |model| {
                message(model, LintKind::Deadlock).is_some_and(|m| m.contains("and by"))
            })
            .await;
        let report = screen.report();
        assert_eq!(blamed(&report, LintKind::Deadlock), ["request"; 4], "{:?}", report.lints);
        let found = report.lints.iter().find(|found| found.lint == LintKind::Deadlock).expect("it is there");
        assert_eq!(found.severity, Severity::Critical, "{found:?}");
    }
}

#[tokio::test]
async fn holds_and_waits_are_those_that_the_program_measured() {
    for scenario in ["truth", "truth-wrapped"] {
        let mut program = start_init(&[scenario]);
        let truth = program.ask("measured");
        let mut screen = Screen::open(program.address());
        let acquisitions = truth["acquisitions"].as_u64().expect("a count");
        let measured = |model: &Model| {
            let report = model.report();
            report.locks.into_iter().find(|lock| lock.acquisitions == Some(acquisitions))
        };
        screen.wait_for("the lock", |model| measured(model).is_some()).await;
        let lock = measured(&screen.model).expect("it was there a moment ago");
        assert_eq!(lock.contended, truth["contended"].as_u64(), "{scenario}: {lock:?}");
        for (shown, name) in [(lock.hold_ns, "hold_ns"), (lock.wait_ns, "wait_ns")] {
            let shown = shown.expect("both sources have it");
            let bound = |at: usize| truth[name][at].as_u64().expect("a bound");
            // The two clocks differ by a part in a thousand at most.
            let slack = bound(1) / 1000;
            let fits = (bound(0) - bound(0) / 1000..=bound(1) + slack).contains(&shown);
            assert!(fits, "{scenario} {name}: {shown} is not within {truth}");
            println!("{scenario} {name}: {shown} within {}..{}", bound(0), bound(1));
        }
    }
}
