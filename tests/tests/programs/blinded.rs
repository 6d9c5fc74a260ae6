//! What blinds the recorder is said, with its cure.

use taskscope_tests::{DEADLINE, console::Console};

use crate::start;

#[tokio::test]
async fn a_global_filter_is_named() {
    let mut program = start(&["idle", "--source", "blinded"]);
    program.ask("spawn 10");
    let mut console = Console::open(program.address()).await;
    console.wait_for("a snapshot", |fold| fold.complete).await;
    let hello = console.fold.hello.clone().expect("the first frame has it");
    assert!(hello.problems.iter().any(|problem| problem.contains("filter")), "{:?}", hello.problems);
    assert_eq!(console.fold.process.spawned, 0, "the filter does blind it");
    assert_eq!(hello.sources.map(|sources| sources.tracing), Some(false));
    while !program.errors().contains("filter") {
        console.wait_for("the same on stderr", |fold| fold.now_ns > 0).await;
        assert!(
            console.fold.now_ns < DEADLINE.as_nanos() as u64,
            "nothing is said on stderr: {}",
            program.errors()
        );
    }
}

#[tokio::test]
async fn a_program_that_sees_everything_has_no_problems() {
    for source in ["wrap", "layer"] {
        let mut program = start(&["idle", "--source", source]);
        program.ask("spawn 10");
        let mut console = Console::open(program.address()).await;
        console.wait_for("the tasks", |fold| fold.complete && fold.live().count() == 10).await;
        let hello = console.fold.hello.clone().expect("the first frame has it");
        assert_eq!(hello.problems, Vec::<String>::new(), "{source}");
        assert_eq!(program.errors(), "", "{source}");
        let sources = hello.sources.expect("they are always sent");
        assert!(sources.tracing && sources.tokio_unstable && !sources.hooks, "{source}: {sources:?}");
    }
}
