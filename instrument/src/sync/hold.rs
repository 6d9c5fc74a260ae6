//! Holds: who has a lock, since when and from where. A hold ends when it is dropped, just before tokio releases the lock.

use std::panic::Location;

use taskscope_recorder::{HoldToken, LockRef};

use super::wait::{self, Taken};

/// An exclusive hold, so that its record needs plain stores only.
#[derive(Debug)]
pub(super) struct Hold {
    lock: Option<LockRef<'static>>,
}

impl Hold {
    /// `lock` is asked for only when there is a recorder.
    #[inline]
    pub(super) fn begin(taken: Option<Taken>, lock: impl FnOnce() -> Option<LockRef<'static>>) -> Self {
        let begin = |taken: Taken| {
            let lock = lock()?;
            if let Some(waited) = taken.waited {
                lock.waited(waited);
            }
            lock.acquired_exclusive(taken.recorder.sites.place_number(taken.at), taken.now);
            Some(lock)
        };
        Self { lock: taken.and_then(begin) }
    }

    /// The writer becomes a reader.
    pub(super) fn downgrade(self, at: &'static Location<'static>) -> SharedHold {
        let lock = self.lock;
        drop(self);
        SharedHold::begin(lock.and_then(|_| Taken::now(at)), 1, || lock)
    }
}

impl Drop for Hold {
    #[inline]
    fn drop(&mut self) {
        if let (Some(lock), Some(recorder)) = (self.lock, wait::recorder()) {
            lock.released_exclusive(recorder.clock().ticks());
        }
    }
}

/// Beside others: a reader's, or permits.
#[derive(Debug)]
pub(super) struct SharedHold {
    held: Option<(LockRef<'static>, HoldToken)>,
}

impl SharedHold {
    /// `lock` is asked for only when there is a recorder.
    #[inline]
    pub(super) fn begin(
        taken: Option<Taken>,
        permits: usize,
        lock: impl FnOnce() -> Option<LockRef<'static>>,
    ) -> Self {
        let begin = |taken: Taken| {
            let lock = lock()?;
            if let Some(waited) = taken.waited {
                lock.waited(waited);
            }
            let place = taken.recorder.sites.place_number(taken.at);
            Some((lock, lock.acquired_shared(as_u32(permits), place, taken.now)))
        };
        Self { held: taken.and_then(begin) }
    }

    /// It has so many permits from now on.
    pub(super) fn resize(&self, permits: usize) {
        if let Some((lock, token)) = &self.held {
            lock.resized_shared(token, as_u32(permits));
        }
    }

    /// It has `left` permits from now on, and another hold has `split`: of the same holder, since the same time.
    pub(super) fn split(&self, left: usize, split: usize) -> Self {
        let held = self.held.as_ref();
        Self {
            held: held.map(|(lock, token)| (*lock, lock.split_shared(token, as_u32(left), as_u32(split)))),
        }
    }
}

impl Drop for SharedHold {
    #[inline]
    fn drop(&mut self) {
        if let (Some((lock, token)), Some(recorder)) = (self.held.take(), wait::recorder()) {
            lock.released_shared(token, recorder.clock().ticks());
        }
    }
}

/// More permits than fit are shown as the most that do.
fn as_u32(permits: usize) -> u32 {
    u32::try_from(permits).unwrap_or(u32::MAX)
}
