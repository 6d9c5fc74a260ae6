//! `unmet-request`: a wait for more than there is, or for tasks that don't come.

use rustc_hash::FxHashSet;

use crate::{
    analysis::locks::Waiter,
    format::exact,
    id::{ResourceKey, SiteId},
    lints::{
        LintKind,
        judged::Need,
        lint::{Check, Group, Lint, LockCheck, Rank, thresholds},
        pass::locks::LockPass,
    },
    severity::{Confidence, Severity},
    store::{
        locks::LockKind,
        resources::Resource,
        task::{Agent, Task, TaskKind},
    },
};

thresholds! {
    UnmetRequest {
        /// More permits than there are were asked for this long ago.
        permits_ms: u64 = 1000,
        /// At a barrier that too few have come to, the last one came this long ago.
        barrier_ms: u64 = 5000,
    }
}

const PERMITS: &str = "Ask for at most as many permits as the semaphore has, or make it with more.";
const BARRIER: &str =
    "Make the barrier for as many tasks as come; a task that fails before it comes leaves the others there.";

pub(super) static LINT: Lint = Lint {
    help: "more permits wanted than there are, a barrier short of tasks",
    group: Group::Locks,
    rank: Rank::Cause,
    needs: Need::Locks,
    example: "export #7 has waited at src/export.rs:31 for 9.20 s for 5 permits of Semaphore pool (made at src/pool.rs:12), which has 3: 1 is set aside for it, 0 are free, 2 are held.",
    advice: &[PERMITS, BARRIER],
    thresholds: UnmetRequest::THRESHOLDS,
    check: Check::Locks(LockCheck { proofs: None, suspicions: Some(check) }),
};

fn check(pass: &mut LockPass<'_>) {
    for key in pass.locks_of(&[LockKind::Semaphore]) {
        too_many_permits(pass, key);
    }
    let store = pass.look.store;
    let is_barrier = |of: &&Resource| store.texts.text(of.concrete_type) == Some("Barrier");
    let mut barriers: Vec<ResourceKey> =
        store.resources.resources().filter(is_barrier).map(|of| of.key).collect();
    barriers.sort_unstable();
    for key in barriers {
        short_barrier(pass, key);
    }
}

/// What is free, what is held and what the first in line was given already is all that there is.
fn too_many_permits(pass: &mut LockPass<'_>, key: ResourceKey) {
    let look = pass.look;
    let (Some(resource), Some(semaphore)) = (look.store.resources.resource(key), look.store.lock(key)) else {
        return;
    };
    if look.store.is_join(resource) || !semaphore.knows.holders || pass.explained_locks.contains(&key) {
        return;
    }
    let Some(free) = look.store.number(&resource.attributes, "permits") else { return };
    let named = semaphore.holders.iter().map(|holder| u64::from(holder.permits)).sum::<u64>();
    let held = named.saturating_add(u64::from(semaphore.more_holders));
    let Some(waiters) = pass.waiters(key) else { return };
    // The first in line is given some before it gets all; the others none.
    let Some(first) = waiters.first().filter(|first| first.granted_ns.is_none()) else { return };
    let Some(wants) = first.permits.filter(|wants| *wants > free.saturating_add(held)) else { return };
    if !pass.is_old(first.since_ns, look.config.unmet_request.permits_ms) {
        return;
    }
    let behind = match waiters.len() - 1 {
        0 => String::new(),
        others => format!(" Behind it wait {}.", exact(others as u64)),
    };
    let mut ops =
        look.store.waiting_on(key).filter(|op| op.key == first.op.key || op.parent == Some(first.op.key));
    let asked = ops.find_map(|op| look.store.number(&op.attributes, "permits_requested")).unwrap_or(wants);
    let aside = asked.saturating_sub(wants);
    let message = format!(
        "{} has waited{} for {} for {} of {}, which has {}: {} {} set aside for it, {} {} free, {} {} held.{behind}",
        pass.who(first.who()),
        pass.place(first.op.site),
        pass.age(first.since_ns),
        permits(asked),
        pass.resource(resource),
        exact(free.saturating_add(held).saturating_add(aside)),
        exact(aside),
        is(aside),
        exact(free),
        is(free),
        exact(held),
        is(held),
    );
    let about: Vec<Agent> = waiters.iter().map(Waiter::who).collect();
    pass.explained_locks.insert(key);
    pass.about_resource((LintKind::UnmetRequest, Severity::Warning), key, &about, message, PERMITS);
}

/// Fewer came than it is for, and no other task of the places that they come from is there.
fn short_barrier(pass: &mut LockPass<'_>, key: ResourceKey) {
    let look = pass.look;
    let Some(resource) = look.store.resources.resource(key) else { return };
    let Some(size) = look.store.number(&resource.attributes, "size") else { return };
    let Some(waiters) = pass.waiters(key) else { return };
    let Some(newest_ns) = waiters.iter().map(|waiter| waiter.since_ns).max() else { return };
    let who: FxHashSet<Agent> = waiters.iter().map(Waiter::who).collect();
    let come = who.len() as u64;
    if come >= size || !pass.is_old(newest_ns, look.config.unmet_request.barrier_ms) {
        return;
    }
    let spawned_at = |who: &Agent| match who {
        Agent::Task(key) => look.store.task(*key).map(|task| task.facts.site),
        Agent::Thread(_) | Agent::Unknown => None,
    };
    let sites: Option<FxHashSet<SiteId>> = who.iter().map(spawned_at).collect();
    let Some(sites) = sites.filter(|sites| !sites.contains(&SiteId::NONE)) else { return };
    let may_come = |task: &Task| {
        !task.is_done()
            && task.facts.kind != TaskKind::Future
            && sites.contains(&task.facts.site)
            && !who.contains(&Agent::Task(task.key))
    };
    if look.store.tasks().any(may_come) {
        return;
    }
    let mut who: Vec<Agent> = who.iter().copied().collect();
    who.sort_unstable();
    let message = format!(
        "{} opens when {} tasks wait at it, and {} {}: {}. The last one came {} ago, and no other task that was spawned at their places is alive.",
        pass.resource(resource),
        exact(size),
        exact(come),
        if come == 1 { "does" } else { "do" },
        pass.list(&who),
        pass.age(newest_ns),
    );
    pass.about_resource(
        (LintKind::UnmetRequest, Severity::Warning, Confidence::Suspected),
        key,
        &who,
        message,
        BARRIER,
    );
}

fn permits(count: u64) -> String {
    if count == 1 { "1 permit".to_owned() } else { format!("{} permits", exact(count)) }
}

fn is(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}
