//! A stuck poll in the program's own log: one event at `warn`, target `taskscope::stuck`, when it is first seen.
//!
//! It goes to the program's subscriber as any event of its own threads does; what that does with it may block, and then blocks the watchdog.

use std::fmt::Write as _;

use super::{
    PollKey,
    captured::{Captured, Frame},
};
use crate::handle::Handle;

/// Functions named; the innermost ones of the program's own.
const MAX_NAMED: usize = 4;

/// What an address is good for.
const WITHOUT_NAMES: &str = "Functions have no names here: build with taskscope's feature `symbols`, look at the poll in taskscope's console, or ask \
     `addr2line -fie PROGRAM ADDRESS`.";

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
        stack = own_functions(captured),
        problem = problem(captured),
        "a poll has gone on for {} ms",
        recorder.clock().between_ns(started, captured.at) / 1_000_000,
    );
}

/// `app::parse (src/parse.rs:40) < app::handle (src/main.rs:12)`: the program's own functions, or the innermost one where it has none there. Without
/// names `app+0x41f20 < app+0x7c010`: addresses in the program, whosever they are, as far as a line has room.
fn own_functions(captured: &Captured) -> String {
    let mut text = String::new();
    let is_own = |frame: &&Frame| match frame.code_file.and_then(|file| captured.files.get(file)) {
        Some(file) => file.is_program,
        None => frame.own,
    };
    let has_own = captured.frames.iter().any(|frame| is_own(&frame));
    let own = captured.frames.iter().filter(is_own);
    let innermost = captured.frames.iter().take(usize::from(!has_own));
    for frame in own.chain(innermost).take(MAX_NAMED) {
        let arrow = if text.is_empty() { "" } else { " < " };
        let _to_text = match frame.code_file.and_then(|file| captured.files.get(file)) {
            Some(file) => write!(text, "{arrow}{}+{:#x}", name(&file.path), frame.address),
            None => write!(text, "{arrow}{}", frame.function),
        };
        if !frame.file.is_empty() {
            let _to_text = write!(text, " ({}:{})", frame.file, frame.line);
        }
    }
    text
}

fn problem(captured: &Captured) -> String {
    let is_nameless = captured.frames.iter().any(|frame| frame.code_file.is_some());
    let parts = [captured.problem.as_str(), if is_nameless { WITHOUT_NAMES } else { "" }];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A file's name without its folders.
fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::{own_functions, problem};
    use crate::watchdog::captured::{Captured, CodeFile, Frame};

    #[test]
    fn without_names_a_stack_is_addresses_in_the_program_and_the_cure_is_said() {
        let file =
            |path: &str, is_program| CodeFile { path: path.to_owned(), is_program, ..CodeFile::default() };
        let at = |code_file, address| Frame { code_file: Some(code_file), address, ..Frame::default() };
        let captured = Captured {
            frames: vec![at(1, 0x77), at(0, 0x1234), at(0, 0xabc)],
            files: vec![file("/opt/my server/app", true), file("/lib/libc.so.6", false)],
            ..Captured::default()
        };
        assert_eq!(own_functions(&captured), "app+0x1234 < app+0xabc");
        assert!(problem(&captured).contains("feature `symbols`"));
        let in_library = Captured { frames: vec![at(1, 0x77), at(1, 0x99)], ..captured };
        assert_eq!(own_functions(&in_library), "libc.so.6+0x77");
    }

    #[test]
    fn with_names_a_stack_is_the_functions_of_the_program() {
        let named = |function: &str, own| Frame {
            function: function.to_owned(),
            file: "src/a.rs".to_owned(),
            line: 7,
            own,
            ..Frame::default()
        };
        let captured = Captured {
            frames: vec![named("std::read", false), named("app::f", true)],
            ..Captured::default()
        };
        assert_eq!(own_functions(&captured), "app::f (src/a.rs:7)");
        assert_eq!(problem(&captured), "");
    }
}
