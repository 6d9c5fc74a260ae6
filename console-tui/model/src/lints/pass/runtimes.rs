//! One look at a runtime: what the lints about runtimes share.
//!
//! Invariant: who is named first is who holds the others up. Limit: [`NAMED`] names in a sentence.

use std::ops::Deref;

use crate::{
    analysis::pressure::Pressure,
    id::{SiteId, TaskKey},
    lints::{
        LintKind,
        findings::{Finding, FindingId, Subject},
        lint::Check,
        pass::Look,
    },
    severity::Severity,
    store::{
        scheduler::{Runtime, StuckPoll, Worker},
        task::Agent,
    },
};

/// Names in a sentence.
pub(crate) const NAMED: usize = 4;

/// One process, and what a scan of its tasks found out about its scheduler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RuntimeLook<'a> {
    pub(crate) look: Look<'a>,
    pub(crate) pressure: &'a Pressure,
}

impl<'a> Deref for RuntimeLook<'a> {
    type Target = Look<'a>;

    fn deref(&self) -> &Look<'a> {
        &self.look
    }
}

/// Everything that is found now.
pub(crate) fn find(look: Look<'_>, pressure: &Pressure) -> Vec<Finding> {
    let look = RuntimeLook { look, pressure };
    let checks = look.checks().filter_map(|(_, check)| match check {
        Check::Runtime(check) => Some(check),
        _ => None,
    });
    let checks: Vec<_> = checks.collect();
    let runtimes = look.store.scheduler.runtimes.iter();
    runtimes.flat_map(|runtime| checks.iter().filter_map(|check| check(&look, runtime))).collect()
}

/// A poll that has gone on on a worker for a while.
pub(crate) struct Held<'a> {
    pub(crate) worker: &'a Worker,
    pub(crate) task: Option<TaskKey>,
    pub(crate) since_ns: u64,
    /// Its stack; the process reports only some.
    pub(crate) poll: Option<&'a StuckPoll>,
}

impl<'a> RuntimeLook<'a> {
    /// Polls that have gone on on a runtime's workers for a while, the oldest first; those that wait for a lock come after those that may have
    /// it.
    pub(crate) fn held(&self, runtime: &Runtime, ms: u64) -> Vec<Held<'a>> {
        let store = self.store.store();
        let is_old = |since_ns: u64| self.is_old(since_ns, ms);
        let held = store.scheduler.workers_of(runtime.index).filter_map(|worker| {
            let held = if let Some(poll) = store.scheduler.stuck_on(worker.thread) {
                let length_ns = store.now_ns.saturating_sub(poll.started_ns);
                // One that waits for a CPU goes on as soon as it gets one.
                let own_ns = self.store.spent_so_far(poll).map_or(length_ns, |spent| spent.own_ns(length_ns));
                let seen = self.store.goes_on(poll) && self.store.was_seen(poll) && own_ns * 2 >= length_ns;
                let (task, since_ns) = (poll.task, poll.started_ns);
                seen.then_some(Held { worker, task, since_ns, poll: Some(poll) })
            } else {
                // More are stuck than the process reports with their stacks.
                let (task, since_ns) = (worker.task, worker.since_ns);
                self.store.polls_on(worker).then_some(Held { worker, task, since_ns, poll: None })
            };
            held.filter(|held| is_old(held.since_ns))
        });
        let mut held: Vec<Held> = held.collect();
        let waits = |held: &Held| held.task.is_some_and(|key| self.store.blocked(Agent::Task(key)).is_some());
        held.sort_by_cached_key(|held| (waits(held), held.since_ns, held.worker.key));
        held
    }

    /// `worker 0 in hog #5 for 3.20 s, in std::thread::sleep, called at …; worker 1 in …`
    pub(crate) fn held_words(&self, held: &[Held<'_>]) -> String {
        let mut before = None;
        let named = held.iter().take(NAMED).map(|held| {
            let who = self.store.polled_words(held.task, held.poll.map_or(SiteId::NONE, |poll| poll.site));
            let age = self.age(held.since_ns);
            let place = held.poll.and_then(StuckPoll::where_words);
            // The same place is named once.
            let at =
                place.as_ref().filter(|_| before != place).map_or_else(String::new, |at| format!(", {at}"));
            before = place;
            format!("{} in {who} for {age}{at}", self.store.scheduler.worker_words(held.worker.key))
        });
        let words = named.collect::<Vec<_>>().join("; ");
        match held.len().saturating_sub(NAMED) {
            0 => words,
            more => format!("{words}; and {more} more"),
        }
    }

    pub(crate) fn runtime_words(&self, runtime: &Runtime) -> String {
        if self.store.scheduler.runtimes.len() < 2 {
            "the runtime".to_owned()
        } else {
            self.store.scheduler.runtime_title(runtime.index)
        }
    }
}

/// The tasks whose polls these are.
pub(crate) fn tasks(held: &[Held<'_>]) -> impl Iterator<Item = TaskKey> {
    held.iter().filter_map(|held| held.task)
}

/// A finding about a runtime. It is of no place: who holds the runtime up changes while the finding stays the same.
pub(crate) fn finding(
    (lint, severity): (LintKind, Severity),
    runtime: &Runtime,
    tasks: impl Iterator<Item = TaskKey>,
    message: String,
    advice: &'static str,
) -> Finding {
    let id = FindingId { lint, site: SiteId::NONE, subject: Subject::Runtime(runtime.index) };
    let about: Vec<Agent> = tasks.map(Agent::Task).collect();
    let mut finding = Finding::about(id, severity, &about, message, advice);
    finding.count = finding.count.max(1);
    finding
}
