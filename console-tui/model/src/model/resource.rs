//! Everything known of one resource, and the operations of a task, put together for their screens.

use crate::{
    analysis::{
        Analysis,
        ops::{Waits, tree},
    },
    format::{UNKNOWN, count, duration_ns, exact},
    id::{IoKey, OpKey, ResourceKey},
    model::{
        detail::{Links, fact},
        io_detail, lock,
        ui::nav_stack::Chosen,
    },
    nav::Screen,
    screen::{
        Tone,
        resource::{MAX_PARTS, OpView, ResourceView},
        table::Cell,
        task::Fact,
    },
    store::{
        resources::{Op, Resource},
        task::Agent,
    },
    tables::tasks::state_cell,
};

/// Parts of a resource whose operations are looked at.
const MAX_PARTS_SEARCHED: usize = 256;

/// The operations on the resource that is on the screen, found at the last refresh.
#[derive(Debug, Default, Clone)]
pub(crate) struct ResourceOps {
    of: Option<ResourceKey>,
    list: Vec<(u8, OpKey)>,
    more: usize,
    waits: Waits,
}

impl ResourceOps {
    /// Looks for the operations on `key` and its parts: one scan over all operations.
    pub(crate) fn find(store: Analysis<'_>, key: ResourceKey) -> Self {
        let mut family = vec![key];
        let mut next = 0;
        while let Some(of) = family.get(next).copied() {
            let room = MAX_PARTS_SEARCHED.saturating_sub(family.len());
            let parts: Vec<ResourceKey> = store.resources.parts(of).map(|part| part.key).take(room).collect();
            for part in parts {
                if !family.contains(&part) {
                    family.push(part);
                }
            }
            next += 1;
        }
        let mut ops: Vec<&Op> = family.iter().flat_map(|of| store.resources.ops_on(*of)).collect();
        ops.sort_unstable_by_key(|op| (!op.is_waiting(), store.waits_since_ns(op), op.key));
        let (list, more) = tree(&ops);
        Self {
            of: Some(key),
            list: list.into_iter().map(|(depth, op)| (depth, op.key)).collect(),
            more,
            waits: store.waits_on_thing(key),
        }
    }
}

/// The screen of a resource.
pub(crate) fn view(
    store: Analysis<'_>,
    resource: &Resource,
    ops: &ResourceOps,
    chosen: Chosen,
) -> ResourceView {
    let mut links = Links::new(store, Screen::Resource(resource.key));
    let known = ops.of == Some(resource.key);
    let at = store.now_ns;
    let lock = store.lock(resource.key).map(|held| lock::lock_view(store, resource, held, &mut links));
    let channel = store.channel(resource.key);
    let thing = store.thing(IoKey::Resource(resource.key));
    let io = thing.map(|thing| io_detail::io_view(store, &thing));
    let has_waiters = lock.is_some() || channel.is_some() || io.is_some();
    let (waiters, more_waiters) =
        if has_waiters { lock::waiter_views(store, resource, &mut links) } else { (Vec::new(), 0) };
    let channel = channel.map(|channel| lock::channel_view(store, resource, channel, &mut links));
    let about = about(store, resource, lock.is_none() && channel.is_none() && io.is_none(), &mut links);
    let attributes = resource.attributes.iter().map(|attribute| {
        let name = store.texts.text(attribute.name).unwrap_or(UNKNOWN).to_owned();
        (name, Cell::normal(store.attribute_value(attribute)))
    });
    let attributes = attributes.collect();
    let mut parts: Vec<ResourceKey> = store.resources.parts(resource.key).map(|part| part.key).collect();
    let more_parts = parts.len().saturating_sub(MAX_PARTS);
    parts.truncate(MAX_PARTS);
    let listed = ops.list.iter().filter(|_| known);
    let listed = listed.filter_map(|(depth, key)| Some((*depth, store.resources.op(*key)?)));
    let rows: Vec<OpView> = listed.map(|(depth, op)| op_view(store, depth, op, &mut links)).collect();
    let parts = parts.into_iter().filter_map(|part| links.resource(part)).collect();
    let waits = if known { ops.waits } else { Waits::default() };
    let waiting = waits.longest_ns(at).map(|ns| match waits.tasks {
        1 => format!("1 task waits, for {}", duration_ns(ns)),
        tasks => format!("{} tasks wait, the longest for {}", count(tasks), duration_ns(ns)),
    });
    let state = lock::state(store, resource, waiting.clone()).unwrap_or_else(|| match waiting {
        Some(words) => Cell::new(words, Tone::Idle),
        None => Cell::new("no task waits", Tone::Dim),
    });
    ResourceView {
        key: resource.key,
        id: resource.key.id(),
        title: store.texts.text(resource.concrete_type).unwrap_or(UNKNOWN).to_owned(),
        state,
        findings: Vec::new(),
        lock,
        channel,
        io,
        waiters,
        more_waiters,
        about,
        attributes,
        parts,
        more_parts,
        ops: rows,
        more_ops: if known { ops.more } else { 0 },
        selected_link: chosen.among(&links.list),
        links: links.list,
    }
}

fn about(store: Analysis<'_>, resource: &Resource, is_plain: bool, links: &mut Links) -> Vec<Fact> {
    let text = |text: Option<String>| text.map_or_else(Cell::unknown, Cell::normal);
    let kind = store.texts.text(resource.kind).map(str::to_owned);
    let name = store.resource_name(resource).map(Cell::normal);
    let mut facts: Vec<Fact> = name.into_iter().map(|name| fact("name", name)).collect();
    facts.extend([
        fact("kind", text(kind)),
        fact("made at", text(store.place(resource.site))),
        fact(
            "made",
            Cell::normal(format!("{} ago", duration_ns(store.now_ns.saturating_sub(resource.created_ns)))),
        ),
    ]);
    if let Some(parent) = resource.parent {
        let words = store.resources.resource(parent).map(|parent| store.resource_words(parent));
        let value = words.map_or_else(Cell::unknown, |words| Cell::new(words, Tone::Link));
        facts.push(Fact { label: "part of", value, link: links.resource(parent) });
    }
    if is_plain && store.lock_kind(resource).is_some() {
        facts.push(fact("held by", Cell::unknown()));
    }
    facts
}

/// One operation as a row.
pub(crate) fn op_view(store: Analysis<'_>, depth: u8, op: &Op, links: &mut Links) -> OpView {
    let at = store.now_ns;
    let resource = op.resource.and_then(|key| store.resources.resource(key));
    let task = op.stats.task.map(|key| {
        let words = store.waker_words(Agent::Task(key)).unwrap_or_default();
        (Cell::new(words, Tone::Link), links.task(key))
    });
    let (task, task_link) = task.unwrap_or((Cell::unknown(), None));
    OpView {
        depth,
        source: store.op_words(op).to_owned(),
        on: resource.map_or_else(Cell::unknown, |resource| {
            let words = store.resource_words(resource);
            let holder = store.in_the_way_words(op).filter(|_| depth == 0 && links.is_of_task());
            Cell::new(holder.into_iter().fold(words, |words, holder| format!("{words} {holder}")), Tone::Link)
        }),
        on_link: resource.filter(|_| links.is_of_task()).and_then(|resource| links.resource(resource.key)),
        task,
        task_link,
        state: state_cell(op.stats.state),
        age: Cell::normal(duration_ns(if op.is_waiting() {
            at.saturating_sub(store.waits_since_ns(op))
        } else {
            op.age_ns(at)
        })),
        // Memory does not show how often it was polled.
        polls: Cell::value(Some(op.stats.polls).filter(|_| !store.hello.is_memory()), exact),
        busy: Cell::value(Some(op.busy_ns(at)), duration_ns),
        attributes: store.attribute_words(&op.attributes),
    }
}
