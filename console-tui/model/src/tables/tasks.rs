//! The tasks: their columns, how they fold, and how a scan over all of them becomes rows.
//!
//! Limit: new rows take a scan over all tasks, which makes a [`Draft`] of them; until it is done the old ones stay.

mod columns;
pub(crate) mod draft;
pub(crate) mod groups;
mod keys;
pub(crate) mod order;
mod words;

use std::borrow::Cow;

use crate::{
    analysis::Analysis,
    columns::{ColumnId, WARN},
    config::Config,
    id::{SiteId, TaskKey},
    nav::Screen,
    screen::{Tone, table::Cell},
    store::{
        history::Rates,
        task::{Marks, State, Task},
    },
    table::{
        Context, List, Look, Opens, Source, Subject, Table, column::Column, filter::Field, fold::Shape,
        place::RowKey,
    },
    tables::TableId,
};
use draft::{Draft, Folding, Places};
use groups::{Group, GroupMap};
use keys::Keys;
use order::Order;

/// Suspicious tasks of a folded group that stand on their own; with more of them the group itself is the suspect.
const MAX_SURFACED: u64 = 5;

/// The list of tasks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tasks;

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
    store: Analysis<'a>,
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
        self.rates(|task| !task.polls_are_unknown(), |group| group.tasks.polls_known())
    }

    fn wake_rates(&self) -> Option<Rates> {
        self.rates(|task| task.facts.knows.wakes, |group| group.tasks.wakes_known())
    }

    /// A number of a task, or the sum of a group's.
    fn sum(
        &self,
        one: impl Fn(&'a Task, u64) -> Option<u64>,
        several: impl Fn(&Group, u64) -> Option<u64>,
    ) -> Option<u64> {
        let at = self.store.now_ns;
        match self.of {
            Of::One(task, ..) => one(task, at),
            Of::Group(_, group, _) => several(group, at),
        }
    }

    /// A number that can't be added up.
    fn one(&self, one: impl Fn(&'a Task, u64) -> Option<u64>) -> Option<u64> {
        one(self.task()?, self.store.now_ns)
    }

    fn whole_place(&self) -> Option<Cow<'a, str>> {
        match self.places {
            Some(places) => places.of(self.site()).map(Cow::Borrowed),
            None => self.store.place(self.site()).map(Cow::Owned),
        }
    }
}

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

/// Whether no task of the group is alive any more.
fn all_done(group: &Group) -> bool {
    group.tasks.count(State::Done) == group.tasks.len()
}

impl List for Tasks {
    const ID: TableId = TableId::Tasks;
    const PINNED: &'static [ColumnId] = &[WARN, "id"];
    const COLUMNS: &'static [Column<Self>] = columns::COLUMNS;
    const FIELDS: &'static [Field<Self>] = columns::FIELDS;

    type Key = TaskKey;
    type Group = SiteId;
    type Row<'a> = TaskRow<'a>;
    type Source = Grouped;

    fn group_of(store: Analysis<'_>, key: TaskKey) -> Option<SiteId> {
        store.task(key).map(|task| task.facts.site)
    }

    fn group_words(store: Analysis<'_>, site: SiteId) -> String {
        store.place(site).unwrap_or_default()
    }

    fn subject(_at: Context<'_>, row: RowKey<TaskKey, SiteId>) -> Option<Subject> {
        Some(match row {
            RowKey::One(key) => Subject::Task(key),
            RowKey::Group(site) => Subject::Site(site),
        })
    }

    fn opens(_at: Context<'_>, key: TaskKey) -> Opens {
        Opens::Screen(Screen::Task(key))
    }

    fn can_change(column: &Column<Self>) -> bool {
        column.change.is_some()
    }

    fn why_empty(_table: &Table<Self>, at: Context<'_>) -> String {
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

/// A scan makes the rows: [`Table::install`].
impl Source<Tasks> for Grouped {
    type Rows = Order;

    fn see<T>(
        &self,
        at: Context<'_>,
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
                let group = self.groups.get(site)?;
                let unfolded = group.shape == Shape::Unfolded;
                let look = Look { severity: group.severity, done: all_done(group), group: Some(unfolded) };
                (Of::Group(site, group, self.whole), look)
            }
        };
        Some(see(&TaskRow { store, of, places: None }, look))
    }

    fn group(&self, site: SiteId) -> Option<(u64, Shape)> {
        self.groups.get(site).map(|group| (group.tasks.len(), group.shape))
    }
}

impl Table<Tasks> {
    /// Begins to make the rows anew. `is_other`: those that are shown are of another process.
    pub(crate) fn draft(&self, store: Analysis<'_>, config: &Config, is_other: bool) -> Draft {
        let headers = self.state.groups.iter().filter(|(_, group)| !is_other && group.shape != Shape::Loose);
        let grouped = headers.map(|(site, _)| site).collect();
        let folding = Folding { folds: self.folds.clone(), grouped, fold_at: config.fold_at.max(2) as u64 };
        Draft::new(store, self.filter.query.clone(), folding, Keys::new(store, self.sort), config)
    }

    /// What was made takes the place of the rows.
    pub(crate) fn install(&mut self, draft: Draft, store: Analysis<'_>) {
        (self.total, self.matching) = (Some(draft.tasks), draft.matching);
        self.state = Grouped { whole: draft.is_whole(), groups: draft.groups };
        self.rows = Order::new(draft.runs);
        self.place_selection(store);
    }
}
