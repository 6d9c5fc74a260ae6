//! The reader's guard.

use tokio::sync as inner;

use super::RwLock;
use crate::sync::{guard::read_guard, hold::SharedHold, slot::Slot, wait::Taken};

/// Reads a [`RwLock`] until it is dropped.
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    // Dropped before tokio's guard: the hold ends just before the lock is let go.
    pub(super) hold: SharedHold,
    pub(super) inner: inner::RwLockReadGuard<'a, T>,
}

read_guard!(['a, T: ?Sized] RwLockReadGuard<'a, T>, T, inner);

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    #[inline]
    pub(super) fn new(
        lock: &'a RwLock<T>,
        inner: inner::RwLockReadGuard<'a, Slot<T>>,
        taken: Option<Taken>,
    ) -> Self {
        let hold = SharedHold::begin(taken, 1, || inner.record(lock));
        Self { hold, inner: inner::RwLockReadGuard::map(inner, |slot| &slot.value) }
    }

    /// Guards a part of the value instead.
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let Self { hold, inner } = this;
        RwLockReadGuard { hold, inner: inner::RwLockReadGuard::map(inner, f) }
    }

    /// Guards a part of the value instead, if there is one.
    ///
    /// # Errors
    /// The guard itself, when `f` gives none.
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        let Self { hold, inner } = this;
        match inner::RwLockReadGuard::try_map(inner, f) {
            Ok(inner) => Ok(RwLockReadGuard { hold, inner }),
            Err(inner) => Err(Self { hold, inner }),
        }
    }
}
