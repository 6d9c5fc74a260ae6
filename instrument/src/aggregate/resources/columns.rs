//! Rows of resources and operations, gathered into columns.

use rustc_hash::FxHashMap;
use taskscope_proto::v1;
use taskscope_recorder::{
    Attribute, AttributeValue, OpId, OpReading, Recorder, ResourceDescription, ResourceId, TaskId, Ticks,
};

use crate::aggregate::rows::{clear_zeros, push_delta};

/// Bytes that a row of each kind takes encoded, at most, beside its text.
const RESOURCE_ROW_BYTES: usize = 50;
const OP_ROW_BYTES: usize = 60;
const OP_STAT_ROW_BYTES: usize = 70;
const ATTRIBUTE_BYTES: usize = 20;

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
            self.strings.push(recorder.resources.name_of(name).to_owned());
            self.strings.len() as u32
        })
    }

    /// A text that hardly comes twice.
    fn text(&mut self, text: &str) -> u32 {
        self.strings.push(text.to_owned());
        self.strings.len() as u32
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
pub(super) struct ResourceRows {
    resources: v1::ResourceColumns,
    stats: v1::ResourceStatColumns,
    last_resource: u32,
    last_stat: u32,
    strings: Strings,
    attributes: AttributeRows,
}

impl ResourceRows {
    pub(super) fn stats_len(&self) -> usize {
        self.stats.slot_delta.len()
    }

    /// Returns the bytes that it takes.
    pub(super) fn describe(
        &mut self,
        recorder: &Recorder,
        slot: u32,
        resource: &ResourceDescription,
        now: Ticks,
    ) -> usize {
        let name = resource.named.then(|| recorder.resources.name(resource.id)).flatten().unwrap_or_default();
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
        columns.name.push(if name.is_empty() { 0 } else { self.strings.text(&name) });
        RESOURCE_ROW_BYTES + name.len()
    }

    /// Returns the bytes that it takes.
    pub(super) fn stat(&mut self, recorder: &Recorder, slot: u32, attributes: &[Attribute]) -> usize {
        push_delta(&mut self.stats.slot_delta, &mut self.last_stat, slot);
        self.attributes.push(recorder, attributes);
        ATTRIBUTE_BYTES * (1 + attributes.len())
    }

    pub(super) fn finish(mut self, frame: &mut v1::Frame) {
        self.resources.strings = self.strings.strings;
        clear_zeros(&mut self.resources.name);
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
pub(super) struct OpRows {
    ops: v1::OpColumns,
    stats: v1::OpStatColumns,
    last_op: u32,
    last_stat: u32,
    strings: Strings,
    attributes: AttributeRows,
    /// Bytes at most, when encoded.
    pub(super) bytes: usize,
}

impl OpRows {
    pub(super) fn stats_len(&self) -> usize {
        self.stats.slot_delta.len()
    }

    pub(super) fn describe(&mut self, recorder: &Recorder, slot: u32, op: &OpReading, now: Ticks) {
        let columns = &mut self.ops;
        push_delta(&mut columns.slot_delta, &mut self.last_op, slot);
        columns.generation.push(op.id.generation());
        columns.source.push(self.strings.number(recorder, op.source));
        columns.resource_slot_plus1.push(op.resource.map_or(0, |id| id.index() + 1));
        columns.resource_generation.push(op.resource.map_or(0, ResourceId::generation));
        columns.parent_slot_plus1.push(op.parent.map_or(0, |id| id.index() + 1));
        columns.parent_generation.push(op.parent.map_or(0, OpId::generation));
        columns.created_ago_ns.push(recorder.clock().between_ns(op.created, now));
        columns.site.push(op.site);
        self.bytes += OP_ROW_BYTES;
    }

    pub(super) fn stat(
        &mut self,
        recorder: &Recorder,
        slot: u32,
        op: &OpReading,
        attributes: &[Attribute],
        now: Ticks,
    ) {
        let clock = recorder.clock();
        let stats = &mut self.stats;
        push_delta(&mut stats.slot_delta, &mut self.last_stat, slot);
        stats.task_slot_plus1.push(op.task.map_or(0, |id| id.index() + 1));
        stats.task_generation.push(op.task.map_or(0, TaskId::generation));
        let running = if op.running { v1::TaskState::Running } else { v1::TaskState::Idle };
        stats.state.push(running.into());
        stats.state_ago_ns.push(clock.between_ns(op.since, now));
        stats.polls.push(op.polls);
        stats.busy_ns.push(clock.length_ns(op.busy));
        let granted = op.granted.map_or(0, |at| clock.between_ns(at, now).saturating_add(1));
        stats.granted_ago_ns_plus1.push(granted);
        stats.thread.push(op.thread);
        self.attributes.push(recorder, attributes);
        self.bytes += OP_STAT_ROW_BYTES + ATTRIBUTE_BYTES * attributes.len();
    }

    pub(super) fn finish(mut self, frame: &mut v1::Frame) {
        self.ops.strings = self.strings.strings;
        clear_zeros(&mut self.ops.site);
        clear_zeros(&mut self.stats.granted_ago_ns_plus1);
        clear_zeros(&mut self.stats.thread);
        if !self.stats.slot_delta.is_empty() {
            self.stats.attributes = Some(self.attributes.finish());
            frame.op_stats = Some(self.stats);
        }
        if !self.ops.slot_delta.is_empty() {
            frame.ops = Some(self.ops);
        }
    }
}
