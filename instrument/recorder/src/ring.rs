//! A single-producer, single-consumer ring of timeline events, one a thread.
//!
//! Invariant: only the owning thread pushes, only the drainer pops. A push into a full ring is refused and counted, exactly; nothing ever
//! waits. The slots are plain atomics (on the usual machines the same instructions as ordinary stores), so no `unsafe` is
//! needed; `tests/loom.rs` checks the order.
//! Cost: 32 bytes an event; 64 KiB a thread that records timelines, 512 KiB one that records everything; about 5 ns a push beside the clock. The
//! memory is there from a thread's first watched event until no timeline is watched.

use crate::{
    clock::Ticks,
    sync::{AtomicU64, AtomicUsize, Ordering},
};

/// Events a thread's ring holds; a power of two.
pub(crate) const CAPACITY: usize = 2048;
/// The same where every event of every task is recorded: drained each 5 ms, it takes three million events a second.
pub(crate) const WIDE_CAPACITY: usize = 16_384;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    /// A poll began.
    PollStart = 1,
    /// A poll ended.
    PollEnd = 2,
    /// The task was woken.
    Wake = 3,
    /// Events of a thread were lost, since the time in `by` and up to now. It stands in no ring: a drain makes it.
    Gap = 4,
}

/// One entry of a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Ticks,
    /// The task's id, as a word.
    pub task: u64,
    /// What.
    pub kind: EventKind,
    /// For wakes the waker, for polls the thread; see [`crate::Agent`].
    pub by: u64,
}

impl Event {
    /// As four words, for a memory of one's own.
    pub fn to_words(self) -> [u64; 4] {
        [self.at, self.task, self.kind as u64, self.by]
    }

    /// What [`Event::to_words`] gave.
    pub fn from_words([at, task, kind, by]: [u64; 4]) -> Self {
        let kind = match kind {
            1 => EventKind::PollStart,
            2 => EventKind::PollEnd,
            _ => EventKind::Wake,
        };
        Self { at, task, kind, by }
    }
}

/// The ring itself.
#[derive(Debug)]
pub struct Ring {
    /// Events pushed ever; written by the producer.
    tail: AtomicUsize,
    /// Events popped ever; written by the consumer.
    head: AtomicUsize,
    lost: AtomicU64,
    /// Of the lost, those already reported to the consumer.
    reported: AtomicU64,
    words: Box<[[AtomicU64; 4]]>,
}

impl Ring {
    /// An empty ring for `capacity` events, a power of two.
    pub fn new(capacity: usize) -> Self {
        debug_assert!(capacity.is_power_of_two());
        Self {
            tail: AtomicUsize::new(0),
            head: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
            reported: AtomicU64::new(0),
            words: (0..capacity).map(|_| std::array::from_fn(|_| AtomicU64::new(0))).collect(),
        }
    }

    /// Adds an event; a full ring counts it as lost. Producer only.
    pub fn push(&self, event: Event) {
        let tail = self.tail.load(Ordering::Relaxed);
        if tail.wrapping_sub(self.head.load(Ordering::Acquire)) >= self.words.len() {
            self.lost.store(self.lost.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            return;
        }
        let words = &self.words[tail & (self.words.len() - 1)];
        for (place, word) in words.iter().zip(event.to_words()) {
            place.store(word, Ordering::Relaxed);
        }
        self.tail.store(tail.wrapping_add(1), Ordering::Release);
    }

    /// Takes the oldest event. Consumer only.
    pub fn pop(&self) -> Option<Event> {
        let head = self.head.load(Ordering::Relaxed);
        if head == self.tail.load(Ordering::Acquire) {
            return None;
        }
        let words = &self.words[head & (self.words.len() - 1)];
        let event = Event::from_words(std::array::from_fn(|at| words[at].load(Ordering::Relaxed)));
        self.head.store(head.wrapping_add(1), Ordering::Release);
        Some(event)
    }

    /// Whether events were refused since the last call. Consumer only.
    pub(crate) fn has_lost_more(&self) -> bool {
        let lost = self.lost();
        let before = self.reported.load(Ordering::Relaxed);
        self.reported.store(lost, Ordering::Relaxed);
        lost != before
    }

    /// Bytes of its events.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val::<[_]>(&self.words)
    }

    /// Events refused ever.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}
