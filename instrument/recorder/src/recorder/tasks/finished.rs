//! The slots of finished tasks, oldest first, until they are used again.
//!
//! A thread keeps the last tasks that ended on it in a batch of its own, and hands a full batch on: one end in [`BATCH`] writes what other threads
//! write. A reader empties the batches, too, so that their tasks leave when their time is over. Limit: [`Limits::retained_tasks`](super::super::Limits), and
//! a batch a thread.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicU32,
            Ordering::{AcqRel, Relaxed, Release},
        },
    },
};

use crossbeam_queue::ArrayQueue;

use crate::thread::{self, slots::ThreadSlots};

/// Of the queue, a place: a number and a stamp.
const PLACE_BYTES: usize = 16;
/// Tasks that a thread keeps to itself.
const BATCH: usize = 64;
/// Fewer tasks than so many batches are kept one by one.
const LEAST_BATCHES: usize = 16;

#[derive(Debug)]
pub(super) struct Finished {
    queue: ArrayQueue<u32>,
    batches: ThreadSlots<Batch>,
    /// What a reader took over.
    taken: Mutex<VecDeque<u32>>,
}

/// Of one thread. A reader takes numbers out of the cells at any time; only the thread puts some in.
#[derive(Debug)]
#[repr(align(64))]
struct Batch {
    /// Cells that were filled.
    used: AtomicU32,
    /// Numbers plus one; 0: empty, or taken.
    cells: [AtomicU32; BATCH],
}

impl Default for Batch {
    fn default() -> Self {
        Self { used: AtomicU32::new(0), cells: std::array::from_fn(|_| AtomicU32::new(0)) }
    }
}

impl Batch {
    fn take(&self) -> impl Iterator<Item = u32> {
        // A load first: mostly there is nothing, and the line stays with its thread.
        let full = self.cells.iter().filter(|cell| cell.load(Relaxed) != 0);
        full.filter_map(|cell| cell.swap(0, AcqRel).checked_sub(1))
    }
}

impl Finished {
    pub(super) fn new(retained: usize) -> Self {
        Self {
            queue: ArrayQueue::new(retained.max(1)),
            batches: ThreadSlots::new(),
            taken: Mutex::new(VecDeque::new()),
        }
    }

    /// A task ended. `scarce`: slots are, so none is kept back. `free` is called with those whose place is needed.
    #[inline]
    pub(super) fn push(&self, number: u32, scarce: bool, free: impl Fn(u32)) {
        match self.batch(scarce, &free) {
            Some(batch) => {
                let used = batch.used.load(Relaxed);
                batch.cells[used as usize % BATCH].store(number + 1, Release);
                batch.used.store(used.wrapping_add(1), Relaxed);
                if used as usize % BATCH == BATCH - 1 {
                    self.hand_on(batch, &free);
                }
            }
            None => self.queue_up(number, &free),
        }
    }

    #[inline]
    fn batch(&self, scarce: bool, free: &impl Fn(u32)) -> Option<&Batch> {
        if self.queue.capacity() < LEAST_BATCHES * BATCH {
            return None;
        }
        let batch = self.batches.of(thread::number())?;
        if scarce {
            self.hand_on(batch, free);
            return None;
        }
        Some(batch)
    }

    #[cold]
    fn hand_on(&self, batch: &Batch, free: &impl Fn(u32)) {
        batch.take().for_each(|number| self.queue_up(number, free));
        batch.used.store(0, Relaxed);
    }

    fn queue_up(&self, number: u32, free: &impl Fn(u32)) {
        if let Some(oldest) = self.queue.force_push(number) {
            free(oldest);
        }
    }

    /// All of them, for a reader, which takes out those that leave.
    pub(super) fn all(&self) -> MutexGuard<'_, VecDeque<u32>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(number) = self.queue.pop() {
            taken.push_back(number);
        }
        for batch in self.batches.iter() {
            taken.extend(batch.take());
        }
        taken
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.queue.capacity() * PLACE_BYTES + self.batches.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_batch_goes_on_when_it_is_full_or_slots_are_scarce_and_a_reader_sees_it_before() {
        let finished = Finished::new(LEAST_BATCHES * BATCH);
        let freed = RefCell::new(Vec::new());
        let push = |number, scarce| finished.push(number, scarce, |oldest| freed.borrow_mut().push(oldest));
        (0..10).for_each(|number| push(number, false));
        assert!(finished.queue.is_empty());
        assert!(finished.all().drain(..).eq(0..10));
        (10..84).for_each(|number| push(number, false));
        assert_eq!(finished.queue.len(), BATCH - 10, "those that the reader had not seen");
        push(84, true);
        assert_eq!(finished.queue.len(), 75);
        assert!(finished.all().drain(..).eq(10..85));
        (0..2000).for_each(|number| push(number, true));
        assert!(freed.into_inner().into_iter().eq(0..2000 - (LEAST_BATCHES * BATCH) as u32));
    }
}
