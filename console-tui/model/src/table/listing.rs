//! Tables whose rows are made at once, of all that is known now. (Those of the tasks are made by a scan, a bit at a time.)
//!
//! Limit: one rebuild looks at all things once; [`MAX_LISTED`] rows, those first in the order; the rest is counted.

use std::fmt::Debug;

use rustc_hash::FxHashMap;

use super::{
    Context, KeyOf, List, Look, Source, Table,
    column::Column,
    filter,
    fold::Shape,
    history::{History, Reading},
    place::RowKey,
    value::{SortKey, Value, order_bits},
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

/// Takes the things of a list, one after the other, each with a function that sums it up.
pub(crate) type Each<'s, L> =
    &'s mut dyn FnMut(<L as List>::Key, <L as List>::Group, &dyn Fn(&Waits) -> <L as Listing>::Summary);

/// What is known of a thing, or of several of a group.
pub(crate) trait Summary: Clone + Debug {
    /// Another one of the same group.
    fn add(&mut self, _other: &Self) {}

    /// How serious it is, beside what [`Listing::concerned`] says.
    fn severity(&self) -> Option<Severity> {
        None
    }
}

/// A list whose rows are made at once.
pub(crate) trait Listing: for<'a> List<Source = Listed<Self>, Row<'a> = At<'a, Self>> {
    /// Whether tasks wait on its things: who does takes a scan over all operations.
    const WAITS: bool = true;

    type Summary: Summary;

    /// Hands out every thing. Returns how many are left out because they are parts of others.
    fn each(at: Context<'_>, with_parts: bool, take: Each<'_, Self>) -> usize;

    /// Of one thing; `None`: it is gone. `waits`: who waits on it.
    fn summary(at: Context<'_>, key: Self::Key, waits: &Waits) -> Option<Self::Summary>;

    /// The things that a finding is about.
    fn concerned(_finding: &Finding, _store: Analysis<'_>) -> Vec<Self::Key> {
        Vec::new()
    }

    /// What a task waits on, that waits on the thing.
    fn waited_on(_key: Self::Key) -> Option<ResourceKey> {
        None
    }
}

/// What is made once for all rows.
#[derive(Debug)]
struct Lookup<K> {
    waits: FxHashMap<ResourceKey, Waits>,
    severities: FxHashMap<K, Severity>,
}

impl<K: Copy + Eq + std::hash::Hash> Lookup<K> {
    fn waits<L: Listing<Key = K>>(&self, key: K) -> Waits {
        L::waited_on(key).and_then(|of| self.waits.get(&of)).copied().unwrap_or_default()
    }

    fn summed<L: Listing<Key = K>>(&self, key: K, waits: Waits, sum: L::Summary) -> Summed<L::Summary> {
        let severity = self.severities.get(&key).copied().max(sum.severity());
        Summed { severity, waits, sum, count: 1 }
    }
}

/// What is known of a thing, or of the things of a group.
#[derive(Debug, Clone)]
struct Summed<S> {
    severity: Option<Severity>,
    waits: Waits,
    sum: S,
    count: u64,
}

impl<S: Summary> Summed<S> {
    fn add(&mut self, other: &Self) {
        self.severity = self.severity.max(other.severity);
        self.waits.add(&other.waits);
        self.count += other.count;
        self.sum.add(&other.sum);
    }

    fn at<'a, L: Listing<Summary = S>>(&'a self, store: Analysis<'a>, key: KeyOf<L>) -> At<'a, L> {
        let Self { severity, waits, ref sum, count } = *self;
        At { store, key, severity, waits, sum, count }
    }
}

/// A row, as its columns read it.
pub(crate) struct At<'a, L: Listing> {
    pub(crate) store: Analysis<'a>,
    pub(crate) key: KeyOf<L>,
    /// The worst finding about it.
    pub(crate) severity: Option<Severity>,
    /// Who waits on it.
    pub(crate) waits: Waits,
    pub(crate) sum: &'a L::Summary,
    /// How many it stands for.
    pub(crate) count: u64,
}

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

    /// How long the longest of those who wait on it waits; nothing if none does.
    pub(crate) fn longest_wait(&self) -> Value<'static> {
        Value::number_or_nothing(self.waits.longest_ns(self.store.now_ns))
    }
}

#[derive(Debug)]
struct Group<S> {
    summed: Summed<S>,
    shape: Shape,
}

/// What the rows of a listing were made of.
#[derive(Debug)]
pub(crate) struct Listed<L: Listing> {
    lookup: Lookup<L::Key>,
    groups: FxHashMap<L::Group, Group<L::Summary>>,
    history: History<KeyOf<L>>,
    pub(crate) hidden_parts: usize,
    past_limit: usize,
}

impl<L: Listing> Default for Listed<L> {
    fn default() -> Self {
        Self {
            lookup: Lookup { waits: FxHashMap::default(), severities: FxHashMap::default() },
            groups: FxHashMap::default(),
            history: History::default(),
            hidden_parts: 0,
            past_limit: 0,
        }
    }
}

impl<L: Listing> Source<L> for Listed<L> {
    type Rows = Vec<(KeyOf<L>, u8)>;

    fn rebuild(table: &mut Table<L>, at: Context<'_>) {
        let store = at.store;
        let waits = if L::WAITS { store.waits() } else { FxHashMap::default() };
        table.state.lookup = Lookup { waits, severities: severities::<L>(at) };
        let mut total = 0;
        let mut matching: Vec<Thing<L>> = Vec::new();
        let (lookup, query) = (&table.state.lookup, &table.filter.query);
        let hidden = L::each(at, table.with_parts, &mut |key, group, sum_up| {
            total += 1;
            let waits = lookup.waits::<L>(key);
            let summed = lookup.summed::<L>(key, waits, sum_up(&waits));
            let row = summed.at::<L>(store, RowKey::One(key));
            if query.as_ref().is_none_or(|query| filter::matches::<L>(query, &row)) {
                matching.push((key, group, summed));
            }
        });
        table.state.hidden_parts = hidden;
        (table.total, table.matching) = (Some(total), matching.len());
        regroup(table, at, &matching);
        arrange(table, store, matching);
        table.place_selection(store);
    }

    fn see<T>(
        &self,
        at: Context<'_>,
        key: KeyOf<L>,
        see: impl for<'a> FnOnce(&'a At<'a, L>, Look) -> T,
    ) -> Option<T> {
        let (summed, group) = match key {
            RowKey::One(key) => {
                let waits = self.lookup.waits::<L>(key);
                (&self.lookup.summed::<L>(key, waits, L::summary(at, key, &waits)?), None)
            }
            RowKey::Group(key) => {
                let group = self.groups.get(&key)?;
                (&group.summed, Some(group.shape == Shape::Unfolded))
            }
        };
        Some(see(&summed.at(at.store, key), Look { severity: summed.severity, done: false, group }))
    }

    fn group(&self, group: L::Group) -> Option<(u64, Shape)> {
        self.groups.get(&group).map(|group| (group.summed.count, group.shape))
    }

    fn finding(at: Context<'_>, key: L::Key) -> Option<&Finding> {
        let about = |finding: &&Finding| L::concerned(finding, at.store).contains(&key);
        at.findings.list.iter().filter(about).max_by_key(|finding| finding.severity)
    }

    fn has_notes(&self) -> bool {
        !self.lookup.severities.is_empty()
    }

    fn left_out(&self) -> Vec<(usize, &'static str)> {
        vec![(self.hidden_parts, "parts hidden"), (self.past_limit, "more not listed")]
    }
}

/// A thing that matches the filter.
type Thing<L> = (<L as List>::Key, <L as List>::Group, Summed<<L as Listing>::Summary>);
/// A row and what it is sorted by.
type Sorted<L> = (SortKey, KeyOf<L>);

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
    for (_, group, summed) in matching.iter().filter(|_| L::FOLDS) {
        let sum = groups.entry(*group).and_modify(|group| group.summed.add(summed));
        sum.or_insert_with(|| Group { summed: summed.clone(), shape: Shape::Loose });
    }
    for (key, group) in groups {
        let has_row = before.get(key).is_some_and(|before| before.shape != Shape::Loose);
        let fold_at = L::fold_at(*key, at.config);
        let limit = if has_row { L::unfold_at(fold_at) } else { fold_at };
        group.shape = table.folds.shape(|| L::group_words(at.store, *key), group.summed.count, limit);
    }
}

/// Puts groups and things in order, those of an unfolded group below it.
fn arrange<L: Listing>(table: &mut Table<L>, store: Analysis<'_>, matching: Vec<Thing<L>>) {
    table.state.history.begin(if table.sort.by_change { table.sort.column.spec.id } else { "" });
    let mut keys = Keys::<L>::new(table, store);
    let mut top: Vec<Sorted<L>> = Vec::new();
    let mut members: FxHashMap<L::Group, Vec<Sorted<L>>> = FxHashMap::default();
    for (key, group, summed) in matching {
        let row = RowKey::One(key);
        let list = match table.state.groups.get(&group).map(|group| group.shape) {
            Some(Shape::Folded) => continue,
            Some(Shape::Unfolded) => members.entry(group).or_default(),
            Some(Shape::Loose) | None => &mut top,
        };
        list.push((keys.of(&summed.at(store, row)), row));
    }
    for (key, group) in table.state.groups.iter().filter(|(_, group)| group.shape != Shape::Loose) {
        let row = RowKey::Group(*key);
        top.push((keys.of(&group.summed.at(store, row)), row));
    }
    let descending = table.sort.descending;
    let now = keys.now;
    sort(&mut top, descending);
    let list = &mut table.rows;
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
    table.state.past_limit = list.len().saturating_sub(MAX_LISTED);
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

    fn of(&mut self, row: &At<'_, L>) -> SortKey {
        let value = (self.column.value)(row);
        let Some(history) = self.history else { return value.sort_key() };
        let number = value.as_number();
        self.now.numbers.extend(number.map(|number| (row.key, number)));
        let change = number.and_then(|number| history.change(row.key, number, self.now.at_ns));
        (change.is_none(), [change.map_or(0, order_bits), 0, 0, 0], String::new())
    }
}

/// A column of how long the longest of those who wait on it waits.
macro_rules! longest_wait {
    ($list:ty, $id:literal $title:literal $width:literal $help:literal $words:literal) => {
        $crate::table::column::column!(
            $list, row, Time $id $title $width $help
            { words: $words, tone: Some($crate::screen::Tone::Idle) } => row.longest_wait()
        )
    };
}
pub(crate) use longest_wait;
