//! Names that would take over a terminal, and names without end.

use std::{
    future::{pending, poll_fn},
    sync::mpsc,
    task::{Poll, Waker},
    thread,
};

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
    wake_from_a_hostile_thread(stage);
    for _ in commands() {
        answer(&json!({ "tasks": NAMES.len() + 3 }));
    }
}

/// A thread with a name of its own wakes a task, and stays: its number must not be another's.
fn wake_from_a_hostile_thread(stage: &Stage) {
    let (sender, wakers) = mpsc::channel::<Waker>();
    let thread = thread::Builder::new().name("\u{1b}[5mthread\u{202e}".to_owned());
    let waking = thread.spawn(move || {
        wakers.iter().for_each(Waker::wake);
    });
    assert!(waking.is_ok(), "a name without a NUL is a name");
    let mut polls = 0;
    stage.spawn(poll_fn(move |context| {
        polls += 1;
        if polls == 1 {
            // The thread ends with the channel, and so with this task.
            let _sent = sender.send(context.waker().clone());
        }
        Poll::<()>::Pending
    }));
}
