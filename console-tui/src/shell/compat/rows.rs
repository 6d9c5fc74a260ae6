//! Rows of tasks, resources and operations, and the columns that they become.
//!
//! Invariant: rows ascend by slot and no slot is there twice, as the wire wants it; a text of a set of columns is there once.

use std::collections::HashMap;

use taskscope_proto::{
    columns::{DeltaEncoder, drop_if_default},
    v1,
};

use super::slots::Place;

/// What a row weighs encoded, at most, beside its texts.
const ROW_BYTES: usize = 200;

/// And each attribute of it.
const ATTRIBUTE_BYTES: usize = 32;

/// What never changes of a task.
#[derive(Debug, Default, Clone)]
pub(super) struct TaskFacts {
    pub(super) tokio_id: u64,
    pub(super) site: u32,
    pub(super) kind: v1::TaskKind,
    pub(super) name: String,
    pub(super) fields: String,
    pub(super) created_ago_ns: u64,
    pub(super) size_bytes: u32,
    pub(super) original_size_bytes: u32,
    pub(super) knows: u32,
}

/// What changes of a task.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct TaskStats {
    pub(super) state: v1::TaskState,
    pub(super) state_ago_ns: u64,
    pub(super) polls: u64,
    pub(super) busy_ns: u64,
    pub(super) scheduled_ns: u64,
    pub(super) wakes: u64,
    pub(super) self_wakes: u64,
    pub(super) waker_clones: u64,
    pub(super) waker_drops: u64,
    pub(super) last_wake_ago_ns: Option<u64>,
}

/// What never changes of a resource.
#[derive(Debug, Default, Clone)]
pub(super) struct ResourceFacts {
    pub(super) concrete_type: String,
    pub(super) kind: String,
    pub(super) site: u32,
    pub(super) parent: Option<Place>,
    pub(super) internal: bool,
    pub(super) created_ago_ns: u64,
}

/// What never changes of an operation.
#[derive(Debug, Default, Clone)]
pub(super) struct OpFacts {
    pub(super) source: String,
    pub(super) resource: Option<Place>,
    pub(super) parent: Option<Place>,
    pub(super) created_ago_ns: u64,
}

/// What changes of an operation, beside its attributes.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct OpStats {
    pub(super) task: Option<Place>,
    pub(super) state: v1::TaskState,
    pub(super) state_ago_ns: u64,
    pub(super) polls: u64,
    pub(super) busy_ns: u64,
}

/// An attribute of a resource or an operation.
#[derive(Debug, Clone)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) value: AttributeValue,
}

#[derive(Debug, Clone)]
pub(super) enum AttributeValue {
    Number(u64),
    Bool(bool),
    Text(String),
}

/// News of one object.
#[derive(Debug)]
pub(super) struct Row<F, S> {
    pub(super) place: Place,
    pub(super) facts: Option<F>,
    pub(super) stats: Option<S>,
}

pub(super) type TaskRow = Row<TaskFacts, TaskStats>;
pub(super) type ResourceRow = Row<ResourceFacts, Vec<Attribute>>;
pub(super) type OpRow = Row<OpFacts, (OpStats, Vec<Attribute>)>;

/// What a row weighs, and how rows become parts of a frame.
pub(super) trait Rows: Sized {
    fn slot(&self) -> u32;
    fn bytes(&self) -> usize;
    /// The rows must ascend by slot.
    fn put(rows: &[Self], frame: &mut v1::Frame);
}

impl Rows for TaskRow {
    fn slot(&self) -> u32 {
        self.place.slot
    }

    fn bytes(&self) -> usize {
        ROW_BYTES + self.facts.as_ref().map_or(0, |facts| facts.name.len() + facts.fields.len())
    }

    fn put(rows: &[Self], frame: &mut v1::Frame) {
        let (mut tasks, mut stats) = (v1::TaskColumns::default(), v1::StatColumns::default());
        let (mut task_slots, mut stat_slots) = (DeltaEncoder::default(), DeltaEncoder::default());
        let mut strings = Strings::default();
        for row in rows {
            if let Some(facts) = &row.facts
                && let Some(delta) = task_slots.push(row.place.slot)
            {
                tasks.slot_delta.push(delta);
                tasks.generation.push(row.place.generation);
                tasks.tokio_id.push(facts.tokio_id);
                tasks.site.push(facts.site);
                tasks.kind.push(facts.kind.into());
                tasks.name.push(strings.number(&facts.name));
                tasks.fields.push(strings.number(&facts.fields));
                tasks.created_ago_ns.push(facts.created_ago_ns);
                tasks.size_bytes.push(facts.size_bytes);
                tasks.original_size_bytes.push(facts.original_size_bytes);
                tasks.knows.push(facts.knows);
            }
            if let Some(task) = &row.stats
                && let Some(delta) = stat_slots.push(row.place.slot)
            {
                stats.slot_delta.push(delta);
                push_stats(&mut stats, task);
            }
        }
        tasks.strings = strings.strings;
        drop_if_default(&mut tasks.original_size_bytes);
        frame.tasks = (!tasks.slot_delta.is_empty()).then_some(tasks);
        frame.stats = (!stats.slot_delta.is_empty()).then_some(stats);
    }
}

fn push_stats(columns: &mut v1::StatColumns, task: &TaskStats) {
    columns.state.push(task.state.into());
    columns.state_ago_ns.push(task.state_ago_ns);
    columns.polls.push(task.polls);
    columns.busy_ns.push(task.busy_ns);
    columns.scheduled_ns.push(task.scheduled_ns);
    columns.wakes.push(task.wakes);
    columns.self_wakes.push(task.self_wakes);
    columns.waker_clones.push(task.waker_clones);
    columns.waker_drops.push(task.waker_drops);
    // Two threads count them, one after the other.
    let wakers = task.waker_clones.saturating_sub(task.waker_drops);
    columns.wakers_plus1.push(u32::try_from(wakers).unwrap_or(u32::MAX).saturating_add(1));
    columns.last_wake_ago_ns_plus1.push(task.last_wake_ago_ns.map_or(0, |ago_ns| ago_ns.saturating_add(1)));
}

impl Rows for ResourceRow {
    fn slot(&self) -> u32 {
        self.place.slot
    }

    fn bytes(&self) -> usize {
        let facts = self.facts.as_ref().map_or(0, |facts| facts.concrete_type.len() + facts.kind.len());
        ROW_BYTES + facts + self.stats.as_deref().map_or(0, attribute_bytes)
    }

    fn put(rows: &[Self], frame: &mut v1::Frame) {
        let (mut resources, mut stats) = (v1::ResourceColumns::default(), v1::ResourceStatColumns::default());
        let (mut slots, mut stat_slots) = (DeltaEncoder::default(), DeltaEncoder::default());
        let (mut strings, mut attributes) = (Strings::default(), AttributeColumns::default());
        for row in rows {
            if let Some(facts) = &row.facts
                && let Some(delta) = slots.push(row.place.slot)
            {
                resources.slot_delta.push(delta);
                resources.generation.push(row.place.generation);
                resources.concrete_type.push(strings.number(&facts.concrete_type));
                resources.kind.push(strings.number(&facts.kind));
                resources.site.push(facts.site);
                let (slot_plus1, generation) = pointer(facts.parent);
                resources.parent_slot_plus1.push(slot_plus1);
                resources.parent_generation.push(generation);
                resources.internal.push(facts.internal);
                resources.created_ago_ns.push(facts.created_ago_ns);
            }
            if let Some(of_row) = &row.stats
                && let Some(delta) = stat_slots.push(row.place.slot)
            {
                stats.slot_delta.push(delta);
                attributes.push(of_row);
            }
        }
        resources.strings = strings.strings;
        stats.attributes = Some(attributes.finish());
        frame.resources = (!resources.slot_delta.is_empty()).then_some(resources);
        frame.resource_stats = (!stats.slot_delta.is_empty()).then_some(stats);
    }
}

impl Rows for OpRow {
    fn slot(&self) -> u32 {
        self.place.slot
    }

    fn bytes(&self) -> usize {
        let facts = self.facts.as_ref().map_or(0, |facts| facts.source.len());
        ROW_BYTES + facts + self.stats.as_ref().map_or(0, |(_, attributes)| attribute_bytes(attributes))
    }

    fn put(rows: &[Self], frame: &mut v1::Frame) {
        let (mut ops, mut stats) = (v1::OpColumns::default(), v1::OpStatColumns::default());
        let (mut slots, mut stat_slots) = (DeltaEncoder::default(), DeltaEncoder::default());
        let (mut strings, mut attributes) = (Strings::default(), AttributeColumns::default());
        for row in rows {
            if let Some(facts) = &row.facts
                && let Some(delta) = slots.push(row.place.slot)
            {
                ops.slot_delta.push(delta);
                ops.generation.push(row.place.generation);
                ops.source.push(strings.number(&facts.source));
                let (slot_plus1, generation) = pointer(facts.resource);
                ops.resource_slot_plus1.push(slot_plus1);
                ops.resource_generation.push(generation);
                let (slot_plus1, generation) = pointer(facts.parent);
                ops.parent_slot_plus1.push(slot_plus1);
                ops.parent_generation.push(generation);
                ops.created_ago_ns.push(facts.created_ago_ns);
            }
            if let Some((op, of_row)) = &row.stats
                && let Some(delta) = stat_slots.push(row.place.slot)
            {
                stats.slot_delta.push(delta);
                let (slot_plus1, generation) = pointer(op.task);
                stats.task_slot_plus1.push(slot_plus1);
                stats.task_generation.push(generation);
                stats.state.push(op.state.into());
                stats.state_ago_ns.push(op.state_ago_ns);
                stats.polls.push(op.polls);
                stats.busy_ns.push(op.busy_ns);
                attributes.push(of_row);
            }
        }
        ops.strings = strings.strings;
        stats.attributes = Some(attributes.finish());
        frame.ops = (!ops.slot_delta.is_empty()).then_some(ops);
        frame.op_stats = (!stats.slot_delta.is_empty()).then_some(stats);
    }
}

fn pointer(place: Option<Place>) -> (u32, u32) {
    place.map_or((0, 0), |place| (place.slot + 1, place.generation))
}

fn attribute_bytes(attributes: &[Attribute]) -> usize {
    let text = |attribute: &Attribute| match &attribute.value {
        AttributeValue::Text(text) => text.len(),
        AttributeValue::Number(_) | AttributeValue::Bool(_) => 0,
    };
    attributes
        .iter()
        .map(|attribute| ATTRIBUTE_BYTES + attribute.name.len() + attribute.unit.len() + text(attribute))
        .sum()
}

/// Texts, each once; numbers are 1-based, 0 is none.
#[derive(Debug, Default)]
struct Strings {
    places: HashMap<String, u32>,
    strings: Vec<String>,
}

impl Strings {
    fn number(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(number) = self.places.get(text) {
            return *number;
        }
        self.strings.push(text.to_owned());
        let number = self.strings.len() as u32;
        self.places.insert(text.to_owned(), number);
        number
    }
}

#[derive(Debug, Default)]
struct AttributeColumns {
    columns: v1::Attributes,
    strings: Strings,
}

impl AttributeColumns {
    fn push(&mut self, attributes: &[Attribute]) {
        self.columns.count.push(attributes.len() as u32);
        for attribute in attributes {
            self.columns.name.push(self.strings.number(&attribute.name));
            self.columns.unit.push(self.strings.number(&attribute.unit));
            let (kind, value) = match &attribute.value {
                AttributeValue::Number(number) => (v1::AttributeKind::Number, *number),
                AttributeValue::Bool(yes) => (v1::AttributeKind::Bool, u64::from(*yes)),
                AttributeValue::Text(text) => (v1::AttributeKind::Text, u64::from(self.strings.number(text))),
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
