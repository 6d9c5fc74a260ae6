//! The tasks: their columns, how they fold, and how a walk over all of them becomes rows.
//!
//! Limit: new rows take a walk over all tasks, which makes a [`Draft`] of them; until it is done the old ones stay.

pub(crate) mod draft;
pub(crate) mod groups;
mod keys;
pub(crate) mod order;
mod words;

use std::borrow::Cow;

use crate::{
    columns::{ColumnId, Cut, Unit, WARN},
    config::Config,
    format::exact,
    id::{SiteId, TaskKey},
    lint::LintKind,
    nav::Screen,
    screen::{Tone, table::Cell},
    store::{
        Store,
        history::Rates,
        task::{Kind, Marks, State, Task},
    },
    table::{
        List, Look, Opens, Picture, Subject, Table,
        column::Column,
        filter::{Field, Test},
        fold::Shape,
        place::RowKey,
        value::Value,
    },
    tables::TableId,
};
use draft::{Draft, Folding, Places};
use groups::{Group, GroupMap, SharedName};
use keys::Keys;
use order::Order;

/// Suspicious tasks of a folded group that stand on their own; with more of them the group itself is the suspect.
const MAX_SURFACED: u64 = 5;

/// The list of tasks.
#[derive(Debug)]
pub(crate) struct Tasks;

type Col = Column<Tasks>;

/// What the rows were made of.
#[derive(Debug)]
pub(crate) struct Grouped {
    groups: GroupMap,
    /// No filter hides a part of a group.
    whole: bool,
}

impl Default for Grouped {
    fn default() -> Self {
        Self { groups: GroupMap::default(), whole: true }
    }
}

/// A row, as its columns read it.
#[derive(Clone, Copy)]
pub(crate) struct TaskRow<'a> {
    store: &'a Store,
    of: Of<'a>,
    /// Places in lower case, where many tasks are looked at.
    places: Option<&'a Places>,
}

#[derive(Clone, Copy)]
enum Of<'a> {
    /// A task, what the lints say of it, and its rates, as far as they are known.
    One(&'a Task, Marks, Option<Rates>),
    /// The tasks of a site; true: no filter hides a part of them.
    Group(SiteId, &'a Group, bool),
}

impl<'a> TaskRow<'a> {
    fn task(&self) -> Option<&'a Task> {
        match self.of {
            Of::One(task, ..) => Some(task),
            Of::Group(..) => None,
        }
    }

    fn site(&self) -> SiteId {
        match self.of {
            Of::One(task, ..) => task.facts.site,
            Of::Group(site, ..) => site,
        }
    }

    /// What it does in a second; `knows`: whether that is known of a task, and of a group.
    fn rates(&self, one: impl Fn(&Task) -> bool, several: impl Fn(&Group) -> bool) -> Option<Rates> {
        match self.of {
            Of::One(task, _, rates) => rates.filter(|_| one(task)),
            Of::Group(site, group, true) => {
                let rates = self.store.site(site).and_then(|site| self.store.site_rates(site));
                rates.filter(|_| several(group))
            }
            Of::Group(_, group, false) => Some(group.rates).filter(|_| several(group)),
        }
    }

    fn poll_rates(&self) -> Option<Rates> {
        self.rates(|task| !task.polls_are_unknown(), |_| true)
    }

    fn wake_rates(&self) -> Option<Rates> {
        self.rates(|task| task.facts.knows.wakes, |group| group.tasks.wakes_known())
    }

    /// A number of a task, or the sum of a group's.
    fn sum(
        &self,
        one: impl Fn(&'a Task, u64) -> Option<u64>,
        several: impl Fn(&Group, u64) -> Option<u64>,
    ) -> Value<'a> {
        let at = self.store.now_ns;
        Value::number(match self.of {
            Of::One(task, ..) => one(task, at),
            Of::Group(_, group, _) => several(group, at),
        })
    }

    /// A number that can't be added up.
    fn one(&self, one: impl Fn(&'a Task, u64) -> Option<u64>) -> Value<'a> {
        self.sum(one, |_, _| None)
    }

    fn whole_place(&self) -> Option<Cow<'a, str>> {
        match self.places {
            Some(places) => places.of(self.site()).map(Cow::Borrowed),
            None => self.store.place(self.site()).map(Cow::Owned),
        }
    }
}

/// Words of the states, as a filter writes them.
const STATES: [(&str, State); 5] = [
    ("running", State::Running),
    ("scheduled", State::Scheduled),
    ("idle", State::Idle),
    ("done", State::Done),
    ("unknown", State::Unknown),
];

/// The short word of a state, its order and its tone.
fn state_words(state: State) -> Option<(&'static str, f64, Tone)> {
    match state {
        State::Unknown => None,
        State::Running => Some(("run", 0.0, Tone::Running)),
        State::Scheduled => Some(("sched", 1.0, Tone::Scheduled)),
        State::Idle => Some(("idle", 2.0, Tone::Idle)),
        State::Done => Some(("done", 3.0, Tone::Done)),
    }
}

/// The cell of a state.
pub(crate) fn state_cell(state: State) -> Cell {
    state_words(state).map_or_else(Cell::unknown, |(word, _, tone)| Cell::new(word, tone))
}

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
        Of::One(task, ..) => Value::text(row.store.name(task)),
        Of::Group(_, group, _) => match group.name {
            SharedName::One(name) => Value::text(row.store.texts.text(name)),
            SharedName::Several => Value::Worded(None, "several names".into(), Tone::Dim),
            SharedName::Empty => Value::Unknown,
        },
    }
}

/// Unknown is all that no operation tells of: a socket, a future of the program's own.
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

/// Whether no task of the group is alive any more.
fn all_done(group: &Group) -> bool {
    group.tasks.count(State::Done) == group.tasks.len()
}

fn lint_names() -> Vec<&'static str> {
    LintKind::ALL.iter().map(|kind| kind.name()).chain(["any"]).collect()
}

fn has_lint(row: &TaskRow<'_>, index: usize) -> bool {
    let Of::One(_, marks, _) = row.of else { return false };
    LintKind::ALL.get(index).map_or_else(|| marks.any(), |kind| marks.has(*kind))
}

impl List for Tasks {
    const ID: TableId = TableId::Tasks;
    const PINNED: &'static [ColumnId] = &[WARN, "id"];
    const COLUMNS: &'static [Column<Self>] = &[
        Col::warn("suspicion, then busy/s", warn),
        Col::text("id", "ID", 9, "tokio's id of the task, or `s` and its slot where that is unknown", id)
            .right(),
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
            row.one(|task, at| task.known(task.total_ns(at)))
        })
        .priority(7),
        Col::number(Unit::Time, "busy", "BUSY", 7, "Time in polls, the running one included", |row| {
            row.sum(Task::known_busy_ns, |group, at| Some(group.tasks.sums(at).busy_ns))
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
            row.sum(|task, _| task.polls(), |group, at| Some(group.tasks.sums(at).polls))
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
            "What it waits for while it is idle, as far as tokio tells: a lock, a channel, a timer",
            waits_for,
        )
        .grows()
        .priority(1),
        Col::number(Unit::Count, "wakers", "WAKERS", 6, "Wakers alive now", |row| {
            row.one(|task, _| task.wakers().map(u64::from))
        })
        .priority(12)
        .off(),
        Col::number(
            Unit::Time,
            "longest-poll",
            "LONGEST",
            7,
            "Longest poll, the running one included",
            |row| row.sum(Task::longest_poll_ns, |group, _| group.longest_poll_ns),
        )
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
    const FIELDS: &'static [Field<Self>] = &[
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
                || Kind::ALL.iter().map(|kind| kind.word().unwrap_or("unknown")).collect(),
                |row, index| row.task().is_some_and(|task| task.facts.kind == Kind::ALL[index]),
            ),
        ),
        Field::new("fields", Test::Text(|row| row.store.fields(row.task()?).map(Cow::Borrowed))),
        Field::new("lint", Test::Choice(lint_names, |row, index| has_lint(row, index))),
    ];

    type Key = TaskKey;
    type Group = SiteId;
    type Row<'a> = TaskRow<'a>;
    type Rows = Order;
    type State = Grouped;

    /// A walk makes them: [`Table::install`].
    fn rebuild(_table: &mut Table<Self>, _at: Picture<'_>) {}

    fn see<T>(
        table: &Table<Self>,
        at: Picture<'_>,
        key: RowKey<TaskKey, SiteId>,
        see: impl for<'a> FnOnce(&'a TaskRow<'a>, Look) -> T,
    ) -> Option<T> {
        let store = at.store;
        let (of, look) = match key {
            RowKey::One(key) => {
                let task = store.task(key)?;
                let marks = store.marks(task);
                let look = Look { severity: marks.severity(), done: task.is_done(), group: None };
                (Of::One(task, marks, store.rates(task)), look)
            }
            RowKey::Group(site) => {
                let group = table.state.groups.get(site)?;
                let unfolded = group.shape == Shape::Unfolded;
                let look = Look { severity: group.severity, done: all_done(group), group: Some(unfolded) };
                (Of::Group(site, group, table.state.whole), look)
            }
        };
        Some(see(&TaskRow { store, of, places: None }, look))
    }

    fn group_of(store: &Store, key: TaskKey) -> Option<SiteId> {
        store.task(key).map(|task| task.facts.site)
    }

    fn group_words(store: &Store, site: SiteId) -> String {
        store.place(site).unwrap_or_default()
    }

    fn group(table: &Table<Self>, site: SiteId) -> Option<(u64, Shape)> {
        table.state.groups.get(site).map(|group| (group.tasks.len(), group.shape))
    }

    fn subject(_at: Picture<'_>, row: RowKey<TaskKey, SiteId>) -> Option<Subject> {
        Some(match row {
            RowKey::One(key) => Subject::Task(key),
            RowKey::Group(site) => Subject::Site(site),
        })
    }

    fn opens(_at: Picture<'_>, key: TaskKey) -> Opens {
        Opens::Screen(Screen::Task(key))
    }

    fn can_change(column: &Column<Self>) -> bool {
        column.change.is_some()
    }

    fn why_empty(_table: &Table<Self>, at: Picture<'_>) -> String {
        let hello = &at.store.hello;
        match hello.problems.first() {
            Some(problem) => problem.clone(),
            None if hello.sources.is_empty() => {
                "No task has been seen, and nothing feeds the recorder yet.".to_owned()
            }
            None if hello.taskscope_version.is_some() => {
                "No task is alive. A block_on that began on another thread before taskscope::init() can't be seen: \
                 call init() at the start of main, or write #[taskscope::main]."
                    .to_owned()
            }
            None => "No task is alive.".to_owned(),
        }
    }
}

impl Table<Tasks> {
    /// Begins to make the rows anew. `is_other`: those that are shown are of another process.
    pub(crate) fn draft(&self, store: &Store, config: &Config, is_other: bool) -> Draft {
        let headers = self.state.groups.iter().filter(|(_, group)| !is_other && group.shape != Shape::Loose);
        let grouped = headers.map(|(site, _)| site).collect();
        let folding = Folding { folds: self.folds.clone(), grouped, fold_at: config.fold_at.max(2) as u64 };
        Draft::new(store, self.filter.query.clone(), folding, Keys::new(store, self.sort), config)
    }

    /// What was made takes the place of the rows.
    pub(crate) fn install(&mut self, draft: Draft, store: &Store) {
        (self.total, self.matching) = (Some(draft.tasks), draft.matching);
        self.state = Grouped { whole: draft.is_whole(), groups: draft.groups };
        self.rows = Order::new(draft.runs);
        self.place_selection(store);
    }
}
