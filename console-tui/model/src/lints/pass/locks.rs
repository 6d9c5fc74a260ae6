//! One look at all locks and channels: what the lints about them share.
//!
//! Invariants: what is proven is said plainly, what is not is called a suspicion; what a source can't report accuses no one; of a chain
//! of waits only its root is a finding.
//!
//! Limit: [`NAMED`] names and places in a sentence; [`MAX_LOOKED_AT`] waiters in a pass, and what is passed over is counted in a
//! finding.

pub(crate) mod children;
pub(crate) mod cycles;
pub(crate) mod held;

use std::ops::Deref;

use rustc_hash::FxHashSet;

use crate::{
    analysis::{locks::Waiter, waits_for::cycles::Cycles},
    format::{duration_ns, exact},
    id::{ResourceKey, SiteId},
    lints::{
        findings::{Claim, Finding, FindingId, Subject},
        lint::Check,
        pass::Look,
    },
    store::{
        resources::Resource,
        task::{Agent, State},
    },
};

/// Names in a sentence.
pub(crate) const NAMED: usize = 8;
/// Waiters looked at in one pass, the longest held locks first: it happens between two keys.
const MAX_LOOKED_AT: usize = 10_000;

/// One look at all locks and channels.
pub(crate) struct LockPass<'a> {
    pub(crate) look: Look<'a>,
    cycles: Cycles,
    /// Who is in a cycle that is a finding, and who waits behind one.
    pub(crate) explained: FxHashSet<Agent>,
    /// Of those, who may be in none: the cycle is a suspicion.
    pub(crate) suspected: FxHashSet<Agent>,
    /// Locks that a more serious finding is about.
    pub(crate) explained_locks: FxHashSet<ResourceKey>,
    found: Vec<Finding>,
    /// Waiters looked at.
    looked_at: usize,
    /// Locks and channels passed over, for the limit.
    passed_over: u64,
}

impl<'a> Deref for LockPass<'a> {
    type Target = Look<'a>;

    fn deref(&self) -> &Look<'a> {
        &self.look
    }
}

/// Everything that is found now. Costs what those cost who hold locks or block threads, and one look at each lock.
pub(crate) fn find(look: Look<'_>) -> Vec<Finding> {
    let mut pass = LockPass {
        look,
        cycles: look.store.cycles(),
        explained: FxHashSet::default(),
        suspected: FxHashSet::default(),
        explained_locks: FxHashSet::default(),
        found: Vec::new(),
        looked_at: 0,
        passed_over: 0,
    };
    let checks = look.checks().filter_map(|(_, check)| match check {
        Check::Locks(check) => Some(check),
        _ => None,
    });
    let checks: Vec<_> = checks.collect();
    // Proofs first: where one stands, nothing is suspected.
    checks.iter().filter_map(|check| check.proofs).for_each(|check| check(&mut pass));
    checks.iter().filter_map(|check| check.suspicions).for_each(|check| check(&mut pass));
    pass.passed_over();
    pass.found
}

impl<'a> LockPass<'a> {
    /// Who waits; `None`: the limit is reached.
    pub(crate) fn waiters(&mut self, key: ResourceKey) -> Option<Vec<Waiter<'a>>> {
        if self.looked_at >= MAX_LOOKED_AT {
            self.passed_over += u64::from(self.store.waiting_on(key).next().is_some());
            return None;
        }
        let waiters = self.store.waiters(key);
        self.looked_at += waiters.len();
        Some(waiters)
    }

    /// `transfer #88, transfer #91 and 3 more`
    pub(crate) fn list(&self, who: &[Agent]) -> String {
        let named: Vec<String> = who.iter().take(NAMED).map(|who| self.who(*who)).collect();
        match who.len().saturating_sub(NAMED) {
            0 => named.join(", "),
            more => format!("{} and {} more", named.join(", "), exact(more as u64)),
        }
    }

    /// `Mutex accounts (made at src/state.rs:12)`, or `Mutex src/state.rs:12`.
    pub(crate) fn resource(&self, resource: &Resource) -> String {
        let words = self.store.resource_words(resource);
        match (self.store.resource_name(resource), self.store.short_place(resource.site)) {
            (Some(_), Some(place)) => format!("{words} (made at {place})"),
            _ => words,
        }
    }

    pub(crate) fn name(&self, key: ResourceKey) -> String {
        self.store.resources.resource(key).map_or_else(|| key.id(), |of| self.store.resource_words(of))
    }

    /// `3 tasks wait for it, the longest for 40.1 s: a, b, c`
    pub(crate) fn waiting(&self, waiters: &[Waiter]) -> String {
        // One task may wait in several futures.
        let mut who: Vec<Agent> = Vec::new();
        let mut seen: FxHashSet<Agent> = FxHashSet::default();
        who.extend(waiters.iter().map(Waiter::who).filter(|who| seen.insert(*who)));
        let longest = waiters.iter().map(|waiter| waiter.since_ns).min().unwrap_or(self.at());
        match who.as_slice() {
            [] => "no task waits for it".to_owned(),
            [one] => format!("{} has waited for it for {}", self.who(*one), self.age(longest)),
            all => {
                let (count, age) = (exact(all.len() as u64), self.age(longest));
                format!("{count} wait for it, the longest for {age}: {}", self.list(all))
            }
        }
    }

    /// What a task does, to follow its name: `is idle and waits for Sleep src/main.rs:40`.
    pub(crate) fn doing(&self, who: Agent) -> String {
        let Agent::Task(key) = who else { return "is no task".to_owned() };
        let Some(task) = self.store.task(key) else { return "has ended".to_owned() };
        let age = duration_ns(task.state_age_ns(self.at()));
        let waits = self.store.blocked(who).and_then(|blocked| Some(self.wait_words(blocked.waits.first()?)));
        match (task.stats.state, waits) {
            (State::Running, Some(waits)) => format!("blocks its thread and waits {waits}"),
            (State::Running, None) => format!("has been in one poll for {age}"),
            (State::Idle, Some(waits)) => format!("is idle and waits {waits}"),
            (State::Idle, None) => {
                format!("has been idle for {age}, and what it waits for is not instrumented")
            }
            (State::Scheduled, _) => format!("was woken {age} ago and has not been polled yet"),
            (State::Done, _) => "has ended".to_owned(),
            (State::Unknown, _) => "is in an unknown state".to_owned(),
        }
    }

    /// `for Mutex accounts at src/ledger.rs:140, for 41.2 s`
    pub(crate) fn wait_words(&self, wait: &Waiter) -> String {
        let resource = self.store.resource_of(wait.op);
        let on = resource
            .map_or_else(|| self.store.op_words(wait.op).to_owned(), |of| self.store.resource_words(of));
        format!("for {on}{}, for {}", self.place(wait.op.site), self.age(wait.since_ns))
    }

    pub(crate) fn site_of(&self, key: ResourceKey) -> SiteId {
        self.store.resources.resource(key).map_or(SiteId::NONE, |resource| resource.site)
    }

    /// A finding about a lock or a channel. `claim`: the lint and the severity; [`Confidence`](crate::severity::Confidence) is a third, where
    /// it is a suspicion.
    pub(crate) fn about_resource(
        &mut self,
        claim: impl Into<Claim>,
        key: ResourceKey,
        about: &[Agent],
        message: String,
        advice: &'static str,
    ) {
        let Claim { lint, severity, confidence } = claim.into();
        let id = FindingId { lint, site: self.site_of(key), subject: Subject::Resource(key) };
        self.found.push(Finding::about(id, severity, about, message, advice).with(confidence));
    }
}
