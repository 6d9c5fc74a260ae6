//! The rows of a table that folds: in which order they stand, which one is selected, which are on the page.
//!
//! Invariant: the selection follows its row once the user has chosen one; until then it stays at the top.
//!
//! Limit: [`MAX_LISTED`] rows, those first in the order; the rest is counted.

use std::hash::Hash;

use rustc_hash::FxHashMap;

/// Rows of a list.
pub(crate) const MAX_LISTED: usize = 20_000;

/// What a row is sorted by: unknown last, then the numbers, then the text.
pub(crate) type SortKey = (bool, [u64; 4], String);

/// One thing, or a group of things that can be unfolded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RowKey<K, G> {
    One(K),
    Group(G),
}

/// A row, and what it is sorted by.
type Sorted<K, G> = (SortKey, RowKey<K, G>);

/// Where a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within<G> {
    /// By itself.
    Alone,
    /// Below its group.
    Unfolded(G),
}

/// Where the user is in a list.
#[derive(Debug)]
pub(crate) struct RowList<K, G> {
    rows: Vec<(RowKey<K, G>, u8)>,
    selected: Option<RowKey<K, G>>,
    index: usize,
    /// The user has chosen the selected row.
    follows: bool,
    offset: usize,
    page: usize,
    not_listed: usize,
}

/// A row of the page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageRow<K, G> {
    pub(crate) index: usize,
    pub(crate) key: RowKey<K, G>,
    pub(crate) depth: u8,
    pub(crate) selected: bool,
}

impl<K, G> Default for RowList<K, G> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            selected: None,
            index: 0,
            follows: false,
            offset: 0,
            page: 24,
            not_listed: 0,
        }
    }
}

impl<K: Copy + Ord, G: Copy + Ord + Hash> RowList<K, G> {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn page(&self) -> usize {
        self.page
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn not_listed(&self) -> usize {
        self.not_listed
    }

    pub(crate) fn selected(&self) -> Option<RowKey<K, G>> {
        self.selected
    }

    pub(crate) fn selected_index(&self) -> Option<usize> {
        self.selected.map(|_| self.index)
    }

    pub(crate) fn page_rows(&self) -> impl Iterator<Item = PageRow<K, G>> {
        let rows = self.rows.iter().enumerate().skip(self.offset).take(self.page);
        rows.map(|(index, (key, depth))| {
            let selected = self.selected == Some(*key);
            PageRow { index, key: *key, depth: *depth, selected }
        })
    }

    /// Puts groups and things in order, those of an unfolded group below it.
    pub(crate) fn arrange(
        &mut self,
        groups: Vec<(SortKey, G)>,
        things: Vec<(SortKey, K, Within<G>)>,
        descending: bool,
    ) {
        let mut top: Vec<Sorted<K, G>> =
            groups.into_iter().map(|(key, group)| (key, RowKey::Group(group))).collect();
        let mut members: FxHashMap<G, Vec<Sorted<K, G>>> = FxHashMap::default();
        for (key, thing, within) in things {
            match within {
                Within::Alone => top.push((key, RowKey::One(thing))),
                Within::Unfolded(group) => members.entry(group).or_default().push((key, RowKey::One(thing))),
            }
        }
        sort(&mut top, descending);
        self.rows.clear();
        for (_, key) in top {
            self.rows.push((key, 0));
            if let RowKey::Group(group) = key
                && let Some(mut list) = members.remove(&group)
            {
                sort(&mut list, descending);
                self.rows.extend(list.into_iter().map(|(_, key)| (key, 1)));
            }
        }
        self.not_listed = self.rows.len().saturating_sub(MAX_LISTED);
        self.rows.truncate(MAX_LISTED);
        self.place_selection();
    }

    /// Finds the selected row again; if it is gone, the row that is now in its place.
    fn place_selection(&mut self) {
        let line = self.index.saturating_sub(self.offset);
        let found = self.selected.filter(|_| self.follows);
        let found = found.and_then(|selected| self.rows.iter().position(|(key, _)| *key == selected));
        match found {
            Some(index) => (self.index, self.offset) = (index, index.saturating_sub(line)),
            None if self.follows => {}
            None => (self.index, self.offset) = (0, 0),
        }
        self.settle();
    }

    /// Brings the selected row into the page.
    fn settle(&mut self) {
        self.index = self.index.min(self.rows.len().saturating_sub(1));
        if self.index < self.offset {
            self.offset = self.index;
        } else if self.index >= self.offset + self.page {
            self.offset = self.index + 1 - self.page;
        }
        self.offset = self.offset.min(self.rows.len().saturating_sub(self.page));
        self.selected = self.rows.get(self.index).map(|(key, _)| *key);
    }

    /// Rows that a page holds.
    pub(crate) fn set_page(&mut self, rows: usize) {
        self.page = rows.max(1);
        self.settle();
    }

    pub(crate) fn move_to(&mut self, index: usize) {
        self.follows = index > 0;
        self.index = index;
        self.settle();
    }

    /// The selection goes to a row when the rows are next put in order; `None`: it stays on its own.
    pub(crate) fn follow(&mut self, key: Option<RowKey<K, G>>) {
        self.selected = key.or(self.selected);
        self.follows = true;
    }

    /// What was followed and is in a folded group now is followed by its group.
    pub(crate) fn follow_into(&mut self, folded_in: impl FnOnce(K) -> Option<G>) {
        if let Some(RowKey::One(key)) = self.selected.filter(|_| self.follows)
            && let Some(group) = folded_in(key)
        {
            self.selected = Some(RowKey::Group(group));
        }
    }

    /// Another process: nothing that points to something of the old one may stay.
    pub(crate) fn forget(&mut self) {
        self.rows.clear();
        (self.selected, self.follows, self.index, self.offset) = (None, false, 0, 0);
    }
}

fn sort<R: Ord>(rows: &mut [(SortKey, R)], descending: bool) {
    rows.sort_unstable_by(|(a, a_row), (b, b_row)| {
        let values = (a.1, &a.2).cmp(&(b.1, &b.2));
        let values = if descending { values.reverse() } else { values };
        a.0.cmp(&b.0).then(values).then_with(|| a_row.cmp(b_row))
    });
}
