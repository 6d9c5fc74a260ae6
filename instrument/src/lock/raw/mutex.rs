//! A raw mutex on record.

use std::panic::Location;

use lock_api::{RawMutex as Raw, RawMutexFair, RawMutexTimed};

use crate::lock::record::LockRecord;

/// A raw mutex of the `lock_api` crate, with its holder and its waiters on record.
///
/// `lock_api` makes locks from a constant, so where one was made is unknown unless it is made by [`RawMutex::with_name`].
///
/// ```
/// # #[cfg(feature = "parking_lot")] {
/// type Mutex<T> = lock_api::Mutex<taskscope::lock::RawMutex<parking_lot::RawMutex>, T>;
///
/// static ACCOUNTS: Mutex<u64> = Mutex::from_raw(taskscope::lock::RawMutex::with_name("accounts"), 0);
///
/// *ACCOUNTS.lock() += 1;
/// # }
/// ```
#[derive(Debug)]
pub struct RawMutex<R> {
    record: LockRecord,
    raw: R,
}

impl<R: Raw> RawMutex<R> {
    /// A free mutex with a name for the console; empty: none.
    #[track_caller]
    pub const fn with_name(name: &'static str) -> Self {
        Self { record: LockRecord::new("Mutex", name, Location::caller()), raw: R::INIT }
    }
}

impl<R> RawMutex<R> {
    #[inline]
    fn acquired(&self, got: bool, at: &'static Location<'static>) -> bool {
        if got {
            self.record.acquired(at);
        }
        got
    }
}

// SAFETY: `lock` and `try_lock` return (with success) only after `raw` was locked by `R`'s own method, and `unlock` does no more than to unlock it:
// the exclusion is that of `R`.
unsafe impl<R: Raw> Raw for RawMutex<R> {
    const INIT: Self = Self { record: LockRecord::constant("Mutex"), raw: R::INIT };

    type GuardMarker = R::GuardMarker;

    #[inline]
    #[track_caller]
    fn lock(&self) {
        let at = Location::caller();
        if !self.raw.try_lock() {
            self.record.wait("Mutex::lock", at, || self.raw.lock(), |()| true);
        }
        self.record.acquired(at);
    }

    #[inline]
    #[track_caller]
    fn try_lock(&self) -> bool {
        self.acquired(self.raw.try_lock(), Location::caller())
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.record.released();
        // SAFETY: the caller holds this lock, and so the one inside.
        unsafe { self.raw.unlock() }
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }
}

// SAFETY: as above; `bump` is `R`'s own.
unsafe impl<R: RawMutexFair> RawMutexFair for RawMutex<R> {
    #[inline]
    unsafe fn unlock_fair(&self) {
        self.record.released();
        // SAFETY: the caller holds this lock, and so the one inside.
        unsafe { self.raw.unlock_fair() }
    }

    #[inline]
    #[track_caller]
    unsafe fn bump(&self) {
        self.record.released();
        // SAFETY: the caller holds this lock, and so the one inside; it holds it again after.
        unsafe { self.raw.bump() }
        self.record.acquired(Location::caller());
    }
}

// SAFETY: as above: true is returned only when `R` returned it.
unsafe impl<R: RawMutexTimed> RawMutexTimed for RawMutex<R> {
    type Duration = R::Duration;
    type Instant = R::Instant;

    #[track_caller]
    fn try_lock_for(&self, timeout: R::Duration) -> bool {
        let at = Location::caller();
        let wait =
            || self.record.wait("Mutex::try_lock_for", at, || self.raw.try_lock_for(timeout), |got| *got);
        self.acquired(self.raw.try_lock() || wait(), at)
    }

    #[track_caller]
    fn try_lock_until(&self, timeout: R::Instant) -> bool {
        let at = Location::caller();
        let wait =
            || self.record.wait("Mutex::try_lock_until", at, || self.raw.try_lock_until(timeout), |got| *got);
        self.acquired(self.raw.try_lock() || wait(), at)
    }
}
