//! `futurelock` outside of circles: a lock was given to a future that its task does not poll, and others wait.

use super::Pass;
use crate::{
    id::ResourceKey,
    lint::{LintKind, Severity},
    store::{
        locks::read::{LockKind, Waiter},
        task::{State, Task, Waker},
    },
};

const ADVICE: &str = "Don't keep a future that waits for a lock while you await something else: drop it first, poll both (join!), or spawn it.";

impl Pass<'_> {
    pub(super) fn futurelocks(&mut self) {
        if !self.config.futurelock.enabled {
            return;
        }
        let given: Vec<ResourceKey> = {
            let on = self.store.resources.granted_ops().filter_map(|op| op.resource);
            let mut given: Vec<ResourceKey> =
                on.filter_map(|key| Some(self.store.lock_around(key)?.key)).collect();
            given.sort_unstable();
            given.dedup();
            given
        };
        for key in given {
            self.given(key);
        }
        self.free_but_wanted();
    }

    /// It is known to whom it was given.
    fn given(&mut self, key: ResourceKey) {
        if self.told_locks.contains(&key) {
            return;
        }
        let Some(waiters) = self.waiters(key) else { return };
        let waits: Vec<Waiter> = waiters.iter().filter(|other| other.granted_ns.is_none()).copied().collect();
        if waits.is_empty() {
            // Nobody is kept waiting: nothing is wrong yet.
            return;
        }
        let left = waiters.iter().find_map(|waiter| {
            let granted_ns = waiter.granted_ns?;
            let task = self.store.task(waiter.task()?)?;
            let old = self.is_old(granted_ns, self.config.futurelock.granted_ms);
            (old && left_out(task, waiter, granted_ns)).then_some((waiter, task.key, granted_ns))
        });
        let Some((waiter, task, granted_ns)) = left else { return };
        let Some(resource) = self.store.resources.resource(key) else { return };
        // Of the task itself it is said what it waits for.
        let others: Vec<Waiter> = waits.into_iter().filter(|wait| wait.who() != Waker::Task(task)).collect();
        let waiting = if others.is_empty() { String::new() } else { format!("; {}", self.waiting(&others)) };
        let message = format!(
            "Futurelock: {} was given {} ago to a future of {}{} that has not been polled since, though the task was. The task {}{waiting}.",
            self.resource(resource),
            self.age(granted_ns),
            self.who(Waker::Task(task)),
            self.noted("begun", waiter.op.site),
            self.doing(Waker::Task(task)),
        );
        let mut about = vec![Waker::Task(task)];
        about.extend(others.iter().map(Waiter::who));
        about.sort_unstable_by_key(|who| (*who != Waker::Task(task), *who));
        about.dedup();
        self.told_locks.insert(key);
        self.told.extend(about.iter().copied());
        self.about_resource(LintKind::Futurelock, Severity::Critical, key, about, message, ADVICE);
    }

    /// Nothing tells to whom it was given: it is free for long, but the first in line does not take it.
    fn free_but_wanted(&mut self) {
        let locks = self.store.resources.locks.locks();
        let free = locks.filter_map(|(slot, lock)| {
            let since_ns = lock.free_since_ns.filter(|_| lock.knows.holders && lock.holders.is_empty())?;
            self.is_old(since_ns, self.config.futurelock.suspected_ms).then_some((slot, since_ns))
        });
        let mut free: Vec<(ResourceKey, u64)> = free
            .filter_map(|(slot, since_ns)| {
                let key = self.store.resources.in_slot(slot)?.key;
                Some((self.store.lock_around(key)?.key, since_ns))
            })
            .collect();
        free.sort_unstable();
        for (key, since_ns) in free {
            if !self.told_locks.contains(&key) {
                self.not_taken(key, since_ns);
            }
        }
    }

    fn not_taken(&mut self, key: ResourceKey, since_ns: u64) {
        let Some(resource) = self.store.resources.resource(key) else { return };
        // Of a semaphore nobody may hold a permit, and yet none be left.
        if self.store.lock_kind(resource).is_none_or(|kind| kind == LockKind::Semaphore) {
            return;
        }
        let Some(waiters) = self.waiters(key) else { return };
        let Some((first, others)) = waiters.split_first() else { return };
        let Some(task) = first.task().and_then(|key| self.store.task(key)) else { return };
        if others.is_empty() || first.granted_ns.is_some() || !left_out(task, first, since_ns) {
            return;
        }
        let message = format!(
            "This may be a futurelock: {} has been free for {}, and the first in line is a future of {}{} that has not been \
             polled since, though the task was. The task {}; {}.",
            self.resource(resource),
            self.age(since_ns),
            self.who(first.who()),
            self.noted("begun", first.op.site),
            self.doing(first.who()),
            self.waiting(others),
        );
        let mut about = vec![first.who()];
        about.extend(others.iter().map(Waiter::who).filter(|who| *who != first.who()));
        self.told_locks.insert(key);
        self.about_resource(LintKind::Futurelock, Severity::Warning, key, about, message, ADVICE);
    }
}

/// The task was polled after `since_ns`, and this future of it was not.
fn left_out(task: &Task, waiter: &Waiter, since_ns: u64) -> bool {
    task.stats.state == State::Idle
        && task.stats.state_since_ns > since_ns
        && waiter.op.stats.state_since_ns <= since_ns
}
