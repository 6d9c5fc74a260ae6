//! Threads by hooks: when they park, and which worker they are.

use std::cell::Cell;

use crate::runtime;

thread_local! {
    /// The worker that this thread last said to be, plus two; 1: no worker; 0: nothing said.
    static SAID: Cell<usize> = const { Cell::new(0) };
}

pub(super) fn started() {
    runtime::note_parked(false);
}

pub(super) fn stopped() {
    runtime::forget_parking();
}

/// On a worker's thread. `block_in_place` can make it another worker than before.
pub(super) fn parks() {
    let worker = tokio::runtime::worker_index().map_or(1, |worker| worker + 2);
    if SAID.replace(worker) != worker {
        runtime::driven(taskscope_recorder::thread_number());
    }
    runtime::note_parked(true);
}

pub(super) fn unparks() {
    runtime::note_parked(false);
}
