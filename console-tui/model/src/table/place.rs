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

impl<R: Copy + PartialEq> Rows<R> for Vec<(R, u8)> {
    fn len(&self) -> usize {
        self.len()
    }

    fn get(&self, index: usize) -> Option<(R, u8)> {
        self.as_slice().get(index).copied()
    }

    fn position(&self, row: R) -> Option<usize> {
        self.iter().position(|(other, _)| *other == row)
    }
}

/// The selected row, the first row on the page, and how many a page holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    pub(crate) index: usize,
    pub(crate) offset: usize,
    pub(crate) page: usize,
}

#[derive(Debug)]
pub(crate) struct Place<R> {
    selected: Option<R>,
    /// The user has chosen the selected row.
    follows: bool,
    pub(crate) at: Position,
}

impl<R> Default for Place<R> {
    fn default() -> Self {
        Self { selected: None, follows: false, at: Position { index: 0, offset: 0, page: 24 } }
    }
}

impl<R: Copy + PartialEq> Place<R> {
    pub(crate) fn selected(&self) -> Option<R> {
        self.selected
    }

    /// The rows have changed. Finds the selected one again; if it is gone, what stands for it, or the row that is now in its
    /// place.
    pub(crate) fn find(&mut self, rows: &mut impl Rows<R>, stands_for: impl FnOnce(R) -> Option<R>) {
        let line = self.at.index.saturating_sub(self.at.offset);
        let found = self.selected.filter(|_| self.follows).and_then(|row| {
            rows.position(row).or_else(|| stands_for(row).and_then(|other| rows.position(other)))
        });
        match found {
            Some(index) => (self.at.index, self.at.offset) = (index, index.saturating_sub(line)),
            None if self.follows => {}
            None => (self.at.index, self.at.offset) = (0, 0),
        }
        self.settle(rows);
    }

    /// Brings the selected row into the page.
    fn settle(&mut self, rows: &mut impl Rows<R>) {
        self.at.index = self.at.index.min(rows.len().saturating_sub(1));
        if self.at.index < self.at.offset {
            self.at.offset = self.at.index;
        } else if self.at.index >= self.at.offset + self.at.page {
            self.at.offset = self.at.index + 1 - self.at.page;
        }
        self.at.offset = self.at.offset.min(rows.len().saturating_sub(self.at.page));
        rows.show(self.at.offset..self.at.offset.saturating_add(self.at.page));
        self.selected = rows.get(self.at.index).map(|(row, _)| row);
    }

    /// Rows that a page holds.
    pub(crate) fn set_page(&mut self, page: usize, rows: &mut impl Rows<R>) {
        self.at.page = page.max(1);
        self.settle(rows);
    }

    pub(crate) fn move_to(&mut self, index: usize, rows: &mut impl Rows<R>) {
        self.follows = index > 0;
        self.at.index = index;
        self.settle(rows);
    }

    /// The selection goes to a row when the rows are next put in order; `None`: it stays on its own.
    pub(crate) fn follow(&mut self, row: Option<R>) {
        self.selected = row.or(self.selected);
        self.follows = true;
    }

    /// Another process: a row of the old one is none of the new one, even if the numbers are the same.
    pub(crate) fn forget(&mut self) {
        (self.selected, self.follows) = (None, false);
        (self.at.index, self.at.offset) = (0, 0);
    }
}
