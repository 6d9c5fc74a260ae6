//! Names that would take over a terminal, from a real program to what the console writes.

use taskscope_tests::{console::Console, screen::Screen};

use crate::{harmful, start};

#[tokio::test]
async fn hostile_names_reach_no_terminal() {
    let hostile = "evil\u{1b}[31m\u{202e}";
    let mut program = start(&["hostile", "--name", hostile]);
    let tasks = program.ask("ready")["tasks"].as_u64().expect("a number");
    // On the wire they are what they are, within their limits: the raw console checks those.
    let mut raw = Console::open(program.address()).await;
    raw.wait_for("the tasks", |fold| fold.complete && fold.live().count() as u64 == tasks).await;
    assert!(raw.fold.named("\u{1b}[2J\u{1b}[H\u{1b}]0;owned\u{7}").is_some());
    assert_eq!(raw.fold.process.truncated, 2, "two were cut, and that is counted");
    // The thread's name is hostile, too; it is sent with the first wake by it.
    raw.wait_for("the thread", |fold| fold.threads.values().any(|name| name.contains('\u{1b}'))).await;

    let mut screen = Screen::open(program.address());
    screen.wait_for("the tasks", |model| model.is_complete() && model.header().tasks.idle == tasks).await;
    let written = screen.written();
    assert_eq!(harmful(&written), None, "{written:?}");
    for part in ["漢字", "right·to·left", "[2J", "evil"] {
        assert!(written.contains(part), "what can be shown is shown: {part} in {written}");
    }
    // The JSON escapes nothing that it should not have: read back, it is as harmless.
    for task in screen.report().tasks {
        assert_eq!(task.name.as_deref().and_then(harmful), None, "{task:?}");
        assert_eq!(task.last_waker.as_deref().and_then(harmful), None, "{task:?}");
    }
    let longest = screen.report().tasks.iter().filter_map(|task| task.name.as_ref().map(String::len)).max();
    assert!(longest.is_some_and(|bytes| bytes <= 512), "{longest:?}");
}
