//! Those who hold a lock beside each other: readers, permits of a semaphore.
//!
//! Limit: [`MAX_HOLDERS`] are listed; further ones are counted. A cell is claimed with one compare-exchange and its fields are written
//! before its holder shows; its holder is taken out by one thread only.

use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use super::lock::Holder;
use crate::{
    arena::{Slot, is_slot_of},
    clock::Ticks,
    task::Agent,
};

/// Holders of a lock that are listed; further ones are only counted.
pub const MAX_HOLDERS: usize = 8;

/// A cell that a thread is filling; neither a task's word nor a thread's.
const CLAIMED: u64 = 1 << 62;
/// In `Cell::permits`: given to a waiter that has not taken them yet. A reader counts them as held by no one.
const GIVEN: u32 = 1 << 31;

/// 192 bytes.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Holders([Cell; MAX_HOLDERS]);

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

    /// Adds a holder; the number of its cell, `None` when all are taken.
    pub(crate) fn add(&self, holder: u64, permits: u32, given: bool, place: u32, now: Ticks) -> Option<u32> {
        let free = |cell: &Cell| {
            cell.holder.load(Relaxed) == 0
                && cell.holder.compare_exchange(0, CLAIMED, Acquire, Relaxed).is_ok()
        };
        let number = self.0.iter().position(free)?;
        let cell = &self.0[number];
        cell.since.store(now, Relaxed);
        cell.place.store(place, Relaxed);
        cell.permits.store(permits & !GIVEN | if given { GIVEN } else { 0 }, Relaxed);
        cell.holder.store(holder, Release);
        Some(number as u32)
    }

    /// Empties a cell by its number; returns the word of who was in it.
    pub(crate) fn free(&self, number: u32) -> u64 {
        let Some(cell) = self.0.get(number as usize) else { return 0 };
        let holder = cell.holder.load(Relaxed);
        cell.holder.store(0, Release);
        holder
    }

    /// Changes a cell's permits, by its number.
    pub(crate) fn resize(&self, number: u32, permits: u32) {
        if let Some(cell) = self.0.get(number as usize) {
            cell.permits.store(permits & !GIVEN, Relaxed);
        }
    }

    /// Adds a cell with the holder, time and place of another; its number, `None` when all are taken.
    pub(crate) fn add_beside(&self, number: u32, permits: u32) -> Option<u32> {
        let cell = self.0.get(number as usize)?;
        let (place, since) = (cell.place.load(Relaxed), cell.since.load(Relaxed));
        self.add(cell.holder.load(Relaxed), permits, false, place, since)
    }

    /// Takes up to `permits` away from what this holder has, or has been given; `ended` gets the start of each hold that this ends. Returns the
    /// permits that are left over.
    pub(crate) fn take_from(
        &self,
        holder: u64,
        given: bool,
        permits: u32,
        mut ended: impl FnMut(Ticks),
    ) -> u32 {
        let mut left = permits;
        for cell in &self.0 {
            if left == 0 {
                break;
            }
            let has = cell.permits.load(Relaxed);
            if cell.holder.load(Acquire) == holder && (has & GIVEN != 0) == given {
                left = cell.take(holder, left, &mut ended);
            }
        }
        left
    }

    /// Takes up to `permits` away from whoever has held them the longest.
    pub(crate) fn take_from_oldest(&self, permits: u32, mut ended: impl FnMut(Ticks)) -> u32 {
        let mut left = permits;
        // Each step empties a cell or is the last.
        for _ in 0..MAX_HOLDERS {
            let held = |cell: &&Cell| {
                !matches!(cell.holder.load(Acquire), 0 | CLAIMED) && cell.permits.load(Relaxed) & GIVEN == 0
            };
            let Some(oldest) = self.0.iter().filter(held).min_by_key(|cell| cell.since.load(Relaxed)) else {
                break;
            };
            left = oldest.take(oldest.holder.load(Acquire), left, &mut ended);
            if left == 0 {
                break;
            }
        }
        left
    }

    /// Whether this holder has any, taken and not just given.
    pub(crate) fn holds(&self, holder: u64) -> bool {
        let is_its =
            |cell: &Cell| cell.holder.load(Acquire) == holder && cell.permits.load(Relaxed) & GIVEN == 0;
        self.0.iter().any(is_its)
    }

    /// Whether anybody holds anything, by the reader's measure.
    pub(crate) fn read(&self) -> impl Iterator<Item = Holder> {
        self.0.iter().filter_map(|cell| {
            let holder = cell.holder.load(Acquire);
            let permits = cell.permits.load(Relaxed);
            (!matches!(holder, 0 | CLAIMED) && permits & GIVEN == 0).then(|| Holder {
                by: Agent::from_u64(holder),
                since: cell.since.load(Relaxed),
                place: cell.place.load(Relaxed),
                permits,
                shared: true,
            })
        })
    }
}

impl Cell {
    fn take(&self, holder: u64, permits: u32, ended: &mut impl FnMut(Ticks)) -> u32 {
        let has = self.permits.load(Relaxed) & !GIVEN;
        if permits < has {
            self.permits.fetch_sub(permits, Relaxed);
            return 0;
        }
        let since = self.since.load(Relaxed);
        // Another thread that empties the same cell has taken these permits.
        if self.holder.compare_exchange(holder, 0, AcqRel, Relaxed).is_ok() {
            ended(since);
        }
        permits - has
    }
}
