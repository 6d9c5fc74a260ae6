//! The tasks table: which rows there are, in which order, which one is selected.
//!
//! Invariants: the selection is a task or a group, and follows it; the order changes in [`Table::install`] only; drawing
//! costs what the rows on the screen cost.
//!
//! Limit: new rows take a walk over all tasks, which makes a [`Draft`] of them; until it is done the old ones stay.

pub(crate) mod cells;
pub(crate) mod draft;
pub(crate) mod groups;
pub(crate) mod keys;
pub(crate) mod order;
mod words;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    columns::Column,
    config::Config,
    id::{SiteId, TaskKey},
    query::Query,
    screen::table::{Row, RowKey, Sort},
    store::Store,
};
use draft::Draft;
use groups::{GroupMap, Shape};
use keys::Keys;
use order::{Entry, Order};

/// How spawn sites fold when the user has not chosen for one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FoldMode {
    /// From [`Config::fold_at`] tasks on.
    #[default]
    Auto,
    /// From two tasks on.
    All,
    /// Never.
    None,
}

/// A filter in force.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Filter {
    pub(crate) text: String,
    pub(crate) query: Option<Query>,
}

/// Suspicious tasks of a folded group that stand on their own; with more of them the group itself is the suspect.
const MAX_SURFACED: u64 = 5;

/// The state of the table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) sort: Sort,
    pub(crate) filter: Filter,
    fold_mode: FoldMode,
    /// The user's choices: true is folded.
    folds: FxHashMap<SiteId, bool>,
    groups: GroupMap,
    order: Order,
    selected: Option<RowKey>,
    selected_index: usize,
    /// The user has chosen the selected row; otherwise the selection stays at the top.
    follows: bool,
    offset: usize,
    page: usize,
    /// No filter hides a part of a group.
    whole: bool,
    pub(crate) matching: usize,
    pub(crate) tasks: usize,
}

impl Table {
    pub(crate) fn new(config: &Config) -> Self {
        let query = crate::query::parse::parse(&config.filter).ok().flatten();
        let text = if query.is_some() { config.filter.clone() } else { String::new() };
        let mut columns = config.columns.clone();
        for always in [Column::Id, Column::Warn] {
            if !columns.contains(&always) {
                columns.insert(0, always);
            }
        }
        Self {
            columns,
            sort: Sort { column: Column::Warn, descending: true, by_change: false },
            filter: Filter { text, query },
            fold_mode: FoldMode::Auto,
            folds: FxHashMap::default(),
            groups: GroupMap::default(),
            order: Order::default(),
            selected: None,
            selected_index: 0,
            follows: false,
            offset: 0,
            page: 24,
            whole: true,
            matching: 0,
            tasks: 0,
        }
    }

    // --- reading ---

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn selected(&self) -> Option<RowKey> {
        self.selected
    }

    pub(crate) fn selected_index(&self) -> Option<usize> {
        self.selected.map(|_| self.selected_index)
    }

    pub(crate) fn selected_task(&self) -> Option<TaskKey> {
        match self.selected {
            Some(RowKey::Task(key)) => Some(key),
            Some(RowKey::Group(_)) | None => None,
        }
    }

    /// The rows of the page. A task that is gone since they were made is left out.
    pub(crate) fn rows(&self, store: &Store, columns: &[Column]) -> Vec<Row> {
        let end = (self.offset + self.page).min(self.order.len());
        (self.offset..end)
            .filter_map(|index| self.row(store, columns, index, self.order.get(index)?))
            .collect()
    }

    fn row(&self, store: &Store, columns: &[Column], index: usize, entry: &Entry) -> Option<Row> {
        let key = entry.key();
        let selected = self.selected == Some(key);
        match key {
            RowKey::Task(task_key) => {
                let task = store.task(task_key)?;
                Some(Row {
                    key,
                    index,
                    selected,
                    depth: u8::from(entry.is_member()),
                    unfolded: false,
                    severity: store.marks(task).severity(),
                    done: task.is_done(),
                    cells: columns.iter().map(|column| cells::task(store, task, *column)).collect(),
                })
            }
            RowKey::Group(site) => {
                let group = self.groups.get(site)?;
                let cell = |column: &Column| cells::group(store, site, group, *column, self.whole);
                Some(Row {
                    key,
                    index,
                    selected,
                    depth: 0,
                    unfolded: group.shape == Shape::Unfolded,
                    severity: group.severity,
                    done: cells::all_done(group),
                    cells: columns.iter().map(cell).collect(),
                })
            }
        }
    }

    // --- changing ---

    /// Begins to make the rows anew. `old`: the process that is shown, if it is another one.
    pub(crate) fn draft(&self, store: &Store, config: &Config, old: Option<&Store>) -> Draft {
        let folds = match old {
            Some(old) => moved_folds(&self.folds, old, store),
            None => self.folds.clone(),
        };
        let headers = self.groups.iter().filter(|(_, group)| old.is_none() && group.shape != Shape::Loose);
        let grouped = headers.map(|(site, _)| site).collect();
        let folding = Folding { mode: self.fold_mode, folds, grouped, fold_at: config.fold_at.max(2) as u64 };
        Draft::new(store, self.filter.query.clone(), folding, Keys::new(store, self.sort), config)
    }

    /// What was made takes the place of the rows.
    pub(crate) fn install(&mut self, draft: Draft, store: &Store) {
        (self.tasks, self.matching) = (draft.tasks, draft.matching);
        self.whole = draft.is_whole();
        self.groups = draft.groups;
        self.order = Order::new(draft.runs);
        self.place_selection(store);
    }

    /// Finds the selected row again; if it is gone, the row that is now in its place.
    fn place_selection(&mut self, store: &Store) {
        let line = self.selected_index.saturating_sub(self.offset);
        if self.order.len() == 0 {
            (self.selected, self.selected_index, self.offset) = (None, 0, 0);
            return;
        }
        let found = self.selected.filter(|_| self.follows).and_then(|key| {
            self.order.position(key).or_else(|| match key {
                // It has folded away: its group stands for it.
                RowKey::Task(task) => self.order.position(RowKey::Group(store.task(task)?.facts.site)),
                RowKey::Group(_) => None,
            })
        });
        match found {
            Some(index) => {
                self.selected_index = index;
                self.offset = index.saturating_sub(line);
            }
            None if self.follows => self.selected_index = self.selected_index.min(self.order.len() - 1),
            None => (self.selected_index, self.offset) = (0, 0),
        }
        self.settle();
    }

    /// Brings the selected row into the page, and sorts what the page shows.
    fn settle(&mut self) {
        let last = self.order.len().saturating_sub(1);
        self.selected_index = self.selected_index.min(last);
        if self.selected_index < self.offset {
            self.offset = self.selected_index;
        } else if self.selected_index >= self.offset + self.page {
            self.offset = self.selected_index + 1 - self.page;
        }
        self.offset = self.offset.min(self.order.len().saturating_sub(self.page));
        self.order.sort_window(self.offset..self.offset.saturating_add(self.page));
        self.selected = self.order.get(self.selected_index).map(Entry::key);
    }

    /// Rows that a page holds.
    pub(crate) fn set_page(&mut self, rows: usize) {
        self.page = rows.max(1);
        self.settle();
    }

    pub(crate) fn page(&self) -> usize {
        self.page
    }

    /// Selects the row `by` rows further down.
    pub(crate) fn move_by(&mut self, by: isize) {
        self.move_to(self.selected_index.saturating_add_signed(by));
    }

    pub(crate) fn move_to(&mut self, index: usize) {
        self.follows = index > 0;
        self.selected_index = index;
        self.settle();
    }

    /// Sorts by `column`; if it does already, the other way round.
    pub(crate) fn sort_by(&mut self, column: Column) {
        if self.sort.column == column {
            self.sort.descending = !self.sort.descending;
        } else {
            self.sort = Sort { column, descending: column.spec().descending, by_change: false };
        }
    }

    /// Sorts by the column that is shown `step` places to the right.
    pub(crate) fn sort_step(&mut self, step: isize) {
        let now = self.columns.iter().position(|column| *column == self.sort.column).unwrap_or(0);
        let next = (now + self.columns.len()).saturating_add_signed(step) % self.columns.len().max(1);
        if let Some(column) = self.columns.get(next).copied()
            && column != self.sort.column
        {
            self.sort_by(column);
        }
    }

    /// False: the column has no change to sort by.
    pub(crate) fn toggle_by_change(&mut self) -> bool {
        if !self.sort.column.spec().has_rate {
            return false;
        }
        self.sort.by_change = !self.sort.by_change;
        if self.sort.by_change {
            self.sort.descending = true;
        }
        true
    }

    pub(crate) fn toggle_column(&mut self, column: Column) {
        if let Some(at) = self.columns.iter().position(|shown| *shown == column) {
            if column.spec().priority > 0 {
                self.columns.remove(at);
            }
            return;
        }
        // Where the default order has it.
        let rank = |column: Column| Column::ALL.iter().position(|c| *c == column);
        let at =
            self.columns.iter().position(|shown| rank(*shown) > rank(column)).unwrap_or(self.columns.len());
        self.columns.insert(at, column);
    }

    /// Folds (`Some(true)`), unfolds (`Some(false)`) or toggles the site of the selected row. False: nothing to do.
    pub(crate) fn fold(&mut self, store: &Store, wanted: Option<bool>, config: &Config) -> bool {
        let Some(selected) = self.selected else { return false };
        let site = match selected {
            RowKey::Group(site) => site,
            RowKey::Task(key) => match store.task(key) {
                Some(task) => task.facts.site,
                None => return false,
            },
        };
        let Some(group) = self.groups.get(site) else { return false };
        let is_folded = group.shape == Shape::Folded;
        let folded = wanted.unwrap_or(!is_folded);
        if folded == is_folded || (folded && group.tasks.len() < 2) {
            return false;
        }
        self.folds.insert(site, folded);
        if folded {
            (self.selected, self.follows) = (Some(RowKey::Group(site)), true);
        } else if group.tasks.len() < config.fold_at as u64 && self.fold_mode != FoldMode::All {
            // Few tasks need no header above them.
            self.folds.remove(&site);
        }
        true
    }

    /// Chooses how everything folds; the same once more: automatically.
    pub(crate) fn fold_all(&mut self, mode: FoldMode) {
        self.folds.clear();
        self.fold_mode = if self.fold_mode == mode { FoldMode::Auto } else { mode };
    }

    /// Another process: its sites have other numbers. What the user folded stays folded, by place.
    pub(crate) fn renumber(&mut self, old: &Store, new: &Store) {
        self.folds = moved_folds(&self.folds, old, new);
        self.groups = GroupMap::default();
        // A task of the old process is none of the new one, even if the numbers are the same.
        (self.selected, self.follows) = (None, false);
    }
}

fn moved_folds(folds: &FxHashMap<SiteId, bool>, old: &Store, new: &Store) -> FxHashMap<SiteId, bool> {
    let moved = |site: SiteId| new.site_at(old.place_parts(site)?);
    folds.iter().filter_map(|(site, folded)| Some((moved(*site)?, *folded))).collect()
}

/// How sites fold.
#[derive(Debug)]
struct Folding {
    mode: FoldMode,
    /// The user's choices: true is folded.
    folds: FxHashMap<SiteId, bool>,
    /// Sites with a header now: one that hovers around the limit would flicker.
    grouped: FxHashSet<SiteId>,
    fold_at: u64,
}

impl Folding {
    fn limit(&self, site: SiteId) -> u64 {
        if self.grouped.contains(&site) { self.fold_at - self.fold_at / 5 } else { self.fold_at }
    }

    /// The number of tasks from which on the site is folded; `None`: it never is.
    fn folds_at(&self, site: SiteId) -> Option<u64> {
        match (self.folds.get(&site), self.mode) {
            (Some(true), _) | (None, FoldMode::All) => Some(2),
            (None, FoldMode::Auto) => Some(self.limit(site)),
            (Some(false), _) | (None, FoldMode::None) => None,
        }
    }

    fn shape(&self, site: SiteId, tasks: u64) -> Shape {
        let unfolds_at = if self.mode == FoldMode::All { 2 } else { self.limit(site) };
        match self.folds_at(site) {
            Some(folds_at) if tasks >= folds_at => Shape::Folded,
            None if tasks >= unfolds_at => Shape::Unfolded,
            _ => Shape::Loose,
        }
    }
}
