//! The writer's guards.

use std::panic::Location;

use tokio::sync as inner;

use super::{RwLock, RwLockReadGuard};
use crate::{
    source::unrecorded,
    sync::{guard::write_guard, hold::Hold, slot::Slot, wait::Taken},
};

/// Writes a [`RwLock`] until it is dropped.
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    // Dropped before tokio's guard: the hold ends just before the lock is let go.
    hold: Hold,
    inner: inner::RwLockWriteGuard<'a, Slot<T>>,
}

/// A [`RwLockWriteGuard`] of a part of the value.
#[clippy::has_significant_drop]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    hold: Hold,
    inner: inner::RwLockMappedWriteGuard<'a, T>,
}

write_guard!(['a, T: ?Sized] RwLockWriteGuard<'a, T>, T, inner.value);
write_guard!(['a, T: ?Sized] RwLockMappedWriteGuard<'a, T>, T, inner);

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    #[inline]
    pub(super) fn new(
        lock: &'a RwLock<T>,
        inner: inner::RwLockWriteGuard<'a, Slot<T>>,
        taken: Option<Taken>,
    ) -> Self {
        Self { hold: Hold::begin(taken, || inner.record(lock)), inner }
    }

    /// Guards a part of the value instead.
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let Self { hold, inner } = this;
        RwLockMappedWriteGuard { hold, inner: inner::RwLockWriteGuard::map(inner, |slot| f(&mut slot.value)) }
    }

    /// Guards a part of the value instead, if there is one.
    ///
    /// # Errors
    /// The guard itself, when `f` gives none.
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Self { hold, inner } = this;
        match inner::RwLockWriteGuard::try_map(inner, |slot| f(&mut slot.value)) {
            Ok(inner) => Ok(RwLockMappedWriteGuard { hold, inner }),
            Err(inner) => Err(Self { hold, inner }),
        }
    }

    /// As [`RwLockWriteGuard::map`] with all of the value.
    pub fn into_mapped(this: Self) -> RwLockMappedWriteGuard<'a, T> {
        Self::map(this, |value| value)
    }

    /// Reads from now on, without a moment in which others could write.
    #[track_caller]
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        let Self { hold, inner } = self;
        let hold = hold.downgrade(Location::caller());
        let inner = unrecorded(|| inner.downgrade());
        RwLockReadGuard { hold, inner: inner::RwLockReadGuard::map(inner, |slot| &slot.value) }
    }

    /// Reads a part of the value from now on, without a moment in which others could write.
    #[track_caller]
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let at = Location::caller();
        let Self { hold, inner } = this;
        let inner = inner::RwLockWriteGuard::downgrade_map(inner, |slot| f(&slot.value));
        RwLockReadGuard { hold: hold.downgrade(at), inner }
    }

    /// Reads a part of the value from now on, if there is one.
    ///
    /// # Errors
    /// The guard itself, when `f` gives none.
    #[track_caller]
    pub fn try_downgrade_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        let at = Location::caller();
        let Self { hold, inner } = this;
        match inner::RwLockWriteGuard::try_downgrade_map(inner, |slot| f(&slot.value)) {
            Ok(inner) => Ok(RwLockReadGuard { hold: hold.downgrade(at), inner }),
            Err(inner) => Err(Self { hold, inner }),
        }
    }
}

impl<'a, T: ?Sized> RwLockMappedWriteGuard<'a, T> {
    /// Guards a part of the part instead.
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let Self { hold, inner } = this;
        RwLockMappedWriteGuard { hold, inner: inner::RwLockMappedWriteGuard::map(inner, f) }
    }

    /// Guards a part of the part instead, if there is one.
    ///
    /// # Errors
    /// The guard itself, when `f` gives none.
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Self { hold, inner } = this;
        match inner::RwLockMappedWriteGuard::try_map(inner, f) {
            Ok(inner) => Ok(RwLockMappedWriteGuard { hold, inner }),
            Err(inner) => Err(Self { hold, inner }),
        }
    }
}
