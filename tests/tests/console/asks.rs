//! Cycles of questions and answers, of a task with itself and with its children, and requests that can't be met: each on tokio's own types and
//! on the wrappers; and healthy tasks that look alike.

use std::time::Duration;

use taskscope_model::{LintKind, Model, Severity};

use crate::locks::{ABOUT_LOCKS, blamed, found, stuck};

/// Each is found, with these tasks; on both casts.
async fn found_on_both(
    scenario: &str,
    lint: LintKind,
    severities: [Severity; 2],
    tasks: &[&str],
    words: &[&str],
) {
    for (scenario, severity) in [scenario.to_owned(), format!("{scenario}-wrapped")].iter().zip(severities) {
        let (_program, screen, message) = found(scenario, lint, words).await;
        let report = screen.report();
        let found = report.lints.iter().find(|found| found.lint == lint).expect("it is there");
        assert_eq!(found.severity, severity, "{scenario}: {message}");
        assert_eq!(blamed(&report, lint), tasks, "{scenario}: {message}");
        println!("{message}");
    }
}

const SUSPECTED: [Severity; 2] = [Severity::Warning; 2];
const PROVEN: [Severity; 2] = [Severity::Critical; 2];

#[tokio::test]
async fn actors_that_fill_each_others_channels() {
    let words = ["dispatcher", "worker", "mpsc"];
    found_on_both("actors", LintKind::Deadlock, SUSPECTED, &["dispatcher", "worker"], &words).await;
}

#[tokio::test]
async fn actors_that_ask_each_other() {
    let words = ["the answer to what it sent to mpsc", "oneshot", "asks.rs:"];
    found_on_both("asks", LintKind::Deadlock, SUSPECTED, &["one", "other"], &words).await;
}

#[tokio::test]
async fn an_actor_that_asks_itself() {
    let words = ["itself receives from it", "oneshot", "asks.rs:"];
    found_on_both("asks-itself", LintKind::Deadlock, SUSPECTED, &["reporter"], &words).await;
}

#[tokio::test]
async fn a_lock_that_is_held_over_a_question() {
    let words = ["the answer to what it sent to mpsc", "Mutex", "oneshot"];
    found_on_both("asks-locked", LintKind::Deadlock, SUSPECTED, &["handler", "store"], &words).await;
}

#[tokio::test]
async fn a_task_that_locks_what_it_holds_is_proven_to_be_stuck() {
    let words = ["held by itself", "asks.rs:"];
    found_on_both("relocks", LintKind::Deadlock, PROVEN, &["fetch"], &words).await;
}

#[tokio::test]
async fn many_readers_behind_a_writer_are_proven_to_be_stuck() {
    for scenario in ["readers", "readers-wrapped"] {
        let words = ["importer", "peer", "who wait for it too"];
        let (_program, screen, message) = found(scenario, LintKind::Deadlock, &words).await;
        let report = screen.report();
        let names = blamed(&report, LintKind::Deadlock);
        assert_eq!(names.iter().filter(|name| *name == "peer").count(), 12, "{scenario}: {message}");
        let holders = report.locks.iter().filter_map(|lock| lock.holders.as_ref()).map(Vec::len).max();
        assert_eq!(holders, Some(12), "{scenario}: each is a holder");
    }
}

#[tokio::test]
async fn a_task_that_waits_for_its_children_with_their_lock_in_hand() {
    for scenario in ["children-locked", "children-locked-wrapped"] {
        let words = ["drain", "3 tasks that it spawned wait for that lock", "JoinSet"];
        let (_program, _screen, message) = found(scenario, LintKind::Deadlock, &words).await;
        println!("{message}");
    }
}

#[tokio::test]
async fn what_can_not_come_is_said() {
    for scenario in ["unmet", "unmet-wrapped"] {
        let barrier = ["Barrier", "opens when 3 tasks wait at it, and 2 do", "runner"];
        let (_program, mut screen) = stuck(scenario);
        let messages = |model: &Model| -> Vec<String> {
            let lints = model.report().lints.into_iter();
            lints.filter(|found| found.lint == LintKind::UnmetRequest).map(|found| found.message).collect()
        };
        let has = |model: &Model, words: &[&str]| {
            messages(model).iter().any(|message| words.iter().all(|word| message.contains(word)))
        };
        screen.wait_for("the barrier", |model| has(model, &barrier)).await;
        // How many permits are free only tokio's own report.
        if scenario == "unmet" {
            let permits = ["export", "for 5 permits", "which has 3: 3 are set aside for it"];
            assert!(has(&screen.model, &permits), "{:?}", messages(&screen.model));
        }
    }
}

#[tokio::test]
async fn a_channel_whose_room_is_reserved() {
    // Of tokio's own it is known that there is no room left, not what for.
    let words = ["mpsc", "not kept for values to come", "sender"];
    let (_program, _screen, message) = found("reserved", LintKind::FullChannel, &words).await;
    println!("{message}");
    let words =
        ["has room for 3 and holds 0", "its other places are reserved, by forwarder", "asks.rs:", "sender"];
    let (_program, _screen, message) = found("reserved-wrapped", LintKind::FullChannel, &words).await;
    assert_eq!(message.matches("forwarder #").count(), 4, "each, and what the first does: {message}");
}

#[tokio::test]
async fn a_lock_given_to_a_future_of_a_task_that_blocks_on_it() {
    let words =
        ["publisher", "was given", "has not been polled since", "blocks its thread and waits for Mutex"];
    let (_program, screen, message) = found("blocks-on", LintKind::Futurelock, &words).await;
    let tasks = blamed(&screen.report(), LintKind::Futurelock);
    assert!(tasks.contains(&"publisher".to_owned()), "{tasks:?}: {message}");
}

#[tokio::test]
async fn a_poll_that_waits_for_its_own_guard() {
    let words =
        ["payload", "It waits for a lock that blocks its thread", "payload #", "itself may hold the guard"];
    let (_program, _screen, message) = found("own-guard", LintKind::LongPoll, &words).await;
    println!("{message}");
}

#[tokio::test]
async fn what_may_go_on_is_not_accused() {
    for scenario in ["answers", "answers-wrapped"] {
        let (_program, mut screen) = stuck(scenario);
        screen.wait_for("the first snapshot", Model::is_complete).await;
        for _ in 0..18 {
            screen.watch_for(Duration::from_millis(500)).await;
            for lint in screen.report().lints {
                let accuses = ABOUT_LOCKS.contains(&lint.lint) && lint.severity >= Severity::Warning;
                // A lock held for long by a task that waits for something else is another matter.
                assert!(!accuses || lint.lint == LintKind::GuardAcrossAwait, "{scenario}: {lint:?}");
            }
        }
    }
}
