//! Resources and operations of a frame, with their attributes.
//!
//! Limit: [`MAX_ATTRIBUTES`] of a row are kept; further ones are counted.

use taskscope_proto::{
    limits::MAX_NAME_BYTES,
    rows::{AttributeRow, Items, OpRow, OpStatRow, ResourceRow},
    v1::AttributeKind,
};

use super::{Applying, since, strings::Strings, tasks::state};
use crate::{
    id::{OpKey, ResourceKey, SiteId, TaskKey},
    store::resources::{Attribute, MAX_ATTRIBUTES, Op, OpStats, Resource, Value},
    text::TextId,
};

/// Applies resources, then the operations that point to them.
pub(super) fn apply(of: &mut Applying<'_>) {
    let resources = &mut of.store.resources;
    for slot in &of.frame.rest.freed_resources {
        resources.remove(*slot, &mut of.store.texts);
    }
    apply_new(of);
    apply_stats(of);
    let resources = &mut of.store.resources;
    for slot in &of.frame.rest.freed_ops {
        resources.remove_op(*slot, &mut of.store.texts);
    }
    apply_new_ops(of);
    apply_op_stats(of);
}

fn apply_new(of: &mut Applying<'_>) {
    let Some(new) = &of.frame.resources else { return };
    let (now_ns, is_news) = (of.now_ns(), !of.store.filling);
    let (resources, texts, losses) = (&mut of.store.resources, &mut of.store.texts, &mut *of.losses);
    let mut strings = Strings::new(new.strings(), MAX_NAME_BYTES);
    for (slot, row) in new.rows() {
        let mut resource = resource(slot, row, now_ns, |number| strings.hold(number, texts, losses));
        resource.reported_ns = is_news.then_some(resource.created_ns);
        resources.insert(resource, texts, losses);
    }
    strings.finish(texts);
}

fn apply_stats(of: &mut Applying<'_>) {
    let Some(stats) = &of.frame.resource_stats else { return };
    let changed_ns = (!of.store.filling).then_some(of.now_ns());
    let (resources, texts, losses) = (&mut of.store.resources, &mut of.store.texts, &mut *of.losses);
    let mut strings = Strings::new(stats.strings(), MAX_NAME_BYTES);
    for (slot, _, items) in stats.rows_with_items() {
        losses.attributes_over_limit += over_limit(&items);
        let attributes = attributes(items, |number| strings.hold(number, texts, losses));
        of.orphan_resources += u64::from(!resources.set_attributes(slot, attributes, changed_ns, texts));
    }
    strings.finish(texts);
}

fn apply_new_ops(of: &mut Applying<'_>) {
    let Some(new) = &of.frame.ops else { return };
    let now_ns = of.now_ns();
    let (resources, texts, losses) = (&mut of.store.resources, &mut of.store.texts, &mut *of.losses);
    let mut strings = Strings::new(new.strings(), MAX_NAME_BYTES);
    for (slot, row) in new.rows() {
        let op = op(slot, row, now_ns, |number| strings.hold(number, texts, losses));
        resources.insert_op(op, texts, losses);
    }
    strings.finish(texts);
}

fn apply_op_stats(of: &mut Applying<'_>) {
    let Some(stats) = &of.frame.op_stats else { return };
    let now_ns = of.now_ns();
    let (resources, texts, losses) = (&mut of.store.resources, &mut of.store.texts, &mut *of.losses);
    let mut strings = Strings::new(stats.strings(), MAX_NAME_BYTES);
    for (slot, row, items) in stats.rows_with_items() {
        losses.attributes_over_limit += over_limit(&items);
        let attributes = attributes(items, |number| strings.hold(number, texts, losses));
        of.orphan_resources += u64::from(!resources.apply_op(slot, op_stats(row, now_ns), attributes, texts));
    }
    strings.finish(texts);
}

fn resource(slot: u32, row: ResourceRow, now_ns: u64, mut text: impl FnMut(u32) -> TextId) -> Resource {
    Resource {
        key: ResourceKey { slot, generation: row.generation },
        concrete_type: text(row.concrete_type),
        kind: text(row.kind),
        name: text(row.name),
        site: SiteId(row.site),
        parent: row.parent.map(ResourceKey::from),
        internal: row.internal,
        created_ns: now_ns.saturating_sub(row.created_ago_ns),
        reported_ns: None,
        attributes: Box::default(),
    }
}

fn op(slot: u32, row: OpRow, now_ns: u64, mut text: impl FnMut(u32) -> TextId) -> Op {
    Op {
        key: OpKey { slot, generation: row.generation },
        source: text(row.source),
        resource: row.resource.map(ResourceKey::from),
        parent: row.parent.map(OpKey::from),
        asked: row.asked.map(ResourceKey::from),
        site: SiteId(row.site),
        created_ns: now_ns.saturating_sub(row.created_ago_ns),
        stats: OpStats::default(),
        attributes: Box::default(),
    }
}

fn op_stats(row: OpStatRow, now_ns: u64) -> OpStats {
    OpStats {
        task: row.task.map(TaskKey::from),
        state: state(row.state),
        state_since_ns: now_ns.saturating_sub(row.state_ago_ns),
        polls: row.polls,
        busy_ns: row.busy_ns,
        granted_ns: since(row.granted_ago_ns, now_ns),
        thread: row.thread,
        own_waker: row.own_waker,
    }
}

fn over_limit(items: &Items<'_, AttributeRow>) -> u64 {
    items.len().saturating_sub(MAX_ATTRIBUTES) as u64
}

fn attributes(items: Items<'_, AttributeRow>, mut text: impl FnMut(u32) -> TextId) -> Box<[Attribute]> {
    let attribute = |row: AttributeRow| Attribute {
        value: match row.kind {
            AttributeKind::Number => Value::Number(row.value),
            AttributeKind::Bool => Value::Bool(row.value != 0),
            AttributeKind::Text => Value::Text(text(u32::try_from(row.value).unwrap_or(0))),
            AttributeKind::Unspecified => Value::Unknown,
        },
        name: text(row.name),
        unit: text(row.unit),
    };
    items.take(MAX_ATTRIBUTES).map(attribute).collect()
}
