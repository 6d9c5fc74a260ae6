//! The console's numbers against the program's own.

use std::time::Instant;

use taskscope_model::{LintKind, Model};
use taskscope_tests::{
    load::{LOAD, total},
    screen::Screen,
};

use crate::start;

#[tokio::test]
async fn its_totals_are_the_programs_own() {
    let mut program = start(&["counted"]);
    let mut screen = Screen::open(program.address());
    screen.wait_for("the first snapshot", Model::is_complete).await;
    screen.watch_for(LOAD).await;
    program.send("stop");
    let mut books = None;
    while books.is_none() {
        screen.step().await;
        books = program.try_answer();
    }
    let truth = total(&books.expect("it came"));
    let of = |model: &Model| model.report().totals;
    // What was sent until now may be of a moment before.
    screen
        .wait_for("the last of it", |model| {
            (of(model).polls, of(model).wakes) == (Some(truth.polls), Some(truth.wakes))
        })
        .await;
    let shown = of(&screen.model);
    assert_eq!(
        (truth.spawned, truth.finished, Some(truth.polls), Some(truth.wakes), Some(truth.self_wakes)),
        (shown.spawned, shown.finished, shown.polls, shown.wakes, shown.self_wakes)
    );
    assert_eq!((shown.client_losses, shown.untracked), (0, 0));
    assert!(shown.late_wakes > 0 && shown.busy_ns > Some(0) && shown.scheduled_ns > Some(0));
    println!("the console after {LOAD:?} of load: {shown:?}");
}

#[tokio::test]
async fn it_knows_a_hundred_thousand_tasks_in_a_moment() {
    for (tasks, aim_s) in [(5_000, 1), (100_000, 3)] {
        let mut program = start(&["idle"]);
        let mut screen = Screen::open(program.address());
        screen.wait_for("the first snapshot", Model::is_complete).await;
        let begin = Instant::now();
        program.send(&format!("spawn {tasks}"));
        screen.wait_for("every task", |model| model.header().tasks.idle == tasks).await;
        println!(
            "the console knew {tasks} tasks after {:.2} s; aim {aim_s} s",
            begin.elapsed().as_secs_f64()
        );
        assert_eq!(screen.report().tasks.len() as u64, tasks);
        assert_eq!(screen.report().totals.client_losses, 0);
    }
}

#[tokio::test]
async fn it_says_who_holds_the_workers_of_a_wedged_program() {
    let mut program = start(&["wedged"]);
    let mut screen = Screen::open(program.address());
    program.ask("wedge 300");
    let found = |model: &Model| {
        let report = model.report();
        let lints = report.lints.iter().filter(|lint| lint.lint == LintKind::NeverYielded);
        lints.map(|lint| lint.count).sum::<u64>() == 2
    };
    screen.wait_for("both culprits", found).await;
    let header = screen.model.header();
    assert!(
        !header.stale && header.data_age.is_some_and(|age| age.as_secs() < 1),
        "the data is fresh: {header:?}"
    );
    let age = |model: &Model| {
        let report = model.report();
        let running = report.tasks.iter().filter(|task| task.state.as_deref() == Some("running"));
        running.filter_map(|task| task.state_ns).min()
    };
    let before = age(&screen.model).expect("they run");
    screen
        .wait_for("another second", |model| age(model).is_some_and(|age| age > before + 1_000_000_000))
        .await;
}

#[tokio::test]
async fn it_says_what_blinds_the_recorder() {
    let program = start(&["idle", "--source", "blinded"]);
    let mut screen = Screen::open(program.address());
    let said =
        |model: &Model| model.header().notices.iter().any(|notice| notice.text.contains("global filter"));
    screen.wait_for("the problem", said).await;
    assert!(screen.written().contains("global filter"), "also for scripts: {}", screen.written());
}
