//! Threads by hooks: when they park, and which worker they are.

use crate::runtime;

pub(super) fn started() {
    runtime::note_parked(false);
}

pub(super) fn stopped() {
    runtime::forget_parking();
}

/// On a worker's thread. `block_in_place` can make it another worker than before.
pub(super) fn parks() {
    runtime::driven();
    runtime::note_parked(true);
}

pub(super) fn unparks() {
    runtime::note_parked(false);
}
