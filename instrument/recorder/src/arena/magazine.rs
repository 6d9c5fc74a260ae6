//! Free numbers that a thread keeps for itself.
//!
//! Invariant: only the thread of a magazine's number writes it; the next thread that gets the number goes on with what is in it. Threads without a number of
//! their own have none. Limit: two batches a thread; as many numbers may be out of the other threads' reach.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Numbers that go to a thread, or from it, at a time.
pub(super) const BATCH: usize = 64;
const ROOM: usize = 2 * BATCH;

/// A stack of numbers.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Magazine {
    len: AtomicU32,
    numbers: [AtomicU32; ROOM],
}

impl Default for Magazine {
    fn default() -> Self {
        Self { len: AtomicU32::new(0), numbers: std::array::from_fn(|_| AtomicU32::new(0)) }
    }
}

impl Magazine {
    #[inline]
    pub(super) fn pop(&self) -> Option<u32> {
        let len = self.len.load(Relaxed).checked_sub(1)?;
        let number = self.numbers.get(len as usize)?.load(Relaxed);
        self.len.store(len, Relaxed);
        Some(number)
    }

    /// False: it is full.
    #[inline]
    pub(super) fn push(&self, number: u32) -> bool {
        let len = self.len.load(Relaxed);
        let Some(free) = self.numbers.get(len as usize) else { return false };
        free.store(number, Relaxed);
        self.len.store(len + 1, Relaxed);
        true
    }

    /// Takes the older half out of a full one.
    pub(super) fn take_oldest(&self) -> [u32; BATCH] {
        let (old, new) = self.numbers.split_at(BATCH);
        let taken = std::array::from_fn(|at| old[at].load(Relaxed));
        for (old, new) in old.iter().zip(new) {
            old.store(new.load(Relaxed), Relaxed);
        }
        self.len.store(BATCH as u32, Relaxed);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_magazine_gives_away_what_it_has_kept_longest() {
        let magazine = Magazine::default();
        assert_eq!(magazine.pop(), None);
        assert!((0..ROOM as u32).all(|number| magazine.push(number)));
        assert!(!magazine.push(1000));
        let taken = magazine.take_oldest();
        assert!(taken.into_iter().eq(0..BATCH as u32));
        assert!((BATCH as u32..ROOM as u32).rev().all(|number| magazine.pop() == Some(number)));
        assert_eq!(magazine.pop(), None);
    }
}
