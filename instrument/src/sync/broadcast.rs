//! tokio's broadcast channel, with who sends, who receives, who waits and who missed values on record.
//!
//! Same API and errors as [`tokio::sync::broadcast`]. The depth on record is what the slowest receiver has not received yet. It is exact
//! when no value was being sent while that receiver subscribed, or once it has waited; with more than [`MAX_SEATS`] receivers at
//! once it is unknown.
//!
//! ```
//! use taskscope::sync::broadcast;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (sender, mut receiver) = broadcast::channel(8);
//! sender.send("hello").unwrap();
//! assert_eq!(receiver.recv().await.unwrap(), "hello");
//! # }
//! ```

mod seats;

use std::{
    fmt,
    future::{Future, poll_fn},
    panic::Location,
    pin::pin,
    sync::Arc,
};

use tokio::sync::broadcast as inner;
pub use tokio::sync::broadcast::error;

pub use self::seats::MAX_SEATS;
use self::{
    error::{RecvError, SendError, TryRecvError},
    seats::{Seat, Seats},
};
use crate::sync::channel::{Channel, NewChannel, ReceiverEnd, SenderEnd, WeakEnd, What, kind};

const RECV: What = What::empty("Receiver::recv");
const RECV_BLOCKING: What = What::empty("Receiver::blocking_recv");
const CLOSED: What = What::end("Sender::closed");

/// Makes a channel that keeps the last `capacity` values, rounded up to a power of two.
///
/// # Panics
/// If `capacity` is 0 or above half of `usize::MAX`.
#[track_caller]
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    pair("", capacity, Location::caller())
}

/// The same with a name for the console.
///
/// # Panics
/// If `capacity` is 0 or above half of `usize::MAX`.
#[track_caller]
pub fn channel_with_name<T: Clone>(name: &'static str, capacity: usize) -> (Sender<T>, Receiver<T>) {
    pair(name, capacity, Location::caller())
}

#[track_caller]
fn pair<T: Clone>(
    name: &'static str,
    capacity: usize,
    at: &'static Location<'static>,
) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = inner::channel(capacity);
    let (end, receiver_end) = Channel::make(&describe(name, capacity, at));
    let seats = Arc::new(Seats::new(capacity.next_power_of_two()));
    let seat = seats.take(0);
    (Sender { end, seats, inner: sender }, Receiver { end: receiver_end, seat, inner: receiver })
}

fn describe(name: &'static str, capacity: usize, at: &'static Location<'static>) -> NewChannel {
    let capacity = capacity.next_power_of_two() as u64;
    NewChannel { kind: kind("broadcast"), name, at, capacity, receivers_close: false }
}

/// A sending half of [`channel`].
pub struct Sender<T> {
    inner: inner::Sender<T>,
    end: SenderEnd,
    seats: Arc<Seats>,
}

impl<T> Sender<T> {
    /// A channel without a receiver yet.
    ///
    /// # Panics
    /// If `capacity` is 0 or above half of `usize::MAX`.
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        let inner = inner::Sender::new(capacity);
        let end = Channel::make_sender(&describe("", capacity, Location::caller()));
        Self { end, seats: Arc::new(Seats::new(capacity.next_power_of_two())), inner }
    }

    /// Sends to all receivers and returns how many there are; never waits.
    ///
    /// # Errors
    /// The value, when there is no receiver.
    pub fn send(&self, value: T) -> Result<usize, SendError<T>> {
        let receivers = self.inner.send(value)?;
        self.seats.sent();
        self.end.sent_of(1, || self.seats.depth());
        Ok(receivers)
    }

    /// One more receiver, of what is sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        let position = self.seats.position();
        let inner = self.inner.subscribe();
        Receiver { end: self.end.receiver(), seat: self.seats.take(position), inner }
    }

    /// A sender that does not keep the channel open.
    #[must_use = "it does not consume the sender"]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender {
            end: self.end.downgrade(),
            seats: Arc::clone(&self.seats),
            inner: self.inner.downgrade(),
        }
    }

    /// Values that at least one receiver has not received.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether all receivers have received all.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Receivers alive.
    pub fn receiver_count(&self) -> usize {
        self.inner.receiver_count()
    }

    /// Whether both are of the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    /// Completes when there is no receiver.
    #[track_caller]
    pub fn closed(&self) -> impl Future<Output = ()> {
        self.end.wait(CLOSED, Location::caller(), self.inner.closed())
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
        Self { end: self.end.clone(), seats: Arc::clone(&self.seats), inner: self.inner.clone() }
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
    seats: Arc<Seats>,
}

impl<T> WeakSender<T> {
    /// A sender, if there still is one.
    #[must_use]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let inner = self.inner.upgrade()?;
        Some(Sender { end: self.end.upgrade(), seats: Arc::clone(&self.seats), inner })
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
        Self { end: self.end.clone(), seats: Arc::clone(&self.seats), inner: self.inner.clone() }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// A receiving half of [`channel`].
pub struct Receiver<T> {
    inner: inner::Receiver<T>,
    seat: Seat,
    end: ReceiverEnd,
}

impl<T> Receiver<T> {
    /// Values that this receiver has not received, those that it missed included.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether this receiver has received all.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Whether both are of the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    /// Senders alive.
    pub fn sender_strong_count(&self) -> usize {
        self.inner.sender_strong_count()
    }

    /// Weak senders alive.
    pub fn sender_weak_count(&self) -> usize {
        self.inner.sender_weak_count()
    }

    /// Whether all senders are gone.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }
}

impl<T: Clone> Receiver<T> {
    /// One more receiver, of what is sent from now on.
    pub fn resubscribe(&self) -> Self {
        let position = self.seat.seats().position();
        let inner = self.inner.resubscribe();
        Self { end: self.end.clone(), seat: self.seat.seats().take(position), inner }
    }

    /// Receives the next value. As tokio's; cancel safe.
    ///
    /// # Errors
    /// `Lagged` with how many values this receiver missed, or `Closed`.
    #[track_caller]
    pub fn recv(&mut self) -> impl Future<Output = Result<T, RecvError>> {
        let at = Location::caller();
        async move {
            let seat = &self.seat;
            let received = {
                let mut recv = pin!(self.inner.recv());
                let noting = poll_fn(|context| {
                    let position = seat.seats().position();
                    let polled = recv.as_mut().poll(context);
                    if polled.is_pending() {
                        seat.caught_up(position);
                    }
                    polled
                });
                self.end.wait(RECV, at, noting).await
            };
            self.record(&received);
            received
        }
    }

    /// Receives a value if there is one.
    ///
    /// # Errors
    /// `Empty`, `Lagged` with how many values this receiver missed, or `Closed`.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let position = self.seat.seats().position();
        let received = self.inner.try_recv();
        match &received {
            Ok(_) => self.record(&Ok(())),
            Err(TryRecvError::Lagged(missed)) => self.record::<()>(&Err(RecvError::Lagged(*missed))),
            Err(TryRecvError::Empty) => self.seat.caught_up(position),
            Err(TryRecvError::Closed) => {}
        }
        received
    }

    /// Receives the next value and blocks the thread until there is one.
    ///
    /// # Errors
    /// `Lagged` with how many values this receiver missed, or `Closed`.
    ///
    /// # Panics
    /// Inside async code, as tokio's.
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Result<T, RecvError> {
        // Only this receiver takes its values, so what is there now stays.
        let received = if self.inner.is_empty() {
            self.end.block(RECV_BLOCKING, Location::caller(), || self.inner.blocking_recv())
        } else {
            self.inner.blocking_recv()
        };
        self.record(&received);
        received
    }

    fn record<V>(&self, received: &Result<V, RecvError>) {
        match received {
            Ok(_) => {
                self.seat.advance(1);
                self.end.received_of(1, || self.seat.seats().depth());
            }
            Err(RecvError::Lagged(missed)) => {
                self.seat.advance(*missed);
                self.end.lagged(*missed);
            }
            Err(RecvError::Closed) => {}
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
