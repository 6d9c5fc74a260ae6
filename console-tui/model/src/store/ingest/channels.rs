//! The columns of channels: checked once, then read without a way to fail.

use taskscope_proto::{
    columns::{Column, slots},
    v1,
};

use super::{
    WireError,
    rows::{since, waker},
};
use crate::{
    losses::Losses,
    store::{Store, locks::Channel},
};

/// Checks all that [`apply`] relies on.
pub(super) fn check(frame: &v1::Frame) -> Result<(), WireError> {
    frame.channels.as_ref().map_or(Ok(()), |wire| ChannelReader::new(wire).map(|_| ()))
}

/// Applies what [`check`] has passed. Returns how many rows named a resource that nobody had told of.
pub(super) fn apply(store: &mut Store, frame: &v1::Frame, losses: &mut Losses) -> u64 {
    let Some(wire) = &frame.channels else { return 0 };
    let (Ok(reader), Ok(slots)) = (ChannelReader::new(wire), slots(&wire.slot_delta)) else { return 0 };
    let is_news = !store.filling;
    let mut orphans = 0;
    for (row, slot) in slots.enumerate() {
        if store.resources.in_slot(slot).is_some() {
            let channel = reader.channel(row, frame.now_ns);
            store.resources.locks.set_channel(slot, channel, is_news, losses);
        } else {
            orphans += 1;
        }
    }
    orphans
}

struct ChannelReader<'a> {
    senders_plus1: Column<'a, u32>,
    receivers_plus1: Column<'a, u32>,
    depth_plus1: Column<'a, u64>,
    capacity: Column<'a, u64>,
    sent: Column<'a, u64>,
    received: Column<'a, u64>,
    lagged: Column<'a, u64>,
    blocked_full_ns: Column<'a, u64>,
    blocked_empty_ns: Column<'a, u64>,
    last_sender: Column<'a, u64>,
    last_receiver: Column<'a, u64>,
    last_sent_ago_ns_plus1: Column<'a, u64>,
    last_received_ago_ns_plus1: Column<'a, u64>,
    closed: Column<'a, bool>,
}

impl<'a> ChannelReader<'a> {
    fn new(wire: &'a v1::ChannelColumns) -> Result<Self, WireError> {
        let rows = slots(&wire.slot_delta)?.len();
        Ok(Self {
            senders_plus1: Column::new("senders_plus1", &wire.senders_plus1, rows)?,
            receivers_plus1: Column::new("receivers_plus1", &wire.receivers_plus1, rows)?,
            depth_plus1: Column::new("depth_plus1", &wire.depth_plus1, rows)?,
            capacity: Column::new("capacity", &wire.capacity, rows)?,
            sent: Column::new("sent", &wire.sent, rows)?,
            received: Column::new("received", &wire.received, rows)?,
            lagged: Column::new("lagged", &wire.lagged, rows)?,
            blocked_full_ns: Column::new("blocked_full_ns", &wire.blocked_full_ns, rows)?,
            blocked_empty_ns: Column::new("blocked_empty_ns", &wire.blocked_empty_ns, rows)?,
            last_sender: Column::new("last_sender", &wire.last_sender, rows)?,
            last_receiver: Column::new("last_receiver", &wire.last_receiver, rows)?,
            last_sent_ago_ns_plus1: Column::new(
                "last_sent_ago_ns_plus1",
                &wire.last_sent_ago_ns_plus1,
                rows,
            )?,
            last_received_ago_ns_plus1: Column::new(
                "last_received_ago_ns_plus1",
                &wire.last_received_ago_ns_plus1,
                rows,
            )?,
            closed: Column::new("closed", &wire.closed, rows)?,
        })
    }

    fn channel(&self, row: usize, now_ns: u64) -> Channel {
        let capacity = self.capacity.at(row);
        Channel {
            senders: self.senders_plus1.at(row).checked_sub(1),
            receivers: self.receivers_plus1.at(row).checked_sub(1),
            depth: self.depth_plus1.at(row).checked_sub(1),
            capacity: (capacity > 0).then_some(capacity),
            sent: self.sent.at(row),
            received: self.received.at(row),
            lagged: self.lagged.at(row),
            blocked_full_ns: self.blocked_full_ns.at(row),
            blocked_empty_ns: self.blocked_empty_ns.at(row),
            last_sender: waker(self.last_sender.at(row)),
            last_receiver: waker(self.last_receiver.at(row)),
            last_sent_ns: since(self.last_sent_ago_ns_plus1.at(row), now_ns),
            last_received_ns: since(self.last_received_ago_ns_plus1.at(row), now_ns),
            closed: self.closed.at(row),
        }
    }
}
