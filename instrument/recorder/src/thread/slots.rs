//! A value for each thread, made at its first use.
//!
//! Invariant: a number has one thread at a time, and the next one that gets it goes on with the value. So what only the thread of a number writes can be
//! plain stores. Threads without a number of their own ([`MAX_THREADS`]) have none. Memory: a table of 512 bytes, and 512 more for each 32 threads.

use std::sync::OnceLock;

use super::MAX_THREADS;

const CHUNK: usize = 32;
type Chunk<T> = Box<[OnceLock<Box<T>>]>;

/// By thread number less one.
#[derive(Debug)]
pub(crate) struct ThreadSlots<T>(Box<[OnceLock<Chunk<T>>]>);

impl<T: Default> ThreadSlots<T> {
    pub(crate) fn new() -> Self {
        Self((0..MAX_THREADS.div_ceil(CHUNK)).map(|_| OnceLock::new()).collect())
    }

    /// Of this thread; `None`: it has no number of its own.
    #[inline]
    pub(crate) fn of(&self, thread: u32) -> Option<&T> {
        let index = (thread as usize).wrapping_sub(1);
        if index >= MAX_THREADS - 1 {
            return None;
        }
        match self.0[index / CHUNK].get().and_then(|chunk| chunk[index % CHUNK].get()) {
            Some(value) => Some(value),
            None => Some(self.make(index)),
        }
    }

    #[cold]
    fn make(&self, index: usize) -> &T {
        let chunk = self.0[index / CHUNK].get_or_init(|| (0..CHUNK).map(|_| OnceLock::new()).collect());
        chunk[index % CHUNK].get_or_init(Box::default)
    }

    /// Those that are made.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let chunks = self.0.iter().filter_map(OnceLock::get);
        chunks.flat_map(|chunk| chunk.iter().filter_map(|value| value.get().map(|value| &**value)))
    }

    /// Bytes held, without what the values hold in their turn.
    pub(crate) fn memory_bytes(&self) -> usize {
        let chunks = self.0.iter().filter_map(OnceLock::get).map(|chunk| size_of_val(&**chunk));
        size_of_val(&*self.0) + chunks.sum::<usize>() + self.iter().count() * size_of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_without_a_number_of_their_own_have_none() {
        let slots = ThreadSlots::<u64>::new();
        assert!(slots.of(0).is_none() && slots.of(MAX_THREADS as u32).is_none());
        assert_eq!(slots.iter().count(), 0);
        assert!(slots.of(1).is_some() && slots.of(MAX_THREADS as u32 - 1).is_some());
        assert_eq!(slots.iter().count(), 2);
    }
}
