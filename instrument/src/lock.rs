//! Blocking locks, with who holds them, who waits and how long on record.
//!
//! [`Mutex`], [`RwLock`] and [`Condvar`] have the API of those of `std::sync`, poisoning included. With the feature `lock-api`, [`RawMutex`] and
//! [`RawRwLock`] go around any raw lock of the `lock_api` crate, and with the feature `parking_lot` the module `parking_lot` has
//! that crate's locks so wrapped.
//!
//! A blocking lock that a task holds while it is pending, or that it waits for on a worker, holds up more than itself: who waits is on
//! record while the thread is blocked, with the task and the thread.
//!
//! A lock is on record from its first use after there was a recorder. Taking a free one costs one read of the clock and a few plain stores, and so does
//! releasing it; without a recorder one load.
//!
//! Limit: not for use in a global allocator, as the first use of a lock on a thread may allocate.

mod condvar;
mod mutex;
#[cfg(feature = "parking_lot")]
pub mod parking_lot;
#[cfg(feature = "lock-api")]
mod raw;
mod record;
mod rwlock;

pub use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult, WaitTimeoutResult};

#[cfg(feature = "lock-api")]
pub use self::raw::{RawMutex, RawRwLock};
pub use self::{
    condvar::Condvar,
    mutex::{Mutex, MutexGuard},
    rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// What a guard makes of the result of `std`'s lock.
fn guarded<G, H>(result: LockResult<G>, guard: impl FnOnce(G) -> H) -> LockResult<H> {
    match result {
        Ok(inner) => Ok(guard(inner)),
        Err(poisoned) => Err(PoisonError::new(guard(poisoned.into_inner()))),
    }
}

/// The same for an attempt.
fn try_guarded<G, H>(result: TryLockResult<G>, guard: impl FnOnce(G) -> H) -> TryLockResult<H> {
    match result {
        Ok(inner) => Ok(guard(inner)),
        Err(TryLockError::Poisoned(poisoned)) => {
            Err(TryLockError::Poisoned(PoisonError::new(guard(poisoned.into_inner()))))
        }
        Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
    }
}

/// An attempt's result, or what `wait` says when the lock is taken.
fn or_wait<G>(attempt: TryLockResult<G>, wait: impl FnOnce() -> LockResult<G>) -> LockResult<G> {
    match attempt {
        Ok(guard) => Ok(guard),
        Err(TryLockError::Poisoned(poisoned)) => Err(poisoned),
        Err(TryLockError::WouldBlock) => wait(),
    }
}
