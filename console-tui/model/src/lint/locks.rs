//! The lints about locks and channels: each finding is about one of them, or about one circle of those who wait.
//!
//! Invariants: what is proven is said plainly, what is not is called a suspicion; nobody is accused on what the source can't
//! tell; of a chain of waits only its root is a finding.
//!
//! Limit: [`NAMED`] names and places in a sentence and [`MAX_TASKS`] tasks in a finding, the others are counted;
//! [`MAX_LOOKED_AT`] waiters in a pass, and what is passed over is said.

mod channels;
mod crowds;
mod deadlock;
mod futurelock;
mod held;

use rustc_hash::FxHashSet;

use crate::{
    format::{duration_ns, exact},
    id::{ResourceKey, SiteId, TaskKey},
    lint::{LintConfig, LintKind, Severity, findings::Finding},
    screen::findings::{FindingId, Subject},
    store::{
        Store,
        graph::{Circles, task_of},
        locks::read::Waiter,
        resources::Resource,
        task::Waker,
    },
};

/// Names in a sentence.
const NAMED: usize = 8;
/// Tasks that a finding keeps; its count says how many there are.
const MAX_TASKS: usize = 256;
/// Waiters looked at in one pass, the longest held locks first: it happens between two keys.
const MAX_LOOKED_AT: usize = 10_000;
const NS_PER_MS: u64 = 1_000_000;

/// What a lint found, without what the list of findings adds.
struct Found {
    lint: LintKind,
    severity: Severity,
    subject: Subject,
    site: SiteId,
    message: String,
    advice: &'static str,
    /// Whom it is about, the most important first.
    about: Vec<Waker>,
}

/// One look at all locks and channels.
struct Pass<'a> {
    store: &'a Store,
    config: &'a LintConfig,
    circles: Circles,
    /// Those in a circle that was told of, and those behind it.
    told: FxHashSet<Waker>,
    /// Locks of which a more serious finding tells already.
    told_locks: FxHashSet<ResourceKey>,
    found: Vec<Found>,
    /// Waiters looked at.
    looked_at: usize,
    /// Locks and channels passed over, for the limit.
    passed_over: u64,
}

/// Everything that is found now. Costs what those cost who hold locks or block threads, and one look at each lock.
pub(crate) fn find(store: &Store, config: &LintConfig) -> Vec<Finding> {
    let mut pass = Pass {
        store,
        config,
        circles: store.circles(),
        told: FxHashSet::default(),
        told_locks: FxHashSet::default(),
        found: Vec::new(),
        looked_at: 0,
        passed_over: 0,
    };
    // Proofs first: where one stands, nothing is suspected.
    pass.proven_circles();
    pass.futurelocks();
    pass.suspected_circles();
    pass.blocking_held();
    pass.blocking_waits();
    pass.guards();
    pass.convoys();
    pass.starved_writers();
    pass.full_channels();
    pass.oneshots();
    pass.unseen();
    pass.found.into_iter().map(Finding::from).collect()
}

impl From<Found> for Finding {
    fn from(found: Found) -> Self {
        let Found { lint, severity, subject, site, message, advice, about } = found;
        let tasks: Vec<TaskKey> = about.iter().copied().filter_map(task_of).take(MAX_TASKS).collect();
        let id = FindingId { lint, site, subject };
        Self { id, severity, count: about.len() as u64, message, advice, tasks, first_seen_ns: 0 }
    }
}

impl<'a> Pass<'a> {
    /// Who waits; `None`: the limit is reached.
    fn waiters(&mut self, key: ResourceKey) -> Option<Vec<Waiter<'a>>> {
        if self.looked_at >= MAX_LOOKED_AT {
            self.passed_over += u64::from(self.store.waiting_on(key).next().is_some());
            return None;
        }
        let waiters = self.store.waiters(key);
        self.looked_at += waiters.len();
        Some(waiters)
    }

    fn at(&self) -> u64 {
        self.store.now_ns
    }

    fn age_ns(&self, since_ns: u64) -> u64 {
        self.at().saturating_sub(since_ns)
    }

    fn is_old(&self, since_ns: u64, ms: u64) -> bool {
        self.age_ns(since_ns) >= ms.saturating_mul(NS_PER_MS)
    }

    fn age(&self, since_ns: u64) -> String {
        duration_ns(self.age_ns(since_ns))
    }

    fn who(&self, who: Waker) -> String {
        self.store.who_words(who).unwrap_or_else(|| "somebody unknown".to_owned())
    }

    /// `transfer #88, transfer #91 and 3 more`
    fn list(&self, who: &[Waker]) -> String {
        let named: Vec<String> = who.iter().take(NAMED).map(|who| self.who(*who)).collect();
        match who.len().saturating_sub(NAMED) {
            0 => named.join(", "),
            more => format!("{} and {} more", named.join(", "), exact(more as u64)),
        }
    }

    /// ` at src/ledger.rs:140`, or nothing.
    fn place(&self, site: SiteId) -> String {
        self.store.short_place(site).map_or_else(String::new, |place| format!(" at {place}"))
    }

    /// ` (acquired at src/ledger.rs:121)`, or nothing.
    fn noted(&self, what: &str, site: SiteId) -> String {
        self.store.short_place(site).map_or_else(String::new, |place| format!(" ({what} at {place})"))
    }

    /// `Mutex accounts (made at src/state.rs:12)`, or `Mutex src/state.rs:12`.
    fn resource(&self, resource: &Resource) -> String {
        let words = self.store.resource_words(resource);
        match (self.store.resource_name(resource), self.store.short_place(resource.site)) {
            (Some(_), Some(place)) => format!("{words} (made at {place})"),
            _ => words,
        }
    }

    fn name(&self, key: ResourceKey) -> String {
        self.store.resources.resource(key).map_or_else(|| key.id(), |of| self.store.resource_words(of))
    }

    /// `3 tasks wait for it, the longest for 40.1 s: a, b, c`
    fn waiting(&self, waiters: &[Waiter]) -> String {
        // One task may wait in several futures.
        let mut who: Vec<Waker> = Vec::new();
        let mut seen: FxHashSet<Waker> = FxHashSet::default();
        who.extend(waiters.iter().map(Waiter::who).filter(|who| seen.insert(*who)));
        let longest = waiters.iter().map(|waiter| waiter.since_ns).min().unwrap_or(self.at());
        match who.as_slice() {
            [] => "nobody waits for it".to_owned(),
            [one] => format!("{} has waited for it for {}", self.who(*one), self.age(longest)),
            all => {
                let (count, age) = (exact(all.len() as u64), self.age(longest));
                format!("{count} wait for it, the longest for {age}: {}", self.list(all))
            }
        }
    }

    /// What somebody does, to follow its name: `is idle and waits for Sleep src/main.rs:40`.
    fn doing(&self, who: Waker) -> String {
        use crate::store::task::State;
        let Waker::Task(key) = who else { return "is no task".to_owned() };
        let Some(task) = self.store.task(key) else { return "has ended".to_owned() };
        let age = duration_ns(task.state_age_ns(self.at()));
        let waits = self.store.blocked(who).and_then(|blocked| Some(self.wait_words(blocked.waits.first()?)));
        match (task.stats.state, waits) {
            (State::Running, Some(waits)) => format!("blocks its thread and waits {waits}"),
            (State::Running, None) => format!("has been in one poll for {age}"),
            (State::Idle, Some(waits)) => format!("is idle and waits {waits}"),
            (State::Idle, None) => format!("has been idle for {age}, for something that nothing tells of"),
            (State::Scheduled, _) => format!("was woken {age} ago and has not been polled yet"),
            (State::Done, _) => "has ended".to_owned(),
            (State::Unknown, _) => "is in a state that nothing tells of".to_owned(),
        }
    }

    /// `for Mutex accounts at src/ledger.rs:140, for 41.2 s`
    fn wait_words(&self, wait: &Waiter) -> String {
        let resource = self.store.resource_of(wait.op);
        let on = resource
            .map_or_else(|| self.store.op_words(wait.op).to_owned(), |of| self.store.resource_words(of));
        format!("for {on}{}, for {}", self.place(wait.op.site), self.age(wait.since_ns))
    }

    fn site_of(&self, key: ResourceKey) -> SiteId {
        self.store.resources.resource(key).map_or(SiteId::NONE, |resource| resource.site)
    }

    /// A finding about a lock or a channel.
    fn about_resource(
        &mut self,
        lint: LintKind,
        severity: Severity,
        key: ResourceKey,
        about: Vec<Waker>,
        message: String,
        advice: &'static str,
    ) {
        let (subject, site) = (Subject::Resource(key), self.site_of(key));
        self.found.push(Found { lint, severity, subject, site, message, advice, about });
    }
}
