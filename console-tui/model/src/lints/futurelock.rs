//! `futurelock`: a lock was given to a future that its task does not poll, and others wait for it.

use crate::{
    analysis::locks::Waiter,
    id::ResourceKey,
    lints::{
        LintKind,
        judged::Need,
        lint::{Check, Group, Lint, LockCheck, Rank, thresholds},
        pass::locks::{LockPass, cycles},
    },
    severity::{Confidence, Severity},
    store::{
        locks::LockKind,
        task::{Agent, State, Task},
    },
};

thresholds! {
    Futurelock {
        /// The lock must have been the future's for this long.
        granted_ms: u64 = 300,
        /// Where the source does not report the grant: free for this long, though a task is first in the queue.
        suspected_ms: u64 = 1000,
    }
}

pub(super) const ADVICE: &str = "Don't keep a future that waits for a lock while you await something else: drop it first, poll both (join!), or spawn it.";

pub(super) static LINT: Lint = Lint {
    help: "a lock that was given to a future which its own task no longer polls",
    group: Group::Locks,
    rank: Rank::Cycle,
    needs: Need::WaitGraph,
    example: "Futurelock: Mutex state (made at src/state.rs:12) was given 4.20 s ago to a future of do_stuff #3 (begun at src/main.rs:51) that has not been polled since, though the task was. The task is idle and waits for Mutex state at src/main.rs:58, for 4.10 s.",
    advice: &[ADVICE],
    thresholds: Futurelock::THRESHOLDS,
    check: Check::Locks(LockCheck { proofs: Some(proofs), suspicions: Some(suspicions) }),
};

fn proofs(pass: &mut LockPass<'_>) {
    let look = pass.look;
    cycles::report(pass, |cycle| cycle.proven && cycles::is_given(cycle));
    let given: Vec<ResourceKey> = {
        let on = look.store.resources.granted_ops().filter_map(|op| op.resource);
        let mut given: Vec<ResourceKey> =
            on.filter_map(|key| Some(look.store.lock_around(key)?.key)).collect();
        given.sort_unstable();
        given.dedup();
        given
    };
    for key in given {
        given_lock(pass, key);
    }
    free_but_wanted(pass);
}

fn suspicions(pass: &mut LockPass<'_>) {
    cycles::report(pass, |cycle| !cycle.proven && cycles::is_given(cycle));
}

/// It is known to whom it was given.
fn given_lock(pass: &mut LockPass<'_>, key: ResourceKey) {
    let look = pass.look;
    if pass.explained_locks.contains(&key) {
        return;
    }
    let Some(waiters) = pass.waiters(key) else { return };
    let waits: Vec<Waiter> = waiters.iter().filter(|other| other.granted_ns.is_none()).copied().collect();
    if waits.is_empty() {
        // No task waits for it: nothing is wrong yet.
        return;
    }
    let left = waiters.iter().find_map(|waiter| {
        let granted_ns = waiter.granted_ns?;
        let task = look.store.task(waiter.task()?)?;
        let old = pass.is_old(granted_ns, look.config.futurelock.granted_ms);
        let left = left_out(task, waiter, granted_ns) || blocked_out(pass, task, waiter, granted_ns);
        (old && left).then_some((waiter, task.key, granted_ns))
    });
    let Some((waiter, task, granted_ns)) = left else { return };
    let Some(resource) = look.store.resources.resource(key) else { return };
    // Of the task itself it is said what it waits for.
    let others: Vec<Waiter> = waits.into_iter().filter(|wait| wait.who() != Agent::Task(task)).collect();
    let waiting = if others.is_empty() { String::new() } else { format!("; {}", pass.waiting(&others)) };
    let message = format!(
        "Futurelock: {} was given {} ago to a future of {}{} that has not been polled since, though the task was. The task {}{waiting}.",
        pass.resource(resource),
        pass.age(granted_ns),
        pass.who(Agent::Task(task)),
        pass.noted("begun", waiter.op.site),
        pass.doing(Agent::Task(task)),
    );
    let mut about = vec![Agent::Task(task)];
    about.extend(others.iter().map(Waiter::who));
    about.sort_unstable_by_key(|who| (*who != Agent::Task(task), *who));
    about.dedup();
    pass.explained_locks.insert(key);
    pass.explained.extend(about.iter().copied());
    pass.about_resource((LintKind::Futurelock, Severity::Critical), key, &about, message, ADVICE);
}

/// To whom it was given is unknown: it is free for long, but the first in line does not take it.
fn free_but_wanted(pass: &mut LockPass<'_>) {
    let look = pass.look;
    let locks = look.store.resources.locks.locks();
    let free = locks.filter_map(|(slot, lock)| {
        let since_ns = lock.free_since_ns.filter(|_| lock.knows.holders && lock.holders.is_empty())?;
        pass.is_old(since_ns, look.config.futurelock.suspected_ms).then_some((slot, since_ns))
    });
    let mut free: Vec<(ResourceKey, u64)> = free
        .filter_map(|(slot, since_ns)| {
            let key = look.store.resources.in_slot(slot)?.key;
            Some((look.store.lock_around(key)?.key, since_ns))
        })
        .collect();
    free.sort_unstable();
    for (key, since_ns) in free {
        if !pass.explained_locks.contains(&key) {
            not_taken(pass, key, since_ns);
        }
    }
}

fn not_taken(pass: &mut LockPass<'_>, key: ResourceKey, since_ns: u64) {
    let look = pass.look;
    let Some(resource) = look.store.resources.resource(key) else { return };
    // A semaphore can have no holder and no permit left.
    if look.store.lock_kind(resource).is_none_or(|kind| kind == LockKind::Semaphore) {
        return;
    }
    let Some(waiters) = pass.waiters(key) else { return };
    let Some((first, others)) = waiters.split_first() else { return };
    let Some(task) = first.task().and_then(|key| look.store.task(key)) else { return };
    if others.is_empty() || first.granted_ns.is_some() || !left_out(task, first, since_ns) {
        return;
    }
    let message = format!(
        "This may be a futurelock: {} has been free for {}, and the first in the queue is a future of {}{} that has not been \
         polled since, though the task was. The task {}; {}.",
        pass.resource(resource),
        pass.age(since_ns),
        pass.who(first.who()),
        pass.noted("begun", first.op.site),
        pass.doing(first.who()),
        pass.waiting(others),
    );
    let mut about = vec![first.who()];
    about.extend(others.iter().map(Waiter::who).filter(|who| *who != first.who()));
    pass.explained_locks.insert(key);
    let claim = (LintKind::Futurelock, Severity::Warning, Confidence::Suspected);
    pass.about_resource(claim, key, &about, message, ADVICE);
}

/// The task was polled after `since_ns`, and this future of it was not.
fn left_out(task: &Task, waiter: &Waiter, since_ns: u64) -> bool {
    task.stats.state == State::Idle
        && task.stats.state_since_ns > since_ns
        && waiter.op.stats.state_since_ns <= since_ns
}

/// The same of a task whose poll is blocked, by a lock or a `block_on`: it polls nothing else meanwhile.
fn blocked_out(pass: &LockPass<'_>, task: &Task, waiter: &Waiter, since_ns: u64) -> bool {
    let ms = pass.config.futurelock.granted_ms;
    let blocked = pass.store.blocked(Agent::Task(task.key)).filter(|blocked| blocked.in_poll);
    task.stats.state == State::Running
        && waiter.op.stats.state_since_ns <= since_ns
        && blocked.is_some_and(|blocked| blocked.waits.iter().any(|wait| pass.is_old(wait.since_ns, ms)))
}
