//! A stuck poll in the program's own log: one event at `warn`, target `taskscope::stuck`, when it is first seen.
//!
//! It goes to the program's subscriber as any event of its own threads does; what that does with it may block, and then blocks the watchdog.

use std::fmt::Write as _;

use super::{Captured, CapturedFrame, PollKey};
use crate::handle::Handle;

/// Functions named; the innermost ones of the program's own.
const MAX_NAMED: usize = 4;

pub(super) fn stuck(handle: &Handle, (thread, task, started): PollKey, captured: &Captured) {
    let recorder = handle.recorder();
    let description = recorder.tasks.get(task).and_then(taskscope_recorder::Task::description);
    let site = description.as_ref().and_then(|description| recorder.sites.site(description.site));
    let spawned_at =
        site.map(|site| format!("{}:{}", site.place().file, site.place().line)).unwrap_or_default();
    let (_, names) = taskscope_recorder::thread_names();
    let thread = names.iter().find(|known| known.number == thread);
    tracing::warn!(
        target: "taskscope::stuck",
        task = description.as_ref().map(|description| &*description.name).unwrap_or_default(),
        task_id = description.as_ref().map(|description| description.tokio_id).unwrap_or_default(),
        spawned_at,
        thread = thread.map_or("", |thread| &*thread.name),
        thread_id = thread.and_then(|thread| thread.os_id),
        kernel_state = captured.kernel_state,
        stack = own_functions(&captured.frames),
        problem = captured.problem,
        "a poll has gone on for {} ms",
        recorder.clock().between_ns(started, captured.at) / 1_000_000,
    );
}

/// `app::parse (src/parse.rs:40) < app::handle (src/main.rs:12)`: the program's own functions, or the innermost one where it has none there.
fn own_functions(frames: &[CapturedFrame]) -> String {
    let mut text = String::new();
    let own = frames.iter().filter(|frame| frame.own);
    let innermost = frames.iter().take(usize::from(!frames.iter().any(|frame| frame.own)));
    for frame in own.chain(innermost).take(MAX_NAMED) {
        let arrow = if text.is_empty() { "" } else { " < " };
        let _to_text = write!(text, "{arrow}{}", frame.function);
        if !frame.file.is_empty() {
            let _to_text = write!(text, " ({}:{})", frame.file, frame.line);
        }
    }
    text
}
