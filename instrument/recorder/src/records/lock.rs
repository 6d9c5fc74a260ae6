//! A lock: who holds it since when and from where, and what holding and waiting cost so far.
//!
//! Two ways of writing. A wrapper records an exclusive hold after it acquires and before it releases, so the holder is the only writer and stores
//! plainly. Tokio's own events come after a release, when the next holder may be writing already: they, and holders beside each other, add
//! atomically.
//!
//! 128 bytes: the first line is all that an uncontended exclusive hold touches. Histograms come with the third hold or the first wait.
//! Limit: [`MAX_HOLDERS`](super::holders::MAX_HOLDERS) of those who hold it beside each other are listed, further ones are counted.

mod permits;
mod reading;
mod tokio;

pub use reading::{Holder, LockHistograms, LockKnows, LockReading};

use std::sync::atomic::{
    AtomicI32, AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use super::{
    Records,
    holders::{Entry, Everyone, Grown},
};
use crate::{
    arena::{Page, Slot, is_slot_of},
    clock::Ticks,
    histogram::LockBlock,
    resource::Resource,
    task::Agent,
};

/// Bits of `Lock::flags`.
mod flag {
    pub(super) const POISONED: u32 = 1;
    /// Holders are derived from permits taken and given.
    pub(super) const PERMITS: u32 = 2;
    /// Permits were given back that no one was seen to take: the holders are unknown.
    pub(super) const UNSEEN: u32 = 4;
    /// At least one shared holder reported where it acquired the lock.
    pub(super) const PLACES: u32 = 8;
    /// A holder gave back permits that it had taken itself.
    pub(super) const RELEASES: u32 = 16;
    /// An agent gave back permits that others had taken: a guard that was moved, or `add_permits`. Who took is not who holds.
    pub(super) const REFILLED: u32 = 32;
    /// A holder took more permits: it may have forgotten the first ones, as a token bucket does.
    pub(super) const AGAIN: u32 = 64;
    /// It is acquired with guards that can move to another task.
    pub(super) const OWNED: u32 = 128;
    /// An agent released what another one had acquired. Never cleared.
    pub(super) const MOVED: u32 = 256;

    /// Whether holders that are derived from permits are unknown.
    pub(super) fn holders_unknown(flags: u32) -> bool {
        flags & (UNSEEN | REFILLED) != 0 || flags & (AGAIN | RELEASES) == AGAIN
    }

    /// Whether whoever took it need not hold it any more.
    pub(super) fn is_loose(flags: u32) -> bool {
        flags & MOVED != 0 || flags & (PERMITS | OWNED) != 0 && flags & RELEASES == 0
    }
}

/// See the module's text.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Lock {
    /// The exclusive holder; 0: none.
    holder: AtomicU64,
    since: AtomicU64,
    place: AtomicU32,
    /// Number of the histograms plus one.
    block: AtomicU32,
    acquisitions: AtomicU64,
    /// Finished holds, their sum and the longest.
    released: AtomicU64,
    hold: AtomicU64,
    longest_hold: AtomicU64,
    /// When the last hold ended.
    free_since: AtomicU64,

    contended: AtomicU64,
    wait: AtomicU64,
    longest_wait: AtomicU64,
    /// Releases by tokio's events that are still to come, though the next holder was seen already.
    late_releases: AtomicI32,
    /// Number of the shared holders plus one.
    holders: AtomicU32,
    /// More of them.
    grown: Grown,
    /// Holders beside each other that have no cell.
    more: AtomicU32,
    flags: AtomicU32,
    /// Slot of the resource that it is of.
    owner: AtomicU32,
    /// Of a semaphore, the permits that are free, as tokio's events report, and the most that ever were.
    free: AtomicU32,
    most_free: AtomicU32,
}

const _: () = assert!(is_slot_of::<Lock>(128), "the module's text says so");

impl Slot for Lock {
    const PAGE: usize = 1024;
    type Shared = ();
}

impl Lock {
    pub(super) fn reset(&self, owner: u32, by_permits: bool) {
        for zero in [
            &self.holder,
            &self.since,
            &self.acquisitions,
            &self.released,
            &self.hold,
            &self.longest_hold,
            &self.free_since,
            &self.contended,
            &self.wait,
            &self.longest_wait,
        ] {
            zero.store(0, Relaxed);
        }
        for zero in [&self.place, &self.block, &self.holders, &self.more, &self.free, &self.most_free] {
            zero.store(0, Relaxed);
        }
        self.late_releases.store(0, Relaxed);
        self.grown.reset();
        self.owner.store(owner, Relaxed);
        self.flags.store(if by_permits { flag::PERMITS } else { 0 }, Release);
    }

    /// Those who hold it beside each other, by the number plus one of the first of them.
    fn everyone<'r>(&'r self, records: &'r Records, number: u32) -> Option<Everyone<'r>> {
        let (_, first) = records.holders.slot(number.checked_sub(1)?)?;
        Some(Everyone { first, grown: &self.grown, tables: &records.tables })
    }

    /// Whether its holders are derived from permits.
    pub(crate) fn by_permits(&self) -> bool {
        self.flags.load(Relaxed) & flag::PERMITS != 0
    }

    /// Slot of the resource that it is of.
    pub(crate) fn owner(&self) -> u32 {
        self.owner.load(Relaxed)
    }

    /// The numbers plus one of what it grew, which is its own no more.
    pub(super) fn take_parts(&self) -> (u32, u32, u32) {
        (self.block.swap(0, AcqRel), self.holders.swap(0, AcqRel), self.grown.tables.swap(0, AcqRel))
    }
}

/// One of those who hold a lock beside each other, to be given back at the release.
#[derive(Debug, Clone, Copy)]
#[must_use = "the release needs it"]
pub struct HoldToken {
    /// Its cell plus one; 0: it has none, and is counted.
    cell: u32,
    since: Ticks,
}

/// Writes a lock.
#[derive(Debug, Clone, Copy)]
pub struct LockRef<'r> {
    pub(crate) records: &'r Records,
    pub(crate) page: &'r Page<Resource>,
    pub(crate) lock: &'r Lock,
}

impl LockRef<'_> {
    /// It is taken with a guard that can go to another task: until one comes back from who took it, and as soon as one comes back from
    /// another agent, its holders are those who took it and no more.
    #[must_use]
    pub fn with_movable_guard(self) -> Self {
        self.set(flag::OWNED);
        self
    }

    /// Sets a flag; a write only where it changes something, for others read the line.
    fn set(&self, flag: u32) {
        if self.lock.flags.load(Relaxed) & flag != flag {
            self.lock.flags.fetch_or(flag, Relaxed);
        }
    }

    /// A guard that can go to another task is let go by the current one, whoever of those it was that took it.
    fn let_go(&self, took: u64) {
        if self.lock.flags.load(Relaxed) & flag::OWNED != 0 {
            self.set(if took == Agent::actor() { flag::RELEASES } else { flag::MOVED });
        }
    }

    /// The current task (or thread) holds it alone since `now`; call it after the acquisition. `place` as of [`Sites::place_number`](crate::Sites::place_number), 0:
    /// unknown. Five plain stores.
    #[inline]
    pub fn acquired_exclusive(&self, place: u32, now: Ticks) {
        let lock = self.lock;
        lock.since.store(now, Relaxed);
        lock.place.store(place, Relaxed);
        add(&lock.acquisitions, 1);
        lock.holder.store(Agent::actor(), Release);
        self.page.shared.set();
    }

    /// Its only holder lets it go; call it before the release. Plain stores. Nothing happens when the hold was not on record.
    #[inline]
    pub fn released_exclusive(&self, now: Ticks) {
        let lock = self.lock;
        let holder = lock.holder.load(Relaxed);
        if holder == 0 {
            return;
        }
        self.let_go(holder);
        let held = now.saturating_sub(lock.since.load(Relaxed));
        lock.free_since.store(now, Relaxed);
        lock.holder.store(0, Release);
        let finished = lock.released.load(Relaxed);
        if let Some(block) = self.block_after(finished) {
            block.holds.record(held);
        }
        add(&lock.hold, held);
        if held > lock.longest_hold.load(Relaxed) {
            lock.longest_hold.store(held, Relaxed);
        }
        lock.released.store(finished + 1, Relaxed);
        self.page.shared.set();
    }

    /// The current task (or thread) holds `permits` of it since `now`, beside others; call it after the acquisition. About 20 ns.
    pub fn acquired_shared(&self, permits: u32, place: u32, now: Ticks) -> HoldToken {
        self.lock.acquisitions.fetch_add(1, Relaxed);
        let entry = Entry { holder: Agent::actor(), permits, given: false, place, since: now };
        let cell = self.holders().and_then(|holders| holders.add(&entry, true));
        if cell.is_none() {
            self.lock.more.fetch_add(1, Relaxed);
        }
        if place != 0 {
            self.set(flag::PLACES);
        }
        self.page.shared.set();
        HoldToken { cell: cell.map_or(0, |cell| cell + 1), since: now }
    }

    /// One of those who hold it lets it go; call it before the release. About 25 ns.
    pub fn released_shared(&self, token: HoldToken, now: Ticks) {
        self.lock.free_since.fetch_max(now, Relaxed);
        match token.cell.checked_sub(1) {
            Some(cell) => {
                if let Some(holders) = self.holders() {
                    self.let_go(holders.free(cell));
                }
            }
            None => drop(self.lock.more.fetch_sub(1, Relaxed)),
        }
        self.held(now.saturating_sub(token.since));
        self.page.shared.set();
    }

    /// One of those who hold it beside each other lets it go, for a lock that has no token: a hold of the current task (or thread), else one
    /// that is only counted, else the oldest. Nothing happens when there is none. About 30 ns.
    pub fn released_any_shared(&self, now: Ticks) {
        let ended = |since: Ticks| self.held(now.saturating_sub(since));
        let Some(holders) = self.holders() else { return };
        if holders.take_from(Agent::actor(), false, 1, ended) == 1 {
            let counted = self.lock.more.fetch_update(AcqRel, Acquire, |more| more.checked_sub(1)).is_ok();
            if !counted && holders.take_from_oldest(1, ended) == 1 {
                return;
            }
        }
        self.lock.free_since.fetch_max(now, Relaxed);
        self.page.shared.set();
    }

    /// An agent waited this long and then acquired it. About 20 ns.
    pub fn waited(&self, waited: Ticks) {
        if let Some(block) = self.block_after(2) {
            block.waits.record_shared(waited);
        }
        self.lock.wait.fetch_add(waited, Relaxed);
        self.lock.longest_wait.fetch_max(waited, Relaxed);
        self.lock.contended.fetch_add(1, Relaxed);
        self.page.shared.set();
    }

    /// Whether a holder panicked.
    pub fn poisoned(&self, poisoned: bool) {
        if poisoned {
            self.lock.flags.fetch_or(flag::POISONED, Relaxed);
        } else {
            self.lock.flags.fetch_and(!flag::POISONED, Relaxed);
        }
        self.page.shared.set();
    }

    /// Counts a finished hold, with others at the same moment.
    fn held(&self, held: Ticks) {
        let lock = self.lock;
        if let Some(block) = self.block_after(lock.released.load(Relaxed)) {
            block.holds.record_shared(held);
        }
        lock.hold.fetch_add(held, Relaxed);
        lock.longest_hold.fetch_max(held, Relaxed);
        lock.released.fetch_add(1, Relaxed);
    }

    /// The histograms; made once `finished` is 2, as the sums still hold the first two durations one by one.
    #[inline]
    fn block_after(&self, finished: u64) -> Option<&LockBlock> {
        let number = match self.lock.block.load(Acquire) {
            0 if finished < 2 => return None,
            0 => self.start_block()?,
            number => number,
        };
        self.records.blocks.slot(number - 1).map(|(_, block)| block)
    }

    /// Histograms that start with the first two holds, taken from the sums; the number plus one.
    #[cold]
    fn start_block(&self) -> Option<u32> {
        let blocks = &self.records.blocks;
        let number = blocks.allocate()?;
        let (_, block) = blocks.slot(number)?;
        block.clear();
        let lock = self.lock;
        let (finished, longest) = (lock.released.load(Relaxed), lock.longest_hold.load(Relaxed));
        if finished >= 1 {
            block.holds.record(longest);
        }
        if finished >= 2 {
            block.holds.record(lock.hold.load(Relaxed).saturating_sub(longest));
        }
        match lock.block.compare_exchange(0, number + 1, AcqRel, Acquire) {
            Ok(_) => Some(number + 1),
            Err(other) => {
                blocks.free(number);
                Some(other)
            }
        }
    }

    /// The cells of those who hold it beside each other, made at first use; `None` past the limit.
    fn holders(&self) -> Option<Everyone<'_>> {
        let arena = &self.records.holders;
        let number = match self.lock.holders.load(Acquire) {
            0 => {
                let number = arena.allocate()?;
                arena.slot(number)?.1.clear();
                match self.lock.holders.compare_exchange(0, number + 1, AcqRel, Acquire) {
                    Ok(_) => number + 1,
                    Err(other) => {
                        arena.free(number);
                        other
                    }
                }
            }
            number => number,
        };
        self.lock.everyone(self.records, number)
    }
}

/// A plain addition: the caller is the only writer.
#[inline]
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Relaxed) + amount, Relaxed);
}
