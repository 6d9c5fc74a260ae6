//! Guards of a mutex. Each ends its hold just before tokio's guard lets the lock go: fields drop in order.

use std::sync::Arc;

use taskscope_recorder::LockRef;
use tokio::sync as inner;

use super::Mutex;
use crate::sync::{guard::write_guard, hold::Hold, slot::Slot, wait::Taken};

/// Holds a [`Mutex`] until it is dropped.
#[must_use = "if unused the Mutex will immediately unlock"]
#[clippy::has_significant_drop]
pub struct MutexGuard<'a, T: ?Sized> {
    hold: Hold,
    inner: inner::MutexGuard<'a, Slot<T>>,
    lock: &'a Mutex<T>,
}

/// Holds a [`Mutex`], and keeps it alive, until it is dropped.
#[clippy::has_significant_drop]
pub struct OwnedMutexGuard<T: ?Sized> {
    hold: Hold,
    inner: inner::OwnedMutexGuard<Slot<T>>,
    lock: Arc<Mutex<T>>,
}

/// A [`MutexGuard`] of a part of the value.
#[must_use = "if unused the Mutex will immediately unlock"]
#[clippy::has_significant_drop]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    hold: Hold,
    inner: inner::MappedMutexGuard<'a, T>,
}

/// An [`OwnedMutexGuard`] of a part of the value.
#[must_use = "if unused the Mutex will immediately unlock"]
#[clippy::has_significant_drop]
pub struct OwnedMappedMutexGuard<T: ?Sized, U: ?Sized = T> {
    hold: Hold,
    inner: inner::OwnedMappedMutexGuard<Slot<T>, U>,
}

write_guard!(['a, T: ?Sized] MutexGuard<'a, T>, T, inner.value);
write_guard!([T: ?Sized] OwnedMutexGuard<T>, T, inner.value);
write_guard!(['a, T: ?Sized] MappedMutexGuard<'a, T>, T, inner);
write_guard!([T: ?Sized, U: ?Sized] OwnedMappedMutexGuard<T, U>, U, inner);

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    #[inline]
    pub(super) fn new(
        lock: &'a Mutex<T>,
        inner: inner::MutexGuard<'a, Slot<T>>,
        taken: Option<Taken>,
    ) -> Self {
        Self { hold: Hold::begin(taken, || inner.record(lock)), inner, lock }
    }

    /// Guards a part of the value instead.
    pub fn map<U, F>(this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let Self { hold, inner, .. } = this;
        MappedMutexGuard { hold, inner: inner::MutexGuard::map(inner, |slot| f(&mut slot.value)) }
    }

    /// Guards a part of the value instead, if there is one.
    ///
    /// # Errors
    /// The guard itself, when `f` gives none.
    pub fn try_map<U, F>(this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Self { hold, inner, lock } = this;
        match inner::MutexGuard::try_map(inner, |slot| f(&mut slot.value)) {
            Ok(inner) => Ok(MappedMutexGuard { hold, inner }),
            Err(inner) => Err(Self { hold, inner, lock }),
        }
    }

    /// The mutex it is of.
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.lock
    }
}

impl<T: ?Sized> OwnedMutexGuard<T> {
    #[inline]
    pub(super) fn new(
        lock: Arc<Mutex<T>>,
        inner: inner::OwnedMutexGuard<Slot<T>>,
        taken: Option<Taken>,
    ) -> Self {
        Self {
            hold: Hold::begin(taken, || inner.record(&*lock).map(LockRef::with_movable_guard)),
            inner,
            lock,
        }
    }

    /// Guards a part of the value instead.
    pub fn map<U, F>(this: Self, f: F) -> OwnedMappedMutexGuard<T, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let Self { hold, inner, .. } = this;
        OwnedMappedMutexGuard { hold, inner: inner::OwnedMutexGuard::map(inner, |slot| f(&mut slot.value)) }
    }

    /// Guards a part of the value instead, if there is one.
    ///
    /// # Errors
    /// The guard itself, when `f` gives none.
    pub fn try_map<U, F>(this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Self { hold, inner, lock } = this;
        match inner::OwnedMutexGuard::try_map(inner, |slot| f(&mut slot.value)) {
            Ok(inner) => Ok(OwnedMappedMutexGuard { hold, inner }),
            Err(inner) => Err(Self { hold, inner, lock }),
        }
    }

    /// The mutex it is of.
    pub fn mutex(this: &Self) -> &Arc<Mutex<T>> {
        &this.lock
    }
}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// Guards a part of the part instead.
    pub fn map<U, F>(this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let Self { hold, inner } = this;
        MappedMutexGuard { hold, inner: inner::MappedMutexGuard::map(inner, f) }
    }

    /// Guards a part of the part instead, if there is one.
    ///
    /// # Errors
    /// The guard itself, when `f` gives none.
    pub fn try_map<U, F>(this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Self { hold, inner } = this;
        match inner::MappedMutexGuard::try_map(inner, f) {
            Ok(inner) => Ok(MappedMutexGuard { hold, inner }),
            Err(inner) => Err(Self { hold, inner }),
        }
    }
}

impl<T: ?Sized, U: ?Sized> OwnedMappedMutexGuard<T, U> {
    /// Guards a part of the part instead.
    pub fn map<S, F>(this: Self, f: F) -> OwnedMappedMutexGuard<T, S>
    where
        F: FnOnce(&mut U) -> &mut S,
    {
        let Self { hold, inner } = this;
        OwnedMappedMutexGuard { hold, inner: inner::OwnedMappedMutexGuard::map(inner, f) }
    }

    /// Guards a part of the part instead, if there is one.
    ///
    /// # Errors
    /// The guard itself, when `f` gives none.
    pub fn try_map<S, F>(this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, S>, Self>
    where
        F: FnOnce(&mut U) -> Option<&mut S>,
    {
        let Self { hold, inner } = this;
        match inner::OwnedMappedMutexGuard::try_map(inner, f) {
            Ok(inner) => Ok(OwnedMappedMutexGuard { hold, inner }),
            Err(inner) => Err(Self { hold, inner }),
        }
    }
}
