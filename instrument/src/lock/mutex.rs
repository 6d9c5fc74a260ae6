//! `std`'s mutex, on record.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    panic::Location,
    sync::{self as inner, LockResult, TryLockResult},
    thread,
};

use super::{guarded, or_wait, record::LockRecord, try_guarded};

/// A mutex, as [`std::sync::Mutex`]: the same methods and poisoning.
///
/// ```
/// use taskscope::lock::Mutex;
///
/// static ACCOUNTS: Mutex<u64> = Mutex::with_name("accounts", 0);
///
/// *ACCOUNTS.lock().unwrap() += 1;
/// ```
pub struct Mutex<T: ?Sized> {
    record: LockRecord,
    inner: inner::Mutex<T>,
}

impl<T> Mutex<T> {
    /// A free mutex.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Self::with_name("", value)
    }

    /// A free mutex with a name for the console; empty: none.
    #[track_caller]
    pub const fn with_name(name: &'static str, value: T) -> Self {
        Self { record: LockRecord::new("Mutex", name, Location::caller()), inner: inner::Mutex::new(value) }
    }

    /// The value. No one can hold the lock.
    ///
    /// # Errors
    /// A holder panicked; the value is in the error.
    pub fn into_inner(self) -> LockResult<T> {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Blocks the thread until the lock is free, and takes it.
    ///
    /// # Errors
    /// A holder panicked; the guard is in the error.
    ///
    /// # Panics
    /// It may, when this thread holds it already, as `std`'s.
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let at = Location::caller();
        let wait = || self.record.wait("Mutex::lock", at, || self.inner.lock(), |_| true);
        guarded(or_wait(self.inner.try_lock(), wait), |inner| MutexGuard::new(self, inner, at))
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    /// It is held, or a holder panicked; the guard is then in the error.
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let at = Location::caller();
        try_guarded(self.inner.try_lock(), |inner| MutexGuard::new(self, inner, at))
    }

    /// Whether a holder panicked.
    pub fn is_poisoned(&self) -> bool {
        self.inner.is_poisoned()
    }

    /// Forgets that a holder panicked.
    pub fn clear_poison(&self) {
        self.inner.clear_poison();
        self.record.poisoned(false);
    }

    /// The value. No one can hold the lock.
    ///
    /// # Errors
    /// A holder panicked; the value is in the error.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.inner.get_mut()
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
        self.inner.fmt(f)
    }
}

/// The lock is held as long as this lives.
#[must_use = "the lock is released at once when the guard is not kept"]
pub struct MutexGuard<'a, T: ?Sized> {
    // Before the lock is released.
    hold: Hold<'a>,
    inner: inner::MutexGuard<'a, T>,
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    #[inline]
    fn new(mutex: &'a Mutex<T>, inner: inner::MutexGuard<'a, T>, at: &'static Location<'static>) -> Self {
        Self { hold: Hold::new(&mutex.record, at), inner }
    }

    /// For a condition variable: `std`'s guard, and the hold that is to be dropped before the lock is released.
    pub(super) fn into_parts(self) -> (Hold<'a>, inner::MutexGuard<'a, T>) {
        (self.hold, self.inner)
    }

    pub(super) fn from_parts(hold: Hold<'a>, inner: inner::MutexGuard<'a, T>) -> Self {
        Self { hold, inner }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// An exclusive hold; ends when it is dropped.
pub(super) struct Hold<'a> {
    record: &'a LockRecord,
    /// Whether the thread was panicking when it began: only a panic during the hold poisons the lock, as `std` has it.
    panicking: bool,
}

impl<'a> Hold<'a> {
    #[inline]
    pub(super) fn new(record: &'a LockRecord, at: &'static Location<'static>) -> Self {
        record.acquired(at);
        Self { record, panicking: thread::panicking() }
    }

    pub(super) fn record(&self) -> &'a LockRecord {
        self.record
    }
}

impl Drop for Hold<'_> {
    #[inline]
    fn drop(&mut self) {
        self.record.released();
        if thread::panicking() && !self.panicking {
            self.record.poisoned(true);
        }
    }
}
