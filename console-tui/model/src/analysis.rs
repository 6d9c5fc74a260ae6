//! What follows from the store: who waits for whom, whose polls held the workers, what a poll is to be blamed for, and the words for it.
//!
//! Invariant: it asks and never changes. All answers are of the moment that the store shows.

pub(crate) mod blame;
pub(crate) mod locks;
pub(crate) mod longest;
pub(crate) mod ops;
pub(crate) mod pressure;
pub(crate) mod stuck_polls;
pub(crate) mod things;
pub(crate) mod timers;
pub(crate) mod waits_for;
mod words;

use std::ops::Deref;

use crate::store::Store;

/// A store with the questions that can be asked of it. As cheap to copy as a reference; what the store knows by itself is read
/// through it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Analysis<'a> {
    store: &'a Store,
}

impl<'a> Analysis<'a> {
    pub(crate) fn of(store: &'a Store) -> Self {
        Self { store }
    }

    /// The store, for as long as it is borrowed.
    pub(crate) fn store(self) -> &'a Store {
        self.store
    }
}

impl Deref for Analysis<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        self.store
    }
}
