//! What stands in a cell.

use crate::{
    columns::Column,
    format::{UNKNOWN, bytes, count, duration_ns, exact, percent, rate},
    id::SiteId,
    screen::{Tone, table::Cell},
    store::{
        Store,
        task::{State, Task},
    },
    table::groups::{Group, SharedName},
};

impl Cell {
    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone, spark: None }
    }

    pub(crate) fn normal(text: impl Into<String>) -> Self {
        Self::new(text, Tone::Normal)
    }

    pub(crate) fn unknown() -> Self {
        Self::new(UNKNOWN, Tone::Unknown)
    }

    /// A value, dim when it is nothing, `–` when it is not known.
    pub(crate) fn value<T: Copy + Default + PartialEq>(
        value: Option<T>,
        write: impl Fn(T) -> String,
    ) -> Self {
        match value {
            None => Self::unknown(),
            Some(value) if value == T::default() => Self::new(write(value), Tone::Dim),
            Some(value) => Self::normal(write(value)),
        }
    }
}

/// The short word of the STATE column.
pub(crate) fn state(state: State) -> Cell {
    let (text, tone) = match state {
        State::Unknown => return Cell::unknown(),
        State::Idle => ("idle", Tone::Idle),
        State::Scheduled => ("sched", Tone::Scheduled),
        State::Running => ("run", Tone::Running),
        State::Done => ("done", Tone::Done),
    };
    Cell::new(text, tone)
}

/// A task's cell.
pub(crate) fn task(store: &Store, task: &Task, column: Column) -> Cell {
    let at = store.now_ns;
    let text = |text: Option<String>| text.map_or_else(Cell::unknown, Cell::normal);
    match column {
        Column::Warn => warn(store.marks(task).severity()),
        Column::Id => Cell::new(task.id(), Tone::Door),
        Column::State => state(task.known_state()),
        Column::Name => text(store.name(task).map(str::to_owned)),
        Column::Place => text(store.short_place(task.facts.site)),
        Column::Kind => text(task.facts.kind.word().map(str::to_owned)),
        Column::Fields => Cell::new(store.fields(task).unwrap_or_default(), Tone::Normal),
        Column::WaitsFor => waits_for(store, task),
        Column::Age => Cell {
            tone: state(task.known_state()).tone,
            ..Cell::value(task.known_state_age_ns(at), duration_ns)
        },
        Column::Total => Cell::value(task.known(task.total_ns(at)), duration_ns),
        Column::Busy => Cell::value(task.known_busy_ns(at), duration_ns),
        Column::Sched => Cell::value(task.scheduled_ns(at), duration_ns),
        Column::Idle => Cell::value(task.idle_ns(at), duration_ns),
        Column::LastWake => last_wake(task, at),
        Column::LongestPoll => Cell::value(task.longest_poll_ns(at), duration_ns),
        Column::LongestSched => Cell::value(task.longest_scheduled_ns(at), duration_ns),
        Column::Polls => Cell::value(task.polls(), count),
        Column::Wakes => Cell::value(task.wakes(), count),
        Column::SelfWakes => Cell::value(task.self_wakes(), count),
        Column::Wakers => Cell::value(task.wakers(), |n| count(u64::from(n))),
        Column::Size => Cell::value(task.size_bytes(), |n| bytes(u64::from(n))),
        Column::PollRate => {
            let known = store.rates(task).filter(|_| !task.polls_are_unknown());
            let cell = Cell::value(known.map(|rates| rates.polls), rate);
            Cell { spark: store.spark(task), ..cell }
        }
        Column::WakeRate => {
            let known = store.rates(task).filter(|_| task.facts.knows.wakes);
            Cell::value(known.map(|rates| rates.wakes), rate)
        }
        Column::BusyRate => {
            let known = store.rates(task).filter(|_| !task.polls_are_unknown());
            Cell::value(known.map(|rates| rates.busy), percent)
        }
    }
}

fn warn(severity: Option<crate::lint::Severity>) -> Cell {
    severity.map_or_else(
        || Cell::new("", Tone::Dim),
        |severity| {
            let text = match severity {
                crate::lint::Severity::Critical => "▲",
                crate::lint::Severity::Warning => "●",
                crate::lint::Severity::Info => "·",
            };
            Cell::new(text, severity.into())
        },
    )
}

/// Unknown is all that no operation tells of: a socket, a future of the program's own.
fn waits_for(store: &Store, task: &Task) -> Cell {
    if task.stats.state != State::Idle {
        return Cell::new("", Tone::Dim);
    }
    let Some((op, others)) = store.waits_on(task) else { return Cell::unknown() };
    let words = store.wait_words(op);
    Cell::normal(if others > 0 { format!("{words} +{others}") } else { words })
}

fn last_wake(task: &Task, at: u64) -> Cell {
    match task.last_wake_ns(at) {
        Some(ago_ns) => Cell::normal(duration_ns(ago_ns)),
        None if task.facts.knows.wakes && !task.left_unseen => Cell::new("never", Tone::Dim),
        None => Cell::unknown(),
    }
}

/// Whether no task of the group is alive any more.
pub(crate) fn all_done(group: &Group) -> bool {
    group.tasks.count(State::Done) == group.tasks.len()
}

/// A group's cell: sums, and `–` for what can't be added up. `whole`: no filter hides a part of the site.
pub(crate) fn group(store: &Store, site: SiteId, group: &Group, column: Column, whole: bool) -> Cell {
    let sums = group.tasks.sums(store.now_ns);
    let rates =
        if whole { store.site(site).and_then(|site| store.site_rates(site)) } else { Some(group.rates) };
    let wakes_known = group.tasks.wakes_known();
    match column {
        Column::Warn => warn(group.severity),
        Column::Id => Cell::normal(exact(group.tasks.len())),
        Column::State if all_done(group) => Cell::new("done", Tone::Done),
        Column::State => Cell::normal("tasks"),
        Column::Name => match group.name {
            SharedName::One(name) => store.texts.text(name).map_or_else(Cell::unknown, Cell::normal),
            SharedName::Several => Cell::new("several names", Tone::Dim),
            SharedName::Empty => Cell::unknown(),
        },
        Column::Place => store.short_place(site).map_or_else(Cell::unknown, Cell::normal),
        Column::Busy => Cell::value(Some(sums.busy_ns), duration_ns),
        Column::Sched => Cell::value(group.tasks.scheduled_known().then_some(sums.scheduled_ns), duration_ns),
        Column::Polls => Cell::value(Some(sums.polls), count),
        Column::Wakes => Cell::value(wakes_known.then_some(sums.wakes), count),
        Column::SelfWakes => Cell::value(wakes_known.then_some(sums.self_wakes), count),
        Column::LongestPoll => Cell::value(group.longest_poll_ns, duration_ns),
        Column::LongestSched => Cell::value(group.longest_scheduled_ns, duration_ns),
        Column::PollRate => {
            let cell = Cell::value(rates.map(|rates| rates.polls), rate);
            let spark = store.site(site).filter(|_| whole).and_then(|site| store.site_spark(site));
            Cell { spark, ..cell }
        }
        Column::WakeRate => Cell::value(rates.filter(|_| wakes_known).map(|rates| rates.wakes), rate),
        Column::BusyRate => Cell::value(rates.map(|rates| rates.busy), percent),
        Column::Age
        | Column::Total
        | Column::Idle
        | Column::LastWake
        | Column::Wakers
        | Column::Size
        | Column::Kind
        | Column::WaitsFor
        | Column::Fields => Cell::unknown(),
    }
}
