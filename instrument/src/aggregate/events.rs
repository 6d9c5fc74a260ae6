//! Every poll and wake of every task, for consoles that asked for all of them.
//!
//! Invariant: what a console did not get is counted for it: events that a thread's ring refused, and those that its own queue refused.
//! Limit: [`MAX_QUEUED_EVENTS`] a console, 32 bytes each; a console that reads too slowly loses the newest.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use taskscope_proto::{limits, v1};
use taskscope_recorder::{Event, EventKind, TaskId, Waker};

use super::{Hub, lock, rows};

/// Events that wait for a console: some 50 ms of five million a second.
const MAX_QUEUED_EVENTS: usize = 1 << 18;

/// How often the threads' rings are emptied while somebody wants all events.
pub(crate) const DRAIN_INTERVAL: Duration = Duration::from_millis(5);
/// The same while somebody looks at a task: a narrow ring then takes 80,000 events a second of those tasks, a thread.
pub(crate) const WATCH_DRAIN_INTERVAL: Duration = Duration::from_millis(25);

/// What waits for one console.
#[derive(Debug, Default)]
pub(super) struct Queue {
    events: VecDeque<Event>,
    lost: u64,
}

impl Queue {
    pub(super) fn push(&mut self, event: Event) {
        // How many were lost is told; where, is nothing for a list of all tasks.
        if event.kind == EventKind::Gap {
            return;
        }
        if self.events.len() == MAX_QUEUED_EVENTS {
            self.lost += 1;
        } else {
            self.events.push_back(event);
        }
    }
}

/// A console's wish for all events.
#[derive(Debug)]
pub(super) struct EventStream {
    queue: Arc<Mutex<Queue>>,
    /// The recorder's losses when it began.
    lost_before: u64,
    lost_told: u64,
    /// Events that were there when the round began: it ends with them, however fast new ones come.
    in_round: usize,
}

impl EventStream {
    pub(super) fn open(hub: &Hub) -> Self {
        let queue = Arc::new(Mutex::new(Queue::default()));
        lock(&hub.streams).push(Arc::clone(&queue));
        let recorder = hub.handle.recorder();
        let lost_before = recorder.losses().lost_events;
        recorder.watch_all(true);
        Self { queue, lost_before, lost_told: 0, in_round: 0 }
    }

    pub(super) fn close(self, hub: &Hub) {
        let mut streams = lock(&hub.streams);
        streams.retain(|queue| !Arc::ptr_eq(queue, &self.queue));
        if streams.is_empty() {
            let recorder = hub.handle.recorder();
            recorder.watch_all(false);
            drop(streams);
            if lock(&hub.watched).is_empty() {
                recorder.watch_none();
            }
        }
    }

    pub(super) fn begin_round(&mut self, hub: &Hub) {
        drop(hub.drain());
        let mut queue = lock(&self.queue);
        // Threads are drained one after the other.
        queue.events.make_contiguous().sort_by_key(|event| event.at);
        self.in_round = queue.events.len();
    }

    pub(super) fn is_done(&self) -> bool {
        self.in_round == 0
    }

    /// The next events of the round; `None`: nothing new.
    pub(super) fn next(&mut self, hub: &Hub) -> Option<v1::EventColumns> {
        let recorder = hub.handle.recorder();
        let mut queue = lock(&self.queue);
        let lost = queue.lost + (recorder.losses().lost_events - self.lost_before);
        let count = self.in_round.min(limits::MAX_STREAMED_EVENTS);
        if count == 0 && lost == self.lost_told {
            return None;
        }
        self.in_round -= count;
        self.lost_told = lost;
        let mut columns = v1::EventColumns { lost, ..v1::EventColumns::default() };
        let mut last_ns = 0;
        for event in queue.events.drain(..count) {
            let Some(task) = TaskId::from_u64(event.task) else { continue };
            let at_ns = i64::try_from(recorder.clock().since_start_ns(event.at)).unwrap_or(i64::MAX);
            columns.slot.push(task.index());
            columns.generation.push(task.generation());
            columns.kind.push(kind(event.kind).into());
            columns.at_delta_ns.push(at_ns - last_ns);
            columns.by.push(rows::waker(Waker::from_u64(event.by)).encode());
            last_ns = at_ns;
        }
        Some(columns)
    }
}

pub(super) fn kind(kind: EventKind) -> v1::EventKind {
    match kind {
        EventKind::PollStart => v1::EventKind::PollStart,
        EventKind::PollEnd => v1::EventKind::PollEnd,
        EventKind::Wake => v1::EventKind::Wake,
        EventKind::Gap => v1::EventKind::Unspecified,
    }
}
