//! Operations on resources, with the task that polls them.

use console_api::{
    PollStats,
    async_ops::{self, AsyncOpUpdate},
};
use taskscope_proto::Message as _;
use taskscope_recorder::{Attribute, Op, OpId, OpReading, TaskId, Ticks};

use super::{
    cursor::Room,
    values::{self, RowKind, length},
};
use crate::aggregate::Hub;

/// What was sent of a slot, and what to send when the operation is gone: an operation leaves its slot as it ends.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SentOp {
    id: Option<OpId>,
    /// Hash of what was sent.
    sent: u64,
    created: Ticks,
    polls: u64,
    busy: Ticks,
    task: Option<TaskId>,
}

impl SentOp {
    /// Adds to the update what changed in the slot.
    pub(super) fn look(
        &mut self,
        hub: &Hub,
        op: &Op,
        now: Ticks,
        update: &mut AsyncOpUpdate,
        room: &mut Room,
    ) {
        let reading = op.read();
        if self.id != reading.map(|reading| reading.id) {
            self.end(hub, op, now, update, room);
        }
        let Some(reading) = reading else { return };
        let new = self.id.is_none();
        if new {
            let row = row(hub, &reading);
            room.take(row.encoded_len());
            update.new_async_ops.push(row);
        }
        let attributes: Vec<Attribute> = op.attributes().collect();
        let sent = values::hash(&(reading, &attributes));
        if !new && self.sent == sent {
            return;
        }
        *self = Self {
            id: Some(reading.id),
            sent,
            created: reading.created,
            polls: reading.polls,
            busy: reading.busy,
            task: reading.task,
        };
        let mut stats = self.stats(hub);
        stats.attributes = values::attributes(hub.handle.recorder(), attributes);
        if let Some(polls) = stats.poll_stats.as_mut().filter(|polls| polls.polls > 0) {
            let since = Some(hub.wall_time(reading.since).into());
            if reading.running {
                polls.last_poll_started = since;
            } else {
                polls.last_poll_ended = since;
            }
        }
        add(reading.id, stats, update, room);
    }

    fn end(&mut self, hub: &Hub, op: &Op, now: Ticks, update: &mut AsyncOpUpdate, room: &mut Room) {
        let known = std::mem::take(self);
        if let Some(gone) = known.id {
            let stay = op.last_id() == known.id;
            let attributes = op.attributes().filter(|_| stay);
            let stats = async_ops::Stats {
                dropped_at: Some(hub.wall_time(now).into()),
                attributes: values::attributes(hub.handle.recorder(), attributes),
                ..known.stats(hub)
            };
            add(gone, stats, update, room);
        }
    }

    fn stats(&self, hub: &Hub) -> async_ops::Stats {
        async_ops::Stats {
            created_at: Some(hub.wall_time(self.created).into()),
            dropped_at: None,
            task_id: self.task.map(|task| task.to_u64().into()),
            poll_stats: Some(PollStats {
                polls: self.polls,
                busy_time: length(hub.handle.recorder(), self.busy).try_into().ok(),
                ..PollStats::default()
            }),
            attributes: Vec::new(),
        }
    }
}

fn add(id: OpId, stats: async_ops::Stats, update: &mut AsyncOpUpdate, room: &mut Room) {
    room.take(stats.encoded_len());
    update.stats_update.insert(id.to_non_zero_u64().get(), stats);
}

fn row(hub: &Hub, op: &OpReading) -> async_ops::AsyncOp {
    async_ops::AsyncOp {
        id: Some(op.id.to_non_zero_u64().get().into()),
        metadata: Some(RowKind::Op.id()),
        source: hub.handle.recorder().resources.name_of(op.source).to_owned(),
        parent_async_op_id: op.parent.map(|parent| parent.to_non_zero_u64().get().into()),
        resource_id: op.resource.map(|resource| resource.to_non_zero_u64().get().into()),
    }
}
