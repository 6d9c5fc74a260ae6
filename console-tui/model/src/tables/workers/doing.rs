//! What a worker does now, as its row and its screen show it.

use crate::{
    analysis::Analysis,
    id::{SiteId, TaskKey},
    screen::{Tone, table::Cell},
    severity::Severity,
    store::scheduler::{StuckPoll, Worker, WorkerState},
};

/// How serious a stuck poll is, by its length.
pub(crate) fn stuck_severity(store: Analysis<'_>, poll: &StuckPoll) -> Severity {
    let long = store.now_ns.saturating_sub(poll.started_ns) >= 1_000_000_000;
    if long { Severity::Critical } else { Severity::Warning }
}

/// The task that a worker polls.
pub(crate) fn polled(worker: &Worker, stuck: Option<&StuckPoll>) -> Option<TaskKey> {
    stuck.and_then(|poll| poll.task).or(worker.task)
}

/// What it does, in a word, and since when.
pub(crate) fn doing(store: Analysis<'_>, worker: &Worker) -> (Cell, Option<u64>) {
    if let Some(poll) = store.scheduler.stuck_on(worker.thread) {
        return (Cell::new("blocked", Tone::from(stuck_severity(store, poll))), Some(poll.started_ns));
    }
    let tone = match worker.state {
        WorkerState::Polling => Tone::Running,
        WorkerState::Searching => Tone::Scheduled,
        WorkerState::Parked | WorkerState::DrivingIo => Tone::Idle,
        WorkerState::Unknown => Tone::Unknown,
    };
    match worker.state.word() {
        // Memory does not show since when.
        Some(word) => (Cell::new(word, tone), Some(worker.since_ns).filter(|_| !store.hello.is_memory())),
        None => (Cell::unknown(), None),
    }
}

/// The task that it polls, as a cell that leads there.
pub(crate) fn task_cell(store: Analysis<'_>, worker: &Worker, stuck: Option<&StuckPoll>) -> Cell {
    if stuck.is_none()
        && matches!(worker.state, WorkerState::Parked | WorkerState::Searching | WorkerState::DrivingIo)
    {
        return Cell::new("nothing", Tone::Dim);
    }
    if stuck.is_none() && worker.state == WorkerState::Unknown {
        return Cell::unknown();
    }
    let site = stuck.map_or(SiteId::NONE, |poll| poll.site);
    Cell::new(store.polled_words(polled(worker, stuck), site), Tone::Link)
}
