//! `guard-across-await`: an async lock held for long by a task that waits for something else, while others wait for the lock.

use crate::{
    lints::{
        LintKind,
        judged::Need,
        lint::{Check, Group, Lint, LockCheck, Rank, ns, thresholds},
        pass::locks::{LockPass, held::about},
    },
    severity::Severity,
    store::{
        locks::LockKind,
        task::{Agent, State},
    },
};

thresholds! {
    GuardAcrossAwait {
        /// Held for this long by an idle task, while others wait: a note.
        held_ms: u64 = 1000,
        /// A warning when those who wait have waited this long in sum: 30 tasks for 1 s, or one for 30 s.
        warning_ms: u64 = 30_000,
    }
}

const ADVICE: &str = "Let the guard go before the await, copy out what is needed, or give the data to a task of its own and send to it.";

pub(super) static LINT: Lint = Lint {
    help: "a lock held for long by a task that waits for something else",
    group: Group::Locks,
    rank: Rank::Cause,
    needs: Need::Locks,
    example: "loader #3 has held Mutex index (made at src/index.rs:14) for 12.4 s (acquired at src/index.rs:60) across an await: it is idle and waits for TcpStream at src/fetch.rs:21, for 12.4 s; 5 wait for it, the longest for 12.1 s: query #7, query #8, query #9, query #10, query #11.",
    advice: &[ADVICE],
    thresholds: GuardAcrossAwait::THRESHOLDS,
    check: Check::Locks(LockCheck { proofs: None, suspicions: Some(check) }),
};

/// An async guard lives across a long await, and a task waits for the lock.
fn check(pass: &mut LockPass<'_>) {
    let look = pass.look;
    let config = &look.config.guard_across_await;
    let (ms, warning_ns) = (config.held_ms, ns(config.warning_ms));
    for (key, holder) in pass.held(|holder| pass.is_old(holder.since_ns, ms)) {
        let Some(resource) = look.store.resources.resource(key) else { continue };
        // Permits are there to be held.
        let is_guard = look.store.lock_kind(resource).is_some_and(|kind| kind != LockKind::Semaphore);
        if !is_guard
            || look.store.is_blocking(resource)
            || pass.explained_locks.contains(&key)
            || pass.explained.contains(&holder.who)
            || pass.state(holder.who) != Some(State::Idle)
            || waits_for_a_lock(pass, holder.who)
        {
            continue;
        }
        let Some(mut waiters) = pass.waiters(key) else { continue };
        // Other futures of the holder are its own affair.
        waiters.retain(|waiter| waiter.granted_ns.is_none() && waiter.who() != holder.who);
        if waiters.is_empty() {
            continue;
        }
        let (who, what, age) = (pass.who(holder.who), pass.resource(resource), pass.age(holder.since_ns));
        let at = pass.noted("acquired", holder.site);
        let loose = look.store.is_loose(key);
        let held = if loose {
            format!("{who} took {what} {age} ago{at}, with a guard that can go to another task")
        } else {
            format!("{who} has held {what} for {age}{at} across an await")
        };
        let message = format!("{held}: it {}; {}.", pass.doing(holder.who), pass.waiting(&waiters));
        let about = about(holder.who, &waiters);
        // A slow answer under a lock is no fault by itself; what it costs the others is.
        let waited_ns = waiters.iter().map(|waiter| pass.age_ns(waiter.since_ns));
        let severity = if !loose && waited_ns.fold(0, u64::saturating_add) >= warning_ns {
            Severity::Warning
        } else {
            Severity::Info
        };
        pass.about_resource((LintKind::GuardAcrossAwait, severity), key, &about, message, ADVICE);
    }
}

/// The root of its wait is elsewhere.
fn waits_for_a_lock(pass: &LockPass<'_>, who: Agent) -> bool {
    let look = pass.look;
    let Some(blocked) = look.store.blocked(who) else { return false };
    blocked.waits.iter().any(|wait| {
        let waited_for = wait.op.resource.and_then(|key| look.store.lock_waited_for(key));
        waited_for.is_some_and(|(_, lock)| !lock.holders.is_empty())
    })
}
