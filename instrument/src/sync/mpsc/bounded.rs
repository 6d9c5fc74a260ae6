//! The bounded channel.

use std::{
    fmt,
    future::Future,
    panic::Location,
    task::{Context, Poll},
    time::Duration,
};

use tokio::sync::mpsc as inner;

use super::{
    error::{SendError, SendTimeoutError, TryRecvError, TrySendError},
    receiver::receiver,
};
use crate::sync::{
    channel::{Channel, NewChannel, ReceiverEnd, SenderEnd, Wait, Waiting, WeakEnd, What, kind},
    hold::SharedHold,
    wait::panic_where_blocking_is_forbidden,
};

const RECV: What = What::empty("Receiver::recv");
const RECV_MANY: What = What::empty("Receiver::recv_many");
const RECV_BLOCKING: What = What::empty("Receiver::blocking_recv");
const RECV_MANY_BLOCKING: What = What::empty("Receiver::blocking_recv_many");
const POLL_RECV: What = What::empty("Receiver::poll_recv");
const POLL_RECV_MANY: What = What::empty("Receiver::poll_recv_many");
const SEND: What = What::full("Sender::send");
const SEND_TIMEOUT: What = What::full("Sender::send_timeout");
const SEND_BLOCKING: What = What::full("Sender::blocking_send");
const RESERVE: What = What::full("Sender::reserve");
const RESERVE_MANY: What = What::full("Sender::reserve_many");
const RESERVE_OWNED: What = What::full("Sender::reserve_owned");
const CLOSED: What = What::end("Sender::closed");

/// Makes a channel with room for `buffer` values.
///
/// # Panics
/// If `buffer` is 0 or above tokio's limit.
#[track_caller]
pub fn channel<T>(buffer: usize) -> (Sender<T>, Receiver<T>) {
    make("", buffer, Location::caller())
}

/// The same with a name for the console.
///
/// # Panics
/// If `buffer` is 0 or above tokio's limit.
#[track_caller]
pub fn channel_with_name<T>(name: &'static str, buffer: usize) -> (Sender<T>, Receiver<T>) {
    make(name, buffer, Location::caller())
}

fn make<T>(name: &'static str, buffer: usize, at: &'static Location<'static>) -> (Sender<T>, Receiver<T>) {
    let new = NewChannel { kind: kind("mpsc"), name, at, capacity: buffer as u64, receivers_close: true };
    let (end, receiver_end) = Channel::make(&new);
    end.starts_empty();
    let (sender, receiver) = crate::source::unrecorded(|| inner::channel(buffer));
    (Sender { end, inner: sender }, Receiver { end: receiver_end, inner: receiver, waiting: None })
}

/// The receiving half of [`channel`].
pub struct Receiver<T> {
    waiting: Option<Waiting>,
    inner: inner::Receiver<T>,
    end: ReceiverEnd,
}

receiver!(Receiver);

impl<T> Receiver<T> {
    /// Room that is neither taken nor reserved.
    pub fn capacity(&self) -> usize {
        self.inner.capacity()
    }

    /// Room in all.
    pub fn max_capacity(&self) -> usize {
        self.inner.max_capacity()
    }
}

/// A sending half of [`channel`].
pub struct Sender<T> {
    inner: inner::Sender<T>,
    end: SenderEnd,
}

impl<T> Sender<T> {
    /// Waits for room and sends. As tokio's, which is not cancel safe for the value.
    ///
    /// # Errors
    /// The value, when the channel is closed.
    #[track_caller]
    pub fn send(&self, value: T) -> impl Future<Output = Result<(), SendError<T>>> {
        let at = Location::caller();
        async move {
            match self.wait(1, SEND, at, self.inner.reserve()).await {
                Ok(permit) => {
                    self.end.sent(1);
                    permit.send(value);
                    Ok(())
                }
                Err(SendError(())) => Err(SendError(value)),
            }
        }
    }

    /// Sends if there is room.
    ///
    /// # Errors
    /// The value, when the channel is full or closed.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.inner.try_reserve() {
            Ok(permit) => {
                self.end.sent(1);
                permit.send(value);
                Ok(())
            }
            Err(TrySendError::Full(())) => Err(TrySendError::Full(value)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(value)),
        }
    }

    /// Waits for room for so long at most, and sends.
    ///
    /// # Errors
    /// The value, when there was no room in time or the channel is closed.
    ///
    /// # Panics
    /// Without tokio's timer.
    #[track_caller]
    pub fn send_timeout(
        &self,
        value: T,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), SendTimeoutError<T>>> {
        let at = Location::caller();
        async move {
            let permit = tokio::time::timeout(timeout, self.inner.reserve());
            match self.wait(1, SEND_TIMEOUT, at, permit).await {
                Ok(Ok(permit)) => {
                    self.end.sent(1);
                    permit.send(value);
                    Ok(())
                }
                Ok(Err(SendError(()))) => Err(SendTimeoutError::Closed(value)),
                Err(_elapsed) => Err(SendTimeoutError::Timeout(value)),
            }
        }
    }

    /// Waits for room by blocking the thread, and sends.
    ///
    /// # Errors
    /// The value, when the channel is closed.
    ///
    /// # Panics
    /// Inside async code, as tokio's.
    #[track_caller]
    pub fn blocking_send(&self, value: T) -> Result<(), SendError<T>> {
        panic_where_blocking_is_forbidden();
        let value = match self.try_send(value) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(value)) => return Err(SendError(value)),
            Err(TrySendError::Full(value)) => value,
        };
        self.end.block(SEND_BLOCKING, Location::caller(), || self.inner.blocking_send(value))?;
        self.end.sent(1);
        Ok(())
    }

    /// Waits for room and keeps it for one value.
    ///
    /// # Errors
    /// When the channel is closed.
    #[track_caller]
    pub fn reserve(&self) -> impl Future<Output = Result<Permit<'_, T>, SendError<()>>> {
        let at = Location::caller();
        async move {
            let inner = self.wait(1, RESERVE, at, self.inner.reserve()).await?;
            Ok(Permit { kept: self.end.keep(1, at), end: &self.end, inner })
        }
    }

    /// Waits for room for `count` values and keeps it.
    ///
    /// # Errors
    /// When the channel is closed, or never has so much room.
    #[track_caller]
    pub fn reserve_many(
        &self,
        count: usize,
    ) -> impl Future<Output = Result<PermitIterator<'_, T>, SendError<()>>> {
        let at = Location::caller();
        async move {
            let inner = self.wait(count, RESERVE_MANY, at, self.inner.reserve_many(count)).await?;
            Ok(PermitIterator { kept: self.end.keep(count, at), end: &self.end, inner })
        }
    }

    /// Waits for room and keeps it, with the sender, for one value.
    ///
    /// # Errors
    /// When the channel is closed.
    #[track_caller]
    pub fn reserve_owned(self) -> impl Future<Output = Result<OwnedPermit<T>, SendError<()>>> {
        let at = Location::caller();
        async move {
            let Self { end, inner } = self;
            let full = inner.capacity() == 0;
            let inner = end.wait_for_room(full, RESERVE_OWNED, at, inner.reserve_owned()).await?;
            Ok(OwnedPermit { kept: end.keep(1, at), inner, end })
        }
    }

    fn wait<F: Future>(
        &self,
        values: usize,
        what: What,
        at: &'static Location<'static>,
        future: F,
    ) -> Wait<'_, F> {
        self.end.wait_for_room(self.inner.capacity() < values, what, at, future)
    }

    /// Keeps room for one value if there is any.
    ///
    /// # Errors
    /// When the channel is full or closed.
    #[track_caller]
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        let inner = self.inner.try_reserve()?;
        Ok(Permit { kept: self.end.keep(1, Location::caller()), end: &self.end, inner })
    }

    /// Keeps room for `count` values if there is so much.
    ///
    /// # Errors
    /// When the channel is too full, or closed.
    #[track_caller]
    pub fn try_reserve_many(&self, count: usize) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        let inner = self.inner.try_reserve_many(count)?;
        Ok(PermitIterator { kept: self.end.keep(count, Location::caller()), end: &self.end, inner })
    }

    /// Keeps room, with the sender, for one value if there is any.
    ///
    /// # Errors
    /// The sender, when the channel is full or closed.
    #[track_caller]
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        let Self { end, inner } = self;
        match inner.try_reserve_owned() {
            Ok(inner) => Ok(OwnedPermit { kept: end.keep(1, Location::caller()), inner, end }),
            Err(TrySendError::Full(inner)) => Err(TrySendError::Full(Self { inner, end })),
            Err(TrySendError::Closed(inner)) => Err(TrySendError::Closed(Self { inner, end })),
        }
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

    /// Room that is neither taken nor reserved.
    pub fn capacity(&self) -> usize {
        self.inner.capacity()
    }

    /// Room in all.
    pub fn max_capacity(&self) -> usize {
        self.inner.max_capacity()
    }

    /// A sender that does not keep the channel open.
    #[must_use = "it does not consume the sender"]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { end: self.end.downgrade(), inner: self.inner.downgrade() }
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

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { end: self.end.clone(), inner: self.inner.clone() }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// A sender that does not keep the channel open.
pub struct WeakSender<T> {
    inner: inner::WeakSender<T>,
    end: WeakEnd,
}

impl<T> WeakSender<T> {
    /// A sender, if there still is one.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let inner = self.inner.upgrade()?;
        Some(Sender { end: self.end.upgrade(), inner })
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

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self { end: self.end.clone(), inner: self.inner.clone() }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Room for one value.
pub struct Permit<'a, T> {
    // Before tokio's: who keeps room has it no more before another one can.
    kept: SharedHold,
    inner: inner::Permit<'a, T>,
    end: &'a SenderEnd,
}

impl<T> Permit<'_, T> {
    /// Sends into the room.
    pub fn send(self, value: T) {
        drop(self.kept);
        self.end.sent(1);
        self.inner.send(value);
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Room for several values, as permits.
pub struct PermitIterator<'a, T> {
    kept: SharedHold,
    inner: inner::PermitIterator<'a, T>,
    end: &'a SenderEnd,
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Permit<'a, T>> {
        let inner = self.inner.next()?;
        let left = self.inner.len();
        let kept = self.kept.split(left, 1);
        Some(Permit { kept, end: self.end, inner })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}
impl<T> std::iter::FusedIterator for PermitIterator<'_, T> {}

impl<T> fmt::Debug for PermitIterator<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Room for one value, and the sender that it came from.
pub struct OwnedPermit<T> {
    kept: SharedHold,
    inner: inner::OwnedPermit<T>,
    end: SenderEnd,
}

impl<T> OwnedPermit<T> {
    /// Sends into the room and gives the sender back.
    pub fn send(self, value: T) -> Sender<T> {
        drop(self.kept);
        self.end.sent(1);
        Sender { end: self.end, inner: self.inner.send(value) }
    }

    /// Gives the room and the sender back.
    pub fn release(self) -> Sender<T> {
        drop(self.kept);
        Sender { end: self.end, inner: self.inner.release() }
    }

    /// Whether both send to the same receiver.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    /// Whether the sender sends to the same receiver.
    pub fn same_channel_as_sender(&self, sender: &Sender<T>) -> bool {
        self.inner.same_channel_as_sender(&sender.inner)
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
