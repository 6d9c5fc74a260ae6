//! Signals that the program listens for, and child processes.

use super::io::{Io, IoList};
use crate::{
    analysis::Analysis,
    columns::Cut,
    format::duration_ns,
    id::IoKey,
    screen::Tone,
    store::io::IoKind,
    table::{
        Context,
        column::{Column, columns},
        listing::At,
        value::Value,
    },
    tables::TableId,
};

/// The list of signals and children.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signals;

type Col = Column<Io<Signals>>;

type Row<'a> = At<'a, Io<Signals>>;

fn name<'a>(row: &Row<'a>) -> Value<'a> {
    match row.thing() {
        Some(thing) => row.store.io_local(&thing).map(str::to_owned).into(),
        None => row.several(),
    }
}

fn ended<'a>(row: &Row<'a>) -> Value<'a> {
    if row.one().is_some() && row.sum.kind == IoKind::Child { row.peer().into() } else { Value::Nothing }
}

fn received<'a>(row: &Row<'a>) -> Value<'a> {
    if row.sum.kind == IoKind::Signal { row.sum.received.into() } else { Value::Nothing }
}

fn last<'a>(row: &Row<'a>) -> Value<'a> {
    match row.since(row.sum.last_ns).filter(|_| row.sum.kind != IoKind::Child) {
        Some(ns) => Value::Worded(Some(ns as f64), format!("{} ago", duration_ns(ns)).into(), Tone::Normal),
        None if row.sum.kind == IoKind::Signal => Value::Worded(None, "never".into(), Tone::Dim),
        None => Value::Nothing,
    }
}

impl IoList for Signals {
    const ID: TableId = TableId::Signals;
    const COLUMNS: &'static [Col] = columns! { Io<Self>, row;
        column Col::WARN;
        column Col::KIND;
        text  "name"     "NAME"     24 "The signal, or the child's program" { grows: true, cut: Cut::Marked } => name(row);
        text  "state"    "STATE"    16 "How a child ended, or that it runs" { grows: true, cut: Cut::Marked } => ended(row);
        Exact "received" "RECEIVED"  8 "Signals received" { words: "signals received", priority: 1 } => received(row);
        Time  "last"     "LAST"     11 "When the last one came" { words: "time of the last", descending: false, priority: 2 } => last(row);
        column Col::WAITER;
        column Col::WAITED_FOR;
        column Col::PLACE;
    };

    fn candidates(store: Analysis<'_>) -> Vec<IoKey> {
        store.io_keys()
    }

    fn lists(store: Analysis<'_>, key: IoKey) -> bool {
        store.is_of_the_process(key)
    }

    fn why_empty(_at: Context<'_>) -> String {
        "No signals or children reported. taskscope::signal and taskscope::process report them.".to_owned()
    }
}
