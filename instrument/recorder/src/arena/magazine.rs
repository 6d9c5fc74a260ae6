//! Free numbers that a thread keeps for itself.
//!
//! Invariant: only the thread of a magazine's number writes it; the next thread that gets the number goes on with what is in it. Threads without a number of
//! their own have none. Limit: two batches a thread; as many numbers may be out of the other threads' reach.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use crate::thread::MAX_THREADS;

/// Numbers that go to a thread, or from it, at a time.
pub(super) const BATCH: usize = 64;
const ROOM: usize = 2 * BATCH;

/// Magazines of a chunk, which are made together.
const CHUNK: usize = 32;
type Chunk = Box<[OnceLock<Box<Magazine>>]>;

/// By thread number less one.
#[derive(Debug)]
pub(super) struct Magazines(Box<[OnceLock<Chunk>]>);

impl Magazines {
    pub(super) fn new() -> Self {
        Self((0..MAX_THREADS.div_ceil(CHUNK)).map(|_| OnceLock::new()).collect())
    }

    /// Of this thread; `None`: it has no number of its own.
    #[inline]
    pub(super) fn of(&self, thread: u32) -> Option<&Magazine> {
        let index = (thread as usize).wrapping_sub(1);
        if index >= MAX_THREADS - 1 {
            return None;
        }
        match self.0[index / CHUNK].get().and_then(|chunk| chunk[index % CHUNK].get()) {
            Some(magazine) => Some(magazine),
            None => Some(self.make(index)),
        }
    }

    #[cold]
    fn make(&self, index: usize) -> &Magazine {
        let chunk = self.0[index / CHUNK].get_or_init(|| (0..CHUNK).map(|_| OnceLock::new()).collect());
        chunk[index % CHUNK].get_or_init(Box::default)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let chunks = self.0.iter().filter_map(OnceLock::get);
        let chunk = |chunk: &Chunk| {
            let made = chunk.iter().filter(|magazine| magazine.get().is_some()).count();
            size_of_val(&**chunk) + made * size_of::<Magazine>()
        };
        size_of_val(&*self.0) + chunks.map(chunk).sum::<usize>()
    }
}

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

    #[test]
    fn threads_without_a_number_of_their_own_have_none() {
        let magazines = Magazines::new();
        assert!(magazines.of(0).is_none() && magazines.of(MAX_THREADS as u32).is_none());
        assert!(magazines.of(1).is_some() && magazines.of(MAX_THREADS as u32 - 1).is_some());
    }
}
