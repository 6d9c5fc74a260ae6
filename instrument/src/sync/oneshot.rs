//! tokio's oneshot channel, with who waits and who should send on record.
//!
//! Same API and errors as [`tokio::sync::oneshot`]. The "last sender" on record is the task (or thread) that last called a method of the sender;
//! until then it is unknown, as who makes the channel mostly hands the sender to another task. A sender that is only moved is not seen to
//! move: the record is a clue to who keeps a receiver waiting, not proof. `sent` says whether anything was sent.
//!
//! ```
//! use taskscope::sync::oneshot;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (sender, receiver) = oneshot::channel();
//! sender.send("hello").unwrap();
//! assert_eq!(receiver.await, Ok("hello"));
//! # }
//! ```

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::oneshot as inner;
pub use tokio::sync::oneshot::error;

use self::error::{RecvError, TryRecvError};
use crate::sync::channel::{Channel, NewChannel, ReceiverEnd, SenderEnd, Waiting, What, kind};

const RECV: What = What::empty("Receiver::recv");
const RECV_BLOCKING: What = What::empty("Receiver::blocking_recv");
const CLOSED: What = What::end("Sender::closed");

/// Makes a channel for one value.
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    make("", Location::caller())
}

/// The same with a name for the console.
#[track_caller]
pub fn channel_with_name<T>(name: &'static str) -> (Sender<T>, Receiver<T>) {
    make(name, Location::caller())
}

fn make<T>(name: &'static str, at: &'static Location<'static>) -> (Sender<T>, Receiver<T>) {
    let new = NewChannel { kind: kind("oneshot"), name, at, capacity: 1, receivers_close: true };
    let (end, receiver_end) = Channel::make(&new);
    let (sender, receiver) = crate::source::unrecorded(inner::channel);
    end.starts_empty();
    (
        Sender { waiting: None, inner: sender, end },
        Receiver { waiting: None, inner: receiver, end: receiver_end },
    )
}

/// The sending half of [`channel`].
pub struct Sender<T> {
    waiting: Option<Waiting>,
    inner: inner::Sender<T>,
    end: SenderEnd,
}

impl<T> Sender<T> {
    /// Sends; never waits.
    ///
    /// # Errors
    /// The value, when the receiver is gone.
    pub fn send(self, value: T) -> Result<(), T> {
        self.inner.send(value)?;
        self.end.sent(1);
        Ok(())
    }

    /// Completes when the receiver is closed or dropped.
    #[track_caller]
    pub fn closed(&mut self) -> impl Future<Output = ()> {
        self.end.sent(0);
        self.end.wait(CLOSED, Location::caller(), self.inner.closed())
    }

    /// Whether the receiver is closed or dropped.
    pub fn is_closed(&self) -> bool {
        self.end.sent(0);
        self.inner.is_closed()
    }

    /// Polls for the receiver to be closed or dropped.
    #[track_caller]
    pub fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Self { end, inner, waiting } = self;
        end.sent(0);
        end.poll(waiting, CLOSED, Location::caller(), || inner.poll_closed(context))
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// The receiving half of [`channel`]: a future of the value.
pub struct Receiver<T> {
    waiting: Option<Waiting>,
    inner: inner::Receiver<T>,
    end: ReceiverEnd,
}

impl<T> Receiver<T> {
    /// Closes this half: no value can be sent any more; one that was sent can still be received.
    pub fn close(&mut self) {
        self.inner.close();
        self.end.closed();
    }

    /// Whether it has completed.
    pub fn is_terminated(&self) -> bool {
        self.inner.is_terminated()
    }

    /// Whether no value waits.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Receives the value if it is there.
    ///
    /// # Errors
    /// `Empty`, or `Closed` when the sender is gone or the value was received.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let value = self.inner.try_recv()?;
        self.end.received(1);
        Ok(value)
    }

    /// Receives the value and blocks the thread until it is there.
    ///
    /// # Errors
    /// When the sender was dropped without sending.
    ///
    /// # Panics
    /// Inside async code, as tokio's.
    #[track_caller]
    pub fn blocking_recv(self) -> Result<T, RecvError> {
        let Self { waiting, inner, end } = self;
        drop(waiting);
        let received = if inner.is_empty() {
            end.block(RECV_BLOCKING, Location::caller(), || inner.blocking_recv())
        } else {
            inner.blocking_recv()
        };
        if received.is_ok() {
            end.received(1);
        }
        received
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    // The caller is the `.await`, unless another future lies between.
    #[track_caller]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let at = Location::caller();
        let Self { end, inner, waiting } = self.get_mut();
        let polled = end.poll(waiting, RECV, at, || Pin::new(inner).poll(context));
        if let Poll::Ready(Ok(_)) = &polled {
            end.received(1);
        }
        polled
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
