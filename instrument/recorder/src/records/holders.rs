//! Those who hold a lock beside each other: readers, permits of a semaphore.
//!
//! The first [`FIRST`] have a cell in a block of the lock's own. Further ones go to tables that the lock grows (`holders/table.rs`), so a lock that
//! few hold at once pays for few. A cell is claimed with one compare-exchange and its fields are written before its holder shows; its holder is
//! taken out by one thread only.
//!
//! Limit: [`MAX_HOLDERS`] are listed; further ones are counted.

mod table;

use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

pub(crate) use table::Table;

use super::lock::Holder;
use crate::{
    arena::{Arena, Slot, is_slot_of},
    clock::Ticks,
    task::Agent,
};

/// Holders of a lock that are listed; further ones are only counted.
pub const MAX_HOLDERS: usize = 1024;

/// Those who have a cell in the lock's own block.
pub(crate) const FIRST: usize = 8;

/// A cell that a thread is filling; neither a task's word nor a thread's.
const CLAIMED: u64 = 1 << 62;
/// In `Cell::permits`: given to a waiter that has not taken them yet. A reader counts them as held by no one.
const GIVEN: u32 = 1 << 31;

/// 192 bytes.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Holders([Cell; FIRST]);

#[derive(Debug, Default)]
struct Cell {
    /// The holder's word; 0: free.
    holder: AtomicU64,
    since: AtomicU64,
    place: AtomicU32,
    permits: AtomicU32,
}

const _: () = assert!(is_slot_of::<Holders>(192), "the module's text says so");

impl Slot for Holders {
    const PAGE: usize = 512;
    type Shared = ();
}

impl Holders {
    pub(crate) fn clear(&self) {
        for cell in &self.0 {
            cell.holder.store(0, Relaxed);
        }
    }
}

/// The tables of a lock, as its record keeps them.
#[derive(Debug, Default)]
pub(crate) struct Grown {
    /// Number of the first table plus one; 0: none.
    pub(super) tables: AtomicU32,
    /// Cells of the tables that are taken, or about to be.
    taken: AtomicU32,
}

impl Grown {
    pub(super) fn reset(&self) {
        self.tables.store(0, Relaxed);
        self.taken.store(0, Relaxed);
    }
}

/// All cells of a lock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Everyone<'r> {
    pub(super) first: &'r Holders,
    pub(super) grown: &'r Grown,
    pub(super) tables: &'r Arena<Table>,
}

/// What is written into a cell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) holder: u64,
    pub(crate) permits: u32,
    /// Given to a waiter that has not taken them yet.
    pub(crate) given: bool,
    pub(crate) place: u32,
    pub(crate) since: Ticks,
}

impl<'r> Everyone<'r> {
    /// Adds a holder; the number of its cell, `None` when there is none for it. Without `may_grow` only those of the lock's own block count.
    pub(crate) fn add(self, entry: &Entry, may_grow: bool) -> Option<u32> {
        match self.first.0.iter().position(Cell::claim) {
            Some(number) => {
                self.first.0[number].fill(entry);
                Some(number as u32)
            }
            None if may_grow => self.add_beyond(entry),
            None => None,
        }
    }

    #[cold]
    fn add_beyond(self, entry: &Entry) -> Option<u32> {
        // Counted first: whoever looks for a holder finds the tables worth a look.
        let taken = self.grown.taken.fetch_add(1, AcqRel) as usize;
        let cell = if taken < MAX_HOLDERS - FIRST { self.claim_beyond(entry.holder) } else { None };
        let Some((cell, number)) = cell else {
            self.grown.taken.fetch_sub(1, AcqRel);
            return None;
        };
        cell.fill(entry);
        Some(number)
    }

    /// Empties a cell by its number; returns the word of who was in it.
    pub(crate) fn free(self, number: u32) -> u64 {
        let Some((cell, beyond)) = self.cell(number) else { return 0 };
        let holder = cell.holder.load(Relaxed);
        cell.holder.store(0, Release);
        self.emptied(beyond);
        holder
    }

    /// Changes a cell's permits, by its number.
    pub(crate) fn resize(self, number: u32, permits: u32) {
        if let Some((cell, _)) = self.cell(number) {
            cell.permits.store(permits & !GIVEN, Relaxed);
        }
    }

    /// Adds a cell with the holder, time and place of another; its number, `None` when there is none for it.
    pub(crate) fn add_beside(self, number: u32, permits: u32) -> Option<u32> {
        let (cell, _) = self.cell(number)?;
        let entry = Entry {
            holder: cell.holder.load(Relaxed),
            permits,
            given: false,
            place: cell.place.load(Relaxed),
            since: cell.since.load(Relaxed),
        };
        self.add(&entry, true)
    }

    /// Takes up to `permits` away from what this holder has, or has been given; `ended` gets the start of each hold that this ends. Returns the
    /// permits that are left over.
    pub(crate) fn take_from(
        self,
        holder: u64,
        given: bool,
        permits: u32,
        mut ended: impl FnMut(Ticks),
    ) -> u32 {
        let mut left = permits;
        for (cell, beyond) in self.cells_of(holder) {
            if left == 0 {
                break;
            }
            let has = cell.permits.load(Relaxed);
            if cell.holder.load(Acquire) == holder && (has & GIVEN != 0) == given {
                left = self.take(cell, beyond, holder, left, &mut ended);
            }
        }
        left
    }

    /// Takes up to `permits` away from whoever has held them the longest.
    pub(crate) fn take_from_oldest(self, permits: u32, mut ended: impl FnMut(Ticks)) -> u32 {
        let mut left = permits;
        // Each step empties a cell or is the last.
        for _ in 0..MAX_HOLDERS {
            let held = |(cell, _): &(&Cell, bool)| {
                !matches!(cell.holder.load(Acquire), 0 | CLAIMED) && cell.permits.load(Relaxed) & GIVEN == 0
            };
            let oldest = self.cells().filter(held).min_by_key(|(cell, _)| cell.since.load(Relaxed));
            let Some((oldest, beyond)) = oldest else { break };
            left = self.take(oldest, beyond, oldest.holder.load(Acquire), left, &mut ended);
            if left == 0 {
                break;
            }
        }
        left
    }

    fn take(
        self,
        cell: &Cell,
        beyond: bool,
        holder: u64,
        permits: u32,
        ended: &mut impl FnMut(Ticks),
    ) -> u32 {
        let has = cell.permits.load(Relaxed) & !GIVEN;
        if permits < has {
            cell.permits.fetch_sub(permits, Relaxed);
            return 0;
        }
        let since = cell.since.load(Relaxed);
        // Another thread that empties the same cell has taken these permits.
        if cell.holder.compare_exchange(holder, 0, AcqRel, Relaxed).is_ok() {
            self.emptied(beyond);
            ended(since);
        }
        permits - has
    }

    /// Whether this holder has any, taken and not just given.
    pub(crate) fn holds(self, holder: u64) -> bool {
        self.cells_of(holder)
            .any(|(cell, _)| cell.holder.load(Acquire) == holder && cell.permits.load(Relaxed) & GIVEN == 0)
    }

    /// No one holds it, whatever was recorded.
    pub(crate) fn clear(self) {
        self.first.clear();
        for (cell, beyond) in self.cells().filter(|(_, beyond)| *beyond) {
            let holder = cell.holder.load(Acquire);
            let is_taken = !matches!(holder, 0 | CLAIMED);
            if is_taken && cell.holder.compare_exchange(holder, 0, AcqRel, Relaxed).is_ok() {
                self.emptied(beyond);
            }
        }
    }

    /// Whoever holds anything, by the reader's measure.
    pub(crate) fn read(self) -> impl Iterator<Item = Holder> {
        self.cells().filter_map(|(cell, _)| cell.read())
    }

    fn emptied(self, beyond: bool) {
        if beyond {
            self.grown.taken.fetch_sub(1, AcqRel);
        }
    }

    /// All cells, and whether each is one of a table.
    fn cells(self) -> impl Iterator<Item = (&'r Cell, bool)> {
        let first = self.first.0.iter().map(|cell| (cell, false));
        first.chain(self.grown_tables().flat_map(Table::cells).map(|cell| (cell, true)))
    }

    /// The cells that can be this holder's.
    fn cells_of(self, holder: u64) -> impl Iterator<Item = (&'r Cell, bool)> {
        let first = self.first.0.iter().map(|cell| (cell, false));
        first
            .chain(self.grown_tables().flat_map(move |table| table.cells_of(holder)).map(|cell| (cell, true)))
    }
}

impl Cell {
    /// Takes it for a holder, if it is free.
    fn claim(&self) -> bool {
        self.holder.load(Relaxed) == 0 && self.holder.compare_exchange(0, CLAIMED, Acquire, Relaxed).is_ok()
    }

    /// Of one that was claimed.
    fn fill(&self, entry: &Entry) {
        self.since.store(entry.since, Relaxed);
        self.place.store(entry.place, Relaxed);
        self.permits.store(entry.permits & !GIVEN | if entry.given { GIVEN } else { 0 }, Relaxed);
        self.holder.store(entry.holder, Release);
    }

    fn read(&self) -> Option<Holder> {
        let holder = self.holder.load(Acquire);
        let permits = self.permits.load(Relaxed);
        (!matches!(holder, 0 | CLAIMED) && permits & GIVEN == 0).then(|| Holder {
            by: Agent::from_u64(holder),
            since: self.since.load(Relaxed),
            place: self.place.load(Relaxed),
            permits,
            shared: true,
        })
    }
}
