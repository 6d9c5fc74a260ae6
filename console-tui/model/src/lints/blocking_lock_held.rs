//! `blocking-lock-held`: a blocking lock held by a task that is not in a poll: its guard lives across an await.

use crate::{
    lints::{
        LintKind,
        judged::Need,
        lint::{Check, Group, Lint, LockCheck, Rank, thresholds},
        pass::locks::{LockPass, held::about},
    },
    severity::Severity,
    store::task::State,
};

thresholds! {
    BlockingLockHeld {
        /// Held for this long by a task that is not in a poll; critical if a task waits.
        held_ms: u64 = 100,
    }
}

const ADVICE: &str =
    "Let the guard go before the await (a block of its own, or drop), or use tokio's lock there.";

pub(super) static LINT: Lint = Lint {
    help: "a blocking lock held by a task that is not in a poll",
    group: Group::Locks,
    rank: Rank::Cause,
    needs: Need::Locks,
    example: "Mutex registry (made at src/state.rs:9) is a blocking lock, and refresh #6 has held it for 1.40 s (acquired at src/refresh.rs:31) without being polled: the guard lives across an await. The task is idle and waits for Sleep at src/refresh.rs:33, for 1.40 s; 2 wait for it, the longest for 1.30 s: handler #8, handler #9.",
    advice: &[ADVICE],
    thresholds: BlockingLockHeld::THRESHOLDS,
    check: Check::Locks(LockCheck { proofs: None, suspicions: Some(check) }),
};

/// A blocking guard lives across an await.
fn check(pass: &mut LockPass<'_>) {
    let look = pass.look;
    let ms = look.config.blocking_lock_held.held_ms;
    for (key, holder) in pass.held(|holder| pass.is_old(holder.since_ns, ms)) {
        let Some(resource) = look.store.resources.resource(key) else { continue };
        let pending = matches!(pass.state(holder.who), Some(State::Idle | State::Scheduled));
        if !pending || !look.store.is_blocking(resource) || pass.explained_locks.contains(&key) {
            continue;
        }
        let Some(waiters) = pass.waiters(key) else { continue };
        let message = format!(
            "{} is a blocking lock, and {} has held it for {}{} without being polled: the guard lives across an await. \
             The task {}; {}.",
            pass.resource(resource),
            pass.who(holder.who),
            pass.age(holder.since_ns),
            pass.noted("acquired", holder.site),
            pass.doing(holder.who),
            pass.waiting(&waiters),
        );
        let severity = if waiters.is_empty() { Severity::Warning } else { Severity::Critical };
        let about = about(holder.who, &waiters);
        pass.explained_locks.insert(key);
        pass.about_resource((LintKind::BlockingLockHeld, severity), key, &about, message, ADVICE);
    }
}
