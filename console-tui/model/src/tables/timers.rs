//! Timers: what they are set to, when they are due, who waits for them.

use super::io::{Io, Kind};
use crate::{
    analysis::{Analysis, things::Thing, timers::Due},
    columns::Unit,
    format::duration_ns,
    screen::{Tone, table::Cell},
    table::{Context, column::Column, listing::At, value::Value},
    tables::TableId,
};

/// The list of timers.
#[derive(Debug)]
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

impl Kind for Timers {
    const ID: TableId = TableId::Timers;
    const COLUMNS: &'static [Column<Io<Self>>] = &[
        Col::WARN,
        Col::KIND,
        Col::PLACE,
        Col::number(Unit::Time, "set-to", "SET TO", 8, "How long it was set to", |row| {
            Value::number(row.sum.length_ns)
        })
        .words("length")
        .priority(1),
        Col::number(Unit::Time, "due", "DUE IN", 12, "When it is due", due).words("time left").ascending(),
        Col::WAITER,
        Col::WAITED_FOR,
        Col::number(Unit::Time, "age", "AGE", 7, "Time since it was made", |row| {
            Value::number(row.since(row.sum.created_ns))
        })
        .priority(3),
    ];

    fn things(store: Analysis<'_>) -> Vec<Thing<'_>> {
        store.timers()
    }

    fn why_empty(_at: Context<'_>) -> String {
        "No timers reported. Use taskscope::time, or build with --cfg tokio_unstable.".to_owned()
    }

    fn head(at: Context<'_>) -> Vec<Cell> {
        super::sockets::head(at)
    }
}
