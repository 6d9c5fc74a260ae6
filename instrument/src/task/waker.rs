//! A waker that counts before it wakes.

use std::{
    sync::Arc,
    task::{Wake, Waker},
};

use taskscope_recorder::{CountWakers, TaskId};

use crate::handle::Handle;

/// Wakes the task's own waker, and counts. Its strong references are the wakers alive and one that the task keeps.
#[derive(Debug)]
pub(super) struct Counting {
    handle: Handle,
    task: TaskId,
    inner: Waker,
}

impl CountWakers for Counting {}

impl Counting {
    pub(super) fn new(handle: &Handle, task: TaskId, inner: &Waker) -> Arc<Self> {
        Arc::new(Self { handle: handle.clone(), task, inner: inner.clone() })
    }

    /// Whether waking this wakes what `other` wakes.
    pub(super) fn wakes(&self, other: &Waker) -> bool {
        self.inner.will_wake(other)
    }
}

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Not "by value" to the recorder: the drop of the reference is seen in the reference count.
        self.handle.recorder().wake(self.task, false);
        self.inner.wake_by_ref();
    }
}
