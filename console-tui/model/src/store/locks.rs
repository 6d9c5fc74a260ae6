//! Locks and channels: what is known of a resource beside its attributes, by slot of the resource.
//!
//! Invariants: a row belongs to the resource that is in its slot and goes with it; what a task or a thread holds is found
//! without a scan; what the source can't know is `None`, and a holder it can't name is [`Agent::Unknown`].
//!
//! Limit: [`MAX_HOLDERS`](taskscope_proto::limits::MAX_HOLDERS) holders of a lock.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::{
    cow::Shards,
    id::{ResourceKey, SiteId},
    losses::Losses,
    store::{
        detail::Histogram,
        task::Agent,
        window::{self, Windows},
    },
};

/// What a resource is, as far as waiting goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum LockKind {
    /// One holder.
    Mutex,
    /// Many readers, or one writer.
    RwLock,
    /// As many as there are permits.
    Semaphore,
}

/// A holder of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Who acquired it: a guard may have moved since.
    pub(crate) who: Agent,
    pub(crate) since_ns: u64,
    /// Where it was acquired.
    pub(crate) site: SiteId,
    /// 1 for anything but a semaphore.
    pub(crate) permits: u32,
    /// A reader.
    pub(crate) shared: bool,
}

/// What the source of a lock can know.
#[expect(clippy::struct_excessive_bools, reason = "each stands alone")]
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LockKnows {
    pub(crate) holders: bool,
    pub(crate) times: bool,
    pub(crate) places: bool,
    /// The holders are those who took it: their permits may have been forgotten since, or a guard may have gone to another task.
    pub(crate) loose: bool,
}

/// The counters of a lock that add up.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LockSums {
    pub(crate) acquisitions: u64,
    pub(crate) contended: u64,
    pub(crate) hold_ns: u64,
    pub(crate) wait_ns: u64,
}

/// A lock: who holds it, and what it cost so far.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Lock {
    pub(crate) holders: Box<[Holder]>,
    /// Further ones, which are only counted.
    pub(crate) more_holders: u32,
    pub(crate) sums: LockSums,
    pub(crate) longest_hold_ns: u64,
    pub(crate) longest_wait_ns: u64,
    /// `None`: none yet, or unknown.
    pub(crate) hold_p99_ns: Option<u64>,
    pub(crate) wait_p99_ns: Option<u64>,
    pub(crate) poisoned: bool,
    /// Since when it is free; `None`: held, never held, or unknown.
    pub(crate) free_since_ns: Option<u64>,
    pub(crate) knows: LockKnows,
}

impl Lock {
    /// Everybody who holds it is named here: it can be said who is in the way.
    pub(crate) fn holders_are_whole(&self) -> bool {
        self.knows.holders && self.more_holders == 0
    }

    /// Holders, those that are not named included; `None`: unknown.
    pub(crate) fn holder_count(&self) -> Option<u64> {
        self.knows.holders.then(|| self.holders.len() as u64 + u64::from(self.more_holders))
    }

    /// Share of the acquisitions that had to wait; `None`: none yet, or unknown.
    pub(crate) fn contended_share(&self) -> Option<f64> {
        let LockSums { acquisitions, contended, .. } = self.sums;
        (self.knows.times && acquisitions > 0).then(|| (contended as f64 / acquisitions as f64).min(1.0))
    }

    /// The present holds included; `None`: unknown.
    pub(crate) fn longest_hold_ns(&self, at: u64) -> Option<u64> {
        let held_ns = self.holders.iter().map(|holder| at.saturating_sub(holder.since_ns)).max();
        self.knows.times.then(|| self.longest_hold_ns.max(held_ns.unwrap_or(0)))
    }
}

/// A channel. What is unknown is `None`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Channel {
    pub(crate) senders: Option<u32>,
    pub(crate) receivers: Option<u32>,
    pub(crate) depth: Option<u64>,
    /// `None`: without bound, or unknown.
    pub(crate) capacity: Option<u64>,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// Values that slow receivers of a broadcast missed.
    pub(crate) lagged: u64,
    /// Finished waits of senders for room, and of receivers for a value.
    pub(crate) blocked_full_ns: u64,
    pub(crate) blocked_empty_ns: u64,
    pub(crate) last_sender: Agent,
    pub(crate) last_receiver: Agent,
    /// `None`: not yet.
    pub(crate) last_sent_ns: Option<u64>,
    pub(crate) last_received_ns: Option<u64>,
    pub(crate) closed: bool,
    /// Only how much room is taken is known: by values, and by what is kept for values.
    pub(crate) room_alone: bool,
}

impl Channel {
    /// One end alone can send, and who has it is known.
    pub(crate) fn is_owed(&self) -> bool {
        self.senders == Some(1) && self.last_sender != Agent::Unknown
    }

    pub(crate) fn is_full(&self) -> bool {
        matches!((self.depth, self.capacity), (Some(depth), Some(capacity)) if depth >= capacity)
    }
}

/// What the server sends only of a lock that is on the screen.
#[derive(Debug, Default, Clone)]
pub(crate) struct LockDetail {
    pub(crate) holds: Option<Histogram>,
    pub(crate) waits: Option<Histogram>,
}

/// All of them.
#[derive(Debug, Default, Clone)]
pub(crate) struct Locks {
    by_slot: Shards<u32, Lock>,
    channels: Shards<u32, Channel>,
    /// Who holds what; unknown holders are not in it.
    held: BTreeSet<(Agent, u32)>,
    pub(crate) windows: Windows,
    pub(crate) details: FxHashMap<ResourceKey, LockDetail>,
}

impl Locks {
    pub(crate) fn lock(&self, slot: u32) -> Option<&Lock> {
        self.by_slot.get(&slot)
    }

    pub(crate) fn channel(&self, slot: u32) -> Option<&Channel> {
        self.channels.get(&slot)
    }

    /// All locks, in no order.
    pub(crate) fn locks(&self) -> impl Iterator<Item = (u32, &Lock)> {
        self.by_slot.iter().map(|(slot, lock)| (*slot, lock))
    }

    /// All channels, in no order.
    pub(crate) fn channels(&self) -> impl Iterator<Item = (u32, &Channel)> {
        self.channels.iter().map(|(slot, channel)| (*slot, channel))
    }

    /// Slots of the locks that a task or a thread holds.
    pub(crate) fn held_by(&self, who: Agent) -> impl Iterator<Item = u32> {
        self.held.range((who, 0)..=(who, u32::MAX)).map(|(_, slot)| *slot)
    }

    // --- changing ---

    /// `is_news`: what changed since the row before happened now, not before the snapshot.
    pub(crate) fn set_lock(&mut self, slot: u32, lock: Lock, is_news: bool, losses: &mut Losses) {
        let before = self.by_slot.get(&slot).map(|old| old.sums);
        if let Some(old) = self.by_slot.get(&slot) {
            for holder in &old.holders {
                self.held.remove(&(holder.who, slot));
            }
        }
        let named = lock.holders.iter().filter(|holder| holder.who != Agent::Unknown);
        self.held.extend(named.map(|holder| (holder.who, slot)));
        let sums = lock.sums;
        self.by_slot.insert(slot, lock);
        if is_news && before != Some(sums) {
            let base = before.unwrap_or_default();
            self.windows.open(slot, window::of_lock(&base), losses);
        }
    }

    pub(crate) fn set_channel(&mut self, slot: u32, channel: Channel, is_news: bool, losses: &mut Losses) {
        let base = self.channels.get(&slot).map_or_else(<[u64; 4]>::default, window::of_channel);
        let changed = base != window::of_channel(&channel);
        self.channels.insert(slot, channel);
        if is_news && changed {
            self.windows.open(slot, base, losses);
        }
    }

    /// The resource in this slot is no more.
    pub(crate) fn remove(&mut self, slot: u32) {
        if let Some(lock) = self.by_slot.remove(&slot) {
            for holder in &lock.holders {
                self.held.remove(&(holder.who, slot));
            }
        }
        self.channels.remove(&slot);
        self.windows.remove(slot);
        self.details.retain(|key, _| key.slot != slot);
    }

    /// Takes a sample of those that did something lately.
    pub(crate) fn sample(&mut self) {
        let Self { by_slot: locks, channels, windows, .. } = self;
        windows.sample(|slot| match (locks.get(&slot), channels.get(&slot)) {
            (Some(lock), _) => Some(window::of_lock(&lock.sums)),
            (None, Some(channel)) => Some(window::of_channel(channel)),
            (None, None) => None,
        });
    }

    /// Takes over what the wire does not carry. `is_same`: the slot holds the same resource as before.
    pub(crate) fn adopt(&mut self, old: &Self, is_same: impl Fn(u32) -> bool) {
        self.windows.adopt(old.windows.clone(), is_same);
        for (key, detail) in &old.details {
            self.details.entry(*key).or_insert_with(|| detail.clone());
        }
    }
}
