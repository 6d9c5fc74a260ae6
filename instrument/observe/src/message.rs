//! An await tree in the words of the wire.

use taskscope_await::{Frame, FrameKind, FrameState, Guard, TaskState};
use taskscope_proto::{
    cut,
    limits::{MAX_AWAIT_FRAMES, MAX_TEXT_BYTES},
    v1,
};

use crate::{observe::SeenTask, source::Source};

/// The await trees of tasks as they are now, by tokio's ids; those without an id are left out.
#[must_use]
pub fn await_trees(source: &Source, seen: &[SeenTask]) -> Vec<(u64, v1::AwaitTree)> {
    let now_ns = source.monotonic_ns();
    seen.iter().filter_map(|seen| Some((seen.task.id?, await_tree(seen, now_ns)))).collect()
}

/// The await tree of a task, which the caller names. `now_ns`: on the clock of its timers, [`Source::monotonic_ns`](crate::Source::monotonic_ns).
#[must_use]
pub fn await_tree(seen: &SeenTask, now_ns: Option<u64>) -> v1::AwaitTree {
    let frames = seen.task.tree.folded();
    let is_cut = frames.len() > MAX_AWAIT_FRAMES;
    let problem = match seen.task.state {
        TaskState::Running => "It is being polled: it has no await tree now".to_owned(),
        TaskState::Done => "It has ended".to_owned(),
        _ if seen.changed => {
            "It was polled while it was read, each time: it does not wait for long".to_owned()
        }
        _ if is_cut => format!("The first {MAX_AWAIT_FRAMES} frames are shown"),
        _ if seen.task.tree.frames.is_empty() && seen.task.tree.problems.is_empty() => {
            "The debug information has no types of this task".to_owned()
        }
        _ => seen.task.tree.problems.join("; "),
    };
    let frames = frames.into_iter().take(MAX_AWAIT_FRAMES).map(|(depth, frame)| v1::AwaitFrame {
        depth,
        text: start_of(&text(frame)),
        file: cut::end(&frame.file, MAX_TEXT_BYTES).to_owned(),
        line: frame.line,
        since_ago_ns_plus1: 0,
        detail: start_of(&detail(frame, now_ns)),
        not_polled: frame.not_polled.is_some(),
    });
    v1::AwaitTree {
        task: None,
        taken_ago_ns: 0,
        frames: frames.collect(),
        problem: start_of(&problem),
        walked: true,
    }
}

/// As much of a text as the wire has room for.
fn start_of(text: &str) -> String {
    cut::start(text, MAX_TEXT_BYTES).to_owned()
}

fn text(frame: &Frame) -> String {
    let kind = match frame.kind {
        FrameKind::Block => "async block in ",
        FrameKind::Closure => "async closure in ",
        _ => "",
    };
    format!("{kind}{}", frame.name)
}

/// `not polled (in fut) · k 3, name "a" · holds guard: MutexGuard of 0x… · free 0`
fn detail(frame: &Frame, now_ns: Option<u64>) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some(variable) = &frame.not_polled {
        parts.push(format!("not polled, in `{variable}`"));
    }
    match frame.state {
        FrameState::NotStarted => parts.push("not started".to_owned()),
        FrameState::Finished => parts.push("finished".to_owned()),
        FrameState::Panicked => parts.push("panicked".to_owned()),
        FrameState::Unknown => parts.push("state unknown".to_owned()),
        FrameState::Parked => {}
    }
    parts.extend(frame.wait.as_ref().map(|of| wait(of, now_ns)));
    let locals: Vec<String> = frame.locals.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if !locals.is_empty() {
        parts.push(locals.join(" "));
    }
    parts.extend(frame.guards.iter().map(guard));
    parts.join(" · ")
}

fn guard(guard: &Guard) -> String {
    let holds = if guard.maybe_gone { "may hold" } else { "holds" };
    format!("{holds} {} {:#x} in `{}`", guard.name, guard.lock, guard.variable)
}

fn wait(wait: &taskscope_await::Wait, now_ns: Option<u64>) -> String {
    use taskscope_await::Wait;
    match wait {
        Wait::Lock { lock, wanted, free, queued, granted, .. } => {
            let free = free.map_or_else(|| "–".to_owned(), |free| free.to_string());
            let queue = match (granted, queued) {
                (true, _) => "given to it, not taken",
                (false, true) => "in the queue",
                (false, false) => "not in the queue",
            };
            format!("{lock:#x}, wants {wanted}, {free} free, {queue}")
        }
        Wait::Notify { notify } => format!("{notify:#x}"),
        Wait::Channel(channel) => format!("{:#x}", channel.address),
        Wait::Room(channel) => {
            let number =
                |number: Option<u64>| number.map_or_else(|| "–".to_owned(), |number| number.to_string());
            format!("{:#x}, {} of {} full", channel.address, number(channel.depth), number(channel.capacity))
        }
        Wait::Task { id: Some(id), .. } => format!("task #{id}"),
        Wait::Task { header, id: None } => format!("task at {header:#x}"),
        Wait::JoinSet { tasks, .. } => format!("{tasks} tasks"),
        Wait::Timer { deadline_ns } => match now_ns {
            Some(now_ns) if *deadline_ns >= now_ns => {
                format!("due in {}", span(deadline_ns - now_ns))
            }
            Some(now_ns) => format!("due {} ago", span(now_ns - deadline_ns)),
            None => String::new(),
        },
        Wait::Descriptor { fd, .. } => format!("fd {fd}"),
        Wait::Readiness { registration } => format!("{registration:#x}"),
        Wait::Yield => "its next poll".to_owned(),
    }
}

/// To a tenth of a second, or a millisecond where it is less than one.
fn span(ns: u64) -> String {
    const SECOND_NS: u64 = 1_000_000_000;
    if ns < SECOND_NS { format!("{} ms", ns / 1_000_000) } else { format!("{:.1} s", ns as f64 / 1e9) }
}
