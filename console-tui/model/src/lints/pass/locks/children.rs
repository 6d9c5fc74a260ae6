//! A task that may wait for its own children while it holds what they want: `deadlock`, as a suspicion.
//!
//! Tokio does not report who waits for a task to end. So it is a suspicion of a task that holds a lock, is idle with one waker, waits for nothing
//! that is reported, and has spawned some of those who wait for the lock. Limit: [`MAX_GENERATIONS`] between the two, [`MAX_LOOKED_AT`] waits.

use super::LockPass;
use crate::{
    analysis::locks::Waiter,
    id::{ResourceKey, TaskKey},
    lints::{LintKind, deadlock::CHILDREN},
    severity::{Confidence, Severity},
    store::{
        locks::Holder,
        task::{Agent, State, TaskKind},
    },
};

/// Waits for a lock that are looked at.
const MAX_LOOKED_AT: usize = 256;
/// Steps from a task to those who spawned it that are looked at.
const MAX_GENERATIONS: usize = 4;

pub(crate) fn report(pass: &mut LockPass<'_>) {
    let ms = pass.config.deadlock.children_ms;
    for (key, holder) in pass.held(|holder| pass.is_old(holder.since_ns, ms)) {
        let Agent::Task(parent) = holder.who else { continue };
        let is_explained = pass.explained_locks.contains(&key) || pass.explained.contains(&holder.who);
        if is_explained || pass.store.is_loose(key) || !waits_for_something(pass, parent, ms) {
            continue;
        }
        let tasks = pass.store.waiting_on(key).take(MAX_LOOKED_AT).filter_map(|op| op.stats.task);
        if !tasks.into_iter().any(|task| descends(pass, task, parent)) {
            continue;
        }
        let Some(mut waiters) = pass.waiters(key) else { continue };
        waiters.retain(|waiter| waiter.granted_ns.is_none() && pass.is_old(waiter.since_ns, ms));
        waiters.retain(|waiter| waiter.task().is_some_and(|task| descends(pass, task, parent)));
        if !waiters.is_empty() {
            found(pass, key, &holder, &waiters);
        }
    }
}

/// It is idle, one waker of it is left, and what it waits for is not reported.
fn waits_for_something(pass: &LockPass<'_>, key: TaskKey, ms: u64) -> bool {
    let Some(task) = pass.store.task(key) else { return false };
    task.facts.kind != TaskKind::Future
        && task.stats.state == State::Idle
        && pass.is_old(task.stats.state_since_ns, ms)
        && task.wakers() == Some(1)
        && !pass.store.resources.ops_of_task(key).any(|op| op.is_waiting() && !task.left_out(op))
}

fn descends(pass: &LockPass<'_>, task: TaskKey, from: TaskKey) -> bool {
    let parent = |key: &TaskKey| pass.store.task(*key)?.facts.parent;
    std::iter::successors(parent(&task), parent).take(MAX_GENERATIONS).any(|key| key == from)
}

fn found(pass: &mut LockPass<'_>, key: ResourceKey, holder: &Holder, children: &[Waiter]) {
    let Some(resource) = pass.store.resources.resource(key) else { return };
    let Agent::Task(parent) = holder.who else { return };
    let (who, what) = (pass.who(holder.who), pass.resource(resource));
    let idle_since_ns = pass.store.task(parent).map_or(holder.since_ns, |task| task.stats.state_since_ns);
    let names: Vec<Agent> = children.iter().map(Waiter::who).collect();
    let (tasks, them) = match names.len() {
        1 => ("1 task that it spawned waits".to_owned(), "it"),
        count => (format!("{count} tasks that it spawned wait"), "one of them"),
    };
    let message = format!(
        "This may be a deadlock: {who} has held {what} for {}{} and has been idle for {}; {tasks} for that lock{}, the longest for {}: {}. \
         If {who} waits for {them} to end (JoinSet, JoinHandle, TaskTracker), neither side goes on.",
        pass.age(holder.since_ns),
        pass.noted("acquired", holder.site),
        pass.age(idle_since_ns),
        children.first().map_or_else(String::new, |child| pass.place(child.op.site)),
        pass.age(children.iter().map(|child| child.since_ns).min().unwrap_or(holder.since_ns)),
        pass.list(&names),
    );
    let mut about = vec![holder.who];
    about.extend(&names);
    pass.explained.extend(about.iter().copied());
    pass.suspected.extend(about.iter().copied());
    pass.explained_locks.insert(key);
    pass.about_resource(
        (LintKind::Deadlock, Severity::Warning, Confidence::Suspected),
        key,
        &about,
        message,
        CHILDREN,
    );
}
