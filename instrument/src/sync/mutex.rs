//! tokio's mutex, with its holder and its waiters on record.

mod guards;

use std::{fmt, future::Future, panic::Location, sync::Arc};

use bytemuck::{TransparentWrapper, TransparentWrapperAlloc as _};
use taskscope_recorder::RecordKind;
use tokio::sync as inner;

pub use self::guards::{MappedMutexGuard, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard};
use super::{
    TryLockError,
    slot::{Slot, find},
    wait::{Call, Taken, acquire, block},
};
use crate::{
    source::unrecorded,
    tracked::{ResourceKind, Tracked},
};

const KIND: ResourceKind = ResourceKind { concrete_type: "Mutex", purpose: "Sync", record: RecordKind::Lock };

/// An async mutex, as [`tokio::sync::Mutex`]: the same methods, fairness, cancellation and panics.
///
/// Shown as a lock from its first acquisition on: who holds it since when and from where, who waits, and how long both took.
///
/// ```
/// use taskscope::sync::Mutex;
///
/// static ACCOUNTS: Mutex<u64> = Mutex::with_name("accounts", 0);
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// *ACCOUNTS.lock().await += 1;
/// # }
/// ```
#[derive(TransparentWrapper)]
#[repr(transparent)]
pub struct Mutex<T: ?Sized>(inner::Mutex<Slot<T>>);

impl<T> Mutex<T> {
    /// A free mutex.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Self::with_name("", value)
    }

    /// The same, for statics as with tokio's.
    #[track_caller]
    pub const fn const_new(value: T) -> Self {
        Self::with_name("", value)
    }

    /// A free mutex with a name for the console; empty: none.
    #[track_caller]
    pub const fn with_name(name: &'static str, value: T) -> Self {
        // Tokio makes no span for one of these, so it is one resource with and without `tokio_unstable`.
        Self(inner::Mutex::const_new(Slot::new(Tracked::named(KIND, name, Location::caller()), value)))
    }

    /// The value. No one can hold the lock.
    pub fn into_inner(self) -> T {
        self.0.into_inner().value
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until the lock is free, in order, and takes it. Cancel safe but for the place in the queue.
    #[track_caller]
    pub fn lock(&self) -> impl Future<Output = MutexGuard<'_, T>> {
        acquire(
            Call::here("Mutex::lock"),
            self,
            |lock| lock.0.try_lock().ok(),
            |lock| (find(*lock), lock.0.lock()),
            MutexGuard::new,
        )
    }

    /// The same with a guard that keeps the mutex alive.
    #[track_caller]
    pub fn lock_owned(self: Arc<Self>) -> impl Future<Output = OwnedMutexGuard<T>> {
        acquire(
            Call::here("Mutex::lock_owned"),
            self,
            |lock| Self::peel_arc(Arc::clone(lock)).try_lock_owned().ok(),
            |lock| (find(&**lock), Self::peel_arc(Arc::clone(lock)).lock_owned()),
            OwnedMutexGuard::new,
        )
    }

    /// Blocks the thread until the lock is free, and takes it.
    ///
    /// # Panics
    /// Within an async context.
    #[track_caller]
    pub fn blocking_lock(&self) -> MutexGuard<'_, T> {
        let (guard, taken) = block(
            Call::here("Mutex::blocking_lock"),
            || self.0.try_lock().ok(),
            || find(self),
            || self.0.blocking_lock(),
        );
        MutexGuard::new(self, guard, taken)
    }

    /// The same with a guard that keeps the mutex alive.
    ///
    /// # Panics
    /// Within an async context.
    #[track_caller]
    pub fn blocking_lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        let inner = Self::peel_arc(Arc::clone(&self));
        let (guard, taken) = block(
            Call::here("Mutex::blocking_lock_owned"),
            || Arc::clone(&inner).try_lock_owned().ok(),
            || find(&*self),
            || Arc::clone(&inner).blocking_lock_owned(),
        );
        OwnedMutexGuard::new(self, guard, taken)
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    /// It is held.
    #[track_caller]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        let guard = unrecorded(|| self.0.try_lock())?;
        Ok(MutexGuard::new(self, guard, Taken::now(Location::caller())))
    }

    /// The same with a guard that keeps the mutex alive.
    ///
    /// # Errors
    /// It is held.
    #[track_caller]
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        let guard = unrecorded(|| Self::peel_arc(Arc::clone(&self)).try_lock_owned())?;
        Ok(OwnedMutexGuard::new(self, guard, Taken::now(Location::caller())))
    }

    /// The value. No one can hold the lock.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.0.get_mut().value
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut mutex = f.debug_struct("Mutex");
        // Not an acquisition of the program's.
        match unrecorded(|| self.0.try_lock()) {
            Ok(slot) => mutex.field("data", &&slot.value),
            Err(_) => mutex.field("data", &format_args!("<locked>")),
        };
        mutex.finish()
    }
}
