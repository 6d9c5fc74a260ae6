//! Who held the workers while a task waited for one.
//!
//! Polls under a millisecond are not reported one by one: of them only the time is known that is left over. To which runtime a task belongs is
//! unknown, too, so that with several runtimes the polls of all their workers are looked at.

use rustc_hash::FxHashMap;

use crate::{
    analysis::Analysis,
    format::percent,
    id::{SiteId, TaskKey},
    store::{
        Store,
        scheduler::{
            Delay, KEPT_NS, SAME_START_NS, Scheduler, Why, WorkerCount, WorkerState,
            spent::{RECENT_NS, Spent},
        },
        task::{State, Task, TaskKind},
    },
};

/// Polls that are blamed for one wait, the longest first.
pub(crate) const MAX_BLAMED: usize = 8;
/// A worker that waited for a CPU for this part of a wait explains it: `1 / MACHINE_PART`. Several such waits follow one another, each of
/// another worker.
const MACHINE_PART: u64 = 4;
/// From this mean share on the workers are busy.
const BUSY: f64 = 0.7;
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
    /// As much of that as the polls are known to have run or slept themselves.
    pub(crate) own_ns: u64,
    /// Of the wait: 0 to 1; where it is not known when that was exactly, at least so much.
    pub(crate) share: f64,
}

impl<'a> Analysis<'a> {
    /// The tasks whose polls held workers during a wait, those that held one longest first.
    pub(crate) fn blame(self, wait: &Delay) -> Vec<Blame> {
        let Delay { task: of, length_ns: wait_ns, began_ns: from_ns, ended_ns: to_ns, .. } = *wait;
        // The time in which it was, less its length: so much of a poll may have been beside it.
        let beside_ns = to_ns.saturating_sub(from_ns).saturating_sub(wait_ns);
        let holding = self.holding_threads();
        if wait_ns == 0 || to_ns.saturating_add(KEPT_NS) < self.store.now_ns {
            return Vec::new();
        }
        let mut held: FxHashMap<(Option<TaskKey>, SiteId, u32), (u64, f64)> = FxHashMap::default();
        let mut add = |who: (Option<TaskKey>, SiteId, u32), started_ns: u64, ended_ns: u64, own: f64| {
            let (task, _, thread) = who;
            let overlap_ns = ended_ns.min(to_ns).saturating_sub(started_ns.max(from_ns));
            if overlap_ns > 0 && task != Some(of) && self.can_hold(task, thread, &holding) {
                let (sum, own_sum) = held.entry(who).or_default();
                *sum = sum.saturating_add(overlap_ns);
                *own_sum += overlap_ns as f64 * own;
            }
        };
        for poll in self.store.scheduler.long_polls_between(from_ns, to_ns).filter(|poll| !poll.in_place) {
            let who = (poll.task, poll.site, poll.thread);
            add(who, poll.started_ns, poll.ended_ns, own_share(poll.spent, poll.length_ns()));
        }
        for (task, site, thread, started_ns) in self.running() {
            let length_ns = self.store.now_ns.saturating_sub(started_ns);
            let spent = self.store.scheduler.stuck_on(thread).and_then(|poll| self.spent_so_far(poll));
            let own = own_share(spent, length_ns);
            add((task, site, thread), started_ns, self.runs_until(task, started_ns), own);
        }
        let mut blamed: Vec<Blame> = held
            .into_iter()
            .map(|((task, site, thread), (held_ns, own_ns))| {
                let held_ns = held_ns.saturating_sub(beside_ns).min(wait_ns);
                let (own_ns, share) = ((own_ns as u64).min(held_ns), held_ns as f64 / wait_ns as f64);
                Blame { task, site, thread, held_ns, own_ns, share }
            })
            .filter(|blame| blame.share >= LEAST_SHARE)
            .collect();
        blamed.sort_by_key(|blame| (std::cmp::Reverse(blame.held_ns), blame.thread, blame.task));
        blamed.truncate(MAX_BLAMED);
        blamed
    }

    /// Why a task that is scheduled waits.
    pub(crate) fn why_waits(self, task: &Task) -> Why {
        self.why(&Delay::until_now(self.store, task))
    }

    /// Of waits that are over, the longest of a task in [`RECENT_NS`].
    pub(crate) fn recent_delay(self, task: &Task) -> Option<Delay> {
        let is_recent = |delay: &&Delay| {
            delay.task == task.key && delay.ended_ns.saturating_add(RECENT_NS) >= self.store.now_ns
        };
        self.store.scheduler.delays.iter().filter(is_recent).max_by_key(|delay| delay.length_ns).copied()
    }

    /// Why a wait was so long, by the readings from before it up to the newest.
    pub(crate) fn why(self, wait: &Delay) -> Why {
        let blamed = self.blame(wait);
        let most_ns = |held: fn(&Blame) -> u64| blamed.iter().map(held).max().unwrap_or(0);
        let is_half = |ns: u64| ns.saturating_mul(2) >= wait.length_ns;
        if is_half(most_ns(|blame| blame.own_ns)) {
            return Why::Held;
        }
        let queued_ns = self.store.scheduler.worker_changes(wait.began_ns, WorkerCount::RunQueueWait);
        let queued_ns = queued_ns.map(|(change_ns, _)| change_ns).max().unwrap_or(0);
        if queued_ns.saturating_mul(MACHINE_PART) >= wait.length_ns {
            return Why::Machine { queued_ns: queued_ns.min(wait.length_ns) };
        }
        if is_half(most_ns(|blame| blame.held_ns)) {
            return Why::Held;
        }
        let busy = self.store.scheduler.worker_changes(wait.began_ns, WorkerCount::PollTime);
        let shares: Vec<f64> = busy.map(|(busy_ns, passed_ns)| busy_ns as f64 / passed_ns as f64).collect();
        if shares.is_empty() {
            return Why::Unknown;
        }
        let share = (shares.iter().sum::<f64>() / shares.len() as f64).clamp(0.0, 1.0);
        let percent = (share * 100.0).round() as u8;
        if share >= BUSY { Why::Busy { percent } } else { Why::Idle { percent } }
    }

    /// `render-pdf #102 held worker 0 (100 % of that time)`
    pub(crate) fn blame_words(self, blame: &Blame) -> String {
        let who = self.polled_words(blame.task, blame.site);
        let worker = self.store.scheduler.worker_of_thread(blame.thread);
        let worker = worker
            .map_or_else(|| "a worker".to_owned(), |worker| self.store.scheduler.worker_words(worker.key));
        format!("{who} held {worker} ({} of that time)", percent(blame.share))
    }

    /// The polls that went on when the scheduler was reported last.
    fn running(self) -> impl Iterator<Item = (Option<TaskKey>, SiteId, u32, u64)> + 'a {
        let workers = &self.store.scheduler.workers;
        let polling = workers.iter().filter(|worker| worker.state == WorkerState::Polling);
        let polling = polling.map(|worker| {
            let site =
                worker.task.and_then(|key| self.store.task(key)).map_or(SiteId::NONE, |task| task.facts.site);
            (worker.task, site, worker.thread, worker.since_ns)
        });
        let stuck = self.store.scheduler.stuck.iter().filter(|poll| poll.ended_ns.is_none());
        let unseen = stuck.filter(|poll| self.store.scheduler.worker_of_thread(poll.thread).is_none());
        polling.chain(unseen.map(|poll| (poll.task, poll.site, poll.thread, poll.started_ns)))
    }

    /// The moment up to which a poll is known to have gone on.
    fn runs_until(self, task: Option<TaskKey>, started_ns: u64) -> u64 {
        let task = task.and_then(|key| self.store.task(key));
        let same = task.is_some_and(|task| {
            task.stats.state == State::Running
                && task.stats.state_since_ns.abs_diff(started_ns) < SAME_START_NS
        });
        if same { self.store.now_ns } else { self.store.scheduler.reported_ns.unwrap_or(self.store.now_ns) }
    }

    /// The threads whose polls keep other tasks from being polled: workers, or where none is known all that poll.
    fn holding_threads(self) -> FxHashMap<u32, bool> {
        let workers = &self.store.scheduler.workers;
        let has_workers = workers.iter().any(|worker| worker.key.runtime > 0);
        let threads = workers
            .iter()
            .map(|worker| (worker.thread, !worker.in_place && (worker.key.runtime > 0 || !has_workers)));
        // 0 is no thread: it stands for all others.
        threads.chain([(0, !has_workers)]).collect()
    }

    /// Whether a poll on this thread keeps other tasks from being polled.
    fn can_hold(self, task: Option<TaskKey>, thread: u32, holding: &FxHashMap<u32, bool>) -> bool {
        let kind = task.and_then(|key| self.store.task(key)).map(|task| task.facts.kind);
        // A thread of the blocking pool is no worker; the root future of a multi-thread runtime has a thread of its own.
        match (kind, holding.get(&thread)) {
            (Some(TaskKind::Blocking), _) | (Some(TaskKind::BlockOn), None) => false,
            (_, Some(holds)) => *holds,
            (_, None) => holding.get(&0).copied().unwrap_or(false),
        }
    }
}

/// Says why the waits that ended since the last round were so long, while the readings of that time are there.
pub(crate) fn explain_delays(store: &mut Store) {
    let delays = (0..).zip(&store.scheduler.delays).filter(|(_, delay)| delay.why.is_none());
    let why: Vec<(usize, Why)> = delays.map(|(at, delay)| (at, Analysis::of(store).why(delay))).collect();
    for (at, why) in why {
        if let Some(delay) = store.scheduler.delays.get_mut(at) {
            delay.why = Some(why);
        }
    }
}

impl Scheduler {
    /// Of each worker the change of a counter since before a moment, and the time that this is of; those of which it is unknown are left out.
    fn worker_changes(&self, from_ns: u64, count: WorkerCount) -> impl Iterator<Item = (u64, u64)> {
        let workers = self.workers.iter().filter(|worker| worker.key.runtime > 0);
        let samples = workers.filter_map(|worker| self.worker_samples.get(&worker.key));
        samples.filter_map(move |(_, samples)| samples.change_since(from_ns, count as usize))
    }
}

/// The share of a poll that it ran or slept itself; 0: unknown.
fn own_share(spent: Option<Spent>, length_ns: u64) -> f64 {
    spent.map_or(0.0, |spent| spent.own_ns(length_ns) as f64 / length_ns.max(1) as f64)
}
