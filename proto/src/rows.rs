//! The columnar messages as rows: one description of a message gives its row, its writer, its checks, its reader and its
//! weight.
//!
//! Write with a [`Writer`]; read what [`Checked::new`] let pass. The descriptions are in `rows/messages.rs`, each field of a row beside the
//! column or the two columns that hold it.
//!
//! Invariant: what a [`Writer`] made passes [`Checked::new`] and gives the same rows again, as far as the columns can hold them. Columns
//! in a [`Checked`] are read without a way to fail, and do not change.
//!
//! Limit: a row is copied, so it holds numbers alone. A text is a 1-based number into the strings of its message; see [`Checked::text`].

mod cell;
mod describe;
mod items;
mod messages;
mod writer;

use crate::{
    columns::{ColumnError, slots},
    v1,
};

pub use self::{
    cell::{Cell, SlotRef},
    items::{Item, Items, Lists},
    messages::{
        AttributeRow, ChannelRow, EventRow, HolderRow, IoRow, LockRow, OpRow, OpStatRow, ResourceRow,
        ResourceStatRow, StatRow, TaskRow, events,
    },
    writer::{FrameRows, Writer},
};

/// A row of columns: a value from each.
pub trait Row: Copy {
    /// The message whose fields the columns are.
    type Columns;

    /// Bytes that a row takes encoded, at most, without its texts.
    const MAX_BYTES: usize;

    /// Adds the row to the columns.
    fn push(self, columns: &mut Self::Columns);

    /// Whether all columns are as long as they must be and hold what they may.
    ///
    /// # Errors
    /// A column is neither empty nor `rows` long, or a value is past its limit.
    fn check(columns: &Self::Columns, rows: usize) -> Result<(), ColumnError>;

    /// A row of checked columns; a column that was left out, and a row that does not exist, read as 0.
    fn read(columns: &Self::Columns, at: usize) -> Self;

    /// Empties the columns that hold nothing but 0.
    fn drop_zeros(columns: &mut Self::Columns);

    /// Bytes that the columns have taken in memory, without texts and lists.
    fn memory_bytes(columns: &Self::Columns) -> usize;
}

/// A message of columns with a row for each slot.
pub trait Columns: Default + Sized {
    /// What is known of a slot.
    type Row: Row<Columns = Self>;

    /// The slots: the first one, then the distance of each to the one before it.
    fn slot_delta(&self) -> &[u32];

    /// To add a slot.
    fn slot_delta_mut(&mut self) -> &mut Vec<u32>;

    /// The texts of the rows and of their items.
    fn strings(&self) -> &[String] {
        &[]
    }

    /// To set the texts; `None`: the message has none.
    fn strings_mut(&mut self) -> Option<&mut Vec<String>> {
        None
    }

    /// Checks what the rows have in lists.
    ///
    /// # Errors
    /// As [`Row::check`], and the lists of all rows together are not as long as the columns of their items.
    fn check_lists(&self) -> Result<(), ColumnError> {
        Ok(())
    }

    /// Empties the columns that hold nothing but 0.
    fn drop_zeros(&mut self) {
        Self::Row::drop_zeros(self);
    }
}

/// Columns that were checked whole.
#[derive(Debug, Clone)]
pub struct Checked<C>(C);

impl<C: Columns> Checked<C> {
    /// Checks columns. It looks at each slot and at each value that has a limit: about 1 ns a row.
    ///
    /// # Errors
    /// There are too many rows, slots don't ascend or are out of range, columns differ in length, or a value is past its limit.
    pub fn new(columns: C) -> Result<Self, ColumnError> {
        let rows = slots(columns.slot_delta())?.len();
        C::Row::check(&columns, rows)?;
        columns.check_lists()?;
        Ok(Self(columns))
    }

    /// The rows with their slots, which ascend.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (u32, C::Row)> {
        let mut slot = 0;
        self.0.slot_delta().iter().enumerate().map(move |(at, delta)| {
            // The check has shown that no sum overflows.
            slot += delta;
            (slot, C::Row::read(&self.0, at))
        })
    }

    /// The rows with their slots, each with its list.
    pub fn rows_with_items(&self) -> impl ExactSizeIterator<Item = (u32, C::Row, Items<'_, C::Item>)>
    where
        C: Lists,
    {
        let mut next = 0;
        self.rows().enumerate().map(move |(at, (slot, row))| {
            let items = Items::of_row(self.0.items(), at, next);
            next += items.len();
            (slot, row, items)
        })
    }

    /// The texts that the rows have numbers of.
    pub fn strings(&self) -> &[String] {
        self.0.strings()
    }

    /// The text of this number; `None`: 0, or a number past the end.
    pub fn text(&self, number: u32) -> Option<&str> {
        text(self.0.strings(), number)
    }

    /// The columns as they came.
    pub fn columns(&self) -> &C {
        &self.0
    }
}

/// Bytes that the rows of a frame have taken in memory, without texts and lists.
pub fn memory_bytes(frame: &v1::Frame) -> usize {
    fn of<C: Columns>(columns: Option<&C>) -> usize {
        columns.map_or(0, C::Row::memory_bytes)
    }
    let tasks = of(frame.tasks.as_ref()) + of(frame.stats.as_ref());
    let resources = of(frame.resources.as_ref()) + of(frame.resource_stats.as_ref());
    let ops = of(frame.ops.as_ref()) + of(frame.op_stats.as_ref());
    tasks + resources + ops + of(frame.locks.as_ref()) + of(frame.channels.as_ref()) + of(frame.io.as_ref())
}

/// A text of a message: `number` is 1-based. `None`: 0, or a number past the end.
pub fn text(strings: &[String], number: u32) -> Option<&str> {
    strings.get((number as usize).checked_sub(1)?).map(String::as_str)
}

#[cfg(test)]
mod tests;
