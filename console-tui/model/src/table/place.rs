//! Where the user is in a list of rows: which one is selected, which are on the page.
//!
//! Invariant: the selection follows its row once the user has chosen one; until then it stays at the top.

use std::ops::Range;

/// One thing, or a group of things that can be unfolded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RowKey<K, G> {
    One(K),
    Group(G),
}

/// Rows in their order.
pub(crate) trait Rows<R>: Default {
    fn len(&self) -> usize;
    /// The row at `index`, and how deep it stands.
    fn get(&self, index: usize) -> Option<(R, u8)>;
    fn position(&self, row: R) -> Option<usize>;
    /// Puts the rows of a window where they belong; what lies outside may be in any order.
    fn show(&mut self, _window: Range<usize>) {}
}

#[derive(Debug)]
pub(crate) struct Place<R> {
    selected: Option<R>,
    index: usize,
    /// The user has chosen the selected row.
    follows: bool,
    offset: usize,
    page: usize,
}

impl<R> Default for Place<R> {
    fn default() -> Self {
        Self { selected: None, index: 0, follows: false, offset: 0, page: 24 }
    }
}

impl<R: Copy + PartialEq> Place<R> {
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn page(&self) -> usize {
        self.page
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn selected(&self) -> Option<R> {
        self.selected
    }

    /// The rows have changed. Finds the selected one again; if it is gone, what stands for it, or the row that is now in its
    /// place.
    pub(crate) fn find(&mut self, rows: &mut impl Rows<R>, stands_for: impl FnOnce(R) -> Option<R>) {
        let line = self.index.saturating_sub(self.offset);
        let found = self.selected.filter(|_| self.follows).and_then(|row| {
            rows.position(row).or_else(|| stands_for(row).and_then(|other| rows.position(other)))
        });
        match found {
            Some(index) => (self.index, self.offset) = (index, index.saturating_sub(line)),
            None if self.follows => {}
            None => (self.index, self.offset) = (0, 0),
        }
        self.settle(rows);
    }

    /// Brings the selected row into the page.
    fn settle(&mut self, rows: &mut impl Rows<R>) {
        self.index = self.index.min(rows.len().saturating_sub(1));
        if self.index < self.offset {
            self.offset = self.index;
        } else if self.index >= self.offset + self.page {
            self.offset = self.index + 1 - self.page;
        }
        self.offset = self.offset.min(rows.len().saturating_sub(self.page));
        rows.show(self.offset..self.offset.saturating_add(self.page));
        self.selected = rows.get(self.index).map(|(row, _)| row);
    }

    /// Rows that a page holds.
    pub(crate) fn set_page(&mut self, page: usize, rows: &mut impl Rows<R>) {
        self.page = page.max(1);
        self.settle(rows);
    }

    pub(crate) fn move_to(&mut self, index: usize, rows: &mut impl Rows<R>) {
        self.follows = index > 0;
        self.index = index;
        self.settle(rows);
    }

    /// The selection goes to a row when the rows are next put in order; `None`: it stays on its own.
    pub(crate) fn follow(&mut self, row: Option<R>) {
        self.selected = row.or(self.selected);
        self.follows = true;
    }

    /// Another process: a row of the old one is none of the new one, even if the numbers are the same.
    pub(crate) fn forget(&mut self) {
        (self.selected, self.follows, self.index, self.offset) = (None, false, 0, 0);
    }
}
