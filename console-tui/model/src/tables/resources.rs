//! All resources, as the process reports them: what was made where, and who waits on it.

use super::made::OfResources;
use crate::{
    analysis::{Analysis, ops::Waits},
    columns::{Align, ColumnId, Cut},
    format::{UNKNOWN, count},
    screen::Tone,
    store::resources::Resource,
    table::{
        Context, Table,
        column::{Column, columns},
        listing::{At, Summary, longest_wait},
        value::Value,
    },
    tables::TableId,
    text::TextId,
};

/// The list of resources.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resources;

type Row<'a> = At<'a, Resources>;

/// What is known of a resource, or of several that were made at one place.
#[derive(Debug, Clone)]
pub(crate) struct ResourceSummary {
    kind: TextId,
    /// Another one has another kind.
    is_mixed: bool,
    /// Of the newest.
    created_ns: u64,
    is_part: bool,
}

impl Summary for ResourceSummary {
    fn add(&mut self, other: &Self) {
        self.is_mixed |= self.kind != other.kind || other.is_mixed;
        self.kind = other.kind;
        self.created_ns = self.created_ns.max(other.created_ns);
        self.is_part |= other.is_part;
    }
}

fn type_name<'a>(row: &Row<'a>) -> Value<'a> {
    let is_part = row.sum.is_part && row.one().is_some();
    Value::toned(row.type_name(), if is_part { Tone::Dim } else { Tone::Normal })
}

fn kind<'a>(row: &Row<'a>) -> Value<'a> {
    if row.sum.is_mixed {
        return Value::Text("several".into(), Tone::Dim);
    }
    row.store.store().texts.text(row.sum.kind).into()
}

fn attributes<'a>(row: &Row<'a>) -> Value<'a> {
    match row.resource() {
        Some(resource) => row.store.attribute_words(&resource.attributes).into(),
        None => Value::Text(row.of_them().into(), Tone::Dim),
    }
}

fn waiter<'a>(row: &Row<'a>) -> Value<'a> {
    match row.waits.longest.and_then(|key| row.store.task(key)) {
        Some(task) => Value::Text(row.store.task_words(task).into(), Tone::Link),
        None => Value::Nothing,
    }
}

fn age<'a>(row: &Row<'a>) -> Value<'a> {
    let age_ns = row.store.now_ns.saturating_sub(row.sum.created_ns) as f64;
    if row.one().is_some() {
        return Value::Toned(age_ns, Tone::Normal);
    }
    // Of several it is none in particular: they stand where the newest would.
    Value::Worded(Some(age_ns), UNKNOWN.into(), Tone::Unknown)
}

fn id<'a>(row: &Row<'a>) -> Value<'a> {
    match row.one() {
        Some(key) => Value::Id { prefix: "r", number: u64::from(key.slot), orders: true },
        None => Value::Worded(None, count(row.count).into(), Tone::Normal),
    }
}

impl OfResources for Resources {
    const ID: TableId = TableId::Resources;
    const SORT: ColumnId = "longest";
    // What a finding can be about is in a list of its own.
    const HAS_FINDINGS: bool = false;
    const COLUMNS: &'static [Column<Self>] = columns! { Self, row;
        text  "type"       "TYPE"           15 "Its type" { indent: 2 } => type_name(row);
        text  "kind"       "KIND"            6 "What sort of thing tokio calls it" { priority: 4 } => kind(row);
        text  "place"      "MADE AT"        17 "Where it was made" { grows: true, cut: Cut::Place } => row.short_place();
        text  "attributes" "ATTRIBUTES"     12 "Its state, as tokio reports it" { grows: true, priority: 1 } => attributes(row);
        Count "waiters"    "WAITERS"         7 "Tasks that wait on it now" => row.waits.tasks;
        column longest_wait!(Self, "longest" "LONGEST" 7 "How long the longest of them waits" "longest wait");
        text  "waiter"     "LONGEST WAITER" 20 "Who waits longest" { words: "longest waiter", grows: true, priority: 3 } => waiter(row);
        Time  "age"        "AGE"             7 "Time since it was made" { priority: 2 } => age(row);
        text  "id"         "ID"              6 "Its number" { align: Align::Right } => id(row);
    };

    type Summary = ResourceSummary;

    fn lists(_store: Analysis<'_>, _of: &Resource) -> bool {
        true
    }

    fn is_part(store: Analysis<'_>, of: &Resource) -> bool {
        store.is_hidden(of)
    }

    fn summary(store: Analysis<'_>, of: &Resource, _waits: &Waits) -> ResourceSummary {
        ResourceSummary {
            kind: of.kind,
            is_mixed: false,
            created_ns: of.created_ns,
            is_part: store.is_hidden(of),
        }
    }

    fn why_empty(table: &Table<Self>, at: Context<'_>) -> String {
        let reports = at.store.hello.sources.contains(&"resources");
        if reports || table.state.hidden_parts > 0 {
            "No lock, channel or timer of tokio is alive.".to_owned()
        } else {
            "No locks, channels or timers reported.".to_owned()
        }
    }
}
