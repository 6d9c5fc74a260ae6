//! A channel: its ends, its depth and what went through it.
//!
//! 128 bytes. Many senders and receivers write at once, so sums are atomic additions.

use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use crate::{
    arena::{Page, Slot, is_slot_of},
    clock::{Clock, Ticks},
    id::ResourceId,
    resource::Resource,
    task::Agent,
    thread,
};

/// In `Channel::depth_plus1`: what was sent less what was received.
const DIFFERENCE: u64 = u64::MAX;

/// An unknown depth; see [`ChannelRef::set_depth`].
pub const UNKNOWN_DEPTH: u64 = u64::MAX;

/// See the module's text.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Channel {
    sent: AtomicU64,
    last_sender: AtomicU64,
    last_sent: AtomicU64,
    blocked_full: AtomicU64,
    senders_plus1: AtomicU32,
    receivers_plus1: AtomicU32,
    capacity: AtomicU64,
    depth_plus1: AtomicU64,
    lagged: AtomicU64,

    received: AtomicU64,
    last_receiver: AtomicU64,
    last_received: AtomicU64,
    blocked_empty: AtomicU64,
    closed: AtomicBool,
    /// Only how much room is free is known, and who gave room back.
    is_room: AtomicBool,
}

const _: () = assert!(is_slot_of::<Channel>(128), "the module's text says so");

impl Slot for Channel {
    const PAGE: usize = 512;
    type Shared = ();
}

impl Channel {
    pub(super) fn reset(&self, is_room: bool) {
        for zero in [
            &self.sent,
            &self.last_sender,
            &self.last_sent,
            &self.blocked_full,
            &self.capacity,
            &self.depth_plus1,
            &self.lagged,
            &self.received,
            &self.last_receiver,
            &self.last_received,
            &self.blocked_empty,
        ] {
            zero.store(0, Relaxed);
        }
        self.senders_plus1.store(0, Relaxed);
        // The room of a channel is that of one receiver.
        self.receivers_plus1.store(if is_room { 2 } else { 0 }, Relaxed);
        self.closed.store(false, Relaxed);
        self.is_room.store(is_room, Relaxed);
    }

    /// Whether it is of a source that reports only how much room is free.
    pub(crate) fn is_room(&self) -> bool {
        self.is_room.load(Relaxed)
    }

    /// So many values fit.
    pub(crate) fn fits(&self, values: u64) {
        self.capacity.store(values, Relaxed);
    }

    /// The current task (or thread) gave room back: it received. A write only where that is news, as many senders read this line. `now`: a sender waited
    /// for the room.
    pub(crate) fn gave_room(&self, now: Option<Ticks>) {
        let me = Agent::actor();
        if self.last_receiver.load(Relaxed) != me {
            self.last_receiver.store(me, Relaxed);
        }
        if let Some(now) = now {
            self.last_received.store(now, Relaxed);
        }
    }

    pub(crate) fn read(&self) -> ChannelReading {
        let (sent, received) = (self.sent.load(Relaxed), self.received.load(Relaxed));
        ChannelReading {
            senders: self.senders_plus1.load(Relaxed).checked_sub(1),
            receivers: self.receivers_plus1.load(Relaxed).checked_sub(1),
            depth: match self.depth_plus1.load(Relaxed) {
                // Of two counters read one after the other, the later may be ahead.
                DIFFERENCE => Some(sent.saturating_sub(received)),
                depth => depth.checked_sub(1),
            },
            capacity: self.capacity.load(Relaxed),
            sent,
            received,
            lagged: self.lagged.load(Relaxed),
            blocked_full: self.blocked_full.load(Relaxed),
            blocked_empty: self.blocked_empty.load(Relaxed),
            last_sender: Agent::from_u64(self.last_sender.load(Relaxed)),
            last_receiver: Agent::from_u64(self.last_receiver.load(Relaxed)),
            last_sent: self.last_sent.load(Relaxed),
            last_received: self.last_received.load(Relaxed),
            closed: self.closed.load(Acquire),
            counted: !self.is_room(),
        }
    }
}

/// A channel as a reader sees it; times in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChannelReading {
    /// Senders alive; `None`: unknown.
    pub senders: Option<u32>,
    /// Receivers alive; `None`: unknown.
    pub receivers: Option<u32>,
    /// Values in it; `None`: unknown.
    pub depth: Option<u64>,
    /// Values that fit; 0: without bound, or unknown.
    pub capacity: u64,
    /// Values sent.
    pub sent: u64,
    /// Values received.
    pub received: u64,
    /// Values that slow receivers missed.
    pub lagged: u64,
    /// Finished waits of senders for room.
    pub blocked_full: Ticks,
    /// Finished waits of receivers for a value.
    pub blocked_empty: Ticks,
    /// Who sent last.
    pub last_sender: Agent,
    /// Who received last.
    pub last_receiver: Agent,
    /// When; 0: never.
    pub last_sent: Ticks,
    /// When; 0: never.
    pub last_received: Ticks,
    /// No further value goes in.
    pub closed: bool,
    /// What was sent and received is counted, and how long it took. Else only the room is known.
    pub counted: bool,
}

/// Writes a channel. Each call costs about 10 ns; sends and receipts one read of the clock more.
#[derive(Debug, Clone, Copy)]
pub struct ChannelRef<'r> {
    pub(crate) id: ResourceId,
    pub(crate) clock: &'r Clock,
    pub(crate) page: &'r Page<Resource>,
    pub(crate) channel: &'r Channel,
}

impl ChannelRef<'_> {
    /// How many ends are alive.
    pub fn set_ends(&self, senders: u32, receivers: u32) {
        self.channel.senders_plus1.store(senders.saturating_add(1), Relaxed);
        self.channel.receivers_plus1.store(receivers.saturating_add(1), Relaxed);
        self.page.shared.set();
    }

    /// How many values fit; 0: without bound.
    pub fn set_capacity(&self, values: u64) {
        self.channel.capacity.store(values, Relaxed);
        self.page.shared.set();
    }

    /// The current task (or thread) sent `values`; `depth` as of [`ChannelRef::set_depth`].
    pub fn sent(&self, values: u64, depth: Option<u64>) {
        let channel = self.channel;
        channel.sent.fetch_add(values, Relaxed);
        channel.last_sender.store(Agent::actor(), Relaxed);
        channel.last_sent.store(self.clock.ticks(), Relaxed);
        thread::sent_to(self.id);
        self.set_depth(depth);
    }

    /// The current task (or thread) received `values`; `depth` as of [`ChannelRef::set_depth`].
    pub fn received(&self, values: u64, depth: Option<u64>) {
        let channel = self.channel;
        channel.received.fetch_add(values, Relaxed);
        channel.last_receiver.store(Agent::actor(), Relaxed);
        channel.last_received.store(self.clock.ticks(), Relaxed);
        self.set_depth(depth);
    }

    /// A slow receiver missed `values`.
    pub fn lagged(&self, values: u64) {
        self.channel.lagged.fetch_add(values, Relaxed);
        self.page.shared.set();
    }

    /// A sender waited this long for room.
    pub fn blocked_full(&self, waited: Ticks) {
        self.channel.blocked_full.fetch_add(waited, Relaxed);
        self.page.shared.set();
    }

    /// A receiver waited this long for a value.
    pub fn blocked_empty(&self, waited: Ticks) {
        self.channel.blocked_empty.fetch_add(waited, Relaxed);
        self.page.shared.set();
    }

    /// No further value goes in.
    pub fn closed(&self) {
        self.channel.closed.store(true, Release);
        self.page.shared.set();
    }

    /// Values in the channel now, or [`UNKNOWN_DEPTH`]. `None`: what was sent less what was received, which is right for a channel whose every
    /// value is received once, and the only exact answer when several send at once.
    pub fn set_depth(&self, depth: Option<u64>) {
        let depth = match depth {
            None => DIFFERENCE,
            Some(UNKNOWN_DEPTH) => 0,
            Some(depth) => (depth + 1).min(DIFFERENCE - 1),
        };
        // Mostly the mark of the difference, which never changes.
        if self.channel.depth_plus1.load(Relaxed) != depth {
            self.channel.depth_plus1.store(depth, Relaxed);
        }
        self.page.shared.set();
    }
}
