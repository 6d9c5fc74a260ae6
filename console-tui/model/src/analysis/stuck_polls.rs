//! What can be held against a poll: whether it holds a worker, and whether it was seen to go on.
//!
//! A poll that gave its worker's place away (`block_in_place`) may block. The process reports it where tokio's spans do; else it follows
//! from a thread that polls a spawned task and is no worker, while there are workers. Limit: [`MAX_KEPT`] tasks are remembered, the newest.
//!
//! When the whole machine stands still for a second (a paused virtual machine, a closed lid), every poll of that moment has taken a second.
//! So one look is no finding, of a long poll or of a task that starves: it must have gone on from a first look to a later one.

use crate::{
    analysis::Analysis,
    id::TaskKey,
    store::{
        scheduler::{
            SAME_START_NS, StuckPoll, Worker, WorkerState,
            spent::{Judged, Spent},
        },
        task::{State, Task, TaskKind},
    },
};

/// Time between two looks at a poll.
const SEEN_FOR_NS: u64 = 100_000_000;
/// A poll of this length is believed without them: the program may look for stuck polls later, or not at all.
const BELIEVED_NS: u64 = 3_000_000_000;

impl Analysis<'_> {
    /// The poll that the task is in holds no worker.
    pub(crate) fn is_in_place(self, task: &Task) -> bool {
        let of_it = |(key, since_ns): (TaskKey, u64)| {
            key == task.key && since_ns.abs_diff(task.stats.state_since_ns) < SAME_START_NS
        };
        let mut in_place = self.store.scheduler.workers.iter().filter(|worker| worker.in_place);
        let is_reported = in_place.any(|worker| worker.task.is_some_and(|key| of_it((key, worker.since_ns))));
        task.stats.state == State::Running
            && (is_reported
                || task.facts.kind == TaskKind::Task && self.store.scheduler.out_of_place().any(of_it))
    }

    /// The poll that the task is in, if it holds its worker or thread and was seen to go on.
    pub(crate) fn held_poll(self, task: &Task) -> Option<Judged> {
        if task.stats.state != State::Running {
            return None;
        }
        let length_ns = task.state_age_ns(self.store.now_ns);
        let mut stuck = self.store.scheduler.stuck.iter();
        let stuck = stuck.find(|poll| poll.task == Some(task.key) && self.goes_on(poll));
        let judged = Judged { length_ns, spent: stuck.and_then(|poll| self.spent_so_far(poll)) };
        // Of futures and local tasks the poll around them is reported.
        let is_reported = self.store.scheduler.reported_ns.is_some()
            && matches!(task.facts.kind, TaskKind::Task | TaskKind::BlockOn);
        if !is_reported || self.is_believed(task) {
            // A poll without a report must have gone on at the frame before, too.
            let was_seen = self.store.scheduler.reported_ns.is_none() || self.has_waited_before(task);
            return (was_seen && !self.is_in_place(task)).then_some(judged);
        }
        stuck.filter(|poll| self.was_seen(poll)).map(|_| judged)
    }

    /// Where the time of a poll that goes on went up to now. The report is a while old; what came since went where the greater part had gone.
    pub(crate) fn spent_so_far(self, poll: &StuckPoll) -> Option<Spent> {
        let mut spent = poll.spent?;
        let reported_ns = self.store.scheduler.reported_ns.unwrap_or(self.store.now_ns);
        let since_ns = self.store.now_ns.saturating_sub(reported_ns.max(poll.started_ns));
        let Spent { cpu_ns, queued_ns, asleep_ns } = &mut spent;
        let most = if asleep_ns >= cpu_ns { asleep_ns } else { cpu_ns };
        let most = if *queued_ns > *most { queued_ns } else { most };
        *most = most.saturating_add(since_ns);
        Some(spent)
    }

    /// Whether the process reports its workers, and so what a poll holds; console-subscriber does not.
    pub(crate) fn reports_workers(self) -> bool {
        self.store.scheduler.reported_ns.is_some() || self.store.hello.taskscope_version.is_some()
    }

    /// A poll that was reported as stuck still is, as far as is known.
    pub(crate) fn goes_on(self, poll: &StuckPoll) -> bool {
        let task = poll.task.and_then(|key| self.store.task(key));
        let same = |task: &Task| {
            task.stats.state == State::Running
                && task.stats.state_since_ns.abs_diff(poll.started_ns) < SAME_START_NS
        };
        poll.ended_ns.is_none() && task.is_none_or(same)
    }

    /// A worker that was reported to poll is in that poll, as far as is known, a while after the first report.
    pub(crate) fn polls_on(self, worker: &Worker) -> bool {
        let task = worker.task.and_then(|key| self.store.task(key));
        let same = task.is_none_or(|task| {
            task.stats.state == State::Running
                && task.stats.state_since_ns.abs_diff(worker.since_ns) < SAME_START_NS
        });
        let seen = self.store.now_ns.saturating_sub(worker.reported_ns) >= SEEN_FOR_NS;
        worker.state == WorkerState::Polling && !worker.in_place && same && seen
    }

    /// The watchdog of the process found the thread in it, or it has gone on since the first report.
    pub(crate) fn was_seen(self, poll: &StuckPoll) -> bool {
        poll.captured_ns.is_some() || self.store.now_ns.saturating_sub(poll.reported_ns) >= SEEN_FOR_NS
    }

    /// The task waited at the frame before, too; where there was none, as in a first snapshot, there was but one look.
    pub(crate) fn has_waited_before(self, task: &Task) -> bool {
        self.store.before_ns == 0 || task.stats.state_since_ns <= self.store.before_ns
    }

    /// It is so old that it was there at the frame before, too.
    fn is_believed(self, task: &Task) -> bool {
        task.state_age_ns(self.store.now_ns) >= BELIEVED_NS && self.has_waited_before(task)
    }

    /// The task has had polls that held no worker: its longest may be one of them.
    pub(crate) fn was_in_place(self, task: &Task) -> bool {
        self.store.scheduler.in_place.contains(&task.key)
    }
}
