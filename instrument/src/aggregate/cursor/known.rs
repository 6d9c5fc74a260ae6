//! What a console has of a slot, in 16 bytes.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use taskscope_recorder::Counters;

/// What a console knows of a slot.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    /// Hash of the counters that were sent.
    pub(super) counters: u64,
    /// Generation; 0: nothing.
    pub(super) generation: u32,
    pub(super) wakers: Wakers,
}

/// Which count of wakers a task has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Wakers {
    #[default]
    Unknown,
    /// Clones less drops, part of the counters.
    Counted,
    /// References of the wrapper's waker, not part of the counters.
    Referenced,
}

impl From<taskscope_recorder::Knows> for Wakers {
    fn from(knows: taskscope_recorder::Knows) -> Self {
        match (knows.wakers, knows.waker_clones) {
            (false, _) => Self::Unknown,
            (true, true) => Self::Counted,
            (true, false) => Self::Referenced,
        }
    }
}

/// What stands for counters that were sent.
pub(super) fn hash(counters: &Counters, wakers: Option<u64>) -> u64 {
    let mut hasher = FxHasher::default();
    counters.hash(&mut hasher);
    wakers.hash(&mut hasher);
    hasher.finish()
}
