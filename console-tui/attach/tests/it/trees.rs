//! Await trees as text that a person can check: a line a frame, with the source at which it is parked.
//!
//! `fn nested_calls · second(depth + 1, "hello").await; · nested.rs`. The program's source is read at the line that the tree has: a wrong line shows. Where
//! the function around that line is not the frame's, that is said, too. Of libraries the file is shown.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
};

use taskscope_await::{Channel, ChannelKind, Frame, FrameKind, FrameState, Wait};
use taskscope_observe::{Observed, SeenTask};

use crate::programs::workspace;

/// The trees that `shapes` has, whichever way it was built.
pub(crate) fn expected() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/shapes.txt");
    fs::read_to_string(path).expect("it is committed")
}

/// The trees of all tasks, in order.
pub(crate) fn all(observed: &Observed) -> String {
    let mut trees: Vec<String> = observed.tasks.iter().map(text).collect();
    trees.sort_unstable();
    trees.join("\n")
}

/// A task's tree, with its problems.
pub(crate) fn text(seen: &SeenTask) -> String {
    let mut text = format!("{} {:?}\n", seen.task.name, seen.task.kind);
    for (depth, frame) in seen.task.tree.folded() {
        let _ = writeln!(text, "{}{}", "  ".repeat(depth as usize + 1), line(frame));
    }
    for problem in &seen.task.tree.problems {
        let _ = writeln!(text, "  problem: {problem}");
    }
    text
}

fn line(frame: &Frame) -> String {
    let kind = match frame.kind {
        FrameKind::Function => "fn",
        FrameKind::Block => "block in",
        FrameKind::Closure => "closure in",
        FrameKind::Select | FrameKind::Join => "",
        FrameKind::Future => "future",
        FrameKind::Set => "set",
        FrameKind::Leaf => "leaf",
        FrameKind::Unknown => "unknown",
    };
    let mut parts = vec![format!("{kind} {}", frame.name).trim_start().to_owned()];
    if frame.state != FrameState::Parked {
        parts.push(format!("{:?}", frame.state));
    }
    parts.extend(frame.not_polled.as_ref().map(|variable| format!("NOT POLLED in {variable}")));
    parts.extend(frame.wait.as_ref().map(wait));
    if !frame.file.is_empty() {
        parts.push(place(frame));
    }
    parts.join(" · ")
}

fn wait(wait: &Wait) -> String {
    match wait {
        Wait::Lock { kind, wanted, free, queued, granted, .. } => {
            let free = free.map_or("–".to_owned(), |free| free.to_string());
            let queued = if *granted {
                "granted"
            } else if *queued {
                "queued"
            } else {
                "not queued"
            };
            format!("waits for {kind:?}, wants {wanted}, {free} free, {queued}")
        }
        Wait::Notify { .. } => "waits for Notify".to_owned(),
        Wait::Channel(channel) => format!("waits for a value of {}", self::channel(channel)),
        Wait::Room(channel) => format!("waits for room in {}", self::channel(channel)),
        Wait::Task { id, .. } => format!("waits for a task{}", if id.is_some() { "" } else { " without id" }),
        Wait::JoinSet { tasks, headers, .. } => format!("waits for {} of {tasks} tasks", headers.len()),
        Wait::Timer { .. } => "waits for a timer".to_owned(),
        Wait::Descriptor { kind, .. } => format!("waits for a {kind}"),
        Wait::Readiness { .. } => "waits for a source".to_owned(),
        Wait::Yield => "waits for its next poll".to_owned(),
    }
}

fn channel(channel: &Channel) -> String {
    let number = |number: Option<u64>| number.map_or("–".to_owned(), |number| number.to_string());
    match channel.kind {
        ChannelKind::Mpsc => format!(
            "mpsc ({} senders, {} of {} full)",
            number(channel.senders),
            number(channel.depth),
            number(channel.capacity)
        ),
        kind => format!("{kind:?}"),
    }
}

/// The source of the line at which a frame is parked, and the file's name.
fn place(frame: &Frame) -> String {
    let file = frame.file.rsplit('/').next().unwrap_or_default();
    let Some(source) = source(&frame.file) else { return file.to_owned() };
    let lines: Vec<&str> = source.lines().collect();
    let at = (frame.line as usize).wrapping_sub(1);
    let text = lines.get(at).map_or("NO SUCH LINE", |line| line.trim());
    // The function above that is indented less.
    let own = frame.name.rsplit("::").next().unwrap_or_default();
    let is_around =
        |line: &&&str| line.contains("fn ") && indent(line) <= lines.get(at).map_or(0, |line| indent(line));
    let around = lines.get(..=at).and_then(|lines| lines.iter().rev().find(is_around));
    let is_own = around.is_some_and(|line| line.contains(&format!("fn {own}")));
    let other = if frame.kind.is_function() && !is_own { " OF ANOTHER FUNCTION" } else { "" };
    format!("{text} · {file}{other}")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// A file of the program's. `None`: it is a library's.
fn source(file: &str) -> Option<String> {
    static READ: Mutex<Option<HashMap<PathBuf, Option<String>>>> = Mutex::new(None);
    let path = workspace().join(file);
    if !path.starts_with(workspace()) {
        return None;
    }
    let mut read = READ.lock().expect("nothing panics with it");
    let read = read.get_or_insert_default();
    read.entry(path).or_insert_with_key(|path| fs::read_to_string(path).ok()).clone()
}
