//! What the first update of a stream sent and the second one sends again.
//!
//! console-subscriber answers a new console with everything it keeps, then goes on with what is new since its last round. Without a
//! console it makes no rounds, so its second update is the first one once more. Objects that a table keeps are recognised there; what
//! has ended, or found no room, is recognised here.
//!
//! Invariant: an object that was counted in the first update is not counted again in the second. Limit: what one message holds, and
//! only until the second update has been read.

use std::collections::HashSet;

/// An object by the id of its span and the moment it was made, as ids are used again.
type Object = (u64, Option<u64>);

/// The objects of the first update that no table keeps.
#[derive(Debug, Default)]
pub(super) struct Overlap {
    /// Updates that began.
    updates: u32,
    counted: HashSet<Object>,
}

impl Overlap {
    /// Another update begins.
    pub(super) fn next_update(&mut self) {
        self.updates = self.updates.saturating_add(1);
        if self.updates > 2 {
            self.counted = HashSet::new();
        }
    }

    /// An object was counted and is not kept.
    pub(super) fn counted(&mut self, id: u64, made: Option<u64>) {
        if self.updates == 1 {
            self.counted.insert((id, made));
        }
    }

    /// Whether it was counted by the update before this one.
    pub(super) fn is_repeated(&self, id: u64, made: Option<u64>) -> bool {
        self.updates == 2 && self.counted.contains(&(id, made))
    }
}
