//! Names that would take over a terminal, and names without end.

use std::{future::pending, thread};

use serde_json::json;

use crate::stage::{Stage, answer, commands};

/// Each would do harm somewhere: to a terminal, to a layout, to a limit.
pub(crate) const NAMES: [&str; 9] = [
    "\u{1b}[2J\u{1b}[H\u{1b}]0;owned\u{7}",
    "\u{9b}31mred\u{9c}",
    "new\nline\r\ttab\0nul",
    "right\u{202e}to\u{202c}left\u{2066}isolated\u{2069}\u{200f}",
    "zalgo e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}",
    "wide 漢字 👩‍👩‍👧‍👦 🇩🇪",
    "zero\u{200b}width\u{feff}\u{ad}",
    "\u{2028}line separator\u{2029}\u{85}",
    "\u{1b}P$q\"p\u{1b}\\\u{1b}_G\u{1b}\\",
];
const MEGABYTE: usize = 1 << 20;

/// Spawns the names at once; each command is answered.
pub(crate) fn run(stage: &Stage) {
    for name in NAMES {
        stage.spawn_named(name, pending::<()>());
    }
    // Cut in the middle of a character of three bytes if one does not look.
    stage.spawn_named(&"漢".repeat(MEGABYTE / 3), pending::<()>());
    stage.spawn_named(&"\u{1b}[31m".repeat(MEGABYTE / 5), pending::<()>());
    // A thread with a name of its own wakes a task.
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    stage.spawn(async move {
        let _woken = receiver.await;
        pending::<()>().await;
    });
    let thread = thread::Builder::new().name("\u{1b}[5mthread\u{202e}".to_owned());
    let woke = thread.spawn(move || sender.send(())).map(thread::JoinHandle::join);
    assert!(matches!(woke, Ok(Ok(Ok(())))), "the thread has woken the task");
    for _ in commands() {
        answer(&json!({ "tasks": NAMES.len() + 3 }));
    }
}
