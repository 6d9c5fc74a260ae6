//! Tasks whose polls gave their worker's place away (`block_in_place`).
//!
//! Limit: [`MAX_KEPT`] tasks are remembered, the newest.

use std::collections::VecDeque;

use crate::{
    id::TaskKey,
    store::{
        Store,
        scheduler::{Scheduler, WorkerState},
        task::TaskKind,
    },
};

/// Tasks of which it is remembered that they have done so.
const MAX_KEPT: usize = 1024;

/// The tasks that were seen to block in place.
pub(crate) type InPlace = VecDeque<TaskKey>;

impl Scheduler {
    /// The tasks that are polled by threads without a place, and since when.
    pub(crate) fn out_of_place(&self) -> impl Iterator<Item = (TaskKey, u64)> {
        let has_workers = self.workers.iter().any(|worker| worker.key.runtime > 0);
        let threads = self.workers.iter().filter(move |worker| has_workers && worker.key.runtime == 0);
        let polling = threads.filter(|thread| thread.state == WorkerState::Polling);
        polling.filter_map(|thread| Some((thread.task?, thread.since_ns)))
    }
}

impl Store {
    /// Remembers who blocks in place, after a report of the scheduler.
    pub(crate) fn remember_in_place(&mut self) {
        let spawned = |key: &TaskKey| self.task(*key).is_some_and(|task| task.facts.kind == TaskKind::Task);
        let known = &self.scheduler.in_place;
        let polled = self.scheduler.out_of_place().map(|(key, _)| key);
        let new: Vec<TaskKey> = polled.filter(|key| !known.contains(key) && spawned(key)).collect();
        let in_place = &mut self.scheduler.in_place;
        in_place.extend(new);
        in_place.drain(..in_place.len().saturating_sub(MAX_KEPT));
    }
}
