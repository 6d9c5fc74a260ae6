//! What a console knows of resources and operations, and so what it must be told next.
//!
//! State, not events: a lock that changes hands a million times a second costs one row a round. Memory: 16 bytes a slot. An operation that came and went between two rounds is never told.

mod columns;
mod ledgers;
#[cfg(test)]
mod tests;

use std::{
    hash::{Hash, Hasher},
    ops::ControlFlow,
};

use rustc_hash::FxHasher;
use taskscope_proto::{limits, v1};
use taskscope_recorder::{Attribute, ChannelReading, IoReading, Op, OpReading, Recorder, Resource, Ticks};

use self::{
    columns::{OpRows, ResourceRows},
    ledgers::LedgerRows,
};
use super::walk::Walk;

/// Rows of resources and operations of a frame, each.
const ROWS_A_FRAME: usize = limits::MAX_TASKS_PER_FRAME / 2;

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct ResourceCursor {
    resources: Part,
    ops: Part,
}

/// One of the two kinds.
#[derive(Debug, Default)]
struct Part {
    walk: Walk,
    known: Vec<Known>,
}

/// What a console knows of a slot.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// Hash of what it was told.
    told: u64,
    /// Generation; 0: nothing.
    generation: u32,
}

impl Part {
    fn known(&mut self, slot: usize) -> &mut Known {
        if self.known.len() <= slot {
            self.known.resize(slot + 1, Known::default());
        }
        &mut self.known[slot]
    }

    /// Forgets a slot that is free; whether the console must be told.
    fn forget(&mut self, slot: usize) -> bool {
        std::mem::take(self.known(slot)).generation != 0
    }
}

impl ResourceCursor {
    /// Forgets everything.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Starts a round over these pages of resources and of operations.
    pub(super) fn begin_round(&mut self, resources: Vec<usize>, ops: Vec<usize>) {
        self.resources.walk = Walk::over(resources);
        self.ops.walk = Walk::over(ops);
    }

    pub(super) fn is_done(&self) -> bool {
        self.resources.walk.is_done() && self.ops.walk.is_done()
    }

    /// Bytes held.
    pub(super) fn memory_bytes(&self) -> usize {
        (self.resources.known.len() + self.ops.known.len()) * size_of::<Known>()
    }

    /// Adds what changed to a frame, in about `budget_bytes`; what does not fit is for the next one.
    pub(super) fn fill(
        &mut self,
        recorder: &Recorder,
        frame: &mut v1::Frame,
        now: Ticks,
        budget_bytes: usize,
        tell_site: &mut TellSite<'_>,
    ) {
        let mut filling = Filling {
            recorder,
            frame,
            now,
            bytes: 0,
            resources: ResourceRows::default(),
            ledgers: LedgerRows::default(),
        };
        let mut walk = std::mem::take(&mut self.resources.walk);
        walk.each(recorder.resources.pages(), |slot, resource| {
            let full = filling.resources.stats_len() == ROWS_A_FRAME
                || filling.bytes >= budget_bytes
                || filling.frame.freed_resources.len() == limits::MAX_FREED_PER_FRAME;
            if full {
                return ControlFlow::Break(());
            }
            self.resources.resource(slot, resource, &mut filling, tell_site);
            ControlFlow::Continue(())
        });
        self.resources.walk = walk;
        let Filling { bytes, resources, ledgers, .. } = filling;
        resources.finish(frame);
        ledgers.finish(frame);
        // Resources first: an operation points to one that the console knows.
        if self.resources.walk.is_done() {
            self.fill_ops(recorder, frame, now, budget_bytes.saturating_sub(bytes), tell_site);
        }
    }

    fn fill_ops(
        &mut self,
        recorder: &Recorder,
        frame: &mut v1::Frame,
        now: Ticks,
        budget_bytes: usize,
        tell_site: &mut TellSite<'_>,
    ) {
        let mut rows = OpRows::default();
        let mut walk = std::mem::take(&mut self.ops.walk);
        walk.each(recorder.resources.op_pages(), |slot, op| {
            let full = rows.stats_len() == ROWS_A_FRAME
                || rows.bytes >= budget_bytes
                || frame.freed_ops.len() == limits::MAX_FREED_PER_FRAME;
            if full {
                return ControlFlow::Break(());
            }
            self.ops.op(recorder, slot, op, &mut rows, frame, now, tell_site);
            ControlFlow::Continue(())
        });
        self.ops.walk = walk;
        rows.finish(frame);
    }
}

/// Tells where a place is, if the console does not know it yet; returns the bytes that took.
pub(super) type TellSite<'t> = dyn FnMut(u32, &mut v1::Frame) -> usize + 't;

/// A frame under way.
struct Filling<'f> {
    recorder: &'f Recorder,
    frame: &'f mut v1::Frame,
    now: Ticks,
    bytes: usize,
    resources: ResourceRows,
    ledgers: LedgerRows,
}

impl Part {
    fn resource(
        &mut self,
        slot: usize,
        resource: &Resource,
        filling: &mut Filling<'_>,
        tell_site: &mut TellSite<'_>,
    ) {
        let Some(id) = resource.id() else {
            if self.forget(slot) {
                filling.frame.freed_resources.push(slot as u32);
            }
            return;
        };
        let recorder = filling.recorder;
        let known = self.known(slot);
        let new = known.generation != id.generation();
        let attributes: Vec<Attribute> = resource.attributes().collect();
        let now = filling.now;
        let lock = recorder.resources.read_lock_at(resource, now);
        let channel = recorder.resources.read_channel(resource).map(|channel| channel_at(channel, now));
        let io = recorder.resources.read_io(resource).map(|io| io_at(io, now));
        let told = hash(&(&attributes, &lock, &channel, &io));
        if !new && known.told == told {
            return;
        }
        let description = match resource.description() {
            Some(description) if new && description.created <= now => Some(description),
            // It was made after the round's moment: it is for the next round, and what was in its slot has left.
            _ if new => {
                if self.forget(slot) {
                    filling.frame.freed_resources.push(slot as u32);
                }
                return;
            }
            _ => None,
        };
        *known = Known { told, generation: id.generation() };
        let slot = slot as u32;
        if let Some(description) = description {
            filling.bytes += tell_site(description.site, filling.frame);
            filling.bytes += filling.resources.describe(recorder, slot, &description, now);
        }
        filling.bytes += filling.resources.stat(recorder, slot, &attributes);
        if let Some(lock) = lock {
            for holder in &lock.holders {
                filling.bytes += tell_site(holder.place, filling.frame);
            }
            let histograms = recorder.resources.lock_histograms(resource);
            filling.bytes += filling.ledgers.lock(slot, &lock, histograms.as_ref(), now, recorder.clock());
        }
        if let Some(channel) = channel {
            filling.bytes += filling.ledgers.channel(slot, &channel, now, recorder.clock());
        }
        if let Some(io) = io {
            filling.bytes += filling.ledgers.io(slot, &io, now, recorder.clock());
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a frame under way; a struct would have one use"
    )]
    fn op(
        &mut self,
        recorder: &Recorder,
        slot: usize,
        op: &Op,
        rows: &mut OpRows,
        frame: &mut v1::Frame,
        now: Ticks,
        tell_site: &mut TellSite<'_>,
    ) {
        let Some(reading) = op.read().filter(|reading| reading.created <= now) else {
            if self.forget(slot) {
                frame.freed_ops.push(slot as u32);
            }
            return;
        };
        let reading = op_at(reading, now);
        let known = self.known(slot);
        let new = known.generation != reading.id.generation();
        let attributes: Vec<Attribute> = op.attributes().collect();
        let told = hash(&(reading, &attributes));
        if !new && known.told == told {
            return;
        }
        *known = Known { told, generation: reading.id.generation() };
        if new {
            rows.bytes += tell_site(reading.site, frame);
            rows.describe(recorder, slot as u32, &reading, now);
        }
        rows.stat(recorder, slot as u32, &reading, &attributes, now);
    }
}

/// A channel at the round's moment, from a later reading.
fn channel_at(read: ChannelReading, now: Ticks) -> ChannelReading {
    ChannelReading { last_sent: read.last_sent.min(now), last_received: read.last_received.min(now), ..read }
}

/// A stream at the round's moment, from a later reading.
fn io_at(mut read: IoReading, now: Ticks) -> IoReading {
    read.inward.last = read.inward.last.min(now);
    read.outward.last = read.outward.last.min(now);
    read
}

/// An operation at the round's moment, from a later reading.
fn op_at(read: OpReading, now: Ticks) -> OpReading {
    OpReading {
        running: read.running && read.since <= now,
        since: read.since.min(now),
        granted: read.granted.filter(|granted| *granted <= now),
        ..read
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}
