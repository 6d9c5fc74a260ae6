//! The wrappers alone, as a program on stable tokio has them: polls, wakes, names and spawn sites, without any flag.
//!
//! `cargo test` builds this with `tokio_unstable`, where tokio's spans arrive as well and each task must still be one. `.ci/run stable`
//! builds it and the program without; then there is nothing but the wrappers.

use taskscope_tests::{
    console::Console,
    load::{LOAD, equal_to_the_last, load, total},
    program::Program,
};

/// With and without the flag.
const UNSTABLE: bool = cfg!(tokio_unstable);

fn start(scenario: &str) -> Program {
    Program::start_init(env!("CARGO_BIN_EXE_program"), &[scenario])
}

#[tokio::test]
async fn wrapped_tasks_are_seen_with_all_they_do() {
    let program = start("counted");
    let (books, shown, late) = load(program).await;
    for fold in [&shown, &late] {
        equal_to_the_last(&books, fold);
        let hello = fold.hello.as_ref().expect("the first frame has it");
        let sources = hello.sources.expect("they are always sent");
        assert_eq!((sources.tracing, sources.tokio_unstable), (UNSTABLE, UNSTABLE));
        assert!(sources.wrappers && !sources.hooks, "{sources:?}");
        assert_eq!(
            hello.problems.iter().any(|problem| problem.contains("tokio_unstable")),
            !UNSTABLE,
            "{hello:?}"
        );
    }
    println!("built with tokio_unstable: {UNSTABLE}; {LOAD:?} of load: {:?} on both sides", total(&books));
}

#[tokio::test]
async fn names_sites_and_ids_are_known() {
    let mut program = start("hostile");
    program.ask("ready");
    let mut console = Console::open(program.address()).await;
    let all = |fold: &taskscope_tests::fold::Fold| {
        fold.complete && fold.live().filter(|task| task.polls > 0).count() >= 12
    };
    console.wait_for("the tasks", all).await;
    let sites = console.fold.sites_in("hostile.rs");
    for task in console.fold.live() {
        assert!(sites.contains(&task.site), "{} {task:?}", console.fold.place(task.site));
        assert!(task.tokio_id != 0, "{task:?}");
    }
    assert!(console.fold.named("wide 漢字 👩‍👩‍👧‍👦 🇩🇪").is_some());
}
