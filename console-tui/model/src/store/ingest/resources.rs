//! The columns of resources and operations: checked once, then read without a way to fail.
//!
//! Limit: [`MAX_ATTRIBUTES`] of a row are kept; further ones are counted.

use taskscope_proto::{
    columns::{Column, ColumnError, slots},
    limits::{MAX_FREED_PER_FRAME, MAX_NAME_BYTES, MAX_SITES, MAX_SLOTS, MAX_THREADS},
    v1,
};

use super::{
    WireError, at_most, in_range,
    rows::{since, state},
};
use crate::{
    id::{OpKey, ResourceKey, SiteId, TaskKey},
    losses::Losses,
    store::{
        Store,
        resources::{Attribute, MAX_ATTRIBUTES, Op, OpStats, Resource, Value},
    },
    text::{TextId, Texts, clean},
};

/// Checks all that [`apply`] relies on.
pub(super) fn check(frame: &v1::Frame) -> Result<(), WireError> {
    for (list, freed) in [("freed_resources", &frame.freed_resources), ("freed_ops", &frame.freed_ops)] {
        at_most(list, freed.len(), MAX_FREED_PER_FRAME)?;
        for slot in freed {
            in_range(list, u64::from(*slot), 0..=u64::from(MAX_SLOTS - 1))?;
        }
    }
    if let Some(wire) = &frame.resources {
        ResourceReader::new(wire)?.check()?;
    }
    if let Some(wire) = &frame.resource_stats {
        AttributeReader::new(wire.attributes.as_ref(), slots(&wire.slot_delta)?.len())?;
    }
    if let Some(wire) = &frame.ops {
        OpReader::new(wire)?.check()?;
    }
    if let Some(wire) = &frame.op_stats {
        OpStatReader::new(wire)?.check()?;
        AttributeReader::new(wire.attributes.as_ref(), slots(&wire.slot_delta)?.len())?;
    }
    Ok(())
}

/// Applies what [`check`] has passed. Returns how many changes named something nobody had told of.
pub(super) fn apply(store: &mut Store, frame: &v1::Frame, losses: &mut Losses) -> u64 {
    let (resources, texts, now_ns) = (&mut store.resources, &mut store.texts, frame.now_ns);
    let is_news = !store.filling;
    let mut orphans = 0;
    for slot in &frame.freed_resources {
        resources.remove(*slot, texts);
    }
    if let Some(wire) = &frame.resources
        && let (Ok(reader), Ok(slots)) = (ResourceReader::new(wire), slots(&wire.slot_delta))
    {
        let mut strings = Strings::new(&wire.strings, MAX_NAME_BYTES);
        for (row, slot) in slots.enumerate() {
            let mut resource = reader.resource(row, slot, now_ns, &mut strings, texts, losses);
            resource.told_ns = is_news.then_some(resource.created_ns);
            resources.insert(resource, texts, losses);
        }
        strings.finish(texts);
    }
    if let Some(wire) = &frame.resource_stats
        && let Ok(slots) = slots(&wire.slot_delta)
        && let Ok(mut attributes) = AttributeReader::new(wire.attributes.as_ref(), slots.len())
    {
        for (row, slot) in slots.enumerate() {
            let row = attributes.row(row, texts, losses);
            orphans += u64::from(!resources.set_attributes(slot, row, is_news.then_some(now_ns), texts));
        }
        attributes.strings.finish(texts);
    }
    for slot in &frame.freed_ops {
        resources.remove_op(*slot, texts);
    }
    if let Some(wire) = &frame.ops
        && let (Ok(reader), Ok(slots)) = (OpReader::new(wire), slots(&wire.slot_delta))
    {
        let mut strings = Strings::new(&wire.strings, MAX_NAME_BYTES);
        for (row, slot) in slots.enumerate() {
            let op = reader.op(row, slot, now_ns, &mut strings, texts, losses);
            resources.insert_op(op, texts, losses);
        }
        strings.finish(texts);
    }
    if let Some(wire) = &frame.op_stats
        && let (Ok(reader), Ok(slots)) = (OpStatReader::new(wire), slots(&wire.slot_delta))
        && let Ok(mut attributes) = AttributeReader::new(wire.attributes.as_ref(), slots.len())
    {
        for (row, slot) in slots.enumerate() {
            let attributes = attributes.row(row, texts, losses);
            orphans += u64::from(!resources.apply_op(slot, reader.stats(row, now_ns), attributes, texts));
        }
        attributes.strings.finish(texts);
    }
    orphans
}

/// The strings of a set of columns, each cleaned and kept at its first use.
pub(super) struct Strings<'a> {
    raw: &'a [String],
    max_bytes: usize,
    ids: Vec<Option<TextId>>,
}

impl<'a> Strings<'a> {
    pub(super) fn new(raw: &'a [String], max_bytes: usize) -> Self {
        Self { raw, max_bytes, ids: vec![None; raw.len()] }
    }

    /// The text with this 1-based number, held once more.
    pub(super) fn hold(&mut self, number: u64, texts: &mut Texts, losses: &mut Losses) -> TextId {
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let Some((index, raw)) = index.and_then(|index| Some((index, self.raw.get(index)?))) else {
            return TextId::NONE;
        };
        let id = *self.ids[index].get_or_insert_with(|| {
            let cleaned = clean(raw, self.max_bytes);
            losses.texts_cleaned += u64::from(cleaned != raw.as_str());
            if cleaned.is_empty() {
                return TextId::NONE;
            }
            texts.hold(&cleaned).unwrap_or_else(|| {
                losses.texts_over_limit += 1;
                TextId::NONE
            })
        });
        texts.hold_again(id);
        id
    }

    /// Lets go of its own holds.
    pub(super) fn finish(self, texts: &mut Texts) {
        for id in self.ids.into_iter().flatten() {
            texts.release(id);
        }
    }
}

fn slot_plus1(field: &'static str, value: u32) -> Result<(), WireError> {
    in_range(field, u64::from(value), 0..=u64::from(MAX_SLOTS))
}

struct ResourceReader<'a> {
    rows: usize,
    generation: Column<'a, u32>,
    concrete_type: Column<'a, u32>,
    kind: Column<'a, u32>,
    site: Column<'a, u32>,
    parent_slot_plus1: Column<'a, u32>,
    parent_generation: Column<'a, u32>,
    internal: Column<'a, bool>,
    created_ago_ns: Column<'a, u64>,
    name: Column<'a, u32>,
}

impl<'a> ResourceReader<'a> {
    fn new(wire: &'a v1::ResourceColumns) -> Result<Self, WireError> {
        let rows = slots(&wire.slot_delta)?.len();
        Ok(Self {
            rows,
            generation: Column::new("generation", &wire.generation, rows)?,
            concrete_type: Column::new("concrete_type", &wire.concrete_type, rows)?,
            kind: Column::new("kind", &wire.kind, rows)?,
            site: Column::new("site", &wire.site, rows)?,
            parent_slot_plus1: Column::new("parent_slot_plus1", &wire.parent_slot_plus1, rows)?,
            parent_generation: Column::new("parent_generation", &wire.parent_generation, rows)?,
            internal: Column::new("internal", &wire.internal, rows)?,
            created_ago_ns: Column::new("created_ago_ns", &wire.created_ago_ns, rows)?,
            name: Column::new("name", &wire.name, rows)?,
        })
    }

    fn check(&self) -> Result<(), WireError> {
        for row in 0..self.rows {
            in_range("site", u64::from(self.site.at(row)), 0..=MAX_SITES as u64)?;
            slot_plus1("parent_slot_plus1", self.parent_slot_plus1.at(row))?;
        }
        Ok(())
    }

    fn resource(
        &self,
        row: usize,
        slot: u32,
        now_ns: u64,
        strings: &mut Strings,
        texts: &mut Texts,
        losses: &mut Losses,
    ) -> Resource {
        let parent = self.parent_slot_plus1.at(row).checked_sub(1);
        Resource {
            key: ResourceKey { slot, generation: self.generation.at(row) },
            concrete_type: strings.hold(u64::from(self.concrete_type.at(row)), texts, losses),
            kind: strings.hold(u64::from(self.kind.at(row)), texts, losses),
            name: strings.hold(u64::from(self.name.at(row)), texts, losses),
            site: SiteId(self.site.at(row)),
            parent: parent.map(|slot| ResourceKey { slot, generation: self.parent_generation.at(row) }),
            internal: self.internal.at(row),
            created_ns: now_ns.saturating_sub(self.created_ago_ns.at(row)),
            told_ns: None,
            attributes: Box::default(),
        }
    }
}

struct OpReader<'a> {
    rows: usize,
    generation: Column<'a, u32>,
    source: Column<'a, u32>,
    resource_slot_plus1: Column<'a, u32>,
    resource_generation: Column<'a, u32>,
    parent_slot_plus1: Column<'a, u32>,
    parent_generation: Column<'a, u32>,
    created_ago_ns: Column<'a, u64>,
    site: Column<'a, u32>,
}

impl<'a> OpReader<'a> {
    fn new(wire: &'a v1::OpColumns) -> Result<Self, WireError> {
        let rows = slots(&wire.slot_delta)?.len();
        Ok(Self {
            rows,
            generation: Column::new("generation", &wire.generation, rows)?,
            source: Column::new("source", &wire.source, rows)?,
            resource_slot_plus1: Column::new("resource_slot_plus1", &wire.resource_slot_plus1, rows)?,
            resource_generation: Column::new("resource_generation", &wire.resource_generation, rows)?,
            parent_slot_plus1: Column::new("parent_slot_plus1", &wire.parent_slot_plus1, rows)?,
            parent_generation: Column::new("parent_generation", &wire.parent_generation, rows)?,
            created_ago_ns: Column::new("created_ago_ns", &wire.created_ago_ns, rows)?,
            site: Column::new("site", &wire.site, rows)?,
        })
    }

    fn check(&self) -> Result<(), WireError> {
        for row in 0..self.rows {
            in_range("site", u64::from(self.site.at(row)), 0..=MAX_SITES as u64)?;
            slot_plus1("resource_slot_plus1", self.resource_slot_plus1.at(row))?;
            slot_plus1("parent_slot_plus1", self.parent_slot_plus1.at(row))?;
        }
        Ok(())
    }

    fn op(
        &self,
        row: usize,
        slot: u32,
        now_ns: u64,
        strings: &mut Strings,
        texts: &mut Texts,
        losses: &mut Losses,
    ) -> Op {
        let resource = self.resource_slot_plus1.at(row).checked_sub(1);
        let parent = self.parent_slot_plus1.at(row).checked_sub(1);
        Op {
            key: OpKey { slot, generation: self.generation.at(row) },
            source: strings.hold(u64::from(self.source.at(row)), texts, losses),
            resource: resource.map(|slot| ResourceKey { slot, generation: self.resource_generation.at(row) }),
            parent: parent.map(|slot| OpKey { slot, generation: self.parent_generation.at(row) }),
            site: SiteId(self.site.at(row)),
            created_ns: now_ns.saturating_sub(self.created_ago_ns.at(row)),
            stats: OpStats::default(),
            attributes: Box::default(),
        }
    }
}

struct OpStatReader<'a> {
    rows: usize,
    task_slot_plus1: Column<'a, u32>,
    task_generation: Column<'a, u32>,
    state: Column<'a, i32>,
    state_ago_ns: Column<'a, u64>,
    polls: Column<'a, u64>,
    busy_ns: Column<'a, u64>,
    granted_ago_ns_plus1: Column<'a, u64>,
    thread: Column<'a, u32>,
}

impl<'a> OpStatReader<'a> {
    fn new(wire: &'a v1::OpStatColumns) -> Result<Self, WireError> {
        let rows = slots(&wire.slot_delta)?.len();
        Ok(Self {
            rows,
            task_slot_plus1: Column::new("task_slot_plus1", &wire.task_slot_plus1, rows)?,
            task_generation: Column::new("task_generation", &wire.task_generation, rows)?,
            state: Column::new("state", &wire.state, rows)?,
            state_ago_ns: Column::new("state_ago_ns", &wire.state_ago_ns, rows)?,
            polls: Column::new("polls", &wire.polls, rows)?,
            busy_ns: Column::new("busy_ns", &wire.busy_ns, rows)?,
            granted_ago_ns_plus1: Column::new("granted_ago_ns_plus1", &wire.granted_ago_ns_plus1, rows)?,
            thread: Column::new("thread", &wire.thread, rows)?,
        })
    }

    fn check(&self) -> Result<(), WireError> {
        (0..self.rows).try_for_each(|row| {
            in_range("thread", u64::from(self.thread.at(row)), 0..=MAX_THREADS as u64)?;
            slot_plus1("task_slot_plus1", self.task_slot_plus1.at(row))
        })
    }

    fn stats(&self, row: usize, now_ns: u64) -> OpStats {
        let task = self.task_slot_plus1.at(row).checked_sub(1);
        OpStats {
            task: task.map(|slot| TaskKey { slot, generation: self.task_generation.at(row) }),
            state: state(self.state.at(row)),
            state_since_ns: now_ns.saturating_sub(self.state_ago_ns.at(row)),
            polls: self.polls.at(row),
            busy_ns: self.busy_ns.at(row),
            granted_ns: since(self.granted_ago_ns_plus1.at(row), now_ns),
            thread: self.thread.at(row),
        }
    }
}

/// The attributes of many rows, read from the first row on.
struct AttributeReader<'a> {
    count: Column<'a, u32>,
    name: &'a [u32],
    kind: Column<'a, i32>,
    value: Column<'a, u64>,
    unit: Column<'a, u32>,
    strings: Strings<'a>,
    /// The first attribute of the next row.
    next: usize,
}

impl<'a> AttributeReader<'a> {
    fn new(wire: Option<&'a v1::Attributes>, rows: usize) -> Result<Self, WireError> {
        static NONE: v1::Attributes = v1::Attributes {
            count: Vec::new(),
            name: Vec::new(),
            kind: Vec::new(),
            value: Vec::new(),
            unit: Vec::new(),
            strings: Vec::new(),
        };
        let wire = wire.unwrap_or(&NONE);
        let (len, sum) = (wire.name.len(), wire.count.iter().map(|count| u64::from(*count)).sum::<u64>());
        if sum != len as u64 {
            let rows = usize::try_from(sum).unwrap_or(usize::MAX);
            return Err(ColumnError::Length { column: "Attributes.name", len, rows }.into());
        }
        Ok(Self {
            count: Column::new("Attributes.count", &wire.count, rows)?,
            name: &wire.name,
            kind: Column::new("Attributes.kind", &wire.kind, len)?,
            value: Column::new("Attributes.value", &wire.value, len)?,
            unit: Column::new("Attributes.unit", &wire.unit, len)?,
            strings: Strings::new(&wire.strings, MAX_NAME_BYTES),
            next: 0,
        })
    }

    /// The attributes of the next row.
    fn row(&mut self, row: usize, texts: &mut Texts, losses: &mut Losses) -> Box<[Attribute]> {
        let (start, count) = (self.next, self.count.at(row) as usize);
        self.next += count;
        losses.attributes_over_limit += count.saturating_sub(MAX_ATTRIBUTES) as u64;
        let kept = start..start + count.min(MAX_ATTRIBUTES);
        kept.map(|at| {
            let value = match v1::AttributeKind::try_from(self.kind.at(at)) {
                Ok(v1::AttributeKind::Number) => Value::Number(self.value.at(at)),
                Ok(v1::AttributeKind::Bool) => Value::Bool(self.value.at(at) != 0),
                Ok(v1::AttributeKind::Text) => {
                    Value::Text(self.strings.hold(self.value.at(at), texts, losses))
                }
                Ok(v1::AttributeKind::Unspecified) | Err(_) => Value::Unknown,
            };
            Attribute {
                name: self.strings.hold(u64::from(self.name[at]), texts, losses),
                unit: self.strings.hold(u64::from(self.unit.at(at)), texts, losses),
                value,
            }
        })
        .collect()
    }
}
