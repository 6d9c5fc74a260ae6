//! Futures that wait on record: one way to poll for locks, channels and streams, whose [`Book`]s say what is recorded of a wait.
//!
//! A wait is an operation of the recorder: made at the first poll that is not ready, ended when it is dropped. Nothing is allocated.
//! Invariant: it ends before the future that waits is dropped, as that may hand what it waited for to another one.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::tracked::Pending;

/// How the waits of one call are recorded.
pub(crate) trait Waits {
    /// A wait under way; it ends when it is dropped.
    type Wait;

    /// Begins a wait; `None`: it can't be recorded.
    fn begin(&mut self) -> Option<Self::Wait>;

    /// The wait's operation; `None` past the recorder's limit.
    fn op(wait: &Self::Wait) -> Option<&Pending>;

    /// Runs one poll, as one of the operation's if there is one.
    fn run<R>(&mut self, wait: Option<&Self::Wait>, poll: impl FnOnce() -> R) -> R {
        match wait.and_then(Self::op) {
            Some(op) => op.poll(poll),
            None => poll(),
        }
    }

    /// A poll was not ready.
    fn not_ready(&mut self) {}
}

/// What becomes of a result of type `R`.
pub(crate) trait Book<R>: Waits {
    type Output;

    /// It is there, after this wait or at once.
    fn end(&mut self, result: R, wait: Option<Self::Wait>) -> Self::Output;
}

/// One poll of something that may wait; `wait` is kept from one poll to the next.
pub(crate) fn poll<R, B: Book<R>>(
    book: &mut B,
    wait: &mut Option<B::Wait>,
    poll: impl FnOnce() -> Poll<R>,
) -> Poll<B::Output> {
    if let Poll::Ready(result) = book.run(wait.as_ref(), poll) {
        return Poll::Ready(book.end(result, wait.take()));
    }
    book.not_ready();
    if wait.is_none() {
        *wait = book.begin();
        // That poll was its first: an empty one shows the recorder which task waits.
        if let Some(op) = wait.as_ref().and_then(B::op) {
            op.poll(|| ());
        }
    }
    Poll::Pending
}

pin_project! {
    /// A future that may wait. It is cancel safe where the inner future is.
    #[derive(Debug)]
    pub(crate) struct Waiting<F, B: Waits> {
        book: B,
        // Before the future: see the module's invariant.
        wait: Option<B::Wait>,
        #[pin]
        future: F,
    }
}

impl<F, B: Waits> Waiting<F, B> {
    /// With the wait that it begins with, if any.
    pub(crate) fn with(book: B, wait: Option<B::Wait>, future: F) -> Self {
        Self { book, wait, future }
    }

    /// The inner future, for what else it can do.
    pub(crate) fn future(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.project().future
    }
}

impl<F: Future, B: Book<F::Output>> Future for Waiting<F, B> {
    type Output = B::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        poll(this.book, this.wait, || this.future.poll(context))
    }
}
