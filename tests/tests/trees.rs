//! Await trees of instrumented programs: read from memory by a console on the same machine, or walked by the program itself with an index.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::{fs, path::PathBuf};

use taskscope_await::Index;
use taskscope_console::attach::write_index;
use taskscope_model::{
    Config,
    report::{AwaitFrame, Report, Task},
};
use taskscope_proto::v1;
use taskscope_tests::{console::Console, program::Program, screen::Screen};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_program");
/// Its source, to find lines by what stands there.
const LOCKS: &str = include_str!("../src/bin/program/locks.rs");
/// Rounds in which something would come that must not.
const ROUNDS: usize = 60;

/// `locks.rs:63`, the place of a line of the program.
fn place(line: &str) -> String {
    let number = LOCKS.lines().position(|found| found.trim() == line).expect("the line is there");
    format!("locks.rs:{}", number + 1)
}

fn task<'r>(report: &'r Report, name: &str) -> Option<&'r Task> {
    report.tasks.iter().find(|task| task.name.as_deref() == Some(name))
}

#[tokio::test]
async fn a_console_reads_the_memory_of_a_program_on_its_machine() {
    let mut program = Program::start_init(PROGRAM, &["deadlock"]);
    program.ask("go");
    let config = Config { all_await_trees: true, ..Config::default() };
    let mut screen = Screen::open_with(program.address(), config);
    let at = place("let _ledger = b.lock().await;");
    let waits = |report: &Report| {
        let is_there = |frame: &AwaitFrame| frame.place.as_ref().is_some_and(|place| place.ends_with(&at));
        task(report, "transfer").filter(|task| task.await_tree.iter().any(is_there)).cloned()
    };
    screen.wait_for("the tree", |model| waits(&model.report()).is_some()).await;
    let task = waits(&screen.report()).expect("it was there");
    assert_eq!(task.await_tree_source.as_deref(), Some("memory"));
    assert!(task.await_tree.len() > 1, "down to what it waits for: {:#?}", task.await_tree);
    // What the stream says of it stays.
    assert!(task.polls.is_some_and(|polls| polls > 0), "{task:?}");
}

/// The index of the program under test, in a folder of its own.
fn index() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("program.taskscope");
    let written = write_index(PROGRAM.into(), None, Some(path.clone())).expect("it has debug information");
    assert_eq!(written.as_ref(), Some(&path));
    (folder, path)
}

fn start_with(index: &std::path::Path) -> Program {
    let variable = format!("TASKSCOPE_INDEX={}", index.display());
    Program::start_init_through(&["env", &variable], PROGRAM, &["deadlock"])
}

fn tree_in(frame: &v1::Frame) -> Option<&v1::AwaitTree> {
    frame.await_trees.iter().find(|tree| tree.walked)
}

#[tokio::test]
async fn a_program_with_an_index_sends_its_trees_itself() {
    let (_folder, path) = index();
    let mut program = start_with(&path);
    program.ask("go");
    let mut console = Console::open(program.address()).await;
    console.wait_for("the task", |fold| fold.named("transfer").is_some_and(|task| task.polls > 0)).await;
    let slot = console.fold.named("transfer").expect("it was there");
    let of = v1::TaskRef { slot: slot.slot, generation: slot.generation };
    console.ask(|wish| wish.details = vec![of]).await;
    // A poll may run at the first walks.
    let tree = loop {
        let frame = console.next().await.expect("the stream goes on");
        if let Some(tree) = tree_in(&frame).filter(|tree| tree.frames.len() > 1) {
            break tree.clone();
        }
    };
    assert_eq!(tree.task, Some(of));
    let places: Vec<String> =
        tree.frames.iter().map(|frame| format!("{}:{}", frame.file, frame.line)).collect();
    let at = place("let _ledger = b.lock().await;");
    assert!(places.iter().any(|place| place.ends_with(&at)), "{at}: {places:?}");

    // A console that reads the memory itself gets none.
    console.ask(|wish| wish.memory_reader_pid = std::process::id()).await;
    let mut since = 0;
    while since < ROUNDS {
        let frame = console.next().await.expect("the stream goes on");
        // One may be on its way still.
        since = if tree_in(&frame).is_some() { 0 } else { since + 1 };
    }
    console.ask(|wish| wish.memory_reader_pid = 0).await;
    while tree_in(&console.next().await.expect("the stream goes on")).is_none() {}
}

#[tokio::test]
async fn an_index_of_another_build_is_refused() {
    let (_folder, path) = index();
    let mut index = Index::read(&fs::read(&path).expect("it was written")).expect("it is one");
    index.build_id[0] ^= 1;
    fs::write(&path, index.write()).expect("the folder is ours");
    let problem = |program: &Program| {
        let address = program.address().to_owned();
        async move {
            let mut console = Console::open(&address).await;
            console.wait_for("who it is", |fold| fold.hello.is_some()).await;
            console.fold.hello.expect("it came").problems.join(" ")
        }
    };
    let text = problem(&start_with(&path)).await;
    assert!(
        text.contains("it is of another build of the program; make it again with `taskscope index`"),
        "{text}"
    );
    fs::write(&path, "nonsense").expect("the folder is ours");
    let text = problem(&start_with(&path)).await;
    assert!(text.contains("make it again with `taskscope index`"), "{text}");
    fs::remove_file(&path).expect("it is there");
    let text = problem(&start_with(&path)).await;
    assert!(text.contains("Await index") && text.contains("No such file"), "{text}");
}
