//! The scheduler as the process reported it last: runtimes, workers, polls that are or were stuck; and the last minutes of it.
//!
//! Invariants: what was not reported is `None`; a rate is only made of two readings of the same worker on the same thread, so that an
//! interval in which `block_in_place` gave the worker's place away counts for nothing.
//!
//! Limits: those of the wire for what a frame holds; [`MAX_LONG_POLLS`] long polls, [`MAX_DELAYS`] long waits and [`heat::COLUMNS`]
//! seconds of the maps are kept.

pub(crate) mod delay;
pub(crate) mod heat;
mod in_place;
pub(crate) mod samples;
pub(crate) mod spent;
mod stuck;

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::{
    id::{SiteId, TaskKey, WorkerKey},
    store::detail::Histogram,
};
pub(crate) use delay::{Delay, Why};
use heat::HeatMap;
use in_place::InPlace;
use samples::Samples;
use spent::{Spent, Worst};
pub(crate) use stuck::{Code, StackFrame, StuckPoll};

/// Long polls kept, and for how long: 64 bytes each.
pub(crate) const MAX_LONG_POLLS: usize = 16_384;
/// Long waits kept.
pub(crate) const MAX_DELAYS: usize = 512;
/// How long both are kept: as long as the maps reach.
pub(crate) const KEPT_NS: u64 = heat::COLUMNS as u64 * 1_000_000_000;
/// A shorter wait between wake and poll is not kept.
pub(crate) const MIN_DELAY_NS: u64 = 10_000_000;
/// Two readings of the start of one poll differ by less.
pub(crate) const SAME_START_NS: u64 = 1_000_000;

/// What a worker does.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum WorkerState {
    #[default]
    Unknown,
    Polling,
    Parked,
    Searching,
    DrivingIo,
}

impl WorkerState {
    /// On the screen and in the report; `None`: unknown.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::Unknown => None,
            Self::Polling => Some("polling"),
            Self::Parked => Some("parked"),
            Self::Searching => Some("searching"),
            Self::DrivingIo => Some("driving I/O"),
        }
    }
}

/// What kind of runtime it is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    #[default]
    Unknown,
    MultiThread,
    CurrentThread,
}

impl Flavor {
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::Unknown => None,
            Self::MultiThread => Some("multi_thread"),
            Self::CurrentThread => Some("current_thread"),
        }
    }
}

/// A runtime.
#[derive(Debug, Default, Clone)]
pub(crate) struct Runtime {
    pub(crate) index: u32,
    /// Empty: it has none.
    pub(crate) name: String,
    pub(crate) flavor: Flavor,
    pub(crate) workers: u32,
    pub(crate) alive_tasks: Option<u64>,
    pub(crate) injection_queue: Option<u64>,
    pub(crate) spawned_tasks: Option<u64>,
    pub(crate) remote_schedules: Option<u64>,
    pub(crate) budget_yields: Option<u64>,
    pub(crate) blocking_threads: Option<u64>,
    pub(crate) idle_blocking_threads: Option<u64>,
    pub(crate) blocking_queue: Option<u64>,
    pub(crate) max_blocking_threads: Option<u64>,
    pub(crate) io_registered: Option<u64>,
    pub(crate) io_deregistered: Option<u64>,
    pub(crate) io_ready: Option<u64>,
    pub(crate) driver_lost_since_ns: Option<u64>,
}

/// Counters of a runtime whose change is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuntimeCount {
    Spawned,
    RemoteSchedules,
    BudgetYields,
    IoReady,
    IoRegistered,
    IoDeregistered,
}

impl Runtime {
    fn counts(&self) -> [Option<u64>; 6] {
        [
            self.spawned_tasks,
            self.remote_schedules,
            self.budget_yields,
            self.io_ready,
            self.io_registered,
            self.io_deregistered,
        ]
    }

    /// Descriptors that its I/O driver watches.
    pub(crate) fn io_sources(&self) -> Option<u64> {
        Some(self.io_registered?.saturating_sub(self.io_deregistered?))
    }

    /// Threads of the blocking pool that run a closure.
    pub(crate) fn busy_blocking_threads(&self) -> Option<u64> {
        Some(self.blocking_threads?.saturating_sub(self.idle_blocking_threads?))
    }

    /// Every thread of the blocking pool is busy, there may be no more, and closures are in line. How many there may be is not always
    /// known; while there may be more, tokio starts one for each closure that finds none idle, and no line lasts.
    pub(crate) fn is_pool_full(&self) -> bool {
        self.blocking_queue.is_some_and(|queue| queue > 0)
            && self.idle_blocking_threads == Some(0)
            && self.max_blocking_threads.is_none_or(|most| self.blocking_threads.is_some_and(|n| n >= most))
    }
}

/// A worker, or a thread that polls tasks outside of any known runtime.
#[derive(Debug, Default, Clone)]
pub(crate) struct Worker {
    pub(crate) key: WorkerKey,
    /// The thread that it is now; 0: unknown.
    pub(crate) thread: u32,
    pub(crate) state: WorkerState,
    pub(crate) since_ns: u64,
    /// When it was first reported to be in this poll.
    pub(crate) reported_ns: u64,
    pub(crate) task: Option<TaskKey>,
    pub(crate) polls: Option<u64>,
    pub(crate) poll_ns: Option<u64>,
    pub(crate) busy_ns: Option<u64>,
    pub(crate) parks: Option<u64>,
    pub(crate) noops: Option<u64>,
    pub(crate) steals: Option<u64>,
    pub(crate) steal_operations: Option<u64>,
    pub(crate) local_schedules: Option<u64>,
    pub(crate) overflows: Option<u64>,
    pub(crate) local_queue: Option<u64>,
    pub(crate) mean_poll_ns: Option<u64>,
    pub(crate) cpu_ns: Option<u64>,
    pub(crate) run_queue_wait_ns: Option<u64>,
    pub(crate) voluntary_switches: Option<u64>,
    pub(crate) involuntary_switches: Option<u64>,
    /// `running`, or the system call that it sleeps in.
    pub(crate) kernel_state: Option<String>,
    /// The poll that it is in gave its worker's place away: it holds no worker.
    pub(crate) in_place: bool,
    /// Another thread had its place: no count means anything against the one before.
    pub(crate) handed_over: bool,
}

/// Counters of a worker whose change is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkerCount {
    Polls,
    /// Time in polls, the running one included.
    PollTime,
    Parks,
    Noops,
    Steals,
    Overflows,
    LocalSchedules,
    CpuTime,
    RunQueueWait,
    InvoluntarySwitches,
}

impl Worker {
    fn counts(&self, now_ns: u64) -> [Option<u64>; 10] {
        [
            self.polls,
            self.poll_time_ns(now_ns),
            self.parks,
            self.noops,
            self.steals,
            self.overflows,
            self.local_schedules,
            self.cpu_ns,
            self.run_queue_wait_ns,
            self.involuntary_switches,
        ]
    }

    /// Two readings of one poll.
    fn is_same_poll(&self, other: &Self) -> bool {
        let polls = self.state == WorkerState::Polling && other.state == WorkerState::Polling;
        polls
            && (self.thread, self.task) == (other.thread, other.task)
            && self.since_ns.abs_diff(other.since_ns) < SAME_START_NS
    }

    /// Time in polls up to a moment, the running one included.
    fn poll_time_ns(&self, now_ns: u64) -> Option<u64> {
        let running_ns =
            if self.state == WorkerState::Polling { now_ns.saturating_sub(self.since_ns) } else { 0 };
        Some(self.poll_ns?.saturating_add(running_ns))
    }
}

/// A poll over a millisecond that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LongPoll {
    pub(crate) thread: u32,
    pub(crate) task: Option<TaskKey>,
    pub(crate) site: SiteId,
    pub(crate) started_ns: u64,
    pub(crate) ended_ns: u64,
    /// `None`: unknown.
    pub(crate) spent: Option<Spent>,
    /// It gave its worker's place away: it held no worker.
    pub(crate) in_place: bool,
}

/// All that is known of it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Scheduler {
    /// When it was reported last; `None`: never.
    pub(crate) reported_ns: Option<u64>,
    pub(crate) runtimes: Vec<Runtime>,
    pub(crate) workers: Vec<Worker>,
    /// The newest first.
    pub(crate) stuck: Vec<StuckPoll>,
    /// In the order of their ends.
    pub(crate) long_polls: VecDeque<LongPoll>,
    /// Of each task the worst of them lately.
    worst: FxHashMap<TaskKey, Worst>,
    /// The longest there ever was, at most [`KEPT_NS`].
    longest_poll_ns: u64,
    /// Lost in the process, to a full ring.
    pub(crate) lost_long_polls: u64,
    /// In the order of their ends.
    pub(crate) delays: VecDeque<Delay>,
    pub(crate) poll_map: HeatMap,
    pub(crate) delay_map: HeatMap,
    /// Of all waits between wake and poll that ever ended, as it was reported last.
    pub(crate) delays_ever: Option<Histogram>,
    pub(crate) in_place: InPlace,
    pub(crate) worker_samples: FxHashMap<WorkerKey, (u32, Samples<10>)>,
    runtime_samples: FxHashMap<u32, Samples<6>>,
}

/// A report of the scheduler, in our own types.
#[derive(Debug, Default)]
pub(crate) struct SchedulerReport {
    pub(crate) runtimes: Vec<Runtime>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) stuck: Vec<StuckPoll>,
    pub(crate) long_polls: Vec<LongPoll>,
    pub(crate) lost_long_polls: u64,
    pub(crate) polls: Option<Histogram>,
    pub(crate) scheduled: Option<Histogram>,
}

impl Scheduler {
    /// Takes in a report of this moment.
    pub(crate) fn take_in(&mut self, report: SchedulerReport, now_ns: u64) {
        self.reported_ns = Some(now_ns);
        let mut samples = std::mem::take(&mut self.worker_samples);
        for worker in &report.workers {
            let known = samples.remove(&worker.key);
            let same = known.filter(|(thread, _)| *thread == worker.thread && !worker.handed_over);
            let mut known = same.map(|(_, samples)| samples).unwrap_or_default();
            known.add(now_ns, worker.counts(now_ns));
            self.worker_samples.insert(worker.key, (worker.thread, known));
        }
        let mut samples = std::mem::take(&mut self.runtime_samples);
        for runtime in &report.runtimes {
            let mut known = samples.remove(&runtime.index).unwrap_or_default();
            known.add(now_ns, runtime.counts());
            self.runtime_samples.insert(runtime.index, known);
        }
        // Polls that have run for longer than a column is wide would be in none before they end.
        let running = report.workers.iter().filter(|worker| worker.state == WorkerState::Polling);
        let running = running.map(|worker| now_ns.saturating_sub(worker.since_ns));
        self.poll_map.add(now_ns, report.polls.as_ref(), running.filter(|age_ns| *age_ns >= heat::COLUMN_NS));
        self.delay_map.add(now_ns, report.scheduled.as_ref(), std::iter::empty());
        self.delays_ever = report.scheduled;
        self.add_long_polls(report.long_polls);
        self.forget_old(now_ns);
        self.find_worst(now_ns);
        let before = std::mem::replace(&mut self.stuck, report.stuck);
        for poll in &mut self.stuck {
            let known = before.iter().find(|known| known.is_same(poll));
            poll.reported_ns = known.map_or(now_ns, |known| known.reported_ns);
        }
        let before = std::mem::replace(&mut self.workers, report.workers);
        let before: FxHashMap<WorkerKey, Worker> =
            before.into_iter().map(|worker| (worker.key, worker)).collect();
        for worker in &mut self.workers {
            let known = before.get(&worker.key).filter(|known| known.is_same_poll(worker));
            worker.reported_ns = known.map_or(now_ns, |known| known.reported_ns);
        }
        self.runtimes = report.runtimes;
        self.lost_long_polls = report.lost_long_polls;
    }

    fn add_long_polls(&mut self, mut polls: Vec<LongPoll>) {
        // Their starts distinguish them.
        polls.sort_by_key(|poll| poll.ended_ns);
        let longest = polls.iter().map(|poll| poll.ended_ns.saturating_sub(poll.started_ns)).max();
        self.longest_poll_ns = self.longest_poll_ns.max(longest.unwrap_or(0)).min(KEPT_NS);
        let is_late = self.long_polls.back().zip(polls.first()).is_some_and(|(a, b)| b.ended_ns < a.ended_ns);
        self.long_polls.extend(polls);
        if is_late {
            self.long_polls.make_contiguous().sort_by_key(|poll| poll.ended_ns);
        }
    }

    /// The long polls that may have gone on at some time between two moments.
    pub(crate) fn long_polls_between(&self, from_ns: u64, to_ns: u64) -> impl Iterator<Item = &LongPoll> {
        let first = self.long_polls.partition_point(|poll| poll.ended_ns <= from_ns);
        // One that ended later than this began after the time that is asked for.
        let last_ns = to_ns.saturating_add(self.longest_poll_ns);
        self.long_polls.range(first..).take_while(move |poll| poll.ended_ns <= last_ns)
    }

    fn forget_old(&mut self, now_ns: u64) {
        let old = |ended_ns: u64| now_ns.saturating_sub(ended_ns) > KEPT_NS;
        while self.long_polls.front().is_some_and(|poll| old(poll.ended_ns))
            || self.long_polls.len() > MAX_LONG_POLLS
        {
            self.long_polls.pop_front();
        }
        while self.delays.front().is_some_and(|delay| old(delay.ended_ns)) {
            self.delays.pop_front();
        }
    }

    /// A task waited longer for its poll than ever before.
    pub(crate) fn add_delay(&mut self, delay: Delay) {
        if self.delays.len() == MAX_DELAYS {
            // What is kept is the worst: the shortest goes.
            let shortest = (0..self.delays.len()).min_by_key(|i| self.delays[*i].length_ns);
            let worse = shortest.filter(|i| self.delays[*i].length_ns < delay.length_ns);
            let Some(shortest) = worse else { return };
            self.delays.remove(shortest);
        }
        self.delays.push_back(delay);
    }

    /// Takes over what a snapshot does not carry.
    pub(crate) fn adopt(&mut self, old: &Self) {
        let fresh = std::mem::replace(self, old.clone());
        if fresh.reported_ns.is_none() {
            return;
        }
        let Self { reported_ns, runtimes, workers, stuck, long_polls, lost_long_polls, .. } = fresh;
        self.reported_ns = reported_ns;
        (self.runtimes, self.workers, self.stuck) = (runtimes, workers, stuck);
        self.lost_long_polls = lost_long_polls;
        // A fresh snapshot holds the long polls again that are still in their rings.
        let last_ns = self.long_polls.iter().map(|poll| poll.ended_ns).max().unwrap_or(0);
        self.add_long_polls(long_polls.into_iter().filter(|poll| poll.ended_ns > last_ns).collect());
        self.find_worst(reported_ns.unwrap_or(0));
    }

    pub(crate) fn worker(&self, key: WorkerKey) -> Option<&Worker> {
        self.workers.iter().find(|worker| worker.key == key)
    }

    /// The worker that a thread is now.
    pub(crate) fn worker_of_thread(&self, thread: u32) -> Option<&Worker> {
        self.workers.iter().find(|worker| thread != 0 && worker.thread == thread)
    }

    pub(crate) fn runtime(&self, index: u32) -> Option<&Runtime> {
        self.runtimes.iter().find(|runtime| runtime.index == index)
    }

    pub(crate) fn workers(&self) -> impl Iterator<Item = &Worker> {
        self.workers.iter()
    }

    pub(crate) fn workers_of(&self, runtime: u32) -> impl Iterator<Item = &Worker> {
        self.workers.iter().filter(move |worker| worker.key.runtime == runtime)
    }

    /// The stuck poll that goes on on a thread.
    pub(crate) fn stuck_on(&self, thread: u32) -> Option<&StuckPoll> {
        self.stuck.iter().find(|poll| thread != 0 && poll.thread == thread && poll.ended_ns.is_none())
    }

    /// The stuck poll of a task that goes on, else the newest one.
    pub(crate) fn stuck_of(&self, task: TaskKey) -> Option<&StuckPoll> {
        let mut of_it = self.stuck.iter().filter(|poll| poll.task == Some(task));
        of_it.clone().find(|poll| poll.ended_ns.is_none()).or_else(|| of_it.next())
    }

    /// Change of a worker's counter a second, over the last seconds; `None`: unknown.
    pub(crate) fn worker_rate(&self, key: WorkerKey, count: WorkerCount) -> Option<f64> {
        self.worker_samples.get(&key)?.1.per_s(count as usize)
    }

    /// A worker's time as a share of the time that passed; `None`: unknown.
    pub(crate) fn worker_share(&self, key: WorkerKey, time: WorkerCount) -> Option<f64> {
        Some((self.worker_rate(key, time)? / 1e9).clamp(0.0, 1.0))
    }

    /// The busy share of the last samples as heights 0 to 8 of all there can be, oldest first.
    pub(crate) fn worker_spark(&self, key: WorkerKey) -> Option<[u8; crate::format::SPARK_WIDTH as usize]> {
        self.worker_samples.get(&key)?.1.spark_of_share(WorkerCount::PollTime as usize)
    }

    /// Change of a runtime's counter a second, over the last seconds.
    pub(crate) fn runtime_rate(&self, index: u32, count: RuntimeCount) -> Option<f64> {
        self.runtime_samples.get(&index)?.per_s(count as usize)
    }

    /// What a runtime is called: `main`, or its number where it has no name.
    pub(crate) fn runtime_words(&self, index: u32) -> String {
        match self.runtime(index) {
            Some(runtime) if !runtime.name.is_empty() => runtime.name.clone(),
            _ => format!("#{index}"),
        }
    }

    /// With the word before it, unless its name begins with that: `runtime main`.
    pub(crate) fn runtime_title(&self, index: u32) -> String {
        let words = self.runtime_words(index);
        if words.starts_with("runtime") { words } else { format!("runtime {words}") }
    }

    /// What a worker is called: `worker 3`, with its runtime where there are several.
    pub(crate) fn worker_words(&self, key: WorkerKey) -> String {
        match key.runtime {
            0 => format!("thread {}", key.number),
            _ if self.runtimes.len() < 2 => format!("worker {}", key.number),
            runtime => format!("worker {} of {}", key.number, self.runtime_words(runtime)),
        }
    }
}
