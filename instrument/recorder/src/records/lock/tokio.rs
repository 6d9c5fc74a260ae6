//! A lock as tokio's own events report it: acquired on the new holder's thread, released a moment later, on any thread.
//!
//! Invariant: exclusion is tokio's, so a second holder proves that the first one's release is on its way. Its hold ends there, and the late
//! event is met by `late_releases`.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use super::{Entry, LockRef, flag};
use crate::{clock::Ticks, resource::Change, task::Agent};

impl LockRef<'_> {
    /// `locked = true`: the current task holds it alone.
    pub(crate) fn taken_exclusive(&self, now: Ticks) {
        let lock = self.lock;
        lock.acquisitions.fetch_add(1, Relaxed);
        let me = Agent::actor();
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

    /// `locked = false`: it was released, mostly by the current task.
    pub(crate) fn given_exclusive(&self, now: Ticks) {
        let lock = self.lock;
        let holder = lock.holder.load(Acquire);
        let since = lock.since.load(Relaxed);
        if holder != Agent::actor() {
            if lock.late_releases.load(Acquire) > 0 {
                lock.late_releases.fetch_sub(1, AcqRel);
                return;
            }
            // It has no holder: this is the event of its creation.
            if holder == 0 {
                return;
            }
            // A guard that was given to another task.
        }
        self.let_go(holder);
        if lock.holder.compare_exchange(holder, 0, AcqRel, Relaxed).is_ok() {
            lock.free_since.store(now, Relaxed);
            self.held(now.saturating_sub(since));
        }
        self.page.shared.set();
    }

    /// `permits` of it are the current task's, or one reader's.
    pub(crate) fn taken_shared(&self, permits: u32, now: Ticks) {
        self.lock.acquisitions.fetch_add(1, Relaxed);
        let me = Agent::actor();
        // Only until the first release: after it a semaphore is one whose permits come back.
        if self.lock.flags.load(Relaxed) & (flag::PERMITS | flag::RELEASES | flag::AGAIN) == flag::PERMITS
            && self.holders().is_some_and(|holders| holders.holds(me))
        {
            self.lock.flags.fetch_or(flag::AGAIN, Relaxed);
        }
        let entry = Entry { holder: me, permits, given: false, place: 0, since: now };
        let cell = self.holders().and_then(|holders| holders.add(&entry, self.may_grow()));
        if cell.is_none() {
            self.lock.more.fetch_add(permits, Relaxed);
        }
        self.page.shared.set();
    }

    /// The current task released `permits`, whoever took them: its own first, then those of unlisted holders, then the oldest.
    pub(crate) fn given_shared(&self, permits: u32, now: Ticks) {
        let lock = self.lock;
        let me = Agent::actor();
        let ended = |since: Ticks| self.held(now.saturating_sub(since));
        let Some(holders) = self.holders() else { return };
        let mut left = holders.take_from(me, false, permits, ended);
        if left < permits {
            self.set(flag::RELEASES);
        }
        // A waiter that gave up after it was given some.
        left = holders.take_from(me, true, left, |_| {});
        if left > 0 {
            self.set(flag::MOVED);
            self.mark(flag::REFILLED);
            let uncounted = lock.more.fetch_update(AcqRel, Acquire, |more| Some(more - more.min(left)));
            left -= left.min(uncounted.unwrap_or(0));
        }
        left = holders.take_from_oldest(left, ended);
        if left > 0 {
            // Taken by `try_acquire`, which tokio says nothing of, or never taken by anybody.
            self.mark(flag::UNSEEN);
        }
        lock.free_since.store(now, Relaxed);
        self.page.shared.set();
    }

    /// `permits` were given to a waiter that has not taken them yet; until then no one holds them.
    pub(crate) fn reserved(&self, waiter: u64, permits: u32, now: Ticks) {
        if let Some(holders) = self.holders() {
            // Without a cell a waiter that gives up looks like one that releases: the oldest is taken for it.
            let entry = Entry { holder: waiter, permits, given: true, place: 0, since: now };
            let _none_left = holders.add(&entry, self.may_grow());
        }
    }

    /// The waiter that they were reserved for has come for them, or never will.
    pub(crate) fn claimed(&self, waiter: u64, permits: u32) {
        if let Some(holders) = self.holders() {
            holders.take_from(waiter, true, permits, |_| {});
        }
    }

    /// Of a semaphore: so many permits are free now. When as many are free as ever were, there is no holder, whatever was recorded before.
    pub(crate) fn free_permits(&self, permits: u32, change: Change) {
        let lock = self.lock;
        let free = match change {
            Change::Override => {
                lock.free.store(permits, Relaxed);
                lock.most_free.store(permits, Relaxed);
                return;
            }
            Change::Sub => {
                lock.free.fetch_sub(permits, AcqRel);
                return;
            }
            Change::Add => lock.free.fetch_add(permits, AcqRel).wrapping_add(permits),
        };
        // 0: how many there were at first is not known. More than ever: some were added, or taken by `try_acquire`, which tokio says nothing of.
        let most = lock.most_free.load(Acquire);
        if most == 0 || free != most {
            lock.most_free.fetch_max(if most == 0 { 0 } else { free }, AcqRel);
            return;
        }
        if let Some(holders) = self.holders() {
            holders.clear();
        }
        lock.more.store(0, Relaxed);
        // Permits that never come back from who took them: that is how this semaphore is used.
        let stays = if lock.flags.load(Relaxed) & flag::RELEASES == 0 { 0 } else { flag::REFILLED };
        lock.flags.fetch_and(!(flag::UNSEEN | stays), Relaxed);
        self.page.shared.set();
    }

    /// More holders than its own block has cells for are listed as long as they are known: those of a semaphore whose permits are given back by others are not.
    fn may_grow(&self) -> bool {
        self.lock.flags.load(Relaxed) & flag::REFILLED == 0
    }

    /// Sets a flag of a lock whose holders are derived from permits.
    fn mark(&self, flag: u32) {
        if self.by_permits() {
            self.set(flag);
        }
    }

    /// Whether its holders are derived from permits.
    pub(crate) fn by_permits(&self) -> bool {
        self.lock.by_permits()
    }
}
