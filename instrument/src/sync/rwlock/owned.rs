//! Guards that keep the lock alive.

use std::{panic::Location, sync::Arc};

use taskscope_recorder::LockRef;
use tokio::sync as inner;

use super::RwLock;
use crate::{
    source::unrecorded,
    sync::{
        guard::{read_guard, write_guard},
        hold::{Hold, SharedHold},
        slot::Slot,
        wait::Taken,
    },
};

/// Reads a [`RwLock`], and keeps it alive, until it is dropped.
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct OwnedRwLockReadGuard<T: ?Sized, U: ?Sized = T> {
    // Dropped before tokio's guard: the hold ends just before the lock is let go.
    hold: SharedHold,
    inner: inner::OwnedRwLockReadGuard<Slot<T>, U>,
    lock: Arc<RwLock<T>>,
}

/// Writes a [`RwLock`], and keeps it alive, until it is dropped.
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    hold: Hold,
    inner: inner::OwnedRwLockWriteGuard<Slot<T>>,
    lock: Arc<RwLock<T>>,
}

/// An [`OwnedRwLockWriteGuard`] of a part of the value.
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct OwnedRwLockMappedWriteGuard<T: ?Sized, U: ?Sized = T> {
    hold: Hold,
    inner: inner::OwnedRwLockMappedWriteGuard<Slot<T>, U>,
    lock: Arc<RwLock<T>>,
}

read_guard!([T: ?Sized, U: ?Sized] OwnedRwLockReadGuard<T, U>, U, inner);
write_guard!([T: ?Sized] OwnedRwLockWriteGuard<T>, T, inner.value);
write_guard!([T: ?Sized, U: ?Sized] OwnedRwLockMappedWriteGuard<T, U>, U, inner);

impl<T: ?Sized> OwnedRwLockReadGuard<T> {
    #[inline]
    pub(super) fn new(
        lock: Arc<RwLock<T>>,
        inner: inner::OwnedRwLockReadGuard<Slot<T>>,
        taken: Option<Taken>,
    ) -> Self {
        let hold = SharedHold::begin(taken, 1, || inner.record(&*lock).map(LockRef::with_movable_guard));
        Self { hold, inner: inner::OwnedRwLockReadGuard::map(inner, |slot| &slot.value), lock }
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockReadGuard<T, U> {
    /// Guards a part of the value instead.
    pub fn map<F, V: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, V>
    where
        F: FnOnce(&U) -> &V,
    {
        let Self { hold, inner, lock } = this;
        OwnedRwLockReadGuard { hold, inner: inner::OwnedRwLockReadGuard::map(inner, f), lock }
    }

    /// Guards a part of the value instead, if there is one.
    ///
    /// # Errors
    /// The guard itself, when `f` gives none.
    pub fn try_map<F, V: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockReadGuard<T, V>, Self>
    where
        F: FnOnce(&U) -> Option<&V>,
    {
        let Self { hold, inner, lock } = this;
        match inner::OwnedRwLockReadGuard::try_map(inner, f) {
            Ok(inner) => Ok(OwnedRwLockReadGuard { hold, inner, lock }),
            Err(inner) => Err(Self { hold, inner, lock }),
        }
    }

    /// The lock it is of.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.lock
    }
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    #[inline]
    pub(super) fn new(
        lock: Arc<RwLock<T>>,
        inner: inner::OwnedRwLockWriteGuard<Slot<T>>,
        taken: Option<Taken>,
    ) -> Self {
        Self {
            hold: Hold::begin(taken, || inner.record(&*lock).map(LockRef::with_movable_guard)),
            inner,
            lock,
        }
    }

    /// Guards a part of the value instead.
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let Self { hold, inner, lock } = this;
        let inner = inner::OwnedRwLockWriteGuard::map(inner, |slot| f(&mut slot.value));
        OwnedRwLockMappedWriteGuard { hold, inner, lock }
    }

    /// Guards a part of the value instead, if there is one.
    ///
    /// # Errors
    /// The guard itself, when `f` gives none.
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockMappedWriteGuard<T, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Self { hold, inner, lock } = this;
        match inner::OwnedRwLockWriteGuard::try_map(inner, |slot| f(&mut slot.value)) {
            Ok(inner) => Ok(OwnedRwLockMappedWriteGuard { hold, inner, lock }),
            Err(inner) => Err(Self { hold, inner, lock }),
        }
    }

    /// As [`OwnedRwLockWriteGuard::map`] with all of the value.
    pub fn into_mapped(this: Self) -> OwnedRwLockMappedWriteGuard<T> {
        Self::map(this, |value| value)
    }

    /// Reads from now on, without a moment in which others could write.
    #[track_caller]
    pub fn downgrade(self) -> OwnedRwLockReadGuard<T> {
        let Self { hold, inner, lock } = self;
        let hold = hold.downgrade(Location::caller());
        let inner = unrecorded(|| inner.downgrade());
        OwnedRwLockReadGuard {
            hold,
            inner: inner::OwnedRwLockReadGuard::map(inner, |slot| &slot.value),
            lock,
        }
    }

    /// Reads a part of the value from now on, without a moment in which others could write.
    #[track_caller]
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let at = Location::caller();
        let Self { hold, inner, lock } = this;
        let inner = inner::OwnedRwLockWriteGuard::downgrade_map(inner, |slot| f(&slot.value));
        OwnedRwLockReadGuard { hold: hold.downgrade(at), inner, lock }
    }

    /// Reads a part of the value from now on, if there is one.
    ///
    /// # Errors
    /// The guard itself, when `f` gives none.
    #[track_caller]
    pub fn try_downgrade_map<F, U: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockReadGuard<T, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        let at = Location::caller();
        let Self { hold, inner, lock } = this;
        match inner::OwnedRwLockWriteGuard::try_downgrade_map(inner, |slot| f(&slot.value)) {
            Ok(inner) => Ok(OwnedRwLockReadGuard { hold: hold.downgrade(at), inner, lock }),
            Err(inner) => Err(Self { hold, inner, lock }),
        }
    }

    /// The lock it is of.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.lock
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockMappedWriteGuard<T, U> {
    /// Guards a part of the part instead.
    pub fn map<F, V: ?Sized>(this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, V>
    where
        F: FnOnce(&mut U) -> &mut V,
    {
        let Self { hold, inner, lock } = this;
        OwnedRwLockMappedWriteGuard { hold, inner: inner::OwnedRwLockMappedWriteGuard::map(inner, f), lock }
    }

    /// Guards a part of the part instead, if there is one.
    ///
    /// # Errors
    /// The guard itself, when `f` gives none.
    pub fn try_map<F, V: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockMappedWriteGuard<T, V>, Self>
    where
        F: FnOnce(&mut U) -> Option<&mut V>,
    {
        let Self { hold, inner, lock } = this;
        match inner::OwnedRwLockMappedWriteGuard::try_map(inner, f) {
            Ok(inner) => Ok(OwnedRwLockMappedWriteGuard { hold, inner, lock }),
            Err(inner) => Err(Self { hold, inner, lock }),
        }
    }

    /// The lock it is of.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.lock
    }
}
