//! Timers: what they are set to, when they are due, who waits for them.

use super::io::{Io, IoList};
use crate::{
    analysis::{Analysis, timers::Due},
    format::duration_ns,
    id::IoKey,
    screen::Tone,
    table::{
        Context,
        column::{Column, columns},
        listing::At,
        value::Value,
    },
    tables::TableId,
};

/// The list of timers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timers;

type Col = Column<Io<Timers>>;

/// What is late comes before what is due: by how much is a number below zero.
fn due<'a>(row: &At<'a, Io<Timers>>) -> Value<'a> {
    let due = row.sum.due;
    match (due, due.late_ns()) {
        (Due::In(ns), _) => Value::Toned(ns as f64, Tone::Normal),
        (Due::Late(_), Some(ns)) => {
            Value::Worded(Some(-(ns as f64)), format!("late {}", duration_ns(ns)).into(), Tone::Warning)
        }
        (Due::Late(ns), None) => Value::Worded(Some(-(ns as f64)), "now".into(), Tone::Normal),
        (Due::Unknown, _) => Value::Unknown,
    }
}

impl IoList for Timers {
    const ID: TableId = TableId::Timers;
    const COLUMNS: &'static [Col] = columns! { Io<Self>, row;
        column Col::WARN;
        column Col::KIND;
        column Col::PLACE;
        Time "set-to" "SET TO"  8 "How long it was set to" { words: "length", priority: 1 } => row.sum.length_ns;
        Time "due"    "DUE IN" 12 "When it is due" { words: "time left", descending: false } => due(row);
        column Col::WAITER;
        column Col::WAITED_FOR;
        Time "age"    "AGE"     7 "Time since it was made" { priority: 3 } => row.since(row.sum.created_ns);
    };

    fn candidates(store: Analysis<'_>) -> Vec<IoKey> {
        store.resources.resources().map(|of| IoKey::Resource(of.key)).collect()
    }

    fn lists(store: Analysis<'_>, key: IoKey) -> bool {
        matches!(key, IoKey::Resource(key) if store.resources.resource(key).is_some_and(|of| store.is_timer(of)))
    }

    fn why_empty(_at: Context<'_>) -> String {
        "No timers reported. Use taskscope::time, or build with --cfg tokio_unstable.".to_owned()
    }
}
