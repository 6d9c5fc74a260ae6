//! What the watchdog saw of a stuck poll, as a console gets it.

use taskscope_proto::{limits, v1};
use taskscope_recorder::{Clock, TaskId, Ticks};

use super::Hub;
use crate::watchdog::{Captured, CodeFile, Frame};

/// Adds the stack to the message of a poll, if it was taken, and what the kernel said then.
pub(super) fn add_stack(hub: &Hub, poll: (u32, TaskId, Ticks), now: Ticks, message: &mut v1::StuckPoll) {
    if let Some(captured) = hub.watchdog.captured(poll) {
        add(captured, hub.handle.recorder().clock(), now, message);
    }
}

fn add(captured: Captured, clock: &Clock, now: Ticks, message: &mut v1::StuckPoll) {
    message.captured_ago_ns_plus1 =
        if captured.frames.is_empty() { 0 } else { clock.between_ns(captured.at, now) + 1 };
    message.stack = captured.frames.into_iter().take(limits::MAX_STACK_FRAMES).map(frame).collect();
    message.code_files = captured.files.into_iter().take(limits::MAX_CODE_FILES).map(code_file).collect();
    message.problem = cut(captured.problem);
    message.kernel_state = captured.kernel_state;
}

fn frame(Frame { function, file, line, own, code_file, address }: Frame) -> v1::StackFrame {
    let code_file = code_file.map_or(0, |index| index as u32 + 1);
    v1::StackFrame { function: cut(function), file: cut(file), line, own, code_file, address }
}

/// A part of a path would open another file, and a part of a build-id stands for another build.
fn code_file(CodeFile { path, build_id, is_program }: CodeFile) -> v1::CodeFile {
    let path = Some(path).filter(|path| path.len() <= limits::MAX_PATH_BYTES).unwrap_or_default();
    let build_id = Some(build_id).filter(|id| id.len() <= limits::MAX_BUILD_ID_BYTES).unwrap_or_default();
    v1::CodeFile { path, build_id, is_program }
}

pub(super) fn cut(mut text: String) -> String {
    if text.len() > limits::MAX_TEXT_BYTES {
        let end = (0..=limits::MAX_TEXT_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
