//! Tables whose rows are made of all things of a kind: those of the tasks have a way of their own.
//!
//! Invariant: the rows are made a bit at a time, while nothing that they are made of changes, and take the place of those that are shown at once.
//!
//! Limit: a rebuild looks at all things once; [`MAX_LISTED`] rows, those first in the order; the rest is counted.

mod building;

use std::fmt::Debug;

use rustc_hash::FxHashMap;

use super::{
    Context, KeyOf, List, Look, Source, Table,
    fold::Shape,
    history::History,
    place::RowKey,
    value::{SortKey, Value},
};
use crate::{
    analysis::{Analysis, ops::Waits},
    format::exact,
    id::ResourceKey,
    lints::findings::Finding,
    severity::Severity,
};
use building::Building;

/// Rows of a list.
pub(crate) const MAX_LISTED: usize = 20_000;

/// What looking at a thing costs, counting it, and putting it in its place: in units of a scan over tasks, some 100 ns each.
const LOOK_UNITS: usize = 16;
const COUNT_UNITS: usize = 2;
const PLACE_UNITS: usize = 6;

/// Whether a thing is in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pick {
    Yes,
    No,
    /// It is a part of another one, and these are not wanted.
    Part,
}

impl Pick {
    pub(crate) fn only_if(is_in: bool) -> Self {
        if is_in { Self::Yes } else { Self::No }
    }
}

/// What is known of a thing, or of several of a group.
pub(crate) trait Summary: Clone + Debug {
    /// Another one of the same group.
    fn add(&mut self, _other: &Self) {}

    /// How serious it is, beside what [`Listing::concerned`] says.
    fn severity(&self) -> Option<Severity> {
        None
    }
}

/// A list whose rows are made anew of all things, a bit at a time.
pub(crate) trait Listing: for<'a> List<Source = Listed<Self>, Row<'a> = At<'a, Self>> {
    /// Whether tasks wait on its things.
    const WAITS: bool = true;

    type Summary: Summary;

    /// The keys of all things that may be in it: [`Self::pick`] says which are.
    fn candidates(at: Context<'_>) -> Vec<Self::Key>;

    /// Whether a thing is in it.
    fn pick(_at: Context<'_>, _key: Self::Key, _with_parts: bool) -> Pick {
        Pick::Yes
    }

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
    severities: FxHashMap<L::Key, Severity>,
    groups: FxHashMap<L::Group, Group<L::Summary>>,
    history: History<KeyOf<L>>,
    pub(crate) hidden_parts: usize,
    past_limit: usize,
    /// The rows that are being made.
    building: Option<Box<Building<L>>>,
}

impl<L: Listing> Default for Listed<L> {
    fn default() -> Self {
        Self {
            severities: FxHashMap::default(),
            groups: FxHashMap::default(),
            history: History::default(),
            hidden_parts: 0,
            past_limit: 0,
            building: None,
        }
    }
}

impl<L: Listing> Source<L> for Listed<L> {
    type Rows = Vec<(KeyOf<L>, u8)>;

    fn begin(table: &mut Table<L>, at: Context<'_>, counting: bool) -> usize {
        table.state.building.insert(Box::new(Building::new(at, counting))).left()
    }

    fn go_on(table: &mut Table<L>, at: Context<'_>, units: &mut usize) -> bool {
        // Without one there is nothing to be made.
        let Some(mut building) = table.state.building.take() else { return true };
        let is_done = building.go_on(table, at, units);
        table.state.building = Some(building);
        is_done
    }

    fn finish(table: &mut Table<L>, at: Context<'_>) {
        if let Some(building) = table.state.building.take() {
            building.install(table, at.store);
        }
    }

    fn forget(&mut self) {
        *self = Self { building: self.building.take(), ..Self::default() };
    }

    fn see<T>(
        &self,
        at: Context<'_>,
        key: KeyOf<L>,
        see: impl for<'a> FnOnce(&'a At<'a, L>, Look) -> T,
    ) -> Option<T> {
        let (summed, group) = match key {
            RowKey::One(key) => (&summed::<L>(at, key, &self.severities)?, None),
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
        !self.severities.is_empty()
    }

    fn left_out(&self) -> Vec<(usize, &'static str)> {
        vec![(self.hidden_parts, "parts hidden"), (self.past_limit, "more not listed")]
    }
}

/// A thing that matches the filter, with its group and what is known of it.
type Thing<L> = (<L as List>::Key, Option<<L as List>::Group>, Summed<<L as Listing>::Summary>);
/// A row and what it is sorted by.
type Sorted<L> = (SortKey, KeyOf<L>);

/// What is known of a thing; `None`: it is gone.
fn summed<L: Listing>(
    at: Context<'_>,
    key: L::Key,
    severities: &FxHashMap<L::Key, Severity>,
) -> Option<Summed<L::Summary>> {
    let on = L::waited_on(key).filter(|_| L::WAITS);
    let waits = on.map_or_else(Waits::default, |on| at.store.waits_on_thing(on));
    let sum = L::summary(at, key, &waits)?;
    let severity = severities.get(&key).copied().max(sum.severity());
    Some(Summed { severity, waits, sum, count: 1 })
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
