//! tokio's watch channel, with who sends, who receives and who waits for a change on record.
//!
//! Same API and errors as [`tokio::sync::watch`]. "Sent" counts the changes, "received" how many of them receivers noticed; as a value
//! replaces the one before it, there is no depth.
//!
//! ```
//! use taskscope::sync::watch;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (sender, mut receiver) = watch::channel("hello");
//! sender.send("world").unwrap();
//! receiver.changed().await.unwrap();
//! assert_eq!(*receiver.borrow(), "world");
//! # }
//! ```

use std::{fmt, future::Future, panic::Location};

use tokio::sync::watch as inner;
pub use tokio::sync::watch::{Ref, error};

use self::error::{RecvError, SendError};
use crate::sync::channel::{Channel, NewChannel, ReceiverEnd, SenderEnd, What, kind};

const CHANGED: What = What::empty("Receiver::changed");
const WAIT_FOR: What = What::empty("Receiver::wait_for");
const CLOSED: What = What::end("Sender::closed");

/// Makes a channel that holds a value.
#[track_caller]
pub fn channel<T>(init: T) -> (Sender<T>, Receiver<T>) {
    make("", init, Location::caller())
}

/// The same with a name for the console.
#[track_caller]
pub fn channel_with_name<T>(name: &'static str, init: T) -> (Sender<T>, Receiver<T>) {
    make(name, init, Location::caller())
}

fn make<T>(name: &'static str, init: T, at: &'static Location<'static>) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = inner::channel(init);
    let (end, receiver_end) = Channel::make(&describe(name, at));
    (Sender { inner: sender, end }, Receiver { inner: receiver, end: receiver_end })
}

fn describe(name: &'static str, at: &'static Location<'static>) -> NewChannel {
    NewChannel { kind: kind("watch"), name, at, capacity: 1, receivers_close: false }
}

/// A sending half of [`channel`].
pub struct Sender<T> {
    inner: inner::Sender<T>,
    end: SenderEnd,
}

impl<T> Sender<T> {
    /// A channel without a receiver yet.
    #[track_caller]
    pub fn new(init: T) -> Self {
        let end = Channel::make_sender(&describe("", Location::caller()));
        Self { inner: inner::Sender::new(init), end }
    }

    /// Replaces the value and notifies the receivers.
    ///
    /// # Errors
    /// The value, when there is no receiver.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.inner.send(value)?;
        self.sent();
        Ok(())
    }

    /// Changes the value in place and notifies the receivers, also when there is none.
    ///
    /// # Panics
    /// When `modify` panics; the receivers are then not notified.
    pub fn send_modify<F>(&self, modify: F)
    where
        F: FnOnce(&mut T),
    {
        self.inner.send_modify(modify);
        self.sent();
    }

    /// Changes the value in place and notifies the receivers if `modify` says so. Returns what it said.
    ///
    /// # Panics
    /// When `modify` panics; the receivers are then not notified.
    pub fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        let modified = self.inner.send_if_modified(modify);
        if modified {
            self.sent();
        }
        modified
    }

    /// Replaces the value, notifies the receivers, also when there is none, and returns the old value.
    pub fn send_replace(&self, value: T) -> T {
        let old = self.inner.send_replace(value);
        self.sent();
        old
    }

    /// The value. Senders wait while it is borrowed.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.inner.borrow()
    }

    /// Whether there is no receiver.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// Completes when there is no receiver.
    #[track_caller]
    pub fn closed(&self) -> impl Future<Output = ()> {
        self.end.wait(CLOSED, Location::caller(), self.inner.closed())
    }

    /// One more receiver, which has seen the value.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver { inner: self.inner.subscribe(), end: self.end.receiver() }
    }

    /// Receivers alive.
    pub fn receiver_count(&self) -> usize {
        self.inner.receiver_count()
    }

    /// Senders alive.
    pub fn sender_count(&self) -> usize {
        self.inner.sender_count()
    }

    /// Whether both are of the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    fn sent(&self) {
        self.end.sent_of(1, || None);
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), end: self.end.clone() }
    }
}

impl<T: Default> Default for Sender<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// A receiving half of [`channel`].
pub struct Receiver<T> {
    inner: inner::Receiver<T>,
    end: ReceiverEnd,
}

impl<T> Receiver<T> {
    /// The value. Senders wait while it is borrowed.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.inner.borrow()
    }

    /// The value, which is seen with that. Senders wait while it is borrowed.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let value = self.inner.borrow_and_update();
        if value.has_changed() {
            received(&self.end);
        }
        value
    }

    /// Whether there is a value that was not seen.
    ///
    /// # Errors
    /// When all senders are gone.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        self.inner.has_changed()
    }

    /// Whether all senders are gone.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// Makes the value one that was not seen.
    pub fn mark_changed(&mut self) {
        self.inner.mark_changed();
    }

    /// Makes the value one that was seen.
    pub fn mark_unchanged(&mut self) {
        self.inner.mark_unchanged();
    }

    /// Waits for a value that was not seen; it is seen with that. As tokio's; cancel safe.
    ///
    /// # Errors
    /// When all senders are gone.
    #[track_caller]
    pub fn changed(&mut self) -> impl Future<Output = Result<(), RecvError>> {
        let at = Location::caller();
        async move {
            self.end.wait(CHANGED, at, self.inner.changed()).await?;
            received(&self.end);
            Ok(())
        }
    }

    /// Waits for a value that `wanted` wants; the present one may be it. As tokio's; cancel safe.
    ///
    /// # Errors
    /// When all senders are gone.
    #[track_caller]
    pub fn wait_for(
        &mut self,
        mut wanted: impl FnMut(&T) -> bool,
    ) -> impl Future<Output = Result<Ref<'_, T>, RecvError>> {
        let at = Location::caller();
        async move {
            let end = &self.end;
            // The value that is there may have been seen; each that is asked for after it is new.
            let mut new = self.inner.has_changed().unwrap_or(false);
            let counting = move |value: &T| {
                if std::mem::replace(&mut new, true) {
                    received(end);
                }
                wanted(value)
            };
            end.wait(WAIT_FOR, at, self.inner.wait_for(counting)).await
        }
    }

    /// Whether both are of the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }
}

fn received(end: &ReceiverEnd) {
    end.received_of(1, || None);
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), end: self.end.clone() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
