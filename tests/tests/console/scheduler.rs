//! Faults of the scheduler: the finding that stands first names the guilty task, its function and its place; what is healthy is not accused.

use std::time::Duration;

use taskscope_model::{LintKind, Model, Severity, report::Lint};
use taskscope_tests::{program::Program, screen::Screen};

use crate::{locks::ABOUT_LOCKS, start_init};

/// What can be said of the scheduler.
pub(crate) const ABOUT_SCHEDULING: [LintKind; 4] =
    [LintKind::LongPoll, LintKind::NeverYielded, LintKind::LongScheduleDelay, LintKind::WakeStorm];

/// A scenario under way, and a console that was there before.
async fn faulty(arguments: &[&str]) -> (Program, Screen) {
    let mut program = start_init(arguments);
    let mut screen = Screen::open(program.address());
    screen.wait_for("the first picture", Model::is_complete).await;
    program.ask("go");
    (program, screen)
}

/// Names of the tasks of a finding.
fn names(model: &Model, lint: &Lint) -> Vec<String> {
    let report = model.report();
    let name = |id: &String| report.tasks.iter().find(|task| task.id == *id)?.name.clone();
    lint.tasks.iter().filter_map(name).collect()
}

/// Waits until the first of all findings is one of these, against this task alone, and says each of these words.
async fn guilty_first(scenario: &[&str], lints: &[LintKind], task: &str, words: &[&str]) -> (Program, Screen) {
    let (program, mut screen) = faulty(scenario).await;
    let accuses = |model: &Model| {
        let found = model.report().lints.into_iter().find(|lint| lints.contains(&lint.lint))?;
        (names(model, &found) == [task]).then_some(found)
    };
    let waited = screen.wait_for(task, |model| accuses(model).is_some()).await;
    println!("{}: {task} accused {:.2} s after `go`", scenario[0], waited.as_secs_f64());
    // The stack may come a moment later.
    let complete = |found: &Lint| words.iter().all(|word| found.message.contains(word));
    screen
        .wait_for(&format!("{task}: {words:?}"), |model| {
            let first = model.report().lints.into_iter().next();
            first.is_some_and(|found| {
                lints.contains(&found.lint) && names(model, &found) == [task] && complete(&found)
            })
        })
        .await;
    let found = accuses(&screen.model).expect("it was there a moment ago");
    assert!(found.places.iter().all(|place| place.contains("scheduler.rs")), "{found:?}");
    (program, screen)
}

#[tokio::test]
async fn a_blocking_call_is_blamed_on_the_task_that_makes_it() {
    for (scenario, task) in
        [("blocking-call", "invoices"), ("blocking-pipe", "importer"), ("blocking-socket", "rates")]
    {
        guilty_first(&[scenario, "--workers", "1"], &[LintKind::LongPoll], task, &[]).await;
    }
}

#[tokio::test]
async fn a_task_that_never_yields_is_named() {
    let kinds = [LintKind::LongPoll, LintKind::NeverYielded];
    guilty_first(&["cpu-hog", "--workers", "1"], &kinds, "digests", &[]).await;
}

#[tokio::test]
async fn a_storm_of_wakes_is_named_by_its_task() {
    guilty_first(&["wake-storm"], &[LintKind::WakeStorm], "wake-storm", &["most of the wakes do nothing"])
        .await;
}

#[tokio::test]
async fn who_keeps_a_task_in_the_lifo_slot_is_named_before_it() {
    let (_program, mut screen) =
        guilty_first(&["lifo-slot", "--workers", "2"], &[LintKind::LongPoll], "speaker", &[]).await;
    screen
        .wait_for("the listener starves", |model| {
            let report = model.report();
            let mut lints = report.lints.iter().filter(|lint| lint.lint == LintKind::LongScheduleDelay);
            lints.any(|lint| names(model, lint) == ["listener"])
        })
        .await;
}

#[tokio::test]
async fn what_goes_on_is_not_accused() {
    let mut program = start_init(&["scheduler-healthy"]);
    let mut screen = Screen::open(program.address());
    screen.wait_for("its tasks", |model| model.report().tasks.len() > 200).await;
    let before = program.ask("done");
    watch_innocents(&mut screen, Duration::from_secs(6)).await;
    let after = program.ask("done");
    for part in 0..5 {
        assert!(after["done"][part].as_u64() > before["done"][part].as_u64(), "{before} {after}");
    }
}

/// Looks twice a second: nothing is said against anybody that would be more than a note.
pub(crate) async fn watch_innocents(screen: &mut Screen, time: Duration) {
    let look = Duration::from_millis(500);
    for _ in 0..time.as_millis() / look.as_millis() {
        screen.watch_for(look).await;
        for lint in screen.report().lints {
            let accused = lint.severity >= Severity::Warning && ABOUT_SCHEDULING.contains(&lint.lint);
            assert!(lint.severity < Severity::Critical && !accused, "{lint:?}");
            assert!(!ABOUT_LOCKS.contains(&lint.lint), "{lint:?}");
            println!("a note: {}", lint.message);
        }
    }
}
