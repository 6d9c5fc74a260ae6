//! The columns of the tasks, and what a filter can name beside them.

use std::borrow::Cow;

use super::{Of, TaskRow, Tasks, all_done, groups::SharedName, state_words};
use crate::{
    columns::{Cut, Unit},
    format::exact,
    lints::LintKind,
    screen::Tone,
    store::task::{State, Task, TaskKind},
    table::{
        column::Column,
        filter::{Field, Test},
        value::Value,
    },
};

type Col = Column<Tasks>;

pub(super) const COLUMNS: &[Col] = &[
    Col::warn("suspicion, then busy/s", warn),
    Col::text("id", "ID", 9, "tokio's id of the task, or `s` and its slot where that is unknown", id).right(),
    Col::text(
        "state",
        "STATE",
        5,
        "Running (in a poll), scheduled (woken, waits for a worker), idle, done",
        state,
    ),
    Col::number(Unit::Time, "age", "AGE", 7, "Time in that state", age).priority(1),
    Col::text("name", "NAME", 16, "Its name", name).grows().indent(2),
    Col::text("place", "SPAWNED AT", 22, "Where it was spawned", |row| {
        Value::text(row.store.short_place(row.site()))
    })
    .grows()
    .cut(Cut::Place)
    .priority(3),
    Col::text("kind", "KIND", 8, "task, local, blocking, block_on or future", |row| {
        Value::text(row.task().and_then(|task| task.facts.kind.word()))
    })
    .priority(9),
    Col::number(Unit::Time, "total", "TOTAL", 7, "Time since it was spawned", |row| {
        row.one(Task::known_total_ns)
    })
    .priority(7),
    Col::number(Unit::Time, "busy", "BUSY", 7, "Time in polls, the running one included", |row| {
        row.sum(Task::known_busy_ns, |group, at| {
            group.tasks.polls_known().then_some(group.tasks.sums(at).busy_ns)
        })
    })
    .change(|row| row.poll_rates().map(|rates| rates.busy))
    .priority(2),
    Col::number(
        Unit::Time,
        "sched",
        "SCHED",
        7,
        "Time between wake and poll, the present wait included",
        |row| {
            row.sum(Task::scheduled_ns, |group, at| {
                group.tasks.scheduled_known().then_some(group.tasks.sums(at).scheduled_ns)
            })
        },
    )
    .change(|row| {
        let rates = row.rates(|task| task.facts.knows.scheduled, |group| group.tasks.scheduled_known());
        rates.map(|rates| rates.scheduled)
    })
    .priority(5),
    Col::number(Unit::Time, "idle", "IDLE", 7, "Time in which it had nothing to do", |row| {
        row.one(Task::idle_ns)
    })
    .priority(8),
    Col::number(Unit::Count, "polls", "POLLS", 7, "Polls started", |row| {
        row.sum(
            |task, _| task.polls(),
            |group, at| group.tasks.polls_known().then_some(group.tasks.sums(at).polls),
        )
    })
    .change(|row| row.poll_rates().map(|rates| rates.polls))
    .priority(6),
    Col::number(
        Unit::PerSecond,
        "polls-per-s",
        "POLLS/s",
        16,
        "Polls a second, over the last seconds",
        |row| Value::float(row.poll_rates().map(|rates| rates.polls)),
    )
    .spark(spark)
    .priority(3),
    Col::number(Unit::Count, "wakes", "WAKES", 7, "Wakes, self-wakes included", |row| {
        row.sum(
            |task, _| task.wakes(),
            |group, at| group.tasks.wakes_known().then_some(group.tasks.sums(at).wakes),
        )
    })
    .change(|row| row.wake_rates().map(|rates| rates.wakes))
    .priority(6),
    Col::number(
        Unit::PerSecond,
        "wakes-per-s",
        "WAKES/s",
        7,
        "Wakes a second, over the last seconds",
        |row| Value::float(row.wake_rates().map(|rates| rates.wakes)),
    )
    .priority(10)
    .off(),
    Col::number(Unit::Count, "self-wakes", "SELF", 7, "Wakes by the task itself", |row| {
        row.sum(
            |task, _| task.self_wakes(),
            |group, at| group.tasks.wakes_known().then_some(group.tasks.sums(at).self_wakes),
        )
    })
    .change(|row| row.wake_rates().map(|rates| rates.self_wakes))
    .priority(8),
    Col::number(
        Unit::Percent,
        "busy-percent",
        "BUSY%",
        6,
        "Share of the last seconds that it spent in polls",
        |row| Value::float(row.poll_rates().map(|rates| rates.busy * 100.0)),
    )
    .priority(4),
    Col::number(Unit::Time, "last-wake", "WOKEN", 7, "Time since the last wake", last_wake)
        .ascending()
        .priority(9),
    Col::text(
        "waits-for",
        "WAITS FOR",
        20,
        "What it waits for while it is idle, as far as it is instrumented: a lock, a channel, a timer",
        waits_for,
    )
    .grows()
    .priority(1),
    Col::number(Unit::Count, "wakers", "WAKERS", 6, "Wakers alive now", |row| {
        row.one(|task, _| task.wakers().map(u64::from))
    })
    .priority(12)
    .off(),
    Col::number(Unit::Time, "longest-poll", "LONGEST", 7, "Longest poll, the running one included", |row| {
        row.sum(Task::longest_poll_ns, |group, _| group.longest_poll_ns)
    })
    .priority(10)
    .off(),
    Col::number(Unit::Time, "longest-sched", "DELAY", 7, "Longest wait between wake and poll", |row| {
        row.sum(Task::longest_scheduled_ns, |group, _| group.longest_scheduled_ns)
    })
    .priority(11)
    .off(),
    Col::number(Unit::Bytes, "size", "SIZE", 7, "Size of its future", |row| {
        row.one(|task, _| task.size_bytes().map(u64::from))
    })
    .priority(12)
    .off(),
    Col::text("fields", "FIELDS", 12, "Further fields of its span", |row| match row.task() {
        Some(task) => row.store.fields(task).map_or(Value::Nothing, |fields| Value::text(Some(fields))),
        None => Value::Unknown,
    })
    .grows()
    .priority(11),
];

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
        Of::One(task, ..) => Value::text(row.store.store().name(task)),
        Of::Group(_, group, _) => match group.name {
            SharedName::One(name) => Value::text(row.store.store().texts.text(name)),
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
