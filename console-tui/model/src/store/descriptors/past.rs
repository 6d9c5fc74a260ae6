//! What follows from the readings of one descriptor: rates, and since when something stands still.
//!
//! Invariant: all of it is counted from readings that were seen. Something stands still since the first reading that saw it so, never
//! before. Limit: the rates of [`SPARK_WIDTH`] readings.

use super::Descriptor;
use crate::{format::SPARK_WIDTH, store::window::heights};

/// See the module's text.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Past {
    /// Bytes a second between the last two readings.
    pub(crate) in_per_s: Option<f64>,
    pub(crate) out_per_s: Option<f64>,
    /// Bytes a second, both ways; the newest last.
    samples: [u32; SPARK_WIDTH as usize],
    /// Retransmits a second between the last two readings.
    pub(crate) retransmits_per_s: Option<f64>,
    /// Of the last readings in a row, how many saw retransmits.
    pub(crate) retransmitting: u32,
    /// Since when something lies in its receive queue and nothing was read; `None` also where reads are not counted.
    pub(crate) unread_since_ns: Option<u64>,
    /// Since when it can be written to, and nothing was acknowledged; `None` also where that is not counted.
    pub(crate) writable_since_ns: Option<u64>,
    /// Since when it has bytes to send, and none was acknowledged; as above.
    pub(crate) unacked_since_ns: Option<u64>,
    /// When drops were last seen to rise, when before that, and by how many in all since this console connected.
    pub(crate) dropped_ns: Option<u64>,
    pub(crate) dropped_before_ns: Option<u64>,
    pub(crate) dropped: u64,
    /// Since when the backlog is full.
    pub(crate) full_since_ns: Option<u64>,
}

impl Past {
    /// At the first reading.
    pub(super) fn new(now: &Descriptor, at_ns: u64) -> Self {
        Self {
            unread_since_ns: has_unread(now).then_some(at_ns),
            writable_since_ns: is_writable(now).then_some(at_ns),
            unacked_since_ns: has_unacked(now).then_some(at_ns),
            full_since_ns: is_full(now).then_some(at_ns),
            ..Self::default()
        }
    }

    /// After a further reading; `times`: of the two.
    pub(super) fn next(
        &self,
        before: &Descriptor,
        now: &Descriptor,
        (before_ns, now_ns): (u64, u64),
    ) -> Self {
        let mut next = self.clone();
        if now_ns <= before_ns {
            // The same reading once more, as after a resync.
            return next;
        }
        let seconds = (now_ns - before_ns) as f64 / 1e9;
        let tcp = |of: fn(&super::Tcp) -> Option<u64>| {
            let (old, new) = (of(before.tcp.as_ref()?)?, of(now.tcp.as_ref()?)?);
            Some(new.saturating_sub(old) as f64 / seconds)
        };
        next.in_per_s = tcp(|tcp| tcp.received_bytes);
        next.out_per_s = tcp(|tcp| tcp.acked_bytes);
        next.retransmits_per_s = tcp(|tcp| Some(tcp.total_retransmits));
        let retransmits = next.retransmits_per_s.is_some_and(|per_s| per_s > 0.0);
        next.retransmitting = if retransmits { self.retransmitting.saturating_add(1) } else { 0 };
        next.samples.rotate_left(1);
        let both = next.in_per_s.unwrap_or(0.0) + next.out_per_s.unwrap_or(0.0);
        next.samples[SPARK_WIDTH as usize - 1] = both.ceil() as u32;
        let since = |stands: bool, since: Option<u64>| if stands { since.or(Some(now_ns)) } else { None };
        let fresh = |stands: bool, is_same: bool, old: Option<u64>| since(stands, old.filter(|_| is_same));
        next.unread_since_ns = fresh(has_unread(now), nothing_read(before, now), self.unread_since_ns);
        let same_acked = acked(before) == acked(now);
        next.writable_since_ns = fresh(is_writable(now), same_acked, self.writable_since_ns);
        let shrank = now.send_queue_bytes < before.send_queue_bytes;
        next.unacked_since_ns = fresh(has_unacked(now), same_acked && !shrank, self.unacked_since_ns);
        next.full_since_ns = since(is_full(now), self.full_since_ns);
        let dropped = now.drops.unwrap_or(0).saturating_sub(before.drops.unwrap_or(u64::MAX));
        if dropped > 0 {
            next.dropped = self.dropped.saturating_add(dropped);
            (next.dropped_ns, next.dropped_before_ns) = (Some(now_ns), self.dropped_ns);
        }
        next
    }

    /// Bytes over the last readings; heights 0 to 8, oldest first.
    pub(crate) fn spark(&self) -> Option<[u8; SPARK_WIDTH as usize]> {
        self.in_per_s.or(self.out_per_s).map(|_| heights(self.samples))
    }
}

fn acked(of: &Descriptor) -> Option<u64> {
    of.tcp.as_ref()?.acked_bytes
}

fn is_writable(of: &Descriptor) -> bool {
    of.ready.is_writable() && acked(of).is_some()
}

/// A queue that is as long as before may hold other bytes: only a counter can show that they are the same.
fn has_unread(of: &Descriptor) -> bool {
    let bytes = of.recv_queue_bytes.is_some_and(|bytes| bytes > 0) && of.consumed_bytes().is_some();
    of.ready.is_readable() && (bytes || of.backlog.is_some_and(|len| len > 0))
}

fn nothing_read(before: &Descriptor, now: &Descriptor) -> bool {
    match (before.consumed_bytes(), now.consumed_bytes()) {
        (Some(before), Some(now)) => before == now,
        // Who accepts makes it shorter; what comes in could hide that, and then there is no finding.
        _ => now.backlog == before.backlog,
    }
}

fn has_unacked(of: &Descriptor) -> bool {
    let unsent = of.tcp.as_ref().and_then(|tcp| tcp.unsent_bytes);
    let some = of.send_queue_bytes.or(unsent).is_some_and(|bytes| bytes > 0)
        || of.tcp.as_ref().is_some_and(|tcp| tcp.unacked > 0);
    some && acked(of).is_some()
}

fn is_full(of: &Descriptor) -> bool {
    matches!((of.backlog, of.max_backlog), (Some(backlog), Some(max)) if max > 0 && backlog >= max)
}
