//! What one console knows of resources and operations, and so which rows it gets next.
//!
//! State, not events: a lock that changes hands a million times a second costs one row a round. Memory: 16 bytes a slot. An operation that came and went between two
//! rounds is never sent.

mod records;
mod rows;
#[cfg(test)]
mod tests;

use std::{
    hash::{Hash, Hasher},
    ops::ControlFlow,
};

use rustc_hash::FxHasher;
use taskscope_proto::{limits, v1};
use taskscope_recorder::{Attribute, ChannelReading, IoReading, Op, OpReading, Recorder, Resource, Ticks};

use self::rows::{OpRows, ResourceRows};
use super::{cursor::sites::SentSites, rows::Times, scan::Scan};

/// Rows of resources and operations of a frame, each.
const ROWS_A_FRAME: usize = limits::MAX_TASKS_PER_FRAME / 2;

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct ResourceCursor {
    resources: Scan<Known>,
    ops: Scan<Known>,
}

impl ResourceCursor {
    /// The console knows nothing any more.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Starts a round over these pages of resources and of operations.
    pub(super) fn begin_round(&mut self, resources: Vec<usize>, ops: Vec<usize>) {
        self.resources.begin_round(resources);
        self.ops.begin_round(ops);
    }

    pub(super) fn is_done(&self) -> bool {
        self.resources.is_done() && self.ops.is_done()
    }

    /// Bytes held.
    pub(super) fn memory_bytes(&self) -> usize {
        self.resources.memory_bytes() + self.ops.memory_bytes()
    }

    /// Adds what changed to a frame, in about `budget_bytes`; what does not fit is for the next one.
    pub(super) fn fill(
        &mut self,
        recorder: &Recorder,
        now: Ticks,
        sites: &mut SentSites,
        frame: &mut v1::Frame,
        budget_bytes: usize,
    ) {
        let mut filling = Filling { recorder, now, sites, frame, places_bytes: 0 };
        let mut rows = ResourceRows::default();
        self.resources.each(recorder.resources.pages(), |slot, known, resource| {
            let full = rows.stats.len() == ROWS_A_FRAME
                || rows.bytes() + filling.places_bytes >= budget_bytes
                || filling.frame.freed_resources.len() == limits::MAX_FREED_PER_FRAME;
            if full {
                return ControlFlow::Break(());
            }
            filling.resource(slot as u32, resource, known, &mut rows);
            ControlFlow::Continue(())
        });
        let bytes = rows.bytes();
        rows.finish(filling.frame);
        // Resources first: an operation points to one that the console knows.
        if !self.resources.is_done() {
            return;
        }
        let mut rows = OpRows::default();
        self.ops.each(recorder.resources.op_pages(), |slot, known, op| {
            let full = rows.stats.len() == ROWS_A_FRAME
                || bytes + rows.bytes() + filling.places_bytes >= budget_bytes
                || filling.frame.freed_ops.len() == limits::MAX_FREED_PER_FRAME;
            if full {
                return ControlFlow::Break(());
            }
            filling.op(slot as u32, op, known, &mut rows);
            ControlFlow::Continue(())
        });
        rows.finish(filling.frame);
    }
}

/// What a console knows of a slot.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// Hash of what was sent.
    sent: u64,
    /// Generation; 0: nothing.
    generation: u32,
}

impl Known {
    /// Forgets what was in the slot; adds the slot to those that the console must free, if it knew something.
    fn forget(&mut self, slot: u32, freed: &mut Vec<u32>) {
        if std::mem::take(self).generation != 0 {
            freed.push(slot);
        }
    }
}

/// A frame under way.
struct Filling<'f> {
    recorder: &'f Recorder,
    now: Ticks,
    sites: &'f mut SentSites,
    frame: &'f mut v1::Frame,
    places_bytes: usize,
}

impl Filling<'_> {
    fn resource(&mut self, slot: u32, resource: &Resource, known: &mut Known, rows: &mut ResourceRows) {
        let Some(id) = resource.id() else {
            return known.forget(slot, &mut self.frame.freed_resources);
        };
        let (recorder, now) = (self.recorder, self.now);
        let times = Times { clock: recorder.clock(), now };
        let new = known.generation != id.generation();
        let attributes: Vec<Attribute> = resource.attributes().collect();
        let lock = recorder.resources.read_lock_at(resource, now);
        let channel = recorder.resources.read_channel(resource).map(|channel| channel_at(channel, now));
        let io = recorder.resources.read_io(resource).map(|io| io_at(io, now));
        let sent = hash(&(&attributes, &lock, &channel, &io));
        if !new && known.sent == sent {
            return;
        }
        if new {
            // One that was made after the moment is for the next round; what was in its slot has left.
            let description = resource.description().filter(|description| description.created <= now);
            let Some(description) = description else {
                return known.forget(slot, &mut self.frame.freed_resources);
            };
            self.send_place(description.site);
            rows.describe(recorder, slot, &description, times);
        }
        *known = Known { sent, generation: id.generation() };
        rows.stat(recorder, slot, &attributes);
        if let Some(lock) = lock {
            for holder in &lock.holders {
                self.send_place(holder.place);
            }
            rows.lock(slot, &lock, recorder.resources.lock_histograms(resource).as_ref(), times);
        }
        if let Some(channel) = channel {
            rows.channel(slot, &channel, times);
        }
        if let Some(io) = io {
            rows.io(slot, &io, times);
        }
    }

    fn op(&mut self, slot: u32, op: &Op, known: &mut Known, rows: &mut OpRows) {
        let (recorder, now) = (self.recorder, self.now);
        let Some(reading) = op.read().filter(|reading| reading.created <= now) else {
            return known.forget(slot, &mut self.frame.freed_ops);
        };
        let reading = op_at(reading, now);
        let new = known.generation != reading.id.generation();
        let attributes: Vec<Attribute> = op.attributes().collect();
        let sent = hash(&(reading, &attributes));
        if !new && known.sent == sent {
            return;
        }
        *known = Known { sent, generation: reading.id.generation() };
        let times = Times { clock: recorder.clock(), now };
        if new {
            self.send_place(reading.site);
            rows.describe(recorder, slot, &reading, times);
        }
        rows.stat(recorder, slot, &reading, &attributes, times);
    }

    fn send_place(&mut self, site: u32) {
        self.places_bytes += self.sites.send_place(self.recorder, site, self.frame);
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
