//! `blocking-lock-wait`: a poll that blocks its worker in the wait for a blocking lock.

use std::collections::BTreeMap;

use crate::{
    analysis::locks::Waiter,
    id::ResourceKey,
    lints::{
        LintKind,
        judged::Need,
        lint::{Check, Group, Lint, LockCheck, Rank, ns, thresholds},
        pass::locks::LockPass,
    },
    severity::Severity,
    store::{
        resources::Op,
        task::{Agent, State},
    },
};

thresholds! {
    BlockingLockWait {
        /// A poll has waited for this long.
        wait_ms: u64 = 10,
        /// A warning from here on, …
        warning_ms: u64 = 100,
        /// … and critical from here on.
        critical_ms: u64 = 1000,
    }
}

const ADVICE: &str = "Hold the lock for less, or wait for it in spawn_blocking; where it is held across an await, use tokio's lock.";

pub(super) static LINT: Lint = Lint {
    help: "a poll that blocks its worker in the wait for a blocking lock",
    group: Group::Locks,
    rank: Rank::Cause,
    needs: Need::Locks,
    example: "Polls block their workers at src/handler.rs:20 on Mutex registry (made at src/state.rs:9): handler #8 has waited for it for 1.30 s; refresh #6 has held it for 1.40 s (acquired at src/refresh.rs:31).",
    advice: &[ADVICE],
    thresholds: BlockingLockWait::THRESHOLDS,
    check: Check::Locks(LockCheck { proofs: None, suspicions: Some(check) }),
};

/// Polls that block their workers.
fn check(pass: &mut LockPass<'_>) {
    let look = pass.look;
    let config = &look.config.blocking_lock_wait;
    let mut by_lock: BTreeMap<ResourceKey, Vec<&Op>> = BTreeMap::new();
    for op in look.store.resources.blocking_ops() {
        let task = op.stats.task.and_then(|key| look.store.task(key));
        let on_worker =
            task.is_some_and(|task| task.stats.state == State::Running && !task.facts.kind.owns_its_thread());
        if !on_worker || !pass.is_old(op.created_ns, config.wait_ms) {
            continue;
        }
        if let Some(around) = op.resource.and_then(|key| look.store.lock_around(key)) {
            by_lock.entry(around.key).or_default().push(op);
        }
    }
    let (warning_ms, critical_ms) = (config.warning_ms, config.critical_ms);
    for (key, ops) in by_lock {
        let waiters = look.store.merge(&ops);
        let all_explained = waiters.iter().all(|waiter| pass.explained.contains(&waiter.who()));
        if pass.explained_locks.contains(&key) || all_explained {
            continue;
        }
        let longest_ns = waiters.iter().map(|waiter| pass.age_ns(waiter.since_ns)).max().unwrap_or(0);
        let severity = if longest_ns >= ns(critical_ms) {
            Severity::Critical
        } else if longest_ns >= ns(warning_ms) {
            Severity::Warning
        } else {
            Severity::Info
        };
        let Some(resource) = look.store.resources.resource(key) else { continue };
        let holder = look.store.lock_waited_for(key).and_then(|(_, lock)| lock.holders.first().copied());
        let holder = holder.map_or_else(
            || "its holder is unknown".to_owned(),
            |holder| {
                let at = pass.noted("acquired", holder.site);
                format!("{} has held it for {}{at}", pass.who(holder.who), pass.age(holder.since_ns))
            },
        );
        let at: Vec<String> = waiters.iter().take(1).map(|waiter| pass.place(waiter.op.site)).collect();
        let message = format!(
            "Polls block their workers{} on {}: {}; {holder}.",
            at.concat(),
            pass.resource(resource),
            pass.waiting(&waiters),
        );
        let who: Vec<Agent> = waiters.iter().map(Waiter::who).collect();
        pass.about_resource((LintKind::BlockingLockWait, severity), key, &who, message, ADVICE);
    }
}
