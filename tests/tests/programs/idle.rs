//! Many tasks at once: all of them are known, soon. (tokio-console knew 1,654 of 5,000 after 11.6 s, and said nothing.)

use std::time::Instant;

use taskscope_proto::v1::TaskState;
use taskscope_tests::{console::Console, fold::Fold};

use crate::start;

/// Spawns while a console looks; then has a second console look at what is there.
async fn all_are_known(tasks: usize, aim_s: f64) {
    let mut program = start(&["idle"]);
    let mut console = Console::open(program.address()).await;
    console.wait_for("the first snapshot", |fold| fold.complete).await;

    let all_idle = |fold: &Fold| fold.complete && fold.in_state(TaskState::Idle).count() == tasks;
    let begin = Instant::now();
    program.send(&format!("spawn {tasks}"));
    console.wait_for("every task, polled once and idle", all_idle).await;
    let spawned_s = begin.elapsed().as_secs_f64();
    let took_ms = program.answer()["took_ms"].as_u64().expect("a number");

    let begin = Instant::now();
    let mut late = Console::open(program.address()).await;
    late.wait_for("every task", all_idle).await;
    let connected_s = begin.elapsed().as_secs_f64();
    println!(
        "{tasks} idle tasks: all known {spawned_s:.2} s after the spawn command (the spawning took {took_ms} ms of it), and \
         {connected_s:.2} s after a later console's connect; aim {aim_s} s"
    );
    for fold in [&console.fold, &late.fold] {
        assert_eq!(fold.process.alive, tasks as u64);
        assert_eq!(fold.process.untracked, 0);
        assert!(fold.live().all(|task| task.polls == 1 && task.site != 0 && task.tokio_id != 0));
        assert_eq!(fold.snapshots, 1, "nothing had to be sent again");
    }
}

#[tokio::test]
async fn five_thousand_are_known_within_a_second() {
    all_are_known(5_000, 1.0).await;
}

#[tokio::test]
async fn a_hundred_thousand_are_known_within_three_seconds() {
    all_are_known(100_000, 3.0).await;
}

#[tokio::test]
async fn they_all_end_as_well() {
    let mut program = start(&["idle"]);
    let mut console = Console::open(program.address()).await;
    program.ask("spawn 20000");
    console.wait_for("the tasks", |fold| fold.live().count() == 20_000).await;
    // More than are retained, so that freed slots are sent in the same round.
    program.ask("end");
    console.wait_for("their end", |fold| fold.live().count() == 0).await;
    console.wait_for("their slots to be freed", |fold| fold.tasks.is_empty()).await;
    assert_eq!(console.fold.sums().finished, console.fold.process.spawned);
}
