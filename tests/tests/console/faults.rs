//! A program with one of each fault: each is found, in the task that has it.

use taskscope_model::{Config, LintKind, Model};
use taskscope_tests::screen::Screen;

use crate::start;

/// What a future of 8 KiB is: tokio boxes what is above 2 KiB in a debug build, and above 16 KiB otherwise.
const LARGE: LintKind =
    if cfg!(debug_assertions) { LintKind::AutoBoxedFuture } else { LintKind::LargeFuture };

/// The lint is raised for the task of this name.
fn found(model: &Model, lint: LintKind, name: &str) -> bool {
    let report = model.report();
    let task = report.tasks.iter().find(|task| task.name.as_deref() == Some(name));
    let Some(task) = task else { return false };
    report.lints.iter().any(|found| found.lint == lint && found.tasks.contains(&task.id))
}

#[tokio::test]
async fn every_fault_is_found_in_the_task_that_has_it() {
    let program = start(&["faults", "--workers", "4"]);
    // A leak grows for minutes before it is called one; a test has seconds.
    let mut config = Config::default();
    config.lints.task_leak.min_span_ms = 3_000;
    let mut screen = Screen::open_with(program.address(), config);
    for (lint, name) in [
        (LintKind::SelfWakes, "self-waker"),
        (LintKind::LostWaker, "lost-waker"),
        (LintKind::NeverYielded, "never-yields"),
        (LintKind::LongPoll, "long-poll"),
        (LARGE, "large-future"),
        (LintKind::AutoBoxedFuture, "auto-boxed-future"),
        (LintKind::WakeStorm, "wake-storm"),
    ] {
        screen.wait_for(name, |model| found(model, lint, name)).await;
    }
    let leak = |model: &Model| model.report().lints.into_iter().find(|lint| lint.lint == LintKind::TaskLeak);
    screen.wait_for("the leak", |model| leak(model).is_some()).await;
    let leak = leak(&screen.model).expect("it was there a moment ago");
    assert!(leak.places.iter().all(|place| place.contains("faults.rs")), "{leak:?}");

    let report = screen.report();
    let healthy = report.tasks.iter().find(|task| task.name.as_deref() == Some("healthy")).expect("it lives");
    for lint in &report.lints {
        // It may have to wait for a worker: four are not many for so much mischief.
        let blamed = lint.lint != LintKind::LongScheduleDelay && lint.tasks.contains(&healthy.id);
        assert!(!blamed, "{lint:?}");
        assert!(lint.message.len() > 40 && lint.message.trim_end().ends_with('.'), "sentences: {lint:?}");
    }
}
