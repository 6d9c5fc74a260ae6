//! Who held the workers while a task waited for one.
//!
//! Polls under a millisecond are not told one by one: of them only the time is known that is left over. To which runtime a task belongs is
//! not told either, so that with several runtimes the polls of all their workers are looked at.

use rustc_hash::FxHashMap;

use crate::{
    format::percent,
    id::{SiteId, TaskKey},
    store::{
        Store,
        scheduler::{Delay, KEPT_NS, SAME_START_NS, WorkerState},
        task::{Kind, State},
    },
};

/// Polls that are blamed for one wait, the longest first.
pub(crate) const MAX_BLAMED: usize = 8;
/// A smaller part of the wait is not worth a name.
const LEAST_SHARE: f64 = 0.05;

/// A task whose polls held a worker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Blame {
    /// `None`: it is not known any more.
    pub(crate) task: Option<TaskKey>,
    pub(crate) site: SiteId,
    pub(crate) thread: u32,
    pub(crate) held_ns: u64,
    /// Of the wait: 0 to 1; where it is not known when that was exactly, at least so much.
    pub(crate) share: f64,
}

impl Store {
    /// The tasks whose polls held workers during a wait, those that held one longest first.
    pub(crate) fn blame(&self, wait: &Delay) -> Vec<Blame> {
        let Delay { task: of, length_ns: wait_ns, began_ns: from_ns, ended_ns: to_ns, .. } = *wait;
        // The time in which it was, less its length: so much of a poll may have been beside it.
        let beside_ns = to_ns.saturating_sub(from_ns).saturating_sub(wait_ns);
        let holding = self.holding_threads();
        if wait_ns == 0 || to_ns.saturating_add(KEPT_NS) < self.now_ns {
            return Vec::new();
        }
        let mut held: FxHashMap<(Option<TaskKey>, SiteId, u32), u64> = FxHashMap::default();
        let mut add = |task: Option<TaskKey>, site: SiteId, thread: u32, started_ns: u64, ended_ns: u64| {
            let overlap_ns = ended_ns.min(to_ns).saturating_sub(started_ns.max(from_ns));
            if overlap_ns > 0 && task != Some(of) && self.can_hold(task, thread, &holding) {
                let sum = held.entry((task, site, thread)).or_default();
                *sum = sum.saturating_add(overlap_ns);
            }
        };
        for poll in self.scheduler.long_polls_between(from_ns, to_ns) {
            add(poll.task, poll.site, poll.thread, poll.started_ns, poll.ended_ns);
        }
        for (task, site, thread, started_ns) in self.running() {
            add(task, site, thread, started_ns, self.runs_until(task, started_ns));
        }
        let mut blamed: Vec<Blame> = held
            .into_iter()
            .map(|((task, site, thread), held_ns)| {
                let held_ns = held_ns.saturating_sub(beside_ns).min(wait_ns);
                Blame { task, site, thread, held_ns, share: held_ns as f64 / wait_ns as f64 }
            })
            .filter(|blame| blame.share >= LEAST_SHARE)
            .collect();
        blamed.sort_by_key(|blame| (std::cmp::Reverse(blame.held_ns), blame.thread, blame.task));
        blamed.truncate(MAX_BLAMED);
        blamed
    }

    /// `render-pdf #102 held worker 0 (100 % of that time)`
    pub(crate) fn blame_words(&self, blame: &Blame) -> String {
        let who = self.polled_words(blame.task, blame.site);
        let worker = self.scheduler.worker_of_thread(blame.thread);
        let worker =
            worker.map_or_else(|| "a worker".to_owned(), |worker| self.scheduler.worker_words(worker.key));
        format!("{who} held {worker} ({} of that time)", percent(blame.share))
    }

    /// The polls that went on when the scheduler was told last.
    fn running(&self) -> impl Iterator<Item = (Option<TaskKey>, SiteId, u32, u64)> {
        let workers = &self.scheduler.workers;
        let polling = workers.iter().filter(|worker| worker.state == WorkerState::Polling);
        let polling = polling.map(|worker| {
            let site =
                worker.task.and_then(|key| self.task(key)).map_or(SiteId::NONE, |task| task.facts.site);
            (worker.task, site, worker.thread, worker.since_ns)
        });
        let stuck = self.scheduler.stuck.iter().filter(|poll| poll.ended_ns.is_none());
        let unseen = stuck.filter(|poll| self.scheduler.worker_of_thread(poll.thread).is_none());
        polling.chain(unseen.map(|poll| (poll.task, poll.site, poll.thread, poll.started_ns)))
    }

    /// The moment up to which a poll is known to have gone on.
    fn runs_until(&self, task: Option<TaskKey>, started_ns: u64) -> u64 {
        let task = task.and_then(|key| self.task(key));
        let same = task.is_some_and(|task| {
            task.stats.state == State::Running
                && task.stats.state_since_ns.abs_diff(started_ns) < SAME_START_NS
        });
        if same { self.now_ns } else { self.scheduler.told_ns.unwrap_or(self.now_ns) }
    }

    /// The threads whose polls keep other tasks from being polled: workers, or where none is known all that poll.
    fn holding_threads(&self) -> FxHashMap<u32, bool> {
        let workers = &self.scheduler.workers;
        let has_workers = workers.iter().any(|worker| worker.key.runtime > 0);
        let threads = workers.iter().map(|worker| (worker.thread, worker.key.runtime > 0 || !has_workers));
        // 0 is no thread: it stands for all others.
        threads.chain([(0, !has_workers)]).collect()
    }

    /// Whether a poll on this thread keeps other tasks from being polled.
    fn can_hold(&self, task: Option<TaskKey>, thread: u32, holding: &FxHashMap<u32, bool>) -> bool {
        let kind = task.and_then(|key| self.task(key)).map(|task| task.facts.kind);
        // A thread of the blocking pool is no worker; the root future of a multi-thread runtime has a thread of its own.
        match (kind, holding.get(&thread)) {
            (Some(Kind::Blocking), _) | (Some(Kind::BlockOn), None) => false,
            (_, Some(holds)) => *holds,
            (_, None) => holding.get(&0).copied().unwrap_or(false),
        }
    }
}
