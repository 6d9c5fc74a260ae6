//! The columns of the tasks, and what a filter can name beside them.

use std::borrow::Cow;

use super::{Of, TaskRow, Tasks, all_done, groups::SharedName, state_words};
use crate::{
    columns::{Align, Cut},
    format::exact,
    lints::LintKind,
    screen::Tone,
    store::task::{State, Task, TaskKind},
    table::{
        column::{Column, columns},
        filter::{Field, Test},
        value::Value,
    },
};

pub(super) const COLUMNS: &[Column<Tasks>] = columns! { Tasks, row;
    warn "suspicion, then busy/s" => warn(row);
    text      "id"            "ID"          9 "tokio's id of the task, or `s` and its slot where that is unknown" { align: Align::Right } => id(row);
    text      "state"         "STATE"       5 "Running (in a poll), scheduled (woken, waits for a worker), idle, done" => state(row);
    Time      "age"           "AGE"         7 "Time in that state" { priority: 1 } => age(row);
    text      "name"          "NAME"       16 "Its name" { grows: true, indent: 2 } => name(row);
    text      "place"         "SPAWNED AT" 22 "Where it was spawned" { grows: true, cut: Cut::Place, priority: 3 } => row.store.short_place(row.site());
    text      "kind"          "KIND"        8 "task, local, blocking, block_on or future" { priority: 9 } => row.task().and_then(|task| task.facts.kind.word());
    Time      "total"         "TOTAL"       7 "Time since it was spawned" { priority: 7 } => row.one(Task::known_total_ns);
    Time      "busy"          "BUSY"        7 "Time in polls, the running one included" { priority: 2 }
        => row.sum(Task::known_busy_ns, |group, at| group.polls(at).map(|sums| sums.busy_ns)), change: Some(row.poll_rates()?.busy);
    Time      "sched"         "SCHED"       7 "Time between wake and poll, the present wait included" { priority: 5 }
        => row.sum(Task::scheduled_ns, |group, at| group.tasks.scheduled_known().then_some(group.tasks.sums(at).scheduled_ns)),
        change: Some(row.rates(|task| task.facts.knows.scheduled, |group| group.tasks.scheduled_known())?.scheduled);
    Time      "idle"          "IDLE"        7 "Time in which it had nothing to do" { priority: 8 } => row.one(Task::idle_ns);
    Count     "polls"         "POLLS"       7 "Polls started" { priority: 6 }
        => row.sum(|task, _| task.polls(), |group, at| group.polls(at).map(|sums| sums.polls)), change: Some(row.poll_rates()?.polls);
    PerSecond "polls-per-s"   "POLLS/s"    16 "Polls a second, over the last seconds" { priority: 3 }
        => row.poll_rates().map(|rates| rates.polls), spark: spark(row);
    Count     "wakes"         "WAKES"       7 "Wakes, self-wakes included" { priority: 6 }
        => row.sum(|task, _| task.wakes(), |group, at| group.wakes(at).map(|sums| sums.wakes)), change: Some(row.wake_rates()?.wakes);
    PerSecond "wakes-per-s"   "WAKES/s"     7 "Wakes a second, over the last seconds" { priority: 10, on: false } => row.wake_rates().map(|rates| rates.wakes);
    Count     "self-wakes"    "SELF"        7 "Wakes by the task itself" { priority: 8 }
        => row.sum(|task, _| task.self_wakes(), |group, at| group.wakes(at).map(|sums| sums.self_wakes)), change: Some(row.wake_rates()?.self_wakes);
    Percent   "busy-percent"  "BUSY%"       6 "Share of the last seconds that it spent in polls" { priority: 4 } => row.poll_rates().map(|rates| rates.busy * 100.0);
    Time      "last-wake"     "WOKEN"       7 "Time since the last wake" { descending: false, priority: 9 } => last_wake(row);
    text      "waits-for"     "WAITS FOR"  20 "What it waits for while it is idle, as far as it is instrumented: a lock, a channel, a timer"
        { grows: true, priority: 1 } => waits_for(row);
    Count     "wakers"        "WAKERS"      6 "Wakers alive now" { priority: 12, on: false } => row.one(|task, _| task.wakers().map(u64::from));
    Time      "longest-poll"  "LONGEST"     7 "Longest poll, the running one included" { priority: 10, on: false }
        => row.sum(Task::longest_poll_ns, |group, _| group.longest_poll_ns);
    Time      "longest-sched" "DELAY"       7 "Longest wait between wake and poll" { priority: 11, on: false }
        => row.sum(Task::longest_scheduled_ns, |group, _| group.longest_scheduled_ns);
    Bytes     "size"          "SIZE"        7 "Size of its future" { priority: 12, on: false } => row.one(|task, _| task.size_bytes().map(u64::from));
    text      "fields"        "FIELDS"     12 "Further fields of its span" { grows: true, priority: 11 } => fields(row);
};

pub(super) const FIELDS: &[Field<Tasks>] = &[
    Field::new(
        "state",
        Test::Choice(
            || STATES.iter().map(|(word, _)| *word).collect(),
            |row, index| row.task().is_some_and(|task| task.stats.state == STATES[index].1),
        ),
    ),
    Field::new("name", Test::Text(|row| row.store.name(row.task()?).map(Cow::Borrowed))),
    Field::new("loc", Test::Text(|row| row.whole_place())),
    Field::new("place", Test::Alias(|row| row.whole_place())),
    Field::new("id", Test::Id(|row| row.task().map(|task| task.id().into()))),
    Field::new(
        "kind",
        Test::Choice(
            || TaskKind::ALL.iter().map(|kind| kind.word().unwrap_or("unknown")).collect(),
            |row, index| row.task().is_some_and(|task| task.facts.kind == TaskKind::ALL[index]),
        ),
    ),
    Field::new("fields", Test::Text(|row| row.store.fields(row.task()?).map(Cow::Borrowed))),
    Field::new("lint", Test::Choice(lint_names, |row, index| has_lint(row, index))),
];

/// Words of the states, as a filter writes them.
const STATES: [(&str, State); 5] = [
    ("running", State::Running),
    ("scheduled", State::Scheduled),
    ("idle", State::Idle),
    ("done", State::Done),
    ("unknown", State::Unknown),
];

fn warn<'a>(row: &TaskRow<'a>) -> Value<'a> {
    let (severity, rates) = match row.of {
        Of::One(_, marks, rates) => (marks.severity(), rates.unwrap_or_default()),
        Of::Group(_, group, _) => (group.severity, group.rates),
    };
    Value::Mark(severity, [(rates.busy.clamp(0.0, 1e6) * 1e9) as u64, 0, 0])
}

fn id<'a>(row: &TaskRow<'a>) -> Value<'a> {
    match row.of {
        Of::One(Task { facts, key, .. }, ..) => match facts.tokio_id {
            0 => Value::Id { prefix: "s", number: u64::from(key.slot), orders: false },
            number => Value::Id { prefix: "", number, orders: true },
        },
        Of::Group(_, group, _) => Value::Worded(None, exact(group.tasks.len()).into(), Tone::Normal),
    }
}

fn state<'a>(row: &TaskRow<'a>) -> Value<'a> {
    match row.of {
        Of::One(task, ..) => match state_words(task.known_state()) {
            Some((word, rank, tone)) => Value::Worded(Some(rank), word.into(), tone),
            None => Value::Unknown,
        },
        Of::Group(_, group, _) if all_done(group) => Value::Worded(None, "done".into(), Tone::Done),
        Of::Group(..) => Value::Worded(None, "tasks".into(), Tone::Normal),
    }
}

fn age<'a>(row: &TaskRow<'a>) -> Value<'a> {
    let Some(task) = row.task() else { return Value::Unknown };
    let Some(age_ns) = task.known_state_age_ns(row.store.now_ns) else { return Value::Unknown };
    let tone = state_words(task.known_state()).map_or(Tone::Unknown, |(.., tone)| tone);
    Value::Toned(age_ns as f64, tone)
}

fn name<'a>(row: &TaskRow<'a>) -> Value<'a> {
    match row.of {
        Of::One(task, ..) => row.store.store().name(task).into(),
        Of::Group(_, group, _) => match group.name {
            SharedName::One(name) => row.store.store().texts.text(name).into(),
            SharedName::Several => Value::Worded(None, "several names".into(), Tone::Dim),
            SharedName::Empty => Value::Unknown,
        },
    }
}

/// Unknown: what is not instrumented, such as a future of the program's own.
fn waits_for<'a>(row: &TaskRow<'a>) -> Value<'a> {
    let Some(task) = row.task() else { return Value::Unknown };
    if task.stats.state != State::Idle {
        return Value::Nothing;
    }
    let Some((op, others)) = row.store.waits_on(task) else { return Value::Unknown };
    let words = row.store.wait_words(op);
    let words = if others > 0 { format!("{words} +{others}") } else { words };
    Value::Text(words.into(), Tone::Normal)
}

fn last_wake<'a>(row: &TaskRow<'a>) -> Value<'a> {
    let Some(task) = row.task() else { return Value::Unknown };
    match task.last_wake_ns(row.store.now_ns) {
        Some(ago_ns) => Value::Toned(ago_ns as f64, Tone::Normal),
        None if task.facts.knows.wakes && !task.left_unseen => Value::Worded(None, "never".into(), Tone::Dim),
        None => Value::Unknown,
    }
}

fn fields<'a>(row: &TaskRow<'a>) -> Value<'a> {
    let Some(task) = row.task() else { return Value::Unknown };
    row.store.store().fields(task).map_or(Value::Nothing, Value::from)
}

fn spark(row: &TaskRow<'_>) -> Option<[u8; 8]> {
    match row.of {
        Of::One(task, ..) => row.store.spark(task),
        Of::Group(site, _, whole) => {
            row.store.site(site).filter(|_| whole).and_then(|site| row.store.site_spark(site))
        }
    }
}

fn lint_names() -> Vec<&'static str> {
    LintKind::ALL.iter().map(|kind| kind.name()).chain(["any"]).collect()
}

fn has_lint(row: &TaskRow<'_>, index: usize) -> bool {
    let Of::One(_, marks, _) = row.of else { return false };
    LintKind::ALL.get(index).map_or_else(|| marks.any(), |kind| marks.has(kind.bit()))
}
