//! All resources, as the process reports them: what was made where, and who waits on it.

use super::made::{self, OfResources, of_resources};
use crate::{
    analysis::{Analysis, ops::Waits},
    columns::{ColumnId, Cut, Unit},
    format::count,
    id::ResourceKey,
    screen::Tone,
    severity::Severity,
    store::resources::Resource,
    table::{
        Context, List, Table,
        column::Column,
        listing::{At, Each, Listing, Lookup},
        value::Value,
    },
    tables::TableId,
    text::TextId,
};

/// The list of resources.
#[derive(Debug)]
pub(crate) struct Resources;

type Col = Column<Resources>;

/// What is known of a resource, or of several that were made at one place.
#[derive(Debug, Clone)]
pub(crate) struct ResourceSummary {
    waits: Waits,
    kind: TextId,
    /// Another one has another kind.
    is_mixed: bool,
    /// Of the newest.
    created_ns: u64,
    is_part: bool,
}

impl ResourceSummary {
    fn of(store: Analysis<'_>, lookup: &Lookup<ResourceKey>, resource: &Resource) -> Self {
        Self {
            waits: lookup.waits.get(&resource.key).copied().unwrap_or_default(),
            kind: resource.kind,
            is_mixed: false,
            created_ns: resource.created_ns,
            is_part: store.is_hidden(resource),
        }
    }
}

fn type_name<'a>(row: &At<'a, Resources>) -> Value<'a> {
    let is_part = row.sum.is_part && row.one().is_some();
    Value::toned(row.type_name(), if is_part { Tone::Dim } else { Tone::Normal })
}

fn kind<'a>(row: &At<'a, Resources>) -> Value<'a> {
    if row.sum.is_mixed {
        return Value::Text("several".into(), Tone::Dim);
    }
    Value::text(row.store.store().texts.text(row.sum.kind))
}

fn attributes<'a>(row: &At<'a, Resources>) -> Value<'a> {
    match row.resource() {
        Some(resource) => Value::text(Some(row.store.attribute_words(&resource.attributes))),
        None => Value::Text(row.of_them().into(), Tone::Dim),
    }
}

fn waiter<'a>(row: &At<'a, Resources>) -> Value<'a> {
    match row.sum.waits.longest.and_then(|key| row.store.task(key)) {
        Some(task) => Value::Text(row.store.task_words(task).into(), Tone::Link),
        None => Value::Nothing,
    }
}

fn age<'a>(row: &At<'a, Resources>) -> Value<'a> {
    let age_ns = row.store.now_ns.saturating_sub(row.sum.created_ns) as f64;
    if row.one().is_some() {
        return Value::Toned(age_ns, Tone::Normal);
    }
    // Of several it is none in particular: they stand where the newest would.
    Value::Worded(Some(age_ns), crate::format::UNKNOWN.into(), Tone::Unknown)
}

fn id<'a>(row: &At<'a, Resources>) -> Value<'a> {
    match row.one() {
        Some(key) => Value::Id { prefix: "r", number: u64::from(key.slot), orders: true },
        None => Value::Worded(None, count(row.count).into(), Tone::Normal),
    }
}

impl List for Resources {
    const ID: TableId = TableId::Resources;
    const SORT: ColumnId = "longest";
    const COLUMNS: &'static [Column<Self>] = &[
        Col::text("type", "TYPE", 15, "Its type", type_name).indent(2),
        Col::text("kind", "KIND", 6, "What sort of thing tokio calls it", kind).priority(4),
        Col::text("place", "MADE AT", 17, "Where it was made", |row| Value::text(row.short_place()))
            .grows()
            .cut(Cut::Place),
        Col::text("attributes", "ATTRIBUTES", 12, "Its state, as tokio reports it", attributes)
            .grows()
            .priority(1),
        Col::number(Unit::Count, "waiters", "WAITERS", 7, "Tasks that wait on it now", |row| {
            Value::number(Some(row.sum.waits.tasks))
        }),
        made::longest_column(7),
        Col::text("waiter", "LONGEST WAITER", 20, "Who waits longest", waiter)
            .words("longest waiter")
            .grows()
            .priority(3),
        Col::number(Unit::Time, "age", "AGE", 7, "Time since it was made", age).priority(2),
        Col::text("id", "ID", 6, "Its number", id).right(),
    ];
    of_resources!();

    fn why_empty(table: &Table<Self>, at: Context<'_>) -> String {
        let reports = at.store.hello.sources.contains(&"resources");
        if reports || table.state.hidden_parts > 0 {
            "No lock, channel or timer of tokio is alive.".to_owned()
        } else {
            "No locks, channels or timers reported.".to_owned()
        }
    }
}

impl Listing for Resources {
    type Summary = ResourceSummary;

    fn each(at: Context<'_>, lookup: &Lookup<ResourceKey>, with_parts: bool, take: Each<'_, Self>) -> usize {
        let mut hidden = 0;
        for resource in at.store.resources.resources() {
            let sum = ResourceSummary::of(at.store, lookup, resource);
            if sum.is_part && !with_parts {
                hidden += 1;
            } else {
                take(resource.key, made::made(resource), sum);
            }
        }
        hidden
    }

    fn summary(at: Context<'_>, lookup: &Lookup<ResourceKey>, key: ResourceKey) -> Option<ResourceSummary> {
        at.store.resources.resource(key).map(|resource| ResourceSummary::of(at.store, lookup, resource))
    }

    fn add(sum: &mut ResourceSummary, other: &ResourceSummary) {
        sum.waits.add(&other.waits);
        sum.is_mixed |= sum.kind != other.kind || other.is_mixed;
        sum.kind = other.kind;
        sum.created_ns = sum.created_ns.max(other.created_ns);
        sum.is_part |= other.is_part;
    }

    fn severity(_facts: &ResourceSummary) -> Option<Severity> {
        None
    }
}

impl OfResources for Resources {
    fn waits(sum: &ResourceSummary) -> &Waits {
        &sum.waits
    }
}
