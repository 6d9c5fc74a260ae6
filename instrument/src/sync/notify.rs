//! tokio's `Notify`, with who waits on record.

use std::{
    future::Future,
    panic::Location,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use taskscope_recorder::RecordKind;
use tokio::sync::{self as inner, futures as inner_futures};

use super::wait::{Call, Waiting};
use crate::tracked::{ResourceKind, Tracked};

const KIND: ResourceKind =
    ResourceKind { concrete_type: "Notify", purpose: "Sync", record: RecordKind::None };

/// Wakes tasks without a value, as [`tokio::sync::Notify`]: the same methods and order.
///
/// Shown from its first wait on. It has no holder: whoever will notify can't be known.
///
/// ```
/// use taskscope::sync::Notify;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let ready = Notify::with_name("ready");
/// ready.notify_one();
/// ready.notified().await;
/// # }
/// ```
#[derive(Debug)]
pub struct Notify {
    tracked: Tracked,
    // Tokio's owned futures need an `Arc`, and a constant can't have one: made at first use.
    inner: OnceLock<Arc<inner::Notify>>,
}

impl Notify {
    /// One without a notification.
    #[track_caller]
    pub const fn new() -> Self {
        Self::with_name("")
    }

    /// The same, for statics as with tokio's.
    #[track_caller]
    pub const fn const_new() -> Self {
        Self::with_name("")
    }

    /// One with a name for the console; empty: none.
    #[track_caller]
    pub const fn with_name(name: &'static str) -> Self {
        Self { tracked: Tracked::named(KIND, name, Location::caller()), inner: OnceLock::new() }
    }

    /// Completes at the next notification. From now on, polled or not, [`Notify::notify_waiters`] reaches it.
    #[track_caller]
    pub fn notified(&self) -> Notified<'_> {
        let call = Call::here("Notify::notified");
        Notified { waiting: Waiting::new(call, self.tracked.id(), self.inner().notified()) }
    }

    /// The same as a future that keeps this alive.
    #[track_caller]
    pub fn notified_owned(self: Arc<Self>) -> OwnedNotified {
        let call = Call::here("Notify::notified_owned");
        let future = Arc::clone(self.inner()).notified_owned();
        OwnedNotified { waiting: Waiting::new(call, self.tracked.id(), future), notify: self }
    }

    /// Wakes the one that has waited longest, or the next one that comes.
    pub fn notify_one(&self) {
        self.inner().notify_one();
    }

    /// Wakes the one that has waited shortest, or the next one that comes.
    pub fn notify_last(&self) {
        self.inner().notify_last();
    }

    /// Wakes all that wait.
    pub fn notify_waiters(&self) {
        self.inner().notify_waiters();
    }

    fn inner(&self) -> &Arc<inner::Notify> {
        self.inner.get_or_init(Arc::default)
    }
}

impl Default for Notify {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

pin_project! {
    /// Waits for a notification; made by [`Notify::notified`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Notified<'a> {
        #[pin]
        waiting: Waiting<inner_futures::Notified<'a>>,
    }
}

pin_project! {
    /// Waits for a notification; made by [`Notify::notified_owned`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct OwnedNotified {
        #[pin]
        waiting: Waiting<inner_futures::OwnedNotified>,
        notify: Arc<Notify>,
    }
}

impl Notified<'_> {
    /// Takes its place in the queue without a poll; whether it is notified already.
    pub fn enable(self: Pin<&mut Self>) -> bool {
        self.project().waiting.future().enable()
    }
}

impl OwnedNotified {
    /// Takes its place in the queue without a poll; whether it is notified already.
    pub fn enable(self: Pin<&mut Self>) -> bool {
        self.project().waiting.future().enable()
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.project().waiting.poll(context).map(|((), _)| ())
    }
}

impl Future for OwnedNotified {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.project().waiting.poll(context).map(|((), _)| ())
    }
}
