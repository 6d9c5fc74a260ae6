//! Timelines: events of the few tasks that clients watch.
//!
//! Tokio enters a task's span once more to drop its future, and that is no poll. It does so without a wake, or right after the last poll on the
//! same thread. So such an entry is held back until the next one begins, which shows that it was a poll; the last one is never reported, as it is
//! never counted. Limit: a task that is aborted before its first poll, or a thread that loses its CPU right there, has one poll too many.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{
        AtomicBool, AtomicU64,
        Ordering::{Acquire, Relaxed},
        fence,
    },
};

use crate::{
    clock::{Clock, Ticks},
    id::TaskId,
    ring::{self, Event, EventKind, Ring},
    task::{Task, flag},
    thread,
};

/// How long tokio takes at most from the end of a poll to the drop of its future.
const AT_ONCE_NS: u64 = 20_000;

/// The timelines of a recorder's tasks, as events of all threads.
#[derive(Debug)]
pub struct Timelines {
    /// The recorder's, for what threads remember.
    unique: u64,
    clock: Clock,
    /// An entry this soon after the last poll may be none.
    at_once_ticks: Ticks,
    /// Any of them, or all.
    watching: AtomicBool,
    watching_all: AtomicBool,
    rings: Mutex<Vec<Arc<Ring>>>,
    lost_in_gone_rings: AtomicU64,
}

impl Timelines {
    pub(super) fn new(unique: u64, clock: Clock) -> Self {
        Self {
            unique,
            at_once_ticks: clock.ticks_of_ns(AT_ONCE_NS),
            clock,
            watching: AtomicBool::new(false),
            watching_all: AtomicBool::new(false),
            rings: Mutex::new(Vec::new()),
            lost_in_gone_rings: AtomicU64::new(0),
        }
    }

    /// Whether the poll path has to look for events at all.
    #[inline]
    pub(super) fn are_watched(&self) -> bool {
        self.watching.load(Relaxed)
    }

    /// Records the timeline of this task, or stops.
    pub(super) fn watch(&self, task: &Task, on: bool) {
        if on {
            task.flags.fetch_or(flag::WATCHED, Relaxed);
            self.watching.store(true, Relaxed);
        } else {
            task.flags.fetch_and(!flag::WATCHED, Relaxed);
        }
    }

    /// Records every event of every task, or no longer: some 15 ns each, and 16,384 events a thread between two drains.
    pub fn watch_all(&self, on: bool) {
        self.watching_all.store(on, Relaxed);
        if on {
            self.watching.store(true, Relaxed);
        }
    }

    /// No timeline is watched any more: the poll path stops looking, and the threads' rings are freed. An event that a thread is writing at
    /// this moment is discarded.
    pub fn watch_none(&self) {
        self.watching.store(false, Relaxed);
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        for ring in rings.drain(..) {
            self.lost_in_gone_rings.fetch_add(ring.lost(), Relaxed);
        }
    }

    /// Takes the events of all threads, thread by thread; after those of a ring that was full comes an [`EventKind::Gap`]. For one reader's
    /// thread at a time.
    pub fn drain(&self, mut take: impl FnMut(Event)) {
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        rings.retain(|ring| {
            // Looked at before the last pop: a thread that ends after this is drained at the next round.
            let gone = is_of_no_thread(ring);
            let mut last = 0;
            while let Some(event) = ring.pop() {
                last = event.at;
                take(event);
            }
            if ring.has_lost_more() {
                take(Event { at: self.clock.ticks(), task: 0, kind: EventKind::Gap, by: last });
            }
            if gone {
                self.lost_in_gone_rings.fetch_add(ring.lost(), Relaxed);
            }
            !gone
        });
    }

    /// A poll begins, or an entry that may be no poll. Called before the task's slot changes.
    #[cold]
    pub(super) fn entry_event(&self, task: &Task, id: TaskId, is_unwoken: bool, at: Ticks, thread: u32) {
        let flags = task.flags.load(Relaxed);
        if flags & flag::HELD_BACK != 0 {
            task.flags.fetch_and(!flag::HELD_BACK, Relaxed);
            let by = u64::from(task.thread.load(Relaxed));
            self.event(task, id, EventKind::PollStart, task.started.load(Relaxed), by);
            self.event(task, id, EventKind::PollEnd, task.ended.load(Relaxed), by);
        }
        let ended = task.ended.load(Relaxed);
        let is_at_once =
            u32::from(task.thread.load(Relaxed)) == thread && at.saturating_sub(ended) <= self.at_once_ticks;
        let is_first = task.enters.load(Relaxed) == 0;
        if !is_first && (is_unwoken || is_at_once) && flags & flag::TRACED != 0 {
            task.flags.fetch_or(flag::HELD_BACK, Relaxed);
        } else {
            self.event(task, id, EventKind::PollStart, at, u64::from(thread));
        }
    }

    /// A poll ends.
    #[cold]
    pub(super) fn exit_event(&self, task: &Task, id: TaskId, at: Ticks, thread: u32) {
        if task.flags.load(Relaxed) & flag::HELD_BACK == 0 {
            self.event(task, id, EventKind::PollEnd, at, u64::from(thread));
        }
    }

    pub(super) fn event(&self, task: &Task, id: TaskId, kind: EventKind, at: Ticks, by: u64) {
        let all = self.watching_all.load(Relaxed);
        if !all && task.flags.load(Relaxed) & flag::WATCHED == 0 {
            return;
        }
        let make = || {
            let capacity = if all { ring::WIDE_CAPACITY } else { ring::CAPACITY };
            let ring = Arc::new(Ring::new(capacity));
            self.rings.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&ring));
            ring
        };
        // A thread has a ring for each need: the narrow one would lose most of all events.
        thread::with_ring(self.unique << 1 | u64::from(all), make, |ring| {
            ring.push(Event { at, task: id.to_u64(), kind, by });
        });
    }

    /// Events refused by a full ring.
    pub(super) fn lost(&self) -> u64 {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let lost: u64 = rings.iter().map(|ring| ring.lost()).sum();
        lost + self.lost_in_gone_rings.load(Relaxed)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        rings.iter().map(|ring| ring.memory_bytes()).sum()
    }
}

/// The thread that had it is gone: it keeps a weak reference as long as it lives, and a strong one while it makes that.
fn is_of_no_thread(ring: &Arc<Ring>) -> bool {
    if Arc::strong_count(ring) > 1 {
        return false;
    }
    // Whoever sees the strong reference dropped sees the weak one that was made before.
    fence(Acquire);
    Arc::weak_count(ring) == 0
}
