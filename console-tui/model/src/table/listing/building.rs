//! The rows of a listing while they are made: each thing is looked at, then put in its place, then the first are put in order.
//!
//! Limit: twice [`MAX_LISTED`] rows are kept of all things, and of each group, until the last are known to be left out.

use std::vec::IntoIter;

use rustc_hash::FxHashMap;

use super::{
    COUNT_UNITS, Group, LOOK_UNITS, Listed, Listing, MAX_LISTED, PLACE_UNITS, Pick, Summed, Thing, summed,
};
use crate::{
    analysis::Analysis,
    severity::Severity,
    table::{
        Context, KeyOf, List, Table, filter,
        fold::Shape,
        history::Reading,
        listing::{At, Sorted},
        place::RowKey,
        value::order_bits,
    },
};

/// See the module's text.
#[derive(Debug)]
pub(super) struct Building<L: Listing> {
    /// Only how many there are.
    counting: bool,
    /// Not looked at yet.
    candidates: IntoIter<L::Key>,
    severities: FxHashMap<L::Key, Severity>,
    total: usize,
    hidden: usize,
    matched: usize,
    /// Those that match, and have no place yet.
    matching: Vec<Thing<L>>,
    groups: FxHashMap<L::Group, Group<L::Summary>>,
    /// It is known which groups are folded.
    has_shapes: bool,
    /// What the column said that sorts by its change.
    now: Reading<KeyOf<L>>,
    top: First<L>,
    members: FxHashMap<L::Group, First<L>>,
    rows: Option<Vec<(KeyOf<L>, u8)>>,
    past_limit: usize,
}

impl<L: Listing> Building<L> {
    pub(super) fn new(at: Context<'_>, counting: bool) -> Self {
        Self {
            counting,
            candidates: L::candidates(at).into_iter(),
            severities: if counting { FxHashMap::default() } else { severities::<L>(at) },
            total: 0,
            hidden: 0,
            matched: 0,
            matching: Vec::new(),
            groups: FxHashMap::default(),
            has_shapes: false,
            now: Reading { at_ns: at.store.now_ns, numbers: FxHashMap::default() },
            top: First::default(),
            members: FxHashMap::default(),
            rows: None,
            past_limit: 0,
        }
    }

    /// What is still to be looked at.
    pub(super) fn left(&self) -> usize {
        self.candidates.len()
    }

    /// Goes on until `units` are used up; true: the rows are made.
    pub(super) fn go_on(&mut self, table: &mut Table<L>, at: Context<'_>, units: &mut usize) -> bool {
        while *units > 0 {
            if let Some(key) = self.candidates.next() {
                *units = units.saturating_sub(if self.counting { COUNT_UNITS } else { LOOK_UNITS });
                self.look_at(table, at, key);
            } else if self.counting || self.rows.is_some() {
                return true;
            } else if !self.has_shapes {
                self.shape_groups(table, at);
            } else if let Some(thing) = self.matching.pop() {
                *units = units.saturating_sub(PLACE_UNITS);
                self.place(table, at.store, thing);
            } else {
                self.put_in_order(table.sort.descending);
                *units = units.saturating_sub(self.rows.as_ref().map_or(0, Vec::len));
                return true;
            }
        }
        false
    }

    fn look_at(&mut self, table: &Table<L>, at: Context<'_>, key: L::Key) {
        match L::pick(at, key, table.with_parts) {
            Pick::No => return,
            Pick::Part => {
                self.hidden += 1;
                return;
            }
            Pick::Yes => self.total += 1,
        }
        if self.counting {
            return;
        }
        let Some(summed) = summed::<L>(at, key, &self.severities) else { return };
        let row = summed.at::<L>(at.store, RowKey::One(key));
        if table.filter.query.as_ref().is_some_and(|query| !filter::matches::<L>(query, &row)) {
            return;
        }
        self.matched += 1;
        let group = if L::FOLDS { L::group_of(at.store, key) } else { None };
        if let Some(group) = group {
            let sum = self.groups.entry(group).and_modify(|group| group.summed.add(&summed));
            sum.or_insert_with(|| Group { summed: summed.clone(), shape: Shape::Loose });
        }
        self.matching.push((key, group, summed));
    }

    /// Which groups are folded; those that have a row are put in their place.
    fn shape_groups(&mut self, table: &mut Table<L>, at: Context<'_>) {
        self.has_shapes = true;
        table.state.history.begin(if table.sort.by_change { table.sort.column.spec.id } else { "" });
        let mut groups = std::mem::take(&mut self.groups);
        for (key, group) in &mut groups {
            let had_row = table.state.groups.get(key).is_some_and(|before| before.shape != Shape::Loose);
            let fold_at = L::fold_at(*key, at.config);
            let limit = if had_row { L::unfold_at(fold_at) } else { fold_at };
            group.shape = table.folds.shape(|| L::group_words(at.store, *key), group.summed.count, limit);
            if group.shape != Shape::Loose {
                let row = self.sorted(table, at.store, RowKey::Group(*key), &group.summed);
                self.top.push(row, table.sort.descending);
            }
        }
        self.groups = groups;
    }

    fn place(&mut self, table: &Table<L>, store: Analysis<'_>, (key, group, summed): Thing<L>) {
        let shape = group.and_then(|group| self.groups.get(&group)).map(|group| group.shape);
        if shape == Some(Shape::Folded) {
            return;
        }
        let row = self.sorted(table, store, RowKey::One(key), &summed);
        let list = match (shape, group) {
            (Some(Shape::Unfolded), Some(group)) => self.members.entry(group).or_default(),
            _ => &mut self.top,
        };
        list.push(row, table.sort.descending);
    }

    /// A row with what it is sorted by.
    fn sorted(
        &mut self,
        table: &Table<L>,
        store: Analysis<'_>,
        key: KeyOf<L>,
        summed: &Summed<L::Summary>,
    ) -> Sorted<L> {
        let row: At<'_, L> = summed.at(store, key);
        let value = (table.sort.column.value)(&row);
        if !table.sort.by_change {
            return (value.sort_key(), key);
        }
        let number = value.as_number();
        self.now.numbers.extend(number.map(|number| (key, number)));
        let change = number.and_then(|number| table.state.history.change(key, number, self.now.at_ns));
        ((change.is_none(), [change.map_or(0, order_bits), 0, 0, 0], String::new()), key)
    }

    fn put_in_order(&mut self, descending: bool) {
        let (top, members) = (std::mem::take(&mut self.top), std::mem::take(&mut self.members));
        let all = top.len + members.values().map(|first| first.len).sum::<usize>();
        let mut members = members;
        let mut list: Vec<(KeyOf<L>, u8)> = Vec::new();
        for (_, key) in top.in_order(descending) {
            if list.len() >= MAX_LISTED {
                break;
            }
            list.push((key, 0));
            if let RowKey::Group(group) = key
                && let Some(below) = members.remove(&group)
            {
                list.extend(below.in_order(descending).into_iter().map(|(_, key)| (key, 1)));
            }
        }
        list.truncate(MAX_LISTED);
        self.past_limit = all - list.len();
        self.rows = Some(list);
    }

    /// Takes the place of the rows that are shown.
    pub(super) fn install(self, table: &mut Table<L>, store: Analysis<'_>) {
        if self.counting {
            table.total = Some(self.total);
            return;
        }
        // Not done: what is shown stays.
        let Some(rows) = self.rows else { return };
        (table.total, table.matching, table.rows) = (Some(self.total), self.matched, rows);
        let Listed { severities, groups, hidden_parts, past_limit, history, .. } = &mut table.state;
        (*severities, *groups) = (self.severities, self.groups);
        (*hidden_parts, *past_limit) = (self.hidden, self.past_limit);
        history.take(self.now);
        table.place_selection(store);
    }
}

/// The rows that are first in an order, of many.
#[derive(Debug)]
struct First<L: List> {
    rows: Vec<Sorted<L>>,
    /// Of all.
    len: usize,
}

impl<L: List> Default for First<L> {
    fn default() -> Self {
        Self { rows: Vec::new(), len: 0 }
    }
}

impl<L: List> First<L> {
    fn push(&mut self, row: Sorted<L>, descending: bool) {
        self.len += 1;
        self.rows.push(row);
        if self.rows.len() > MAX_LISTED * 2 {
            self.cut(descending);
        }
    }

    fn cut(&mut self, descending: bool) {
        if self.rows.len() > MAX_LISTED {
            self.rows.select_nth_unstable_by(MAX_LISTED - 1, |a, b| compare(a, b, descending));
            self.rows.truncate(MAX_LISTED);
        }
    }

    fn in_order(mut self, descending: bool) -> Vec<Sorted<L>> {
        self.cut(descending);
        self.rows.sort_unstable_by(|a, b| compare(a, b, descending));
        self.rows
    }
}

fn compare<R: Ord>(
    (a, a_row): &(super::SortKey, R),
    (b, b_row): &(super::SortKey, R),
    descending: bool,
) -> std::cmp::Ordering {
    let values = (a.1, &a.2).cmp(&(b.1, &b.2));
    let values = if descending { values.reverse() } else { values };
    a.0.cmp(&b.0).then(values).then_with(|| a_row.cmp(b_row))
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
