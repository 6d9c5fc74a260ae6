//! Every event of every task, as `taskscope events` prints them.
//!
//! Invariant: a frame whose columns differ in length is an error, as in the other columns; names are of this moment, so an event of
//! a task that was never told has none.

use serde::Serialize;
use taskscope_proto::{
    agent::AgentRef,
    v1::{EventColumns, EventKind},
};

use super::Model;
use crate::{analysis::Analysis, id::TaskKey, store::task::Agent};

/// One line of `taskscope events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventLine {
    /// When, in nanoseconds since the recorder started.
    pub at_ns: u64,
    /// `poll_start`, `poll_end`, `wake`; `None`: of a kind that this client does not know.
    pub event: Option<&'static str>,
    /// The task's slot, and how often the slot was used: together they name it for good.
    pub slot: u32,
    /// See `slot`.
    pub generation: u32,
    /// Name and number, as on the screen; `None`: it came and went between two frames.
    pub task: Option<String>,
    /// For polls the thread, for wakes who woke it; `None`: unknown.
    pub by: Option<String>,
}

/// Why the events of a frame can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("columns of events differ in length")]
pub struct EventsError;

impl Model {
    /// The events of a frame that the model has taken in, in words.
    ///
    /// # Errors
    /// The columns are not of one length.
    pub fn event_lines(&self, events: &EventColumns) -> Result<Vec<EventLine>, EventsError> {
        let rows = events.slot.len();
        let lengths = [events.generation.len(), events.kind.len(), events.at_delta_ns.len(), events.by.len()];
        if lengths.iter().any(|length| *length != rows) {
            return Err(EventsError);
        }
        let store = self.store();
        let mut at_ns = 0_i64;
        let lines = (0..rows).map(|row| {
            at_ns = at_ns.saturating_add(events.at_delta_ns[row]);
            let key = TaskKey { slot: events.slot[row], generation: events.generation[row] };
            EventLine {
                at_ns: u64::try_from(at_ns).unwrap_or(0),
                event: kind(events.kind[row]),
                slot: key.slot,
                generation: key.generation,
                task: store.and_then(|store| Some(store.task_words(store.task(key)?))),
                by: store.and_then(|store| by(store, events.by[row])),
            }
        });
        Ok(lines.collect())
    }
}

fn kind(kind: i32) -> Option<&'static str> {
    match EventKind::try_from(kind) {
        Ok(EventKind::PollStart) => Some("poll_start"),
        Ok(EventKind::PollEnd) => Some("poll_end"),
        Ok(EventKind::Wake) => Some("wake"),
        Ok(EventKind::Unspecified) | Err(_) => None,
    }
}

fn by(store: Analysis<'_>, code: u64) -> Option<String> {
    store.waker_words(match AgentRef::decode(code) {
        AgentRef::Unknown => Agent::Unknown,
        AgentRef::Thread(index) => Agent::Thread(index),
        AgentRef::Task { slot, generation } => Agent::Task(TaskKey { slot, generation }),
    })
}
