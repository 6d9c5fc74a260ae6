//! `guard-across-await`, `blocking-lock-held`, `blocking-lock-wait`: who holds a lock while it does something else, and whom that blocks.

use std::collections::BTreeMap;

use super::{NS_PER_MS, Pass};
use crate::{
    id::ResourceKey,
    lint::{LintKind, Severity},
    store::{
        locks::{
            Holder,
            read::{LockKind, Waiter},
        },
        resources::Op,
        task::{State, Waker},
    },
};

const GUARD: &str = "Let the guard go before the await, copy out what is needed, or give the data to a task of its own and send to it.";
const BLOCKING: &str =
    "Let the guard go before the await (a block of its own, or drop), or use tokio's lock there.";
const WAIT: &str = "Hold the lock for less, or wait for it in spawn_blocking; where it is held across an await, use tokio's lock.";

impl Pass<'_> {
    /// Those who hold a lock, by lock; with the lock that the program knows.
    fn held(&self, which: impl Fn(&Holder) -> bool) -> Vec<(ResourceKey, Holder)> {
        let locks = self.store.resources.locks.locks();
        let mut held: Vec<(ResourceKey, Holder)> = Vec::new();
        for (slot, lock) in locks {
            let Some(holder) = lock.holders.iter().filter(|holder| which(holder)).min_by_key(|h| h.since_ns)
            else {
                continue;
            };
            let around = self.store.resources.in_slot(slot);
            if let Some(around) = around.and_then(|resource| self.store.lock_around(resource.key)) {
                held.push((around.key, *holder));
            }
        }
        held.sort_unstable_by_key(|(key, holder)| (holder.since_ns, *key));
        held
    }

    fn state(&self, who: Waker) -> Option<State> {
        let Waker::Task(key) = who else { return None };
        self.store.task(key).map(|task| task.stats.state)
    }

    /// A blocking guard lives across an await.
    pub(super) fn blocking_held(&mut self) {
        if !self.config.blocking_lock_held.enabled {
            return;
        }
        let ms = self.config.blocking_lock_held.held_ms;
        for (key, holder) in self.held(|holder| self.is_old(holder.since_ns, ms)) {
            let Some(resource) = self.store.resources.resource(key) else { continue };
            let pending = matches!(self.state(holder.who), Some(State::Idle | State::Scheduled));
            if !pending || !self.store.is_blocking(resource) || self.told_locks.contains(&key) {
                continue;
            }
            let Some(waiters) = self.waiters(key) else { continue };
            let message = format!(
                "{} is a blocking lock, and {} has held it for {}{} without being polled: the guard lives across an await. \
                 The task {}; {}.",
                self.resource(resource),
                self.who(holder.who),
                self.age(holder.since_ns),
                self.noted("acquired", holder.site),
                self.doing(holder.who),
                self.waiting(&waiters),
            );
            let severity = if waiters.is_empty() { Severity::Warning } else { Severity::Critical };
            let about = about(holder.who, &waiters);
            self.told_locks.insert(key);
            self.about_resource(LintKind::BlockingLockHeld, severity, key, about, message, BLOCKING);
        }
    }

    /// Polls that block their workers.
    pub(super) fn blocking_waits(&mut self) {
        let config = &self.config.blocking_lock_wait;
        if !config.enabled {
            return;
        }
        let mut by_lock: BTreeMap<ResourceKey, Vec<&Op>> = BTreeMap::new();
        for op in self.store.resources.blocking_ops() {
            let task = op.stats.task.and_then(|key| self.store.task(key));
            let on_worker = task
                .is_some_and(|task| task.stats.state == State::Running && !task.facts.kind.owns_its_thread());
            if !on_worker || !self.is_old(op.created_ns, config.wait_ms) {
                continue;
            }
            if let Some(around) = op.resource.and_then(|key| self.store.lock_around(key)) {
                by_lock.entry(around.key).or_default().push(op);
            }
        }
        let (warning_ms, critical_ms) = (config.warning_ms, config.critical_ms);
        for (key, ops) in by_lock {
            let waiters = self.store.merge(&ops);
            let all_told = waiters.iter().all(|waiter| self.told.contains(&waiter.who()));
            if self.told_locks.contains(&key) || all_told {
                continue;
            }
            let longest_ns = waiters.iter().map(|waiter| self.age_ns(waiter.since_ns)).max().unwrap_or(0);
            let severity = if longest_ns >= critical_ms.saturating_mul(NS_PER_MS) {
                Severity::Critical
            } else if longest_ns >= warning_ms.saturating_mul(NS_PER_MS) {
                Severity::Warning
            } else {
                Severity::Info
            };
            let Some(resource) = self.store.resources.resource(key) else { continue };
            let holder = self.store.lock_waited_for(key).and_then(|(_, lock)| lock.holders.first().copied());
            let holder = holder.map_or_else(
                || "nothing tells who holds it".to_owned(),
                |holder| {
                    let at = self.noted("acquired", holder.site);
                    format!("{} has held it for {}{at}", self.who(holder.who), self.age(holder.since_ns))
                },
            );
            let at: Vec<String> = waiters.iter().take(1).map(|waiter| self.place(waiter.op.site)).collect();
            let message = format!(
                "Polls block their workers{} on {}: {}; {holder}.",
                at.concat(),
                self.resource(resource),
                self.waiting(&waiters),
            );
            let who: Vec<Waker> = waiters.iter().map(Waiter::who).collect();
            self.about_resource(LintKind::BlockingLockWait, severity, key, who, message, WAIT);
        }
    }

    /// An async guard lives across a long await, and somebody waits for it.
    pub(super) fn guards(&mut self) {
        if !self.config.guard_across_await.enabled {
            return;
        }
        let config = &self.config.guard_across_await;
        let (ms, warning_ns) = (config.held_ms, config.warning_ms.saturating_mul(NS_PER_MS));
        for (key, holder) in self.held(|holder| self.is_old(holder.since_ns, ms)) {
            let Some(resource) = self.store.resources.resource(key) else { continue };
            // Permits are there to be held.
            let is_guard = self.store.lock_kind(resource).is_some_and(|kind| kind != LockKind::Semaphore);
            if !is_guard
                || self.store.is_blocking(resource)
                || self.told_locks.contains(&key)
                || self.told.contains(&holder.who)
                || self.state(holder.who) != Some(State::Idle)
                || self.waits_for_a_lock(holder.who)
            {
                continue;
            }
            let Some(mut waiters) = self.waiters(key) else { continue };
            // Other futures of the holder are its own affair.
            waiters.retain(|waiter| waiter.granted_ns.is_none() && waiter.who() != holder.who);
            if waiters.is_empty() {
                continue;
            }
            let (who, what, age) = (self.who(holder.who), self.resource(resource), self.age(holder.since_ns));
            let at = self.noted("acquired", holder.site);
            let loose = self.store.is_loose(key);
            let held = if loose {
                format!("{who} took {what} {age} ago{at}, with a guard that can go to another task")
            } else {
                format!("{who} has held {what} for {age}{at} across an await")
            };
            let message = format!("{held}: it {}; {}.", self.doing(holder.who), self.waiting(&waiters));
            let about = about(holder.who, &waiters);
            // A slow answer under a lock is no fault by itself; what it costs the others is.
            let waited_ns = waiters.iter().map(|waiter| self.age_ns(waiter.since_ns));
            let severity = if !loose && waited_ns.fold(0, u64::saturating_add) >= warning_ns {
                Severity::Warning
            } else {
                Severity::Info
            };
            self.about_resource(LintKind::GuardAcrossAwait, severity, key, about, message, GUARD);
        }
    }

    /// The root of its wait is elsewhere.
    fn waits_for_a_lock(&self, who: Waker) -> bool {
        let Some(blocked) = self.store.blocked(who) else { return false };
        blocked.waits.iter().any(|wait| {
            let lock = wait.op.resource.and_then(|key| self.store.lock_waited_for(key));
            lock.is_some_and(|(_, lock)| !lock.holders.is_empty())
        })
    }
}

fn about(holder: Waker, waiters: &[Waiter]) -> Vec<Waker> {
    let others = waiters.iter().map(Waiter::who).filter(|who| *who != holder);
    std::iter::once(holder).chain(others).collect()
}
