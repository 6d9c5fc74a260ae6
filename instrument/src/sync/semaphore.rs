//! tokio's semaphore, with who holds its permits and who waits for some on record.

mod permit;

use std::{fmt, future::Future, panic::Location, sync::Arc};

use taskscope_recorder::RecordKind;
use tokio::sync as inner;

pub use self::permit::{OwnedSemaphorePermit, SemaphorePermit};
use super::{
    AcquireError, TryAcquireError,
    wait::{Call, Taken, acquire, block},
};
use crate::{
    source::unrecorded,
    tracked::{ResourceKind, Tracked},
};

const KIND: ResourceKind =
    ResourceKind { concrete_type: "Semaphore", purpose: "Sync", record: RecordKind::Lock };

/// An async semaphore, as [`tokio::sync::Semaphore`]: the same methods, fairness, cancellation and panics.
///
/// Shown as a lock from its first use on; up to eight holders by name, further ones as a number. Forgotten permits have no holder.
///
/// ```
/// use taskscope::sync::Semaphore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let slots = Semaphore::with_name("slots", 2);
/// let slot = slots.acquire().await.unwrap();
/// assert_eq!(slots.available_permits(), 1);
/// # drop(slot);
/// # }
/// ```
pub struct Semaphore {
    tracked: Tracked,
    inner: inner::Semaphore,
}

impl Semaphore {
    /// Permits that a semaphore can have at most.
    pub const MAX_PERMITS: usize = inner::Semaphore::MAX_PERMITS;

    /// A semaphore with so many permits.
    ///
    /// # Panics
    /// Above [`Semaphore::MAX_PERMITS`].
    #[track_caller]
    pub const fn new(permits: usize) -> Self {
        Self::with_name("", permits)
    }

    /// The same, for statics as with tokio's.
    ///
    /// # Panics
    /// Above [`Semaphore::MAX_PERMITS`].
    #[track_caller]
    pub const fn const_new(permits: usize) -> Self {
        Self::with_name("", permits)
    }

    /// A semaphore with a name for the console; empty: none.
    ///
    /// # Panics
    /// Above [`Semaphore::MAX_PERMITS`].
    #[track_caller]
    pub const fn with_name(name: &'static str, permits: usize) -> Self {
        // Tokio makes no span for one of these, so it is one resource with and without `tokio_unstable`.
        Self {
            tracked: Tracked::named(KIND, name, Location::caller()),
            inner: inner::Semaphore::const_new(permits),
        }
    }

    /// Permits that are free now.
    pub fn available_permits(&self) -> usize {
        self.inner.available_permits()
    }

    /// Adds permits.
    ///
    /// # Panics
    /// Past [`Semaphore::MAX_PERMITS`].
    pub fn add_permits(&self, n: usize) {
        unrecorded(|| self.inner.add_permits(n));
    }

    /// Takes up to `n` free permits away for good, and says how many.
    pub fn forget_permits(&self, n: usize) -> usize {
        self.inner.forget_permits(n)
    }

    /// Waits for a permit, in order.
    ///
    /// # Errors
    /// The semaphore is closed.
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = Result<SemaphorePermit<'_>, AcquireError>> {
        self.taking(Call::here("Semaphore::acquire"), 1)
    }

    /// Waits for `n` permits, in order.
    ///
    /// # Errors
    /// The semaphore is closed.
    #[track_caller]
    pub fn acquire_many(&self, n: u32) -> impl Future<Output = Result<SemaphorePermit<'_>, AcquireError>> {
        self.taking(Call::here("Semaphore::acquire_many"), n)
    }

    fn taking(&self, call: Call, n: u32) -> impl Future<Output = Result<SemaphorePermit<'_>, AcquireError>> {
        acquire(
            call,
            self,
            move |semaphore| semaphore.attempt(n).ok().map(Ok),
            move |semaphore| (semaphore.tracked.id(), semaphore.inner.acquire_many(n)),
            move |semaphore, permit, taken| Ok(SemaphorePermit::new(semaphore, permit?, taken)),
        )
    }

    /// Takes a permit if one is free.
    ///
    /// # Errors
    /// None is, or the semaphore is closed.
    #[track_caller]
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits if so many are free.
    ///
    /// # Errors
    /// They are not, or the semaphore is closed.
    #[track_caller]
    pub fn try_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        let permit = self.attempt(n)?;
        Ok(SemaphorePermit::new(self, permit, Taken::now(Location::caller())))
    }

    fn attempt(&self, n: u32) -> Result<inner::SemaphorePermit<'_>, TryAcquireError> {
        unrecorded(|| self.inner.try_acquire_many(n))
    }

    /// Blocks the thread until a permit is free, and takes it.
    ///
    /// # Errors
    /// The semaphore is closed.
    ///
    /// # Panics
    /// Within an async context.
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.blocking(Call::here("Semaphore::blocking_acquire"), 1)
    }

    /// Blocks the thread until `n` permits are free, and takes them.
    ///
    /// # Errors
    /// The semaphore is closed.
    ///
    /// # Panics
    /// Within an async context.
    #[track_caller]
    pub fn blocking_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.blocking(Call::here("Semaphore::blocking_acquire_many"), n)
    }

    #[track_caller]
    fn blocking(&self, call: Call, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        let (permit, taken) = block(
            call,
            || self.attempt(n).ok().map(Ok),
            || self.tracked.id(),
            || self.inner.blocking_acquire_many(n),
        );
        Ok(SemaphorePermit::new(self, permit?, taken))
    }

    /// No permit can be had any more; waiters get an error.
    pub fn close(&self) {
        self.inner.close();
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }
}

/// The same with permits that keep the semaphore alive.
impl Semaphore {
    /// Waits for a permit, in order.
    ///
    /// # Errors
    /// The semaphore is closed.
    #[track_caller]
    pub fn acquire_owned(
        self: Arc<Self>,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> {
        self.taking_owned(Call::here("Semaphore::acquire_owned"), 1)
    }

    /// Waits for `n` permits, in order.
    ///
    /// # Errors
    /// The semaphore is closed.
    #[track_caller]
    pub fn acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> {
        self.taking_owned(Call::here("Semaphore::acquire_many_owned"), n)
    }

    fn taking_owned(
        self: Arc<Self>,
        call: Call,
        n: u32,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> {
        acquire(
            call,
            self,
            // A permit of tokio's can't outlive the borrow: from here on it is the caller's to give back.
            move |semaphore| semaphore.attempt(n).ok().map(inner::SemaphorePermit::forget).map(Ok),
            move |semaphore| {
                let this = Arc::clone(semaphore);
                let future =
                    async move { this.inner.acquire_many(n).await.map(inner::SemaphorePermit::forget) };
                (semaphore.tracked.id(), future)
            },
            move |semaphore, permits, taken| {
                permits.map(|()| OwnedSemaphorePermit::new(semaphore, n as usize, taken))
            },
        )
    }

    /// Takes a permit if one is free.
    ///
    /// # Errors
    /// None is, or the semaphore is closed.
    #[track_caller]
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// Takes `n` permits if so many are free.
    ///
    /// # Errors
    /// They are not, or the semaphore is closed.
    #[track_caller]
    pub fn try_acquire_many_owned(self: Arc<Self>, n: u32) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.attempt(n)?.forget();
        Ok(OwnedSemaphorePermit::new(self, n as usize, Taken::now(Location::caller())))
    }

    /// Blocks the thread until a permit is free, and takes it.
    ///
    /// # Errors
    /// The semaphore is closed.
    ///
    /// # Panics
    /// Within an async context.
    #[track_caller]
    pub fn blocking_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.blocking_owned(Call::here("Semaphore::blocking_acquire_owned"), 1)
    }

    /// Blocks the thread until `n` permits are free, and takes them.
    ///
    /// # Errors
    /// The semaphore is closed.
    ///
    /// # Panics
    /// Within an async context.
    #[track_caller]
    pub fn blocking_acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.blocking_owned(Call::here("Semaphore::blocking_acquire_many_owned"), n)
    }

    #[track_caller]
    fn blocking_owned(self: Arc<Self>, call: Call, n: u32) -> Result<OwnedSemaphorePermit, AcquireError> {
        let (permit, taken) = block(
            call,
            || self.attempt(n).ok().map(inner::SemaphorePermit::forget).map(Ok),
            || self.tracked.id(),
            || self.inner.blocking_acquire_many(n).map(inner::SemaphorePermit::forget),
        );
        permit?;
        Ok(OwnedSemaphorePermit::new(self, n as usize, taken))
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.inner, f)
    }
}
