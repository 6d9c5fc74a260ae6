//! Spans of any kind, as tokio enters, clones and drops them.

use super::Recorder;
use crate::{
    id::{AnyId, SpanWord, UNRECORDED},
    thread,
};

impl Recorder {
    /// The span of a word of ours is entered on this thread. About 3 ns, and more for polls.
    #[inline]
    pub fn enter_span(&self, raw: u64) {
        match SpanWord::of(raw) {
            SpanWord::Task(task) => self.enter(task),
            SpanWord::OpPoll(op) => self.resources.enter_op(op),
            SpanWord::Other(word) => thread::push(word),
        }
    }

    /// The innermost span, that of a word of ours, is left.
    #[inline]
    pub fn exit_span(&self, raw: u64) {
        match SpanWord::of(raw) {
            SpanWord::Task(task) => self.exit(task),
            SpanWord::OpPoll(op) => self.resources.exit_op(op),
            SpanWord::Other(_) => {
                let _thread = thread::pop();
            }
        }
    }

    /// A span is entered on this thread.
    #[inline]
    pub fn enter_any(&self, id: AnyId) {
        match id {
            AnyId::Task(task) => self.enter(task),
            AnyId::Resource(resource) => thread::push(resource.to_u64()),
            AnyId::Op(op) => thread::push(op.to_u64()),
            AnyId::OpPoll(op) => self.resources.enter_op(op),
            AnyId::Unrecorded => thread::push(UNRECORDED),
        }
    }

    /// The innermost span is left.
    #[inline]
    pub fn exit_any(&self, id: AnyId) {
        match id {
            AnyId::Task(task) => self.exit(task),
            AnyId::Resource(_) | AnyId::Op(_) | AnyId::Unrecorded => drop(thread::pop()),
            AnyId::OpPoll(op) => self.resources.exit_op(op),
        }
    }

    /// One more owner of a span; of those alone that have several, see [`crate::borrowed`].
    pub fn add_any_ref(&self, id: AnyId) {
        match id {
            AnyId::Task(task) => self.tasks.add_ref(task),
            AnyId::Resource(resource) => self.resources.add_ref(resource),
            AnyId::Op(_) | AnyId::OpPoll(_) | AnyId::Unrecorded => {}
        }
    }

    /// One owner less; the last one ends it. Returns whether it ended.
    pub fn release_any(&self, id: AnyId) -> bool {
        match id {
            AnyId::Task(task) => self.release(task),
            AnyId::Resource(resource) => self.resources.release(resource),
            AnyId::Op(op) => self.resources.release_op(op),
            // The operation ends with its own span.
            AnyId::OpPoll(_) => false,
            AnyId::Unrecorded => true,
        }
    }
}
