//! `std`'s read-write lock, on record.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    panic::Location,
    sync::{self as inner, LockResult, TryLockResult},
};

use taskscope_recorder::HoldToken;

use super::{guarded, mutex::Hold, or_wait, record::LockRecord, try_guarded};

/// A read-write lock, as [`std::sync::RwLock`]: the same methods and poisoning.
///
/// ```
/// use taskscope::lock::RwLock;
///
/// static ROUTES: RwLock<Vec<&str>> = RwLock::with_name("routes", Vec::new());
///
/// ROUTES.write().unwrap().push("/");
/// assert_eq!(ROUTES.read().unwrap().len(), 1);
/// ```
pub struct RwLock<T: ?Sized> {
    record: LockRecord,
    inner: inner::RwLock<T>,
}

impl<T> RwLock<T> {
    /// A free lock.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Self::with_name("", value)
    }

    /// A free lock with a name for the console; empty: none.
    #[track_caller]
    pub const fn with_name(name: &'static str, value: T) -> Self {
        Self { record: LockRecord::new("RwLock", name, Location::caller()), inner: inner::RwLock::new(value) }
    }

    /// The value. No one can hold the lock.
    ///
    /// # Errors
    /// A writer panicked; the value is in the error.
    pub fn into_inner(self) -> LockResult<T> {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Blocks the thread until no writer has the lock, and takes it beside other readers.
    ///
    /// # Errors
    /// A writer panicked; the guard is in the error.
    ///
    /// # Panics
    /// It may, when this thread holds it already, as `std`'s.
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        let at = Location::caller();
        let wait = || self.record.wait("RwLock::read", at, || self.inner.read(), |_| true);
        guarded(or_wait(self.inner.try_read(), wait), |inner| RwLockReadGuard::new(self, inner, at))
    }

    /// Takes the lock beside other readers if no writer has it.
    ///
    /// # Errors
    /// A writer has it, or panicked; the guard is then in the error.
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        let at = Location::caller();
        try_guarded(self.inner.try_read(), |inner| RwLockReadGuard::new(self, inner, at))
    }

    /// Blocks the thread until the lock is free, and takes it.
    ///
    /// # Errors
    /// A writer panicked; the guard is in the error.
    ///
    /// # Panics
    /// It may, when this thread holds it already, as `std`'s.
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        let at = Location::caller();
        let wait = || self.record.wait("RwLock::write", at, || self.inner.write(), |_| true);
        guarded(or_wait(self.inner.try_write(), wait), |inner| RwLockWriteGuard::new(self, inner, at))
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    /// It is taken, or a writer panicked; the guard is then in the error.
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        let at = Location::caller();
        try_guarded(self.inner.try_write(), |inner| RwLockWriteGuard::new(self, inner, at))
    }

    /// Whether a writer panicked.
    pub fn is_poisoned(&self) -> bool {
        self.inner.is_poisoned()
    }

    /// Forgets that a writer panicked.
    pub fn clear_poison(&self) {
        self.inner.clear_poison();
        self.record.poisoned(false);
    }

    /// The value. No one can hold the lock.
    ///
    /// # Errors
    /// A writer panicked; the value is in the error.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.inner.get_mut()
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
        self.inner.fmt(f)
    }
}

/// The lock is held beside other readers as long as this lives.
#[must_use = "the lock is released at once when the guard is not kept"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    // Before the lock is released.
    _hold: SharedHold<'a>,
    inner: inner::RwLockReadGuard<'a, T>,
}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    fn new(
        lock: &'a RwLock<T>,
        inner: inner::RwLockReadGuard<'a, T>,
        at: &'static Location<'static>,
    ) -> Self {
        Self { _hold: SharedHold { record: &lock.record, token: lock.record.shared(at) }, inner }
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// A reader's hold; ends when it is dropped.
struct SharedHold<'a> {
    record: &'a LockRecord,
    token: Option<HoldToken>,
}

impl Drop for SharedHold<'_> {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            self.record.released_shared(token);
        }
    }
}

/// The lock is held alone as long as this lives.
#[must_use = "the lock is released at once when the guard is not kept"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    // Before the lock is released.
    _hold: Hold<'a>,
    inner: inner::RwLockWriteGuard<'a, T>,
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    fn new(
        lock: &'a RwLock<T>,
        inner: inner::RwLockWriteGuard<'a, T>,
        at: &'static Location<'static>,
    ) -> Self {
        Self { _hold: Hold::new(&lock.record, at), inner }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
