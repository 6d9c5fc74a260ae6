//! The channel without bound: its senders never wait.

use std::{
    fmt,
    future::Future,
    panic::Location,
    task::{Context, Poll},
};

use tokio::sync::mpsc as inner;

use super::{
    error::{SendError, TryRecvError},
    receiver::receiver,
};
use crate::sync::channel::{Channel, NewChannel, ReceiverEnd, SenderEnd, Waiting, WeakEnd, What, kind};

const RECV: What = What::empty("UnboundedReceiver::recv");
const RECV_MANY: What = What::empty("UnboundedReceiver::recv_many");
const RECV_BLOCKING: What = What::empty("UnboundedReceiver::blocking_recv");
const RECV_MANY_BLOCKING: What = What::empty("UnboundedReceiver::blocking_recv_many");
const POLL_RECV: What = What::empty("UnboundedReceiver::poll_recv");
const POLL_RECV_MANY: What = What::empty("UnboundedReceiver::poll_recv_many");
const CLOSED: What = What::end("UnboundedSender::closed");

/// Makes a channel without bound.
#[track_caller]
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    make("", Location::caller())
}

/// The same with a name for the console.
#[track_caller]
pub fn unbounded_channel_with_name<T>(name: &'static str) -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    make(name, Location::caller())
}

fn make<T>(name: &'static str, at: &'static Location<'static>) -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let new = NewChannel { kind: kind("unbounded mpsc"), name, at, capacity: 0, receivers_close: true };
    let (end, receiver_end) = Channel::make(&new);
    end.starts_empty();
    let (sender, receiver) = inner::unbounded_channel();
    (
        UnboundedSender { end, inner: sender },
        UnboundedReceiver { end: receiver_end, inner: receiver, waiting: None },
    )
}

/// The receiving half of [`unbounded_channel`].
pub struct UnboundedReceiver<T> {
    waiting: Option<Waiting>,
    inner: inner::UnboundedReceiver<T>,
    end: ReceiverEnd,
}

receiver!(UnboundedReceiver);

/// A sending half of [`unbounded_channel`].
pub struct UnboundedSender<T> {
    inner: inner::UnboundedSender<T>,
    end: SenderEnd,
}

impl<T> UnboundedSender<T> {
    /// Sends; never waits.
    ///
    /// # Errors
    /// The value, when the channel is closed.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.inner.send(value)?;
        self.end.sent(1);
        Ok(())
    }

    /// Completes when the receiver is closed or dropped.
    #[track_caller]
    pub fn closed(&self) -> impl Future<Output = ()> {
        self.end.wait(CLOSED, Location::caller(), self.inner.closed())
    }

    /// Whether the receiver is closed or dropped.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// Whether both send to the same receiver.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    /// A sender that does not keep the channel open.
    #[must_use = "it does not consume the sender"]
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        WeakUnboundedSender { end: self.end.downgrade(), inner: self.inner.downgrade() }
    }

    /// Senders alive.
    pub fn strong_count(&self) -> usize {
        self.inner.strong_count()
    }

    /// Weak senders alive.
    pub fn weak_count(&self) -> usize {
        self.inner.weak_count()
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        Self { end: self.end.clone(), inner: self.inner.clone() }
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// A sender that does not keep the channel open.
pub struct WeakUnboundedSender<T> {
    inner: inner::WeakUnboundedSender<T>,
    end: WeakEnd,
}

impl<T> WeakUnboundedSender<T> {
    /// A sender, if there still is one.
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        let inner = self.inner.upgrade()?;
        Some(UnboundedSender { end: self.end.upgrade(), inner })
    }

    /// Senders alive.
    pub fn strong_count(&self) -> usize {
        self.inner.strong_count()
    }

    /// Weak senders alive.
    pub fn weak_count(&self) -> usize {
        self.inner.weak_count()
    }
}

impl<T> Clone for WeakUnboundedSender<T> {
    fn clone(&self) -> Self {
        Self { end: self.end.clone(), inner: self.inner.clone() }
    }
}

impl<T> fmt::Debug for WeakUnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
