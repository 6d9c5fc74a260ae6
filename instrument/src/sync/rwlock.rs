//! tokio's readers-writer lock, with its holders and its waiters on record.

mod owned;
mod read;
mod write;

use std::{fmt, future::Future, panic::Location, sync::Arc};

use bytemuck::{TransparentWrapper, TransparentWrapperAlloc as _};
use taskscope_recorder::RecordKind;
use tokio::sync as inner;

pub use self::{
    owned::{OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard},
    read::RwLockReadGuard,
    write::{RwLockMappedWriteGuard, RwLockWriteGuard},
};
use super::{
    TryLockError,
    slot::{Slot, find},
    wait::{Call, Taken, acquire, block},
};
use crate::{
    source::unrecorded,
    tracked::{ResourceKind, Tracked},
};

const KIND: ResourceKind =
    ResourceKind { concrete_type: "RwLock", purpose: "Sync", record: RecordKind::Lock };

/// An async readers-writer lock, as [`tokio::sync::RwLock`]: the same methods, fairness, cancellation and panics.
///
/// Shown as a lock from its first acquisition on; up to eight readers by name, further ones as a number. A downgrade counts as the end of
/// one hold and the begin of another.
///
/// ```
/// use taskscope::sync::RwLock;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let routes = RwLock::with_name("routes", vec!["/"]);
/// routes.write().await.push("/health");
/// assert_eq!(routes.read().await.len(), 2);
/// # }
/// ```
#[derive(TransparentWrapper)]
#[repr(transparent)]
pub struct RwLock<T: ?Sized>(inner::RwLock<Slot<T>>);

impl<T> RwLock<T> {
    /// A free lock.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Self::with_name("", value)
    }

    /// The same, for statics as with tokio's.
    #[track_caller]
    pub const fn const_new(value: T) -> Self {
        Self::with_name("", value)
    }

    /// A free lock with a name for the console; empty: none.
    #[track_caller]
    pub const fn with_name(name: &'static str, value: T) -> Self {
        // Tokio makes no span for one of these, so it is one resource with and without `tokio_unstable`.
        Self(inner::RwLock::const_new(Slot::new(Tracked::named(KIND, name, Location::caller()), value)))
    }

    /// A free lock that at most so many can read at once.
    ///
    /// # Panics
    /// If `max_reads` is 0 or above `u32::MAX >> 3`.
    #[track_caller]
    pub const fn with_max_readers(value: T, max_reads: u32) -> Self {
        Self::const_with_max_readers(value, max_reads)
    }

    /// The same, for statics as with tokio's.
    ///
    /// # Panics
    /// If `max_reads` is 0 or above `u32::MAX >> 3`.
    #[track_caller]
    pub const fn const_with_max_readers(value: T, max_reads: u32) -> Self {
        let slot = Slot::new(Tracked::named(KIND, "", Location::caller()), value);
        Self(inner::RwLock::const_with_max_readers(slot, max_reads))
    }

    /// The value. No one can hold the lock.
    pub fn into_inner(self) -> T {
        self.0.into_inner().value
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until no one writes, nor waited to write before, and reads.
    #[track_caller]
    pub fn read(&self) -> impl Future<Output = RwLockReadGuard<'_, T>> {
        acquire(
            Call::here("RwLock::read"),
            self,
            |lock| lock.0.try_read().ok(),
            |lock| (find(*lock), lock.0.read()),
            RwLockReadGuard::new,
        )
    }

    /// The same with a guard that keeps the lock alive.
    #[track_caller]
    pub fn read_owned(self: Arc<Self>) -> impl Future<Output = OwnedRwLockReadGuard<T>> {
        acquire(
            Call::here("RwLock::read_owned"),
            self,
            |lock| Self::peel_arc(Arc::clone(lock)).try_read_owned().ok(),
            |lock| (find(&**lock), Self::peel_arc(Arc::clone(lock)).read_owned()),
            OwnedRwLockReadGuard::new,
        )
    }

    /// Waits until the lock is free, in order, and writes.
    #[track_caller]
    pub fn write(&self) -> impl Future<Output = RwLockWriteGuard<'_, T>> {
        acquire(
            Call::here("RwLock::write"),
            self,
            |lock| lock.0.try_write().ok(),
            |lock| (find(*lock), lock.0.write()),
            RwLockWriteGuard::new,
        )
    }

    /// The same with a guard that keeps the lock alive.
    #[track_caller]
    pub fn write_owned(self: Arc<Self>) -> impl Future<Output = OwnedRwLockWriteGuard<T>> {
        acquire(
            Call::here("RwLock::write_owned"),
            self,
            |lock| Self::peel_arc(Arc::clone(lock)).try_write_owned().ok(),
            |lock| (find(&**lock), Self::peel_arc(Arc::clone(lock)).write_owned()),
            OwnedRwLockWriteGuard::new,
        )
    }

    /// Blocks the thread until it can read.
    ///
    /// # Panics
    /// Within an async context.
    #[track_caller]
    pub fn blocking_read(&self) -> RwLockReadGuard<'_, T> {
        let (guard, taken) = block(
            Call::here("RwLock::blocking_read"),
            || self.0.try_read().ok(),
            || find(self),
            || self.0.blocking_read(),
        );
        RwLockReadGuard::new(self, guard, taken)
    }

    /// Blocks the thread until it can write.
    ///
    /// # Panics
    /// Within an async context.
    #[track_caller]
    pub fn blocking_write(&self) -> RwLockWriteGuard<'_, T> {
        let (guard, taken) = block(
            Call::here("RwLock::blocking_write"),
            || self.0.try_write().ok(),
            || find(self),
            || self.0.blocking_write(),
        );
        RwLockWriteGuard::new(self, guard, taken)
    }

    /// Reads if it can be done at once.
    ///
    /// # Errors
    /// A writer holds it or waits.
    #[track_caller]
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        let guard = unrecorded(|| self.0.try_read())?;
        Ok(RwLockReadGuard::new(self, guard, Taken::now(Location::caller())))
    }

    /// The same with a guard that keeps the lock alive.
    ///
    /// # Errors
    /// A writer holds it or waits.
    #[track_caller]
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        let guard = unrecorded(|| Self::peel_arc(Arc::clone(&self)).try_read_owned())?;
        Ok(OwnedRwLockReadGuard::new(self, guard, Taken::now(Location::caller())))
    }

    /// Writes if it can be done at once.
    ///
    /// # Errors
    /// It is held.
    #[track_caller]
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        let guard = unrecorded(|| self.0.try_write())?;
        Ok(RwLockWriteGuard::new(self, guard, Taken::now(Location::caller())))
    }

    /// The same with a guard that keeps the lock alive.
    ///
    /// # Errors
    /// It is held.
    #[track_caller]
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        let guard = unrecorded(|| Self::peel_arc(Arc::clone(&self)).try_write_owned())?;
        Ok(OwnedRwLockWriteGuard::new(self, guard, Taken::now(Location::caller())))
    }

    /// The value. No one can hold the lock.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.0.get_mut().value
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lock = f.debug_struct("RwLock");
        // Not an acquisition of the program's.
        match unrecorded(|| self.0.try_read()) {
            Ok(slot) => lock.field("data", &&slot.value),
            Err(_) => lock.field("data", &format_args!("<locked>")),
        };
        lock.finish()
    }
}
