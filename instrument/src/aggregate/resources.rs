//! What a console knows of resources and operations, and so what it must be told next.
//!
//! Memory: 16 bytes a slot. An operation that came and went between two rounds is never told.

use std::{
    hash::{Hash, Hasher},
    ops::ControlFlow,
};

use rustc_hash::{FxHashMap, FxHasher};
use taskscope_proto::{limits, v1};
use taskscope_recorder::{
    Attribute, AttributeValue, Op, OpId, Recorder, Resource, ResourceId, TaskId, Ticks,
};

use super::{rows::push_delta, walk::Walk};

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

    /// Adds what changed to a frame. `tell_site` is given the site of each new resource.
    pub(super) fn fill(
        &mut self,
        recorder: &Recorder,
        frame: &mut v1::Frame,
        now: Ticks,
        mut tell_site: impl FnMut(u32, &mut v1::Frame),
    ) {
        let mut rows = ResourceRows::default();
        let mut walk = std::mem::take(&mut self.resources.walk);
        walk.each(recorder.resource_pages(), |slot, resource| {
            if rows.stats.slot_delta.len() == ROWS_A_FRAME {
                return ControlFlow::Break(());
            }
            self.resource(recorder, slot, resource, &mut rows, frame, now, &mut tell_site);
            ControlFlow::Continue(())
        });
        self.resources.walk = walk;
        rows.finish(frame);
        // Resources first: an operation points to one that the console knows.
        if !self.resources.walk.is_done() {
            return;
        }
        let mut rows = OpRows::default();
        let mut walk = std::mem::take(&mut self.ops.walk);
        walk.each(recorder.op_pages(), |slot, op| {
            if rows.stats.slot_delta.len() == ROWS_A_FRAME {
                return ControlFlow::Break(());
            }
            self.op(recorder, slot, op, &mut rows, frame, now);
            ControlFlow::Continue(())
        });
        self.ops.walk = walk;
        rows.finish(frame);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a frame under way; a struct would have one use"
    )]
    fn resource(
        &mut self,
        recorder: &Recorder,
        slot: usize,
        resource: &Resource,
        rows: &mut ResourceRows,
        frame: &mut v1::Frame,
        now: Ticks,
        tell_site: &mut impl FnMut(u32, &mut v1::Frame),
    ) {
        let Some(id) = resource.id() else {
            if self.resources.forget(slot) {
                frame.freed_resources.push(slot as u32);
            }
            return;
        };
        let known = self.resources.known(slot);
        let new = known.generation != id.generation();
        let attributes: Vec<Attribute> = resource.attributes().collect();
        let told = hash(&attributes);
        if !new && known.told == told {
            return;
        }
        *known = Known { told, generation: id.generation() };
        if new {
            let Some(description) = resource.description() else { return };
            tell_site(description.site, frame);
            rows.describe(recorder, slot as u32, &description, now);
        }
        push_delta(&mut rows.stats.slot_delta, &mut rows.last_stat, slot as u32);
        rows.attributes.push(recorder, &attributes);
    }

    fn op(
        &mut self,
        recorder: &Recorder,
        slot: usize,
        op: &Op,
        rows: &mut OpRows,
        frame: &mut v1::Frame,
        now: Ticks,
    ) {
        let Some(reading) = op.read() else {
            if self.ops.forget(slot) {
                frame.freed_ops.push(slot as u32);
            }
            return;
        };
        let known = self.ops.known(slot);
        let new = known.generation != reading.id.generation();
        let attributes: Vec<Attribute> = op.attributes().collect();
        let told = hash(&(reading, &attributes));
        if !new && known.told == told {
            return;
        }
        *known = Known { told, generation: reading.id.generation() };
        let clock = recorder.clock();
        if new {
            let ops = &mut rows.ops;
            push_delta(&mut ops.slot_delta, &mut rows.last_op, slot as u32);
            ops.generation.push(reading.id.generation());
            ops.source.push(rows.strings.number(recorder, reading.source));
            ops.resource_slot_plus1.push(reading.resource.map_or(0, |id| id.index() + 1));
            ops.resource_generation.push(reading.resource.map_or(0, ResourceId::generation));
            ops.parent_slot_plus1.push(reading.parent.map_or(0, |id| id.index() + 1));
            ops.parent_generation.push(reading.parent.map_or(0, OpId::generation));
            ops.created_ago_ns.push(clock.between_ns(reading.created, now));
        }
        let stats = &mut rows.stats;
        push_delta(&mut stats.slot_delta, &mut rows.last_stat, slot as u32);
        stats.task_slot_plus1.push(reading.task.map_or(0, |id| id.index() + 1));
        stats.task_generation.push(reading.task.map_or(0, TaskId::generation));
        let running = if reading.running { v1::TaskState::Running } else { v1::TaskState::Idle };
        stats.state.push(running.into());
        stats.state_ago_ns.push(clock.between_ns(reading.since, now));
        stats.polls.push(reading.polls);
        stats.busy_ns.push(clock.length_ns(reading.busy));
        rows.attributes.push(recorder, &attributes);
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The strings of a frame's columns: the recorder's number of a name to its place among them.
#[derive(Debug, Default)]
struct Strings {
    places: FxHashMap<u32, u32>,
    strings: Vec<String>,
}

impl Strings {
    fn number(&mut self, recorder: &Recorder, name: u32) -> u32 {
        if name == 0 {
            return 0;
        }
        *self.places.entry(name).or_insert_with(|| {
            self.strings.push(recorder.name_of(name).to_owned());
            self.strings.len() as u32
        })
    }
}

#[derive(Debug, Default)]
struct AttributeRows {
    columns: v1::Attributes,
    strings: Strings,
}

impl AttributeRows {
    fn push(&mut self, recorder: &Recorder, attributes: &[Attribute]) {
        self.columns.count.push(attributes.len() as u32);
        for attribute in attributes {
            self.columns.name.push(self.strings.number(recorder, attribute.name));
            self.columns.unit.push(self.strings.number(recorder, attribute.unit));
            let (kind, value) = match attribute.value {
                AttributeValue::Number(number) => (v1::AttributeKind::Number, number),
                AttributeValue::Bool(yes) => (v1::AttributeKind::Bool, u64::from(yes)),
                AttributeValue::Name(name) => {
                    (v1::AttributeKind::Text, u64::from(self.strings.number(recorder, name)))
                }
            };
            self.columns.kind.push(kind.into());
            self.columns.value.push(value);
        }
    }

    fn finish(mut self) -> v1::Attributes {
        self.columns.strings = self.strings.strings;
        self.columns
    }
}

#[derive(Debug, Default)]
struct ResourceRows {
    resources: v1::ResourceColumns,
    stats: v1::ResourceStatColumns,
    last_resource: u32,
    last_stat: u32,
    strings: Strings,
    attributes: AttributeRows,
}

impl ResourceRows {
    fn describe(
        &mut self,
        recorder: &Recorder,
        slot: u32,
        resource: &taskscope_recorder::ResourceDescription,
        now: Ticks,
    ) {
        let columns = &mut self.resources;
        push_delta(&mut columns.slot_delta, &mut self.last_resource, slot);
        columns.generation.push(resource.id.generation());
        columns.concrete_type.push(self.strings.number(recorder, resource.concrete_type));
        columns.kind.push(self.strings.number(recorder, resource.kind));
        columns.site.push(resource.site);
        columns.parent_slot_plus1.push(resource.parent.map_or(0, |parent| parent.index() + 1));
        columns.parent_generation.push(resource.parent.map_or(0, ResourceId::generation));
        columns.internal.push(resource.internal);
        columns.created_ago_ns.push(recorder.clock().between_ns(resource.created, now));
    }

    fn finish(mut self, frame: &mut v1::Frame) {
        self.resources.strings = self.strings.strings;
        if !self.stats.slot_delta.is_empty() {
            self.stats.attributes = Some(self.attributes.finish());
            frame.resource_stats = Some(self.stats);
        }
        if !self.resources.slot_delta.is_empty() {
            frame.resources = Some(self.resources);
        }
    }
}

#[derive(Debug, Default)]
struct OpRows {
    ops: v1::OpColumns,
    stats: v1::OpStatColumns,
    last_op: u32,
    last_stat: u32,
    strings: Strings,
    attributes: AttributeRows,
}

impl OpRows {
    fn finish(mut self, frame: &mut v1::Frame) {
        self.ops.strings = self.strings.strings;
        if !self.stats.slot_delta.is_empty() {
            self.stats.attributes = Some(self.attributes.finish());
            frame.op_stats = Some(self.stats);
        }
        if !self.ops.slot_delta.is_empty() {
            frame.ops = Some(self.ops);
        }
    }
}
