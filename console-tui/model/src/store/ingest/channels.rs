//! Channels of a frame.

use taskscope_proto::rows::ChannelRow;

use super::{Applying, since};
use crate::store::locks::Channel;

pub(super) fn apply(of: &mut Applying<'_>) {
    let Some(channels) = &of.frame.channels else { return };
    let (now_ns, is_news) = (of.now_ns(), !of.store.filling);
    for (slot, row) in channels.rows() {
        if of.store.resources.in_slot(slot).is_some() {
            of.store.resources.locks.set_channel(slot, channel(row, now_ns), is_news, of.losses);
        } else {
            of.orphan_resources += 1;
        }
    }
}

fn channel(row: ChannelRow, now_ns: u64) -> Channel {
    Channel {
        senders: row.senders,
        receivers: row.receivers,
        depth: row.depth,
        capacity: (row.capacity > 0).then_some(row.capacity),
        sent: row.sent,
        received: row.received,
        lagged: row.lagged,
        blocked_full_ns: row.blocked_full_ns,
        blocked_empty_ns: row.blocked_empty_ns,
        last_sender: row.last_sender.into(),
        last_receiver: row.last_receiver.into(),
        last_sent_ns: since(row.last_sent_ago_ns, now_ns),
        last_received_ns: since(row.last_received_ago_ns, now_ns),
        closed: row.closed,
        room_alone: row.room_alone,
    }
}
