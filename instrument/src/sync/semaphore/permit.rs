//! Permits held. What they are worth is counted here; tokio's semaphore gets it back when they are dropped.

use std::{fmt, sync::Arc};

use taskscope_recorder::LockRef;
use tokio::sync as inner;

use super::Semaphore;
use crate::sync::{hold::SharedHold, wait::Taken};

/// Permits of a [`Semaphore`], given back when dropped.
#[must_use]
#[clippy::has_significant_drop]
pub struct SemaphorePermit<'a> {
    // Dropped before tokio's: the hold ends just before the permits are let go.
    hold: SharedHold,
    inner: inner::SemaphorePermit<'a>,
    semaphore: &'a Semaphore,
}

/// Permits of a [`Semaphore`], which they keep alive, given back when dropped.
#[must_use]
#[clippy::has_significant_drop]
pub struct OwnedSemaphorePermit {
    hold: SharedHold,
    given_back: GivenBack,
}

/// Permits that tokio has forgotten: they are given back here.
struct GivenBack {
    semaphore: Arc<Semaphore>,
    permits: usize,
}

impl Drop for GivenBack {
    fn drop(&mut self) {
        self.semaphore.add_permits(self.permits);
    }
}

impl<'a> SemaphorePermit<'a> {
    pub(super) fn new(
        semaphore: &'a Semaphore,
        inner: inner::SemaphorePermit<'a>,
        taken: Option<Taken>,
    ) -> Self {
        let hold = SharedHold::begin(taken, inner.num_permits(), || semaphore.tracked.lock());
        Self { hold, inner, semaphore }
    }

    /// Never gives them back.
    pub fn forget(self) {
        self.inner.forget();
    }

    /// Takes the permits of another over.
    ///
    /// # Panics
    /// If the other is of another semaphore.
    #[track_caller]
    pub fn merge(&mut self, other: Self) {
        self.inner.merge(other.inner);
        self.hold.resize(self.inner.num_permits());
    }

    /// Gives `n` of them to a new permit; `None` if there are fewer.
    pub fn split(&mut self, n: usize) -> Option<Self> {
        let inner = self.inner.split(n)?;
        let hold = self.hold.split(self.inner.num_permits(), n);
        Some(Self { hold, inner, semaphore: self.semaphore })
    }

    /// The semaphore they are of.
    pub fn semaphore(&self) -> &Semaphore {
        self.semaphore
    }

    /// How many.
    pub fn num_permits(&self) -> usize {
        self.inner.num_permits()
    }
}

impl OwnedSemaphorePermit {
    pub(super) fn new(semaphore: Arc<Semaphore>, permits: usize, taken: Option<Taken>) -> Self {
        let hold =
            SharedHold::begin(taken, permits, || semaphore.tracked.lock().map(LockRef::with_movable_guard));
        Self { hold, given_back: GivenBack { semaphore, permits } }
    }

    /// Never gives them back.
    pub fn forget(mut self) {
        self.given_back.permits = 0;
    }

    /// Takes the permits of another over.
    ///
    /// # Panics
    /// If the other is of another semaphore.
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        assert!(
            Arc::ptr_eq(self.semaphore(), other.semaphore()),
            "merging permits from different semaphore instances"
        );
        // Two of one semaphore, which has at most `MAX_PERMITS`.
        self.given_back.permits += std::mem::take(&mut other.given_back.permits);
        self.hold.resize(self.num_permits());
    }

    /// Gives `n` of them to a new permit; `None` if there are fewer.
    pub fn split(&mut self, n: usize) -> Option<Self> {
        let left = self.num_permits().checked_sub(n)?;
        self.given_back.permits = left;
        let given_back = GivenBack { semaphore: Arc::clone(self.semaphore()), permits: n };
        Some(Self { hold: self.hold.split(left, n), given_back })
    }

    /// The semaphore they are of.
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        &self.given_back.semaphore
    }

    /// How many.
    pub fn num_permits(&self) -> usize {
        self.given_back.permits
    }
}

impl fmt::Debug for SemaphorePermit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.inner, f)
    }
}

impl fmt::Debug for OwnedSemaphorePermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedSemaphorePermit")
            .field("sem", self.semaphore())
            .field("permits", &self.num_permits())
            .finish()
    }
}
