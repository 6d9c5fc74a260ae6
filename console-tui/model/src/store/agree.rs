//! The end of a round: what was read of one thing at several places agrees.
//!
//! Invariants, after each round: a worker or a stuck poll is in a poll only if its task is in that poll; of a site, the tasks that were
//! spawned are those that ended and those that are alive, and of the process likewise. The rows of the tasks have the last word: a server
//! reads them together with the workers, but one that knows no rounds does not.

use crate::store::{
    Store,
    scheduler::{SAME_START_NS, WorkerState},
    task::{State, Task},
};

impl Store {
    /// All frames of a round are applied.
    pub(crate) fn end_round(&mut self) {
        let has_untracked = self.alive() > self.live().len();
        for site in self.sites.iter_mut() {
            site.has_untracked = has_untracked;
            site.end_round();
        }
        let mut workers = std::mem::take(&mut self.scheduler.workers);
        for worker in workers.iter_mut().filter(|worker| worker.state == WorkerState::Polling) {
            let Some(task) = worker.task.and_then(|key| self.task(key)) else { continue };
            if is_in_poll(task, worker.since_ns) {
                // To the nanosecond: each is rounded by itself.
                worker.since_ns = task.stats.state_since_ns;
            } else {
                // It is between two polls.
                (worker.state, worker.task, worker.since_ns) = (WorkerState::Searching, None, self.now_ns);
            }
        }
        self.scheduler.workers = workers;
        let mut stuck = std::mem::take(&mut self.scheduler.stuck);
        for poll in stuck.iter_mut().filter(|poll| poll.ended_ns.is_none()) {
            let task = poll.task.and_then(|key| self.task(key));
            if task.is_some_and(|task| !is_in_poll(task, poll.started_ns)) {
                poll.ended_ns = Some(self.now_ns);
            }
        }
        self.scheduler.stuck = stuck;
    }
}

/// The task is in the poll that began at this time.
fn is_in_poll(task: &Task, since_ns: u64) -> bool {
    let same_start = task.stats.state_since_ns.abs_diff(since_ns) < SAME_START_NS;
    // Memory does not show since when.
    task.stats.state == State::Running && (same_start || task.facts.knows.looks_alone)
}
