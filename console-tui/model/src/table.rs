//! The mechanism of every table: columns, order, filter, folds, selection.
//!
//! ```text
//!  List         what there is, its columns as data, how it folds, where a row leads     one file in `tables/` each
//!  Source       where the rows come from: made at once (`listing.rs`), or by a scan (the tasks)
//!  Table<List>  which columns are shown, in which order, which rows, which is selected
//!  AnyTable     a table whatever it lists: all that the model asks of the one on the screen
//! ```
//!
//! Invariants: the selection is a thing or a group, and follows it; drawing costs what the rows on the screen cost.

pub(crate) mod any;
pub(crate) mod column;
pub(crate) mod filter;
pub(crate) mod fold;
mod history;
pub(crate) mod listing;
pub(crate) mod place;
pub(crate) mod value;

use std::{fmt::Debug, hash::Hash};

use crate::{
    analysis::Analysis,
    columns::{ColumnId, ColumnSpec, WARN},
    config::{Config, TableConfig},
    id::{DescriptorId, ResourceKey, SiteId, TaskKey},
    lints::findings::{Finding, Findings},
    nav::Screen,
    query::{InputError, Names, Query, parse},
    screen::{findings::FindingId, table::Cell},
    severity::Severity,
    tables::TableId,
};
use column::Column;
use filter::Field;
use fold::{Folds, Shape};
use place::{Place, RowKey, Rows};

/// What is shown: a process, and what was found in it.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) store: Analysis<'a>,
    pub(crate) findings: &'a Findings,
    pub(crate) config: &'a Config,
}

/// What a row, or the screen, is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Task(TaskKey),
    Resource(ResourceKey),
    Descriptor(DescriptorId),
    /// What was spawned or made at a place.
    Site(SiteId),
}

/// Where Enter leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opens {
    Screen(Screen),
    /// To what it is about.
    Finding(FindingId),
    /// To the tasks of a place.
    Place(SiteId),
}

/// What stands beside the cells of a row.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) severity: Option<Severity>,
    /// It is over: drawn greyed.
    pub(crate) done: bool,
    /// It stands for several; true: they are shown below it.
    pub(crate) group: Option<bool>,
}

/// What a table lists.
pub(crate) trait List: Debug + Copy + 'static {
    const ID: TableId;
    /// The columns, from left to right.
    const COLUMNS: &'static [Column<Self>];
    /// What else a filter can name, beside the columns.
    const FIELDS: &'static [Field<Self>];
    /// Which column sorts at first.
    const SORT: ColumnId = WARN;
    /// Whether its things stand in groups.
    const FOLDS: bool = true;
    /// Columns that are there whatever the user sets.
    const PINNED: &'static [ColumnId] = &[WARN];

    type Key: Copy + Ord + Hash + Debug;
    type Group: Copy + Ord + Hash + Debug;
    /// What a column reads.
    type Row<'a>;
    type Source: Source<Self>;

    fn group_of(_store: Analysis<'_>, _key: Self::Key) -> Option<Self::Group> {
        None
    }

    /// The words of a group, which are the same in another process.
    fn group_words(_store: Analysis<'_>, _group: Self::Group) -> String {
        String::new()
    }

    /// From how many rows on a group folds by itself.
    fn fold_at(_group: Self::Group, config: &Config) -> u64 {
        config.fold_at.max(2) as u64
    }

    /// From how many rows on a group that folds from so many on keeps its row: it would flicker at the limit.
    fn unfold_at(fold_at: u64) -> u64 {
        fold_at - fold_at / 5
    }

    fn subject(at: Context<'_>, row: KeyOf<Self>) -> Option<Subject>;
    /// Where Enter leads from a thing. From a group it folds.
    fn opens(at: Context<'_>, key: Self::Key) -> Opens;

    /// Whether rows can be sorted by what a column changes by in a second.
    fn can_change(column: &Column<Self>) -> bool {
        column.spec.unit.is_some()
    }

    /// Why there is nothing, as a sentence.
    fn why_empty(table: &Table<Self>, at: Context<'_>) -> String;
    /// What stands above the table, of all there is.
    fn head(_at: Context<'_>) -> Vec<Cell> {
        Vec::new()
    }
}

/// Where the rows of an `L` come from, and what they were made of.
pub(crate) trait Source<L: List>: Default + Debug {
    type Rows: Rows<KeyOf<L>> + Debug;

    /// Begins to make the rows anew, those of a table whose rows are not made by a scan over all tasks. `counting`: only their number.
    /// Returns of how many things.
    fn begin(_table: &mut Table<L>, _at: Context<'_>, _counting: bool) -> usize {
        0
    }

    /// Goes on until `units` are used up; true: they are made.
    fn go_on(_table: &mut Table<L>, _at: Context<'_>, _units: &mut usize) -> bool {
        true
    }

    /// What was made takes the place of what is shown.
    fn finish(_table: &mut Table<L>, _at: Context<'_>) {}

    /// Nothing of what is shown is known any more; what is being made is of another process already.
    fn forget(&mut self) {
        *self = Self::default();
    }

    /// Shows a row to `see`; `None`: it is gone.
    fn see<T>(
        &self,
        at: Context<'_>,
        key: KeyOf<L>,
        see: impl for<'a> FnOnce(&'a L::Row<'a>, Look) -> T,
    ) -> Option<T>;

    /// How many rows a group has, and how it stands.
    fn group(&self, group: L::Group) -> Option<(u64, Shape)>;

    /// The worst finding about a thing.
    fn finding(_at: Context<'_>, _key: L::Key) -> Option<&Finding> {
        None
    }

    /// Whether [`Self::finding`] can be something.
    fn has_notes(&self) -> bool {
        false
    }

    /// What the table leaves out, each as a count and words.
    fn left_out(&self) -> Vec<(usize, &'static str)> {
        Vec::new()
    }
}

/// What a row of an `L` stands for.
pub(crate) type KeyOf<L> = RowKey<<L as List>::Key, <L as List>::Group>;

/// A filter in force.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Filter {
    pub(crate) text: String,
    pub(crate) query: Option<Query>,
}

impl Filter {
    /// Understands `text`, in which `names` can be named.
    pub(crate) fn parse(text: &str, names: &Names) -> Result<Self, InputError> {
        let query = parse::parse(text, names)?;
        let text = if query.is_some() { text.to_owned() } else { String::new() };
        Ok(Self { text, query })
    }
}

/// The order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order<L: List> {
    pub(crate) column: &'static Column<L>,
    pub(crate) descending: bool,
    /// By what the value changes in a second.
    pub(crate) by_change: bool,
}

/// The state of a table.
#[derive(Debug)]
pub(crate) struct Table<L: List> {
    pub(crate) columns: Vec<&'static Column<L>>,
    pub(crate) sort: Order<L>,
    pub(crate) filter: Filter,
    pub(crate) folds: Folds,
    pub(crate) rows: <L::Source as Source<L>>::Rows,
    pub(crate) place: Place<KeyOf<L>>,
    pub(crate) state: L::Source,
    /// What the list leaves out unless it is asked for is in it.
    pub(crate) with_parts: bool,
    pub(crate) matching: usize,
    /// `None`: not counted yet.
    pub(crate) total: Option<usize>,
}

/// A column of an `L`; `None`: it has none such.
pub(crate) fn column_of<L: List>(id: &str) -> Option<&'static Column<L>> {
    L::COLUMNS.iter().find(|column| column.spec.id == id)
}

impl<L: List> Table<L> {
    pub(crate) fn new(config: &Config) -> Self {
        let mine = config.tables.get(&L::ID).cloned().unwrap_or_default();
        let TableConfig { columns, filter, sort } = mine;
        let shown = |column: &&Column<L>| match &columns {
            None => column.spec.on,
            Some(_) => L::PINNED.contains(&column.spec.id),
        };
        let mut shown: Vec<&'static Column<L>> = L::COLUMNS.iter().filter(shown).collect();
        let chosen = columns.iter().flatten().filter(|id| !L::PINNED.contains(id));
        shown.extend(chosen.filter_map(|id| column_of::<L>(id)));
        let first = sort.and_then(column_of).or_else(|| column_of(L::SORT)).unwrap_or(&L::COLUMNS[0]);
        Self {
            columns: shown,
            sort: Order { column: first, descending: first.spec.descending, by_change: false },
            filter: Filter::parse(&filter, &filter::names::<L>()).unwrap_or_default(),
            folds: Folds::default(),
            rows: <L::Source as Source<L>>::Rows::default(),
            place: Place::default(),
            state: L::Source::default(),
            with_parts: false,
            matching: 0,
            total: None,
        }
    }

    /// The things whose rows were made; the selection stays where it is.
    pub(crate) fn place_selection(&mut self, store: Analysis<'_>) {
        self.place.find(&mut self.rows, |row| match row {
            // It has folded away: its group stands for it.
            RowKey::One(key) => L::group_of(store, key).map(RowKey::Group),
            RowKey::Group(_) => None,
        });
    }

    fn selected_group(&self, store: Analysis<'_>) -> Option<L::Group> {
        match self.place.selected()? {
            RowKey::Group(group) => Some(group),
            RowKey::One(key) => L::group_of(store, key),
        }
    }

    pub(crate) fn selected_key(&self) -> Option<L::Key> {
        match self.place.selected()? {
            RowKey::One(key) => Some(key),
            RowKey::Group(_) => None,
        }
    }
}

/// The specs of an `L`'s columns.
pub(crate) fn specs<L: List>() -> impl Iterator<Item = &'static ColumnSpec> {
    L::COLUMNS.iter().map(|column| &column.spec)
}
