//! Tables whose rows are made at once, of all that is known now. (Those of the tasks are made by a scan, a bit at a time.)
//!
//! Limit: one rebuild looks at all things once; [`MAX_LISTED`] rows, those first in the order; the rest is counted.

use std::{fmt::Debug, ops::Range};

use rustc_hash::FxHashMap;

use super::{
    Context, KeyOf, List, Look, Table,
    column::Column,
    filter,
    fold::Shape,
    history::{History, Reading},
    place::{RowKey, Rows},
    value::{SortKey, order_bits},
};
use crate::{
    analysis::{Analysis, ops::Waits},
    format::exact,
    id::ResourceKey,
    lints::findings::Finding,
    severity::Severity,
};

/// Rows of a list.
pub(crate) const MAX_LISTED: usize = 20_000;

/// What is made once for all rows.
#[derive(Debug)]
pub(crate) struct Lookup<K> {
    pub(crate) waits: FxHashMap<ResourceKey, Waits>,
    pub(crate) severities: FxHashMap<K, Severity>,
}

impl<K> Default for Lookup<K> {
    fn default() -> Self {
        Self { waits: FxHashMap::default(), severities: FxHashMap::default() }
    }
}

/// Takes the things of a list, one after the other.
pub(crate) type Each<'s, L> =
    &'s mut dyn FnMut(<L as List>::Key, <L as List>::Group, <L as Listing>::Summary);

/// A list whose rows are made at once.
pub(crate) trait Listing:
    for<'a> List<State = Listed<Self>, Rows = ListedRows<Self>, Row<'a> = At<'a, Self>>
{
    /// Whether what is known of a thing depends on who waits for it: that takes a scan over all operations.
    const WAITS: bool = true;

    /// What is known of a thing, or of several of a group.
    type Summary: Clone + Debug;

    /// Hands out every thing. Returns how many are left out because they are parts of others.
    fn each(at: Context<'_>, lookup: &Lookup<Self::Key>, with_parts: bool, take: Each<'_, Self>) -> usize;
    /// `None`: it is gone.
    fn summary(at: Context<'_>, lookup: &Lookup<Self::Key>, key: Self::Key) -> Option<Self::Summary>;
    /// Another one of the same group.
    fn add(sum: &mut Self::Summary, other: &Self::Summary);
    fn severity(sum: &Self::Summary) -> Option<Severity>;
    /// The things that a finding is about.
    fn concerned(_finding: &Finding, _store: Analysis<'_>) -> Vec<Self::Key> {
        Vec::new()
    }
}

/// A row, as its columns read it.
pub(crate) struct At<'a, L: Listing> {
    pub(crate) store: Analysis<'a>,
    pub(crate) key: KeyOf<L>,
    pub(crate) sum: &'a L::Summary,
    /// How many it stands for.
    pub(crate) count: u64,
}

impl<L: Listing> Clone for At<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: Listing> Copy for At<'_, L> {}

impl<L: Listing> At<'_, L> {
    pub(crate) fn one(&self) -> Option<L::Key> {
        match self.key {
            RowKey::One(key) => Some(key),
            RowKey::Group(_) => None,
        }
    }

    /// `60 of them`
    pub(crate) fn of_them(&self) -> String {
        format!("{} of them", exact(self.count))
    }

    /// How long ago.
    pub(crate) fn since(&self, at_ns: Option<u64>) -> Option<u64> {
        at_ns.map(|at_ns| self.store.now_ns.saturating_sub(at_ns))
    }
}

#[derive(Debug)]
pub(crate) struct Group<F> {
    sum: F,
    count: u64,
    shape: Shape,
}

/// What the rows of a listing were made of.
#[derive(Debug)]
pub(crate) struct Listed<L: Listing> {
    lookup: Lookup<L::Key>,
    groups: FxHashMap<L::Group, Group<L::Summary>>,
    history: History<KeyOf<L>>,
    pub(crate) hidden_parts: usize,
}

impl<L: Listing> Default for Listed<L> {
    fn default() -> Self {
        Self {
            lookup: Lookup::default(),
            groups: FxHashMap::default(),
            history: History::default(),
            hidden_parts: 0,
        }
    }
}

/// The rows in their order.
#[derive(Debug)]
pub(crate) struct ListedRows<L: Listing> {
    list: Vec<(KeyOf<L>, u8)>,
    pub(crate) not_listed: usize,
}

impl<L: Listing> Default for ListedRows<L> {
    fn default() -> Self {
        Self { list: Vec::new(), not_listed: 0 }
    }
}

impl<L: Listing> Rows<KeyOf<L>> for ListedRows<L> {
    fn len(&self) -> usize {
        self.list.len()
    }

    fn get(&self, index: usize) -> Option<(KeyOf<L>, u8)> {
        self.list.get(index).copied()
    }

    fn position(&self, row: KeyOf<L>) -> Option<usize> {
        self.list.iter().position(|(other, _)| *other == row)
    }

    fn show(&mut self, _window: Range<usize>) {}
}

/// A thing that matches the filter.
type Thing<L> = (<L as List>::Key, <L as List>::Group, <L as Listing>::Summary);
/// A row and what it is sorted by.
type Sorted<L> = (SortKey, KeyOf<L>);

/// Makes the rows anew from what is known now.
pub(crate) fn rebuild<L: Listing>(table: &mut Table<L>, at: Context<'_>) {
    let store = at.store;
    let waits = if L::WAITS { store.waits() } else { FxHashMap::default() };
    table.state.lookup = Lookup { waits, severities: severities::<L>(at) };
    let mut total = 0;
    let mut matching: Vec<Thing<L>> = Vec::new();
    let (lookup, query) = (&table.state.lookup, &table.filter.query);
    let hidden = L::each(at, lookup, table.with_parts, &mut |key, group, sum| {
        total += 1;
        let row = At { store, key: RowKey::One(key), sum: &sum, count: 1 };
        if query.as_ref().is_none_or(|query| filter::matches::<L>(query, &row)) {
            matching.push((key, group, sum));
        }
    });
    table.state.hidden_parts = hidden;
    (table.total, table.matching) = (Some(total), matching.len());
    regroup(table, at, &matching);
    arrange(table, store, matching);
    table.place_selection(store);
}

fn severities<L: Listing>(at: Context<'_>) -> FxHashMap<L::Key, Severity> {
    let mut worst: FxHashMap<L::Key, Severity> = FxHashMap::default();
    for finding in &at.findings.list {
        for key in L::concerned(finding, at.store) {
            let severity = worst.entry(key).or_insert(finding.severity);
            *severity = finding.severity.max(*severity);
        }
    }
    worst
}

fn regroup<L: Listing>(table: &mut Table<L>, at: Context<'_>, matching: &[Thing<L>]) {
    let before = std::mem::take(&mut table.state.groups);
    let groups = &mut table.state.groups;
    for (_, group, sum) in matching.iter().filter(|_| L::FOLDS) {
        let of_group = groups.entry(*group).and_modify(|group| L::add(&mut group.sum, sum));
        of_group.or_insert_with(|| Group { sum: sum.clone(), count: 0, shape: Shape::Loose }).count += 1;
    }
    for (key, group) in groups {
        let has_row = before.get(key).is_some_and(|before| before.shape != Shape::Loose);
        let fold_at = L::fold_at(*key, at.config);
        let limit = if has_row { L::unfold_at(fold_at) } else { fold_at };
        group.shape = table.folds.shape(|| L::group_words(at.store, *key), group.count, limit);
    }
}

/// Puts groups and things in order, those of an unfolded group below it.
fn arrange<L: Listing>(table: &mut Table<L>, store: Analysis<'_>, matching: Vec<Thing<L>>) {
    table.state.history.begin(if table.sort.by_change { table.sort.column.spec.id } else { "" });
    let mut keys = Keys::<L>::new(table, store);
    let mut top: Vec<Sorted<L>> = Vec::new();
    let mut members: FxHashMap<L::Group, Vec<Sorted<L>>> = FxHashMap::default();
    for (key, group, sum) in matching {
        let row = RowKey::One(key);
        let list = match table.state.groups.get(&group).map(|group| group.shape) {
            Some(Shape::Folded) => continue,
            Some(Shape::Unfolded) => members.entry(group).or_default(),
            Some(Shape::Loose) | None => &mut top,
        };
        list.push((keys.of(At { store, key: row, sum: &sum, count: 1 }), row));
    }
    for (key, group) in table.state.groups.iter().filter(|(_, group)| group.shape != Shape::Loose) {
        let row = RowKey::Group(*key);
        top.push((keys.of(At { store, key: row, sum: &group.sum, count: group.count }), row));
    }
    let descending = table.sort.descending;
    let now = keys.now;
    sort(&mut top, descending);
    let list = &mut table.rows.list;
    list.clear();
    for (_, key) in top {
        list.push((key, 0));
        if let RowKey::Group(group) = key
            && let Some(mut below) = members.remove(&group)
        {
            sort(&mut below, descending);
            list.extend(below.into_iter().map(|(_, key)| (key, 1)));
        }
    }
    table.rows.not_listed = list.len().saturating_sub(MAX_LISTED);
    list.truncate(MAX_LISTED);
    table.state.history.take(now);
}

fn sort<R: Ord>(rows: &mut [(SortKey, R)], descending: bool) {
    rows.sort_unstable_by(|(a, a_row), (b, b_row)| {
        let values = (a.1, &a.2).cmp(&(b.1, &b.2));
        let values = if descending { values.reverse() } else { values };
        a.0.cmp(&b.0).then(values).then_with(|| a_row.cmp(b_row))
    });
}

/// Makes what rows are sorted by.
struct Keys<'t, L: Listing> {
    column: &'static Column<L>,
    /// `None`: by the value itself.
    history: Option<&'t History<KeyOf<L>>>,
    now: Reading<KeyOf<L>>,
}

impl<'t, L: Listing> Keys<'t, L> {
    fn new(table: &'t Table<L>, store: Analysis<'_>) -> Self {
        let history = table.sort.by_change.then_some(&table.state.history);
        let now = Reading { at_ns: store.now_ns, numbers: FxHashMap::default() };
        Self { column: table.sort.column, history, now }
    }

    fn of(&mut self, row: At<'_, L>) -> SortKey {
        let value = (self.column.value)(&row);
        let Some(history) = self.history else { return value.sort_key() };
        let number = value.as_number();
        self.now.numbers.extend(number.map(|number| (row.key, number)));
        let change = number.and_then(|number| history.change(row.key, number, self.now.at_ns));
        (change.is_none(), [change.map_or(0, order_bits), 0, 0, 0], String::new())
    }
}

/// Shows a row to `see`; `None`: it is gone.
pub(crate) fn see<L: Listing, T>(
    table: &Table<L>,
    at: Context<'_>,
    key: KeyOf<L>,
    see: impl for<'a> FnOnce(&'a At<'a, L>, Look) -> T,
) -> Option<T> {
    let store = at.store;
    let (sum, count, group) = match key {
        RowKey::One(key) => (&L::summary(at, &table.state.lookup, key)?, 1, None),
        RowKey::Group(key) => {
            let group = table.state.groups.get(&key)?;
            (&group.sum, group.count, Some(group.shape == Shape::Unfolded))
        }
    };
    let look = Look { severity: L::severity(sum), done: false, group };
    Some(see(&At { store, key, sum, count }, look))
}

/// How many rows a group has, and how it stands.
pub(crate) fn group<L: Listing>(table: &Table<L>, group: L::Group) -> Option<(u64, Shape)> {
    table.state.groups.get(&group).map(|group| (group.count, group.shape))
}

/// The worst finding about a thing.
pub(crate) fn finding<L: Listing>(at: Context<'_>, key: L::Key) -> Option<&Finding> {
    let about = |finding: &&Finding| L::concerned(finding, at.store).contains(&key);
    at.findings.list.iter().filter(about).max_by_key(|finding| finding.severity)
}

/// Whether something was found of some thing.
pub(crate) fn has_notes<L: Listing>(table: &Table<L>) -> bool {
    !table.state.lookup.severities.is_empty()
}

/// What a listing leaves out.
pub(crate) fn left_out<L: Listing>(table: &Table<L>) -> Vec<(usize, &'static str)> {
    vec![(table.state.hidden_parts, "parts hidden"), (table.rows.not_listed, "more not listed")]
}

/// The parts of [`List`] that every [`Listing`] has alike.
macro_rules! listing {
    () => {
        type Row<'a> = crate::table::listing::At<'a, Self>;
        type Rows = crate::table::listing::ListedRows<Self>;
        type State = crate::table::listing::Listed<Self>;

        fn rebuild(table: &mut crate::table::Table<Self>, at: crate::table::Context<'_>) {
            crate::table::listing::rebuild(table, at);
        }

        fn see<T>(
            table: &crate::table::Table<Self>,
            at: crate::table::Context<'_>,
            key: crate::table::KeyOf<Self>,
            see: impl for<'a> FnOnce(&'a Self::Row<'a>, crate::table::Look) -> T,
        ) -> Option<T> {
            crate::table::listing::see(table, at, key, see)
        }

        fn group(
            table: &crate::table::Table<Self>,
            group: Self::Group,
        ) -> Option<(u64, crate::table::fold::Shape)> {
            crate::table::listing::group(table, group)
        }

        fn finding(
            at: crate::table::Context<'_>,
            key: Self::Key,
        ) -> Option<&crate::lints::findings::Finding> {
            crate::table::listing::finding::<Self>(at, key)
        }

        fn has_notes(table: &crate::table::Table<Self>) -> bool {
            crate::table::listing::has_notes(table)
        }

        fn left_out(table: &crate::table::Table<Self>) -> Vec<(usize, &'static str)> {
            crate::table::listing::left_out(table)
        }
    };
}
pub(crate) use listing;
