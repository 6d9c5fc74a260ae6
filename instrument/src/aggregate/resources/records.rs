//! Rows of what is on record of a resource beside its attributes: locks, channels and streams.

use taskscope_proto::{
    limits,
    rows::{ChannelRow, HolderRow, IoRow, LockRow},
    v1,
};
use taskscope_recorder::{
    ChannelReading, Holder, IoReading, LockHistograms, LockKnows, LockReading, Ticks, histogram,
};

use super::rows::ResourceRows;
use crate::aggregate::rows::{Times, agent};

impl ResourceRows {
    pub(super) fn lock(
        &mut self,
        slot: u32,
        lock: &LockReading,
        histograms: Option<&LockHistograms>,
        times: Times<'_>,
    ) {
        let (named, more) = lock.holders.split_at(lock.holders.len().min(limits::MAX_HOLDERS));
        let p99 = |counts: &[u64; histogram::BUCKETS], longest| {
            times.length_ns(histogram::quantile(counts, 0.99, longest))
        };
        let row = LockRow {
            more_holders: lock.more_holders.saturating_add(more.len() as u32),
            acquisitions: lock.acquisitions,
            contended: lock.contended,
            hold_ns: times.length_ns(lock.hold),
            wait_ns: times.length_ns(lock.wait),
            longest_hold_ns: times.length_ns(lock.longest_hold),
            longest_wait_ns: times.length_ns(lock.longest_wait),
            hold_p99_ns: histograms.map_or(0, |both| p99(&both.holds, lock.longest_hold)),
            wait_p99_ns: histograms.map_or(0, |both| p99(&both.waits, lock.longest_wait)),
            poisoned: lock.poisoned,
            free_ago_ns: lock.free_since.map(|since| times.ago_ns(since)),
            knows: knows(lock.knows),
        };
        self.locks.push_with(slot, row, named.iter().map(|holder| self::holder(holder, times)));
    }

    pub(super) fn channel(&mut self, slot: u32, channel: &ChannelReading, times: Times<'_>) {
        let row = ChannelRow {
            senders: channel.senders,
            receivers: channel.receivers,
            depth: channel.depth,
            capacity: channel.capacity,
            sent: channel.sent,
            received: channel.received,
            lagged: channel.lagged,
            blocked_full_ns: times.length_ns(channel.blocked_full),
            blocked_empty_ns: times.length_ns(channel.blocked_empty),
            last_sender: agent(channel.last_sender),
            last_receiver: agent(channel.last_receiver),
            last_sent_ago_ns: last_ago_ns(channel.last_sent, times),
            last_received_ago_ns: last_ago_ns(channel.last_received, times),
            closed: channel.closed,
            room_alone: !channel.counted,
        };
        self.channels.push(slot, row);
    }

    pub(super) fn io(&mut self, slot: u32, io: &IoReading, times: Times<'_>) {
        let row = IoRow {
            fd: io.fd,
            in_bytes: io.inward.bytes,
            out_bytes: io.outward.bytes,
            reads: io.inward.operations,
            writes: io.outward.operations,
            read_wait_ns: times.length_ns(io.inward.wait),
            write_wait_ns: times.length_ns(io.outward.wait),
            errors: io.errors,
            uncounted_reads: io.inward.uncounted,
            uncounted_writes: io.outward.uncounted,
            last_in_ago_ns: last_ago_ns(io.inward.last, times),
            last_out_ago_ns: last_ago_ns(io.outward.last, times),
            local: self.io.text(&io.local),
            peer: self.io.text(&io.peer),
            last_error: self.io.text(&io.last_error),
        };
        self.io.push(slot, row);
    }
}

fn holder(holder: &Holder, times: Times<'_>) -> HolderRow {
    HolderRow {
        holder: agent(holder.by),
        held_ago_ns: times.ago_ns(holder.since),
        site: holder.place,
        permits: holder.permits,
        shared: holder.shared,
    }
}

/// 0 ticks: never.
fn last_ago_ns(at: Ticks, times: Times<'_>) -> Option<u64> {
    (at != 0).then(|| times.ago_ns(at))
}

fn knows(knows: LockKnows) -> u32 {
    let bit = |known: bool, bit: v1::LockKnows| if known { bit as u32 } else { 0 };
    bit(knows.holders, v1::LockKnows::Holders)
        | bit(knows.times, v1::LockKnows::Times)
        | bit(knows.places, v1::LockKnows::Places)
        | bit(knows.loose, v1::LockKnows::Loose)
}
