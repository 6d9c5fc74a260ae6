//! Waits for a worker, and why they were so long.

use crate::{
    id::{SiteId, TaskKey},
    store::{Store, task::Task},
};

/// A wait between wake and poll that was the longest of its task so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delay {
    pub(crate) task: TaskKey,
    pub(crate) site: SiteId,
    pub(crate) length_ns: u64,
    /// When it began at the earliest, and ended at the latest: known exactly, or to the time between two frames.
    pub(crate) began_ns: u64,
    pub(crate) ended_ns: u64,
    /// Why it was so long; `None`: the scheduler was not reported since.
    pub(crate) why: Option<Why>,
}

impl Delay {
    /// The wait of a task that is scheduled, so far.
    pub(crate) fn until_now(store: &Store, task: &Task) -> Self {
        let (length_ns, began_ns) = (task.state_age_ns(store.now_ns), task.stats.state_since_ns);
        Self { task: task.key, site: task.facts.site, length_ns, began_ns, ended_ns: store.now_ns, why: None }
    }
}

/// Why a task waited for a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Polls over a millisecond held a worker for at least half of that time: `Analysis::blame` names them.
    Held,
    /// The workers were in polls for this share of the time.
    Busy { percent: u8 },
    /// A worker was ready to run and had no CPU, for so long.
    Machine { queued_ns: u64 },
    /// None of these: so large a share the workers were in polls.
    Idle { percent: u8 },
    /// The process does not report what its workers do.
    Unknown,
}

impl Why {
    /// In the report; `None`: unknown.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::Held => Some("held"),
            Self::Busy { .. } => Some("busy"),
            Self::Machine { .. } => Some("machine"),
            Self::Idle { .. } => Some("idle"),
            Self::Unknown => None,
        }
    }
}
