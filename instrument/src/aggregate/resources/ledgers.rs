//! Rows of locks, channels and streams, gathered into columns.

use rustc_hash::FxHashMap;
use taskscope_proto::{limits, v1};
use taskscope_recorder::{
    Agent, ChannelReading, Clock, Holder, IoReading, LockHistograms, LockKnows, LockReading, Ticks, histogram,
};

use crate::aggregate::rows::{clear_zeros, push_delta, waker};

/// Bytes that a row of each kind takes encoded, at most, beside its text.
const LOCK_ROW_BYTES: usize = 110;
const HOLDER_BYTES: usize = 28;
const CHANNEL_ROW_BYTES: usize = 120;
const IO_ROW_BYTES: usize = 110;

/// Columns under way.
#[derive(Debug, Default)]
pub(super) struct LedgerRows {
    locks: v1::LockColumns,
    channels: v1::ChannelColumns,
    io: v1::IoColumns,
    last_lock: u32,
    last_channel: u32,
    last_io: u32,
    strings: FxHashMap<Box<str>, u32>,
}

impl LedgerRows {
    /// Returns the bytes that it takes.
    pub(super) fn lock(
        &mut self,
        slot: u32,
        lock: &LockReading,
        histograms: Option<&LockHistograms>,
        now: Ticks,
        clock: &Clock,
    ) -> usize {
        let columns = &mut self.locks;
        push_delta(&mut columns.slot_delta, &mut self.last_lock, slot);
        let (told, more) = lock.holders.split_at(lock.holders.len().min(limits::MAX_HOLDERS));
        for holder in told {
            self.holder(holder, now, clock);
        }
        let columns = &mut self.locks;
        columns.holders.push(told.len() as u32);
        columns.more_holders.push(lock.more_holders.saturating_add(more.len() as u32));
        columns.acquisitions.push(lock.acquisitions);
        columns.contended.push(lock.contended);
        columns.hold_ns.push(clock.length_ns(lock.hold));
        columns.wait_ns.push(clock.length_ns(lock.wait));
        columns.longest_hold_ns.push(clock.length_ns(lock.longest_hold));
        columns.longest_wait_ns.push(clock.length_ns(lock.longest_wait));
        let p99 = |counts: &[u64; histogram::BUCKETS], longest| {
            clock.length_ns(histogram::quantile(counts, 0.99, longest))
        };
        columns.hold_p99_ns.push(histograms.map_or(0, |both| p99(&both.holds, lock.longest_hold)));
        columns.wait_p99_ns.push(histograms.map_or(0, |both| p99(&both.waits, lock.longest_wait)));
        columns.poisoned.push(lock.poisoned);
        let free = lock.free_since.map_or(0, |since| clock.between_ns(since, now).saturating_add(1));
        columns.free_ago_ns_plus1.push(free);
        columns.knows.push(knows(lock.knows));
        LOCK_ROW_BYTES + HOLDER_BYTES * told.len()
    }

    fn holder(&mut self, holder: &Holder, now: Ticks, clock: &Clock) {
        let columns = &mut self.locks;
        columns.holder.push(waker(holder.by).encode());
        columns.held_ago_ns.push(clock.between_ns(holder.since, now));
        columns.holder_site.push(holder.place);
        columns.holder_permits.push(holder.permits);
        columns.holder_shared.push(holder.shared);
    }

    /// Returns the bytes that it takes.
    pub(super) fn channel(
        &mut self,
        slot: u32,
        channel: &ChannelReading,
        now: Ticks,
        clock: &Clock,
    ) -> usize {
        let ends = |alive: Option<u32>| alive.map_or(0, |alive| alive.saturating_add(1));
        let columns = &mut self.channels;
        push_delta(&mut columns.slot_delta, &mut self.last_channel, slot);
        columns.senders_plus1.push(ends(channel.senders));
        columns.receivers_plus1.push(ends(channel.receivers));
        columns.depth_plus1.push(channel.depth.map_or(0, |depth| depth.saturating_add(1)));
        columns.capacity.push(channel.capacity);
        columns.sent.push(channel.sent);
        columns.received.push(channel.received);
        columns.lagged.push(channel.lagged);
        columns.blocked_full_ns.push(clock.length_ns(channel.blocked_full));
        columns.blocked_empty_ns.push(clock.length_ns(channel.blocked_empty));
        columns.last_sender.push(who(channel.last_sender));
        columns.last_receiver.push(who(channel.last_receiver));
        columns.last_sent_ago_ns_plus1.push(ago_plus1(channel.last_sent, now, clock));
        columns.last_received_ago_ns_plus1.push(ago_plus1(channel.last_received, now, clock));
        columns.closed.push(channel.closed);
        CHANNEL_ROW_BYTES
    }

    /// Returns the bytes that it takes.
    pub(super) fn io(&mut self, slot: u32, io: &IoReading, now: Ticks, clock: &Clock) -> usize {
        let before = self.io.strings.len();
        let local = self.string(&io.local);
        let peer = self.string(&io.peer);
        let last_error = self.string(&io.last_error);
        let columns = &mut self.io;
        push_delta(&mut columns.slot_delta, &mut self.last_io, slot);
        columns.fd_plus1.push(io.fd.map_or(0, |fd| fd.saturating_add(1)));
        columns.in_bytes.push(io.inward.bytes);
        columns.out_bytes.push(io.outward.bytes);
        columns.reads.push(io.inward.operations);
        columns.writes.push(io.outward.operations);
        columns.read_wait_ns.push(clock.length_ns(io.inward.wait));
        columns.write_wait_ns.push(clock.length_ns(io.outward.wait));
        columns.errors.push(io.errors);
        columns.uncounted_reads.push(io.inward.uncounted);
        columns.uncounted_writes.push(io.outward.uncounted);
        columns.last_in_ago_ns_plus1.push(ago_plus1(io.inward.last, now, clock));
        columns.last_out_ago_ns_plus1.push(ago_plus1(io.outward.last, now, clock));
        columns.local.push(local);
        columns.peer.push(peer);
        columns.last_error.push(last_error);
        IO_ROW_BYTES + columns.strings[before..].iter().map(|text| text.len() + 4).sum::<usize>()
    }

    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(index) = self.strings.get(text) {
            return *index;
        }
        self.io.strings.push(text.to_owned());
        let index = self.io.strings.len() as u32;
        self.strings.insert(text.into(), index);
        index
    }

    /// Adds the columns, those with nothing but 0 left out.
    pub(super) fn finish(self, frame: &mut v1::Frame) {
        let (mut locks, mut channels) = (self.locks, self.channels);
        for column in [
            &mut locks.contended,
            &mut locks.wait_ns,
            &mut locks.longest_wait_ns,
            &mut locks.wait_p99_ns,
            &mut channels.lagged,
            &mut channels.blocked_full_ns,
            &mut channels.blocked_empty_ns,
        ] {
            clear_zeros(column);
        }
        clear_zeros(&mut locks.holder_site);
        clear_zeros(&mut locks.more_holders);
        clear_zeros(&mut locks.poisoned);
        frame.locks = (!locks.slot_delta.is_empty()).then_some(locks);
        frame.channels = (!channels.slot_delta.is_empty()).then_some(channels);
        frame.io = (!self.io.slot_delta.is_empty()).then_some(self.io);
    }
}

fn who(by: Agent) -> u64 {
    waker(by).encode()
}

fn ago_plus1(at: Ticks, now: Ticks, clock: &Clock) -> u64 {
    if at == 0 { 0 } else { clock.between_ns(at, now).saturating_add(1) }
}

fn knows(knows: LockKnows) -> u32 {
    let bit = |known: bool, bit: v1::LockKnows| if known { bit as u32 } else { 0 };
    bit(knows.holders, v1::LockKnows::Holders)
        | bit(knows.times, v1::LockKnows::Times)
        | bit(knows.places, v1::LockKnows::Places)
        | bit(knows.loose, v1::LockKnows::Loose)
}
