//! What the watchdog saw of a stuck poll, as a console gets it.

use taskscope_proto::{limits, v1};
use taskscope_recorder::{Clock, TaskId, Ticks};

use super::Hub;
use crate::watchdog::{Captured, CapturedFrame};

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
    message.problem = cut(captured.problem);
    message.kernel_state = captured.kernel_state;
}

fn frame(CapturedFrame { function, file, line, own }: CapturedFrame) -> v1::StackFrame {
    v1::StackFrame { function: cut(function), file: cut(file), line, own }
}

pub(super) fn cut(mut text: String) -> String {
    if text.len() > limits::MAX_TEXT_BYTES {
        let end = (0..=limits::MAX_TEXT_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
