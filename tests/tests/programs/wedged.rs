//! Every worker of the program blocked: the console still hears from it, and hears which tasks are to blame, and for how long.

use std::{collections::HashMap, time::Duration};

use taskscope_proto::v1::TaskState;
use taskscope_tests::console::Console;

use crate::start;

#[tokio::test]
async fn a_wedged_program_still_answers() {
    let mut program = start(&["wedged"]);
    let mut console = Console::open(program.address()).await;
    program.ask("wedge 300");
    let wedged = |fold: &taskscope_tests::fold::Fold| fold.in_state(TaskState::Running).count() == 2;
    console.wait_for("both workers in a poll", wedged).await;
    // What comes now waits for a worker.
    program.ask("spawn 10");
    console.wait_for("ten that wait", |fold| fold.in_state(TaskState::Scheduled).count() == 10).await;

    let before = console.fold.clone();
    let enough = Duration::from_secs(1).as_nanos() as u64;
    console
        .wait_for("a second of the program's time, in several frames", |fold| {
            fold.now_ns > before.now_ns + enough && fold.sequence >= before.sequence + 5
        })
        .await;
    assert_eq!(console.fold.in_state(TaskState::Running).count(), 2);
    let since: HashMap<_, _> =
        before.in_state(TaskState::Running).map(|task| (task.slot, task.since_ns)).collect();
    for task in console.fold.in_state(TaskState::Running) {
        assert!(task.name.starts_with("wedge"), "{task:?}");
        assert_eq!(
            (task.polls, task.since_ns),
            (1, since[&task.slot]),
            "it is the same poll, of the same start"
        );
        assert!(console.fold.now_ns - task.since_ns > enough, "and it grows");
    }

    // A console that comes only now is served as well.
    let mut late = Console::open(program.address()).await;
    late.wait_for("the culprits", |fold| fold.complete && wedged(fold)).await;
    for task in late.fold.in_state(TaskState::Running) {
        // Two readings of a clock, each rounded on its own.
        assert!(task.since_ns.abs_diff(since[&task.slot]) < 1_000_000, "{task:?}");
    }
}
