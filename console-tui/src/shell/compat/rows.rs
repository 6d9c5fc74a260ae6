//! Rows of tasks, resources and operations, and the columns that they become.
//!
//! Invariant: rows ascend by slot and no slot is there twice, as the wire wants it; a text of a set of columns is there once.

use taskscope_proto::{
    rows::{
        AttributeRow, Columns, OpRow as OpFactsRow, OpStatRow, ResourceRow as ResourceFactsRow,
        ResourceStatRow, Row as _, SlotRef, StatRow, TaskRow as TaskFactsRow, Writer,
    },
    v1,
};

/// What a text and a slot weigh beside what is in them, at most: keys and lengths.
const EXTRA_BYTES: usize = 16;

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

/// What never changes of a resource.
#[derive(Debug, Default, Clone)]
pub(super) struct ResourceFacts {
    pub(super) concrete_type: String,
    pub(super) kind: String,
    pub(super) site: u32,
    pub(super) parent: Option<SlotRef>,
    pub(super) internal: bool,
    pub(super) created_ago_ns: u64,
}

/// What never changes of an operation.
#[derive(Debug, Default, Clone)]
pub(super) struct OpFacts {
    pub(super) source: String,
    pub(super) resource: Option<SlotRef>,
    pub(super) parent: Option<SlotRef>,
    pub(super) created_ago_ns: u64,
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
    pub(super) place: SlotRef,
    pub(super) facts: Option<F>,
    pub(super) stats: Option<S>,
}

pub(super) type TaskRow = Row<TaskFacts, StatRow>;
pub(super) type ResourceRow = Row<ResourceFacts, Vec<Attribute>>;
pub(super) type OpRow = Row<OpFacts, (OpStatRow, Vec<Attribute>)>;

/// What a row weighs, and how rows become parts of a frame.
pub(super) trait Rows: Sized {
    fn slot(&self) -> u32;
    /// Encoded, at most.
    fn bytes(&self) -> usize;
    /// The rows must ascend by slot.
    fn put(rows: &[Self], frame: &mut v1::Frame);
}

impl Rows for TaskRow {
    fn slot(&self) -> u32 {
        self.place.slot
    }

    fn bytes(&self) -> usize {
        let texts = self.facts.as_ref().map_or(0, |facts| facts.name.len() + facts.fields.len());
        TaskFactsRow::MAX_BYTES + StatRow::MAX_BYTES + 4 * EXTRA_BYTES + texts
    }

    fn put(rows: &[Self], frame: &mut v1::Frame) {
        let mut tasks = Writer::<v1::TaskColumns>::default();
        let mut stats = Writer::<v1::StatColumns>::default();
        for row in rows {
            if let Some(facts) = &row.facts {
                let facts = TaskFactsRow {
                    generation: row.place.generation,
                    tokio_id: facts.tokio_id,
                    site: facts.site,
                    kind: facts.kind,
                    name: tasks.text(&facts.name),
                    fields: tasks.text(&facts.fields),
                    created_ago_ns: facts.created_ago_ns,
                    size_bytes: facts.size_bytes,
                    original_size_bytes: facts.original_size_bytes,
                    knows: facts.knows,
                    ..TaskFactsRow::default()
                };
                tasks.push(row.place.slot, facts);
            }
            if let Some(task) = row.stats {
                stats.push(row.place.slot, task);
            }
        }
        (frame.tasks, frame.stats) = (tasks.finish(), stats.finish());
    }
}

impl Rows for ResourceRow {
    fn slot(&self) -> u32 {
        self.place.slot
    }

    fn bytes(&self) -> usize {
        let texts = self.facts.as_ref().map_or(0, |facts| facts.concrete_type.len() + facts.kind.len());
        let attributes = self.stats.as_deref().map_or(0, attribute_bytes);
        ResourceFactsRow::MAX_BYTES + 4 * EXTRA_BYTES + texts + attributes
    }

    fn put(rows: &[Self], frame: &mut v1::Frame) {
        let mut resources = Writer::<v1::ResourceColumns>::default();
        let mut stats = Writer::<v1::ResourceStatColumns>::default();
        for row in rows {
            if let Some(facts) = &row.facts {
                let facts = ResourceFactsRow {
                    generation: row.place.generation,
                    concrete_type: resources.text(&facts.concrete_type),
                    kind: resources.text(&facts.kind),
                    site: facts.site,
                    parent: facts.parent,
                    internal: facts.internal,
                    created_ago_ns: facts.created_ago_ns,
                    name: 0,
                };
                resources.push(row.place.slot, facts);
            }
            if let Some(attributes) = &row.stats {
                let items = attribute_rows(&mut stats, attributes);
                stats.push_with(row.place.slot, ResourceStatRow {}, items);
            }
        }
        (frame.resources, frame.resource_stats) = (resources.finish(), stats.finish());
    }
}

impl Rows for OpRow {
    fn slot(&self) -> u32 {
        self.place.slot
    }

    fn bytes(&self) -> usize {
        let texts = self.facts.as_ref().map_or(0, |facts| facts.source.len());
        let attributes = self.stats.as_ref().map_or(0, |(_, attributes)| attribute_bytes(attributes));
        OpFactsRow::MAX_BYTES + OpStatRow::MAX_BYTES + 4 * EXTRA_BYTES + texts + attributes
    }

    fn put(rows: &[Self], frame: &mut v1::Frame) {
        let mut ops = Writer::<v1::OpColumns>::default();
        let mut stats = Writer::<v1::OpStatColumns>::default();
        for row in rows {
            if let Some(facts) = &row.facts {
                let facts = OpFactsRow {
                    generation: row.place.generation,
                    source: ops.text(&facts.source),
                    resource: facts.resource,
                    parent: facts.parent,
                    created_ago_ns: facts.created_ago_ns,
                    site: 0,
                    asked: None,
                };
                ops.push(row.place.slot, facts);
            }
            if let Some((op, attributes)) = &row.stats {
                let items = attribute_rows(&mut stats, attributes);
                stats.push_with(row.place.slot, *op, items);
            }
        }
        (frame.ops, frame.op_stats) = (ops.finish(), stats.finish());
    }
}

fn attribute_bytes(attributes: &[Attribute]) -> usize {
    let text = |attribute: &Attribute| match &attribute.value {
        AttributeValue::Text(text) => text.len(),
        AttributeValue::Number(_) | AttributeValue::Bool(_) => 0,
    };
    let bytes = |attribute: &Attribute| attribute.name.len() + attribute.unit.len() + text(attribute);
    attributes.iter().map(|of| AttributeRow::MAX_BYTES + EXTRA_BYTES + bytes(of)).sum()
}

fn attribute_rows<C: Columns>(writer: &mut Writer<C>, attributes: &[Attribute]) -> Vec<AttributeRow> {
    let row = |attribute: &Attribute| {
        let (kind, value) = match &attribute.value {
            AttributeValue::Number(number) => (v1::AttributeKind::Number, *number),
            AttributeValue::Bool(yes) => (v1::AttributeKind::Bool, u64::from(*yes)),
            AttributeValue::Text(text) => (v1::AttributeKind::Text, u64::from(writer.text(text))),
        };
        AttributeRow { name: writer.text(&attribute.name), kind, value, unit: writer.text(&attribute.unit) }
    };
    attributes.iter().map(row).collect()
}
