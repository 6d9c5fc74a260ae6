//! Await trees: which futures of a task await each other, and for how long.
//!
//! [`FutureExt::trace`](crate::FutureExt::trace) and `#[taskscope::trace]` make a future a frame of its task's tree from its first poll to its end.
//! A tree is read when a console asks for it. With the feature `taskdump` tokio's task dump is taken too, which knows the futures that are not traced.
//!
//! Cost: a frame takes 128 bytes and about 60 ns, and 10 ns a poll; nothing without a recorder.

#[cfg(all(
    feature = "taskdump",
    tokio_unstable,
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
pub(crate) mod dump;

use std::{
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use taskscope_recorder::FrameId;

use crate::handle::Handle;

pin_project! {
    /// A future that is a frame of its task's await tree; made by [`FutureExt::trace`](crate::FutureExt::trace).
    ///
    /// Transparent: output, panics and cancellation are those of the inner future.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Traced<F> {
        #[pin]
        future: F,
        text: &'static str,
        place: &'static Location<'static>,
        frame: FrameState,
    }
}

#[derive(Debug)]
enum FrameState {
    /// Not polled yet, or never while there was a recorder.
    New,
    Seen(Seen),
    /// Past the recorder's limit, or over.
    Gone,
}

/// A frame that is in the recorder until this is dropped.
#[derive(Debug)]
struct Seen(FrameId);

impl Drop for Seen {
    fn drop(&mut self) {
        if let Some(handle) = Handle::default_handle() {
            handle.recorder().frames.end(self.0);
        }
    }
}

impl<F: Future> Traced<F> {
    pub(crate) fn new(future: F, text: &'static str, place: &'static Location<'static>) -> Self {
        Self { future, text, place, frame: FrameState::New }
    }
}

impl<F: Future> Future for Traced<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(handle) = Handle::default_handle() else { return this.future.poll(context) };
        let recorder = handle.recorder();
        if matches!(this.frame, FrameState::New) && handle.is_recording() {
            *this.frame = recorder
                .frames
                .begin(this.text, this.place)
                .map_or(FrameState::Gone, |id| FrameState::Seen(Seen(id)));
        }
        let FrameState::Seen(Seen(id)) = this.frame else { return this.future.poll(context) };
        let polled = recorder.frames.enter(*id);
        let result = this.future.poll(context);
        drop(polled);
        if result.is_ready() {
            *this.frame = FrameState::Gone;
        }
        result
    }
}
