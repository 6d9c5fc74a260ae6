//! The value of a column for a task, as a number: what sorting and the filter compare.

use crate::{
    columns::Column,
    store::{Store, task::Task},
};

/// What a number stands for: how it is written in a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Nanoseconds.
    Time,
    Count,
    PerSecond,
    Percent,
    Bytes,
}

/// The unit of a column's numbers; `None`: it holds text.
pub(crate) fn unit(column: Column) -> Option<Unit> {
    match column {
        Column::Age
        | Column::Total
        | Column::Busy
        | Column::Sched
        | Column::Idle
        | Column::LastWake
        | Column::LongestPoll
        | Column::LongestSched => Some(Unit::Time),
        Column::Polls | Column::Wakes | Column::SelfWakes | Column::Wakers => Some(Unit::Count),
        Column::PollRate | Column::WakeRate => Some(Unit::PerSecond),
        Column::BusyRate => Some(Unit::Percent),
        Column::Size => Some(Unit::Bytes),
        Column::Warn
        | Column::Id
        | Column::State
        | Column::Name
        | Column::Place
        | Column::Kind
        | Column::WaitsFor
        | Column::Fields => None,
    }
}

/// The value; `None`: not known, or the column holds text.
pub(crate) fn number(store: &Store, task: &Task, column: Column) -> Option<f64> {
    let at = store.now_ns;
    let whole = match column {
        Column::Age => task.known_state_age_ns(at),
        Column::Total => task.known(task.total_ns(at)),
        Column::Busy => task.known_busy_ns(at),
        Column::Sched => task.scheduled_ns(at),
        Column::Idle => task.idle_ns(at),
        Column::LastWake => task.last_wake_ns(at),
        Column::LongestPoll => task.longest_poll_ns(at),
        Column::LongestSched => task.longest_scheduled_ns(at),
        Column::Polls => task.polls(),
        Column::Wakes => task.wakes(),
        Column::SelfWakes => task.self_wakes(),
        Column::Wakers => task.wakers().map(u64::from),
        Column::Size => task.size_bytes().map(u64::from),
        Column::PollRate | Column::WakeRate | Column::BusyRate => return rate(store, task, column),
        Column::Warn
        | Column::Id
        | Column::State
        | Column::Name
        | Column::Place
        | Column::Kind
        | Column::WaitsFor
        | Column::Fields => None,
    };
    whole.map(|value| value as f64)
}

fn rate(store: &Store, task: &Task, column: Column) -> Option<f64> {
    let rates = store.rates(task)?;
    let polls = !task.polls_are_unknown();
    match column {
        Column::PollRate if polls => Some(rates.polls),
        Column::WakeRate if task.facts.knows.wakes => Some(rates.wakes),
        Column::BusyRate if polls => Some(rates.busy * 100.0),
        _ => None,
    }
}

/// The change of a column's value a second; `None`: not known, or it has none.
pub(crate) fn change(store: &Store, task: &Task, column: Column) -> Option<f64> {
    let rates = store.rates(task)?;
    let polls = !task.polls_are_unknown();
    match column {
        Column::Polls if polls => Some(rates.polls),
        Column::Wakes if task.facts.knows.wakes => Some(rates.wakes),
        Column::SelfWakes if task.facts.knows.wakes => Some(rates.self_wakes),
        Column::Busy if polls => Some(rates.busy),
        Column::Sched if task.facts.knows.scheduled => Some(rates.scheduled),
        _ => None,
    }
}
