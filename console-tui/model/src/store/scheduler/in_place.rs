//! Polls that are allowed to block: `block_in_place` gave the worker's place to another thread before.
//!
//! The process does not tell it of a poll. It follows from a thread that polls a spawned task and is no worker, while there are workers:
//! it was one when the poll began. Limit: [`MAX_KEPT`] tasks are remembered, the newest.

use std::collections::VecDeque;

use crate::{
    id::TaskKey,
    store::{
        Store,
        scheduler::{SAME_START_NS, Scheduler, WorkerState},
        task::{Kind, State, Task},
    },
};

/// Tasks of which it is remembered that they have done so.
const MAX_KEPT: usize = 1024;

/// The tasks that were seen to block in place.
pub(crate) type InPlace = VecDeque<TaskKey>;

impl Scheduler {
    /// The tasks that are polled by threads without a place, and since when.
    fn out_of_place(&self) -> impl Iterator<Item = (TaskKey, u64)> {
        let has_workers = self.workers.iter().any(|worker| worker.key.runtime > 0);
        let threads = self.workers.iter().filter(move |worker| has_workers && worker.key.runtime == 0);
        let polling = threads.filter(|thread| thread.state == WorkerState::Polling);
        polling.filter_map(|thread| Some((thread.task?, thread.since_ns)))
    }
}

impl Store {
    /// Remembers who blocks in place, as the scheduler was told just now.
    pub(crate) fn remember_in_place(&mut self) {
        let spawned = |key: &TaskKey| self.task(*key).is_some_and(|task| task.facts.kind == Kind::Task);
        let known = &self.scheduler.in_place;
        let polled = self.scheduler.out_of_place().map(|(key, _)| key);
        let new: Vec<TaskKey> = polled.filter(|key| !known.contains(key) && spawned(key)).collect();
        let in_place = &mut self.scheduler.in_place;
        in_place.extend(new);
        in_place.drain(..in_place.len().saturating_sub(MAX_KEPT));
    }

    /// The poll that the task is in holds no worker.
    pub(crate) fn is_in_place(&self, task: &Task) -> bool {
        let of_it = |(key, since_ns): (TaskKey, u64)| {
            key == task.key && since_ns.abs_diff(task.stats.state_since_ns) < SAME_START_NS
        };
        task.facts.kind == Kind::Task
            && task.stats.state == State::Running
            && self.scheduler.out_of_place().any(of_it)
    }

    /// The task has had polls that held no worker: its longest may be one of them.
    pub(crate) fn was_in_place(&self, task: &Task) -> bool {
        self.scheduler.in_place.contains(&task.key)
    }
}
