//! Every poll and wake of every task, for consoles that asked for all of them.
//!
//! Invariant: what a console did not get is counted for it: events that a thread's ring refused, and those that its own queue refused.
//! Limit: [`MAX_QUEUED_EVENTS`] a console, 32 bytes each; a console that reads too slowly loses the newest.
//!
//! A queue's memory is mapped by itself and goes back to the system with the stream. From the allocator it would stay the program's: freeing
//! a block of 8 MiB makes glibc keep up to 64 MiB from then on.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use memmap2::MmapMut;
use taskscope_proto::{
    limits,
    rows::{EventRow, Row as _},
    v1,
};
use taskscope_recorder::{Agent, Event, EventKind, TaskId};

use super::{Hub, lock, rows};

/// Events that wait for a console: some 50 ms of five million a second. 8 MiB, of which the system gives the pages that are used.
const MAX_QUEUED_EVENTS: usize = 1 << 18;
/// Events of a frame: with its columns below the size from which allocators map memory, and far below [`limits::MAX_STREAMED_EVENTS`].
const EVENTS_A_FRAME: usize = 4096;
const _: () = assert!(EVENTS_A_FRAME <= limits::MAX_STREAMED_EVENTS);

/// How often the threads' rings are emptied while a console wants all events.
pub(crate) const DRAIN_INTERVAL: Duration = Duration::from_millis(5);
/// The same while a console looks at a task: a narrow ring then takes 80,000 events a second of those tasks, a thread.
pub(crate) const WATCH_DRAIN_INTERVAL: Duration = Duration::from_millis(25);

/// An event as it is kept: [`Event::to_words`], with its number above the kind: of two at the same time the earlier one is first.
type Words = [u64; 4];
const KIND_BITS: u32 = 8;

/// What waits for one console.
#[derive(Debug)]
pub(super) struct Queue {
    /// `None`: the system has no memory; all events are lost, then, and counted.
    memory: Option<MmapMut>,
    /// Events before this were taken.
    first: usize,
    end: usize,
    /// The most that `end` ever was: so much was touched.
    most: usize,
    /// Events ever pushed.
    pushed: u64,
    lost: u64,
}

impl Queue {
    fn new() -> Self {
        let memory = MmapMut::map_anon(MAX_QUEUED_EVENTS * size_of::<Words>()).ok();
        Self { memory, first: 0, end: 0, most: 0, pushed: 0, lost: 0 }
    }

    pub(super) fn push(&mut self, event: Event) {
        // How many were lost is sent; where they were lost has no place in a list of all tasks.
        if event.kind == EventKind::Gap {
            return;
        }
        let (end, pushed) = (self.end, self.pushed);
        let Some(place) = self.words().get_mut(end) else {
            self.lost += 1;
            return;
        };
        let [at, task, kind, by] = event.to_words();
        *place = [at, task, kind | pushed << KIND_BITS, by];
        self.pushed += 1;
        self.end += 1;
        self.most = self.most.max(self.end);
    }

    /// Makes room behind those that wait, and sorts them. Returns how many there are.
    fn sort(&mut self) -> usize {
        let (first, end) = (self.first, self.end);
        let words = self.words();
        words.copy_within(first..end, 0);
        // Threads are drained one after the other. A stable sort would ask the allocator for as much memory again.
        words[..end - first].sort_unstable_by_key(|[at, _, kind, _]| (*at, *kind));
        (self.first, self.end) = (0, end - first);
        self.end
    }

    /// Takes the oldest.
    fn take(&mut self, count: usize) -> impl Iterator<Item = Event> {
        let first = self.first;
        self.first = (first + count).min(self.end);
        let taken = first..self.first;
        self.words()[taken]
            .iter()
            .map(|[at, task, kind, by]| Event::from_words([*at, *task, kind & ((1 << KIND_BITS) - 1), *by]))
    }

    fn words(&mut self) -> &mut [Words] {
        self.memory.as_mut().map_or(&mut [], |memory| bytemuck::cast_slice_mut(&mut memory[..]))
    }

    /// Bytes that the system gave.
    pub(super) fn memory_bytes(&self) -> usize {
        self.most * size_of::<Words>()
    }
}

/// A console's wish for all events.
#[derive(Debug)]
pub(super) struct EventStream {
    queue: Arc<Mutex<Queue>>,
    /// The recorder's losses when it began.
    lost_before: u64,
    lost_sent: u64,
    /// Events that were there when the round began: it ends with them, however fast new ones come.
    in_round: usize,
}

impl EventStream {
    pub(super) fn open(hub: &Hub) -> Self {
        let queue = Arc::new(Mutex::new(Queue::new()));
        lock(&hub.streams).push(Arc::clone(&queue));
        let recorder = hub.handle.recorder();
        let lost_before = recorder.losses().lost_events;
        recorder.timelines.watch_all(true);
        Self { queue, lost_before, lost_sent: 0, in_round: 0 }
    }

    pub(super) fn close(self, hub: &Hub) {
        let mut streams = lock(&hub.streams);
        streams.retain(|queue| !Arc::ptr_eq(queue, &self.queue));
        if streams.is_empty() {
            let recorder = hub.handle.recorder();
            recorder.timelines.watch_all(false);
            drop(streams);
            if lock(&hub.watched).is_empty() {
                recorder.timelines.watch_none();
            }
        }
    }

    pub(super) fn begin_round(&mut self, hub: &Hub) {
        drop(hub.drain());
        self.in_round = lock(&self.queue).sort();
    }

    pub(super) fn is_done(&self) -> bool {
        self.in_round == 0
    }

    /// The next events of the round; `None`: nothing new.
    pub(super) fn next(&mut self, hub: &Hub) -> Option<v1::EventColumns> {
        let recorder = hub.handle.recorder();
        let mut queue = lock(&self.queue);
        let lost = queue.lost + (recorder.losses().lost_events - self.lost_before);
        let count = self.in_round.min(EVENTS_A_FRAME);
        if count == 0 && lost == self.lost_sent {
            return None;
        }
        self.in_round -= count;
        self.lost_sent = lost;
        let mut columns = v1::EventColumns {
            slot: Vec::with_capacity(count),
            generation: Vec::with_capacity(count),
            kind: Vec::with_capacity(count),
            at_delta_ns: Vec::with_capacity(count),
            by: Vec::with_capacity(count),
            lost,
        };
        let mut last_ns = 0;
        for event in queue.take(count) {
            let Some(task) = TaskId::from_u64(event.task) else { continue };
            let at_ns = i64::try_from(recorder.clock().since_start_ns(event.at)).unwrap_or(i64::MAX);
            let row = EventRow {
                slot: task.index(),
                generation: task.generation(),
                kind: kind(event.kind),
                at_delta_ns: at_ns - last_ns,
                by: rows::agent(Agent::from_u64(event.by)),
            };
            row.push(&mut columns);
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
