//! What rows have in lists (the holders of a lock, the attributes of a resource), laid end to end in columns of their own.

use std::ops::Range;

use super::{Columns, Row};
use crate::columns::ColumnError;

/// An entry of a row's list.
pub trait Item: Row {
    /// The type of the column that is as long as all lists together, even where it is nothing but 0.
    type Key;

    /// That column.
    fn key(columns: &Self::Columns) -> &Vec<Self::Key>;

    /// To keep it.
    fn key_mut(columns: &mut Self::Columns) -> &mut Vec<Self::Key>;

    /// How many entries each row has.
    fn count(columns: &Self::Columns) -> &[u32];

    /// To add a row's.
    fn count_mut(columns: &mut Self::Columns) -> &mut Vec<u32>;

    /// Checks how many entries each of so many rows has.
    ///
    /// # Errors
    /// There is not a count for each row, a count is past its limit, or their sum is not the length of the entries' columns.
    fn check_count(columns: &Self::Columns, rows: usize) -> Result<(), ColumnError>;
}

/// A message whose rows each have a list.
pub trait Lists: Columns {
    /// An entry.
    type Item: Item;

    /// The columns of the entries; `None`: all lists are empty.
    fn items(&self) -> Option<&<Self::Item as Row>::Columns>;

    /// To add entries.
    fn items_mut(&mut self) -> &mut <Self::Item as Row>::Columns;
}

/// The list of a row.
#[derive(Debug)]
pub struct Items<'a, I: Item> {
    columns: Option<&'a I::Columns>,
    left: Range<usize>,
}

impl<'a, I: Item> Items<'a, I> {
    /// The list of row `at`, whose first entry is number `first` of all.
    pub(super) fn of_row(columns: Option<&'a I::Columns>, at: usize, first: usize) -> Self {
        let count = columns.and_then(|columns| I::count(columns).get(at)).copied().unwrap_or(0);
        Self { columns, left: first..first + count as usize }
    }
}

impl<I: Item> Iterator for Items<'_, I> {
    type Item = I;

    fn next(&mut self) -> Option<I> {
        let columns = self.columns?;
        self.left.next().map(|at| I::read(columns, at))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl<I: Item> ExactSizeIterator for Items<'_, I> {}

/// Checks the lists of so many rows.
pub(super) fn check<I: Item>(columns: Option<&I::Columns>, rows: usize) -> Result<(), ColumnError> {
    let Some(columns) = columns else { return Ok(()) };
    I::check_count(columns, rows)?;
    I::check(columns, I::key(columns).len())
}

/// Empties the columns of so many rows that say nothing, but for the one that says how many entries there are.
pub(super) fn drop_zeros<I: Item>(rows: usize, columns: &mut I::Columns) {
    let count = I::count_mut(columns);
    // The last rows may have come without a list.
    count.resize(rows, 0);
    super::describe::drop_zeros(count);
    let key = std::mem::take(I::key_mut(columns));
    I::drop_zeros(columns);
    *I::key_mut(columns) = key;
}
