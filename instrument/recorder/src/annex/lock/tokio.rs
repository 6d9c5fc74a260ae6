//! A lock as tokio's own events tell of it: taken on the new holder's thread, given after the fact, by whoever.
//!
//! Invariant: exclusion is tokio's, so a second holder proves that the first one's release is on its way. Its hold ends there, and the late
//! event is met by `late_releases`.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use super::{LockRef, flag};
use crate::{clock::Ticks, task::Waker};

impl LockRef<'_> {
    /// `locked = true`: the current task holds it alone.
    pub(crate) fn taken_exclusive(&self, now: Ticks) {
        let lock = self.lock;
        lock.acquisitions.fetch_add(1, Relaxed);
        let me = Waker::actor();
        let since = lock.since.load(Relaxed);
        if lock.holder.load(Acquire) == 0 {
            lock.since.store(now, Relaxed);
            lock.holder.swap(me, AcqRel);
        } else {
            // Announced first: whoever releases in between finds the one or the other.
            lock.late_releases.fetch_add(1, AcqRel);
            if lock.holder.swap(me, AcqRel) == 0 {
                lock.late_releases.fetch_sub(1, AcqRel);
            } else {
                self.held(now.saturating_sub(since));
            }
            lock.since.store(now, Relaxed);
        }
        self.page.shared.set();
    }

    /// `locked = false`: somebody has let it go, mostly the current task.
    pub(crate) fn given_exclusive(&self, now: Ticks) {
        let lock = self.lock;
        let holder = lock.holder.load(Acquire);
        let since = lock.since.load(Relaxed);
        if holder != Waker::actor() {
            if lock.late_releases.load(Acquire) > 0 {
                lock.late_releases.fetch_sub(1, AcqRel);
                return;
            }
            // Nobody holds it: the event of its making.
            if holder == 0 {
                return;
            }
            // A guard that was given to another task.
        }
        if lock.holder.compare_exchange(holder, 0, AcqRel, Relaxed).is_ok() {
            lock.free_since.store(now, Relaxed);
            self.held(now.saturating_sub(since));
        }
        self.page.shared.set();
    }

    /// `permits` of it are the current task's, or one reader's.
    pub(crate) fn taken_shared(&self, permits: u32, now: Ticks) {
        self.lock.acquisitions.fetch_add(1, Relaxed);
        let cell = self.holders().and_then(|holders| holders.add(Waker::actor(), permits, false, 0, now));
        if cell.is_none() {
            self.lock.more.fetch_add(permits, Relaxed);
        }
        self.page.shared.set();
    }

    /// `permits` of it were let go by the current task, whoever took them: its own first, then those that nobody can tell, then the oldest.
    pub(crate) fn given_shared(&self, permits: u32, now: Ticks) {
        let lock = self.lock;
        let me = Waker::actor();
        let ended = |since: Ticks| self.held(now.saturating_sub(since));
        let Some(holders) = self.holders() else { return };
        let mut left = holders.take_from(me, false, permits, ended);
        // A waiter that gave up after it was given some.
        left = holders.take_from(me, true, left, |_| {});
        if left > 0 {
            let uncounted = lock.more.fetch_update(AcqRel, Acquire, |more| Some(more - more.min(left)));
            left -= left.min(uncounted.unwrap_or(0));
        }
        left = holders.take_from_oldest(left, ended);
        if left > 0 {
            // Taken by `try_acquire`, which tokio says nothing of, or never taken by anybody.
            lock.flags.fetch_or(flag::UNSEEN, Relaxed);
        }
        lock.free_since.store(now, Relaxed);
        self.page.shared.set();
    }

    /// `permits` were given to a waiter that has not taken them yet; they are nobody's until it does.
    pub(crate) fn reserved(&self, waiter: u64, permits: u32, now: Ticks) {
        if let Some(holders) = self.holders() {
            // Without a cell a waiter that gives up looks like one that releases: the oldest is taken for it.
            let _none_left = holders.add(waiter, permits, true, 0, now);
        }
    }

    /// The waiter that they were reserved for has come for them, or never will.
    pub(crate) fn claimed(&self, waiter: u64, permits: u32) {
        if let Some(holders) = self.holders() {
            holders.take_from(waiter, true, permits, |_| {});
        }
    }

    /// Whether its holders are derived from permits.
    pub(crate) fn by_permits(&self) -> bool {
        self.lock.flags.load(Relaxed) & flag::PERMITS != 0
    }
}
