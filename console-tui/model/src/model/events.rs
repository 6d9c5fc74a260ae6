//! Every event of every task, as `taskscope events` prints them.
//!
//! Invariant: a frame whose columns differ in length is an error, as in the other columns; names are of this moment, so an event of
//! a task that was never reported has none.

use serde::Serialize;
use taskscope_proto::{
    columns::ColumnError,
    rows,
    v1::{EventColumns, EventKind},
};

use super::Model;
use crate::id::TaskKey;

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
#[error("the events of a frame make no sense: {0}")]
pub struct EventsError(#[from] ColumnError);

impl Model {
    /// The events of a frame that the model has taken in, in words.
    ///
    /// # Errors
    /// The columns are not of one length.
    pub fn event_lines(&self, events: &EventColumns) -> Result<Vec<EventLine>, EventsError> {
        let store = self.context().map(|at| at.store);
        let mut at_ns = 0_i64;
        let lines = rows::events(events)?.map(|row| {
            at_ns = at_ns.saturating_add(row.at_delta_ns);
            let key = TaskKey { slot: row.slot, generation: row.generation };
            EventLine {
                at_ns: u64::try_from(at_ns).unwrap_or(0),
                event: kind(row.kind),
                slot: key.slot,
                generation: key.generation,
                task: store.and_then(|store| Some(store.task_words(store.task(key)?))),
                by: store.and_then(|store| store.waker_words(row.by.into())),
            }
        });
        Ok(lines.collect())
    }
}

fn kind(kind: EventKind) -> Option<&'static str> {
    match kind {
        EventKind::PollStart => Some("poll_start"),
        EventKind::PollEnd => Some("poll_end"),
        EventKind::Wake => Some("wake"),
        EventKind::Unspecified => None,
    }
}
