//! Spans of any kind, as tokio enters, clones and drops them.

use super::Recorder;
use crate::{
    id::{AnyId, UNRECORDED},
    thread,
};

impl Recorder {
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

    /// One more holder of a span.
    pub fn add_any_ref(&self, id: AnyId) {
        match id {
            AnyId::Task(task) => self.tasks.add_ref(task),
            AnyId::Resource(resource) => self.resources.add_ref(resource),
            // The poll's span holds the operation.
            AnyId::Op(op) | AnyId::OpPoll(op) => self.resources.add_op_ref(op),
            AnyId::Unrecorded => {}
        }
    }

    /// One holder less; the last one ends it. Returns whether it ended.
    pub fn release_any(&self, id: AnyId) -> bool {
        match id {
            AnyId::Task(task) => self.release(task),
            AnyId::Resource(resource) => self.resources.release(resource),
            AnyId::Op(op) | AnyId::OpPoll(op) => self.resources.release_op(op),
            AnyId::Unrecorded => true,
        }
    }
}
