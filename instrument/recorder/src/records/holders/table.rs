//! Cells of a lock that more hold at once than have one in its own block.
//!
//! A holder's cells are in the same [`WINDOW`] of each table, so that what it releases is found without a look at all others. A lock keeps its tables
//! until it is gone.
//!
//! Limit: [`MAX_TABLES`] of a lock. Who finds no cell in its windows is counted as one past the limit.

use std::{
    array,
    sync::atomic::{
        AtomicU32,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
};

use super::{Cell, Everyone, FIRST};
use crate::arena::{Slot, is_slot_of};

/// Cells of a table.
const CELLS: usize = 128;
/// Of these, where one holder can be.
const WINDOW: usize = 16;
/// Tables of a lock: twice the cells that are needed for all who are listed, as a window can be full while others are not.
const MAX_TABLES: usize = 16;

/// In the number of a cell: the table's number plus one above the cell's.
const TABLE_SHIFT: u32 = 7;
const _: () = assert!(CELLS == 1 << TABLE_SHIFT && FIRST <= CELLS, "the number of a cell has room for both");

/// 3,136 bytes.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Table {
    cells: [Cell; CELLS],
    /// Number of the next table plus one; 0: none.
    pub(in crate::records) next: AtomicU32,
}

const _: () = assert!(is_slot_of::<Table>(3136), "the type's text says so");

impl Default for Table {
    fn default() -> Self {
        Self { cells: array::from_fn(|_| Cell::default()), next: AtomicU32::new(0) }
    }
}

impl Slot for Table {
    const PAGE: usize = 16;
    type Shared = ();
}

impl Table {
    fn clear(&self) {
        for cell in &self.cells {
            cell.holder.store(0, Relaxed);
        }
        self.next.store(0, Release);
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter()
    }

    pub(super) fn cells_of(&self, holder: u64) -> impl Iterator<Item = &Cell> {
        window(holder).map(|at| &self.cells[at])
    }
}

/// Where in a table a holder can be.
fn window(holder: u64) -> impl Iterator<Item = usize> {
    // Fibonacci hashing: neighbours in a slot's number are far apart.
    let start = (holder.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - TABLE_SHIFT)) as usize;
    (start..start + WINDOW).map(|at| at % CELLS)
}

impl<'r> Everyone<'r> {
    /// The tables in which there is someone; none while none is needed.
    pub(super) fn grown_tables(self) -> impl Iterator<Item = &'r Table> {
        let first = if self.grown.taken.load(Acquire) == 0 { 0 } else { self.grown.tables.load(Acquire) };
        let table = move |number_plus1: u32| {
            let (_, table) = self.tables.slot(number_plus1.checked_sub(1)?)?;
            Some(table)
        };
        std::iter::successors(table(first), move |last| table(last.next.load(Acquire))).take(MAX_TABLES)
    }

    /// The cell of a number, and whether it is one of a table.
    pub(super) fn cell(self, number: u32) -> Option<(&'r Cell, bool)> {
        let at = number as usize % CELLS;
        match (number >> TABLE_SHIFT).checked_sub(1) {
            None => self.first.0.get(at).map(|cell| (cell, false)),
            Some(table) => self.tables.slot(table).map(|(_, table)| (&table.cells[at], true)),
        }
    }

    /// A free cell of a table for this holder, and its number; grows a table where there is none.
    pub(super) fn claim_beyond(self, holder: u64) -> Option<(&'r Cell, u32)> {
        let mut link = &self.grown.tables;
        for _ in 0..MAX_TABLES {
            let number = match link.load(Acquire) {
                0 => self.grow(link)?,
                number => number,
            };
            let (_, table) = self.tables.slot(number - 1)?;
            if let Some(at) = window(holder).find(|at| table.cells[*at].claim()) {
                return Some((&table.cells[at], number << TABLE_SHIFT | at as u32));
            }
            link = &table.next;
        }
        None
    }

    /// The number plus one of the table that is next, whoever made it.
    fn grow(self, link: &AtomicU32) -> Option<u32> {
        let number = self.tables.allocate()?;
        self.tables.slot(number)?.1.clear();
        match link.compare_exchange(0, number + 1, AcqRel, Acquire) {
            Ok(_) => Some(number + 1),
            Err(other) => {
                self.tables.free(number);
                Some(other)
            }
        }
    }
}
