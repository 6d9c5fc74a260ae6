//! `deadlock`: tasks or threads that wait for each other in a cycle.

use crate::lints::{
    judged::Need,
    lint::{Check, Group, Lint, LockCheck, Rank, thresholds},
    pass::locks::{LockPass, children, cycles},
};

thresholds! {
    Deadlock {
        /// Every wait of the cycle must be older than this: the rows of a frame are not all of one instant.
        min_ms: u64 = 300,
        /// A cycle that is not proven must be older than this.
        suspected_ms: u64 = 1000,
        /// A task that seems to wait for itself, without proof, must do so for this long: the holder may be another future in it.
        alone_ms: u64 = 10000,
        /// A task that holds what its children wait for, and may wait for them, must do so for this long.
        children_ms: u64 = 3000,
    }
}

pub(super) const LOCKS: &str =
    "Take these locks in one order everywhere, or let the first go before waiting for the second.";
pub(super) const CHANNELS: &str = "Whoever drains a channel must not wait for whoever fills it: give them tasks of their own, or use try_send.";
pub(super) const ASKS: &str = "A task that answers questions must not wait for one who asks it: answer first, ask from a task of its own, or wait with a timeout.";
pub(super) const CHILDREN: &str =
    "Let the guard go before you wait for tasks that want it: take what is needed out of the lock first.";
pub(super) const LOOK: &str = "Look at the locks, sorted by their longest wait.";
pub(super) const ALONE: &str =
    "It waits for what it holds itself: let the guard go first, or pass the guard on.";

pub(super) static LINT: Lint = Lint {
    help: "tasks or threads that wait for each other in a cycle",
    group: Group::Locks,
    rank: Rank::Cycle,
    needs: Need::WaitGraph,
    example: "Deadlock: transfer #88 → Mutex alice → transfer #91 → Mutex bob → transfer #88, for 41.2 s. transfer #88 waits at src/ledger.rs:140 for Mutex alice, held by transfer #91 for 41.3 s (acquired at src/ledger.rs:121); transfer #91 waits at src/ledger.rs:140 for Mutex bob, held by transfer #88 for 41.3 s (acquired at src/ledger.rs:121).",
    advice: &[LOCKS, CHANNELS, ASKS, CHILDREN, ALONE, LOOK],
    thresholds: Deadlock::THRESHOLDS,
    check: Check::Locks(LockCheck { proofs: Some(proofs), suspicions: Some(suspicions) }),
};

fn proofs(pass: &mut LockPass<'_>) {
    cycles::report(pass, |cycle| cycle.proven && !cycles::is_given(cycle));
}

fn suspicions(pass: &mut LockPass<'_>) {
    cycles::report(pass, |cycle| !cycle.proven && !cycles::is_given(cycle));
    children::report(pass);
}
