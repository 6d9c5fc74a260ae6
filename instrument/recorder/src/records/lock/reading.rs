//! A lock as a reader sees it.

use std::sync::atomic::Ordering::{Acquire, Relaxed};

use super::{Lock, flag};
use crate::{clock::Ticks, histogram::BUCKETS, read::two_values, records::Records, task::Agent};

/// A holder of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The task, or the thread outside of any.
    pub by: Agent,
    /// Since when.
    pub since: Ticks,
    /// Number of the place where it was acquired; 0: unknown.
    pub place: u32,
    /// 1 for anything but a semaphore.
    pub permits: u32,
    /// Others may hold it beside this one.
    pub shared: bool,
}

/// What the source of a lock can know.
#[expect(clippy::struct_excessive_bools, reason = "each stands alone")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LockKnows {
    /// Who holds it.
    pub holders: bool,
    /// Acquisitions, holds and waits.
    pub times: bool,
    /// Where it was acquired.
    pub places: bool,
    /// The holders are those who took it, and no more is known: permits may have been forgotten, as those of a token bucket are, or a
    /// guard may have gone to another task.
    pub loose: bool,
}

/// A lock's state and sums; times in ticks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LockReading {
    /// Who holds it: the one who holds it alone first.
    pub holders: Vec<Holder>,
    /// Holders beyond those; of a semaphore whose source reports only permits: permits.
    pub more_holders: u32,
    /// Times it was acquired.
    pub acquisitions: u64,
    /// Those that had to wait.
    pub contended: u64,
    /// Sum of finished holds.
    pub hold: Ticks,
    /// Sum of finished waits.
    pub wait: Ticks,
    /// Longest finished hold.
    pub longest_hold: Ticks,
    /// Longest finished wait.
    pub longest_wait: Ticks,
    /// A holder panicked.
    pub poisoned: bool,
    /// Since when it is free; `None`: held, or never held.
    pub free_since: Option<Ticks>,
    /// What of it is known.
    pub knows: LockKnows,
}

/// A lock's two histograms, in ticks; bounds by [`crate::histogram::lower_bound`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHistograms {
    /// Finished holds.
    pub holds: [u64; BUCKETS],
    /// Finished waits.
    pub waits: [u64; BUCKETS],
}

impl Lock {
    /// As it was at a moment that is just over.
    pub(crate) fn read(&self, records: &Records, at: Ticks) -> LockReading {
        let mut holders = Vec::new();
        let alone = self.holder.load(Acquire);
        if alone != 0 {
            holders.push(Holder {
                by: Agent::from_u64(alone),
                since: self.since.load(Relaxed),
                place: self.place.load(Relaxed),
                permits: 1,
                shared: false,
            });
        }
        if let Some(everyone) = self.everyone(records, self.holders.load(Acquire)) {
            holders.extend(everyone.read());
        }
        holders.retain(|holder| holder.since <= at);
        let more_holders = self.more.load(Relaxed);
        let flags = self.flags.load(Relaxed);
        let unseen = flag::holders_unknown(flags);
        // The place of the last one who held it alone stays.
        let places = flags & flag::PLACES != 0 || self.place.load(Relaxed) != 0;
        if unseen {
            holders.clear();
        }
        let free = holders.is_empty() && more_holders == 0 && !unseen;
        let free_since = self.free_since.load(Relaxed).min(at);
        LockReading {
            holders,
            more_holders: if unseen { 0 } else { more_holders },
            acquisitions: self.acquisitions.load(Relaxed),
            contended: self.contended.load(Relaxed),
            hold: self.hold.load(Relaxed),
            wait: self.wait.load(Relaxed),
            longest_hold: self.longest_hold.load(Relaxed),
            longest_wait: self.longest_wait.load(Relaxed),
            poisoned: flags & flag::POISONED != 0,
            free_since: (free && free_since != 0).then_some(free_since),
            knows: LockKnows { holders: !unseen, times: true, places, loose: flag::is_loose(flags) },
        }
    }

    /// From its block, or made up from the sums of the at most two holds that it has seen without one.
    pub(crate) fn histograms(&self, records: &Records) -> LockHistograms {
        let mut histograms = LockHistograms { holds: [0; BUCKETS], waits: [0; BUCKETS] };
        let block = self.block.load(Acquire).checked_sub(1).and_then(|number| records.blocks.slot(number));
        if let Some((_, block)) = block {
            histograms.holds = block.holds.counts();
            histograms.waits = block.waits.counts();
        } else {
            let finished = self.released.load(Relaxed);
            two_values(
                &mut histograms.holds,
                finished,
                self.hold.load(Relaxed),
                self.longest_hold.load(Relaxed),
            );
        }
        histograms
    }
}
