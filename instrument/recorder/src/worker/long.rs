//! The last long polls of a thread: a ring that overwrites its oldest, as the newest show who is to blame now.
//!
//! Invariant: one writer, the thread; any number of readers, each with a position of its own. A reader never gets a torn entry: each has a
//! number that is taken away while it is written (`tests/loom.rs`). Limit: [`CAPACITY`] polls of a millisecond or more; with a look four
//! times a second nothing is lost.

use super::spent::Spent;
use crate::{
    clock::Ticks,
    sync::{AtomicU64, Ordering, fence},
};

/// Polls kept a thread; a power of two.
const CAPACITY: usize = 256;

/// Words of an entry.
const WORDS: usize = 7;
/// Of these, those that loom looks at: each is written and read alike, and each doubles what there is to try.
const LOOKED_AT: usize = if cfg!(loom) { 4 } else { WORDS };
/// Flags of an entry, above the number of its place.
const MEASURED: u64 = 1 << 32;
const IN_PLACE: u64 = 1 << 33;

/// A poll that took long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongPoll {
    /// The task's id, as a word: the task itself may be gone.
    pub task: u64,
    /// Number of the place where it was spawned; 0: unknown.
    pub site: u32,
    /// When the poll began.
    pub started: Ticks,
    /// When it ended.
    pub ended: Ticks,
    /// Where its time went; `None`: too short to be measured, or the kernel does not count it.
    pub spent: Option<Spent>,
    /// It gave its worker's place away (`block_in_place`): it may block.
    pub in_place: bool,
}

/// The ring.
#[derive(Debug)]
pub struct LongPolls {
    /// Polls ever written.
    count: AtomicU64,
    entries: Box<[Entry]>,
}

#[derive(Debug)]
struct Entry {
    /// Which poll is here, plus one; 0: it is being written.
    number_plus1: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl LongPoll {
    fn words(&self) -> [u64; WORDS] {
        let Spent { cpu_ns, queued_ns, asleep_ns } = self.spent.unwrap_or_default();
        let measured = if self.spent.is_some() { MEASURED } else { 0 };
        let in_place = if self.in_place { IN_PLACE } else { 0 };
        let facts = u64::from(self.site) | measured | in_place;
        [self.task, facts, self.started, self.ended, cpu_ns, queued_ns, asleep_ns]
    }

    fn from_words([task, facts, started, ended, cpu_ns, queued_ns, asleep_ns]: [u64; WORDS]) -> Self {
        let spent = (facts & MEASURED != 0).then_some(Spent { cpu_ns, queued_ns, asleep_ns });
        Self { task, site: facts as u32, started, ended, spent, in_place: facts & IN_PLACE != 0 }
    }
}

impl Default for LongPolls {
    fn default() -> Self {
        Self::new(CAPACITY)
    }
}

impl LongPolls {
    /// An empty ring for `capacity` polls.
    pub fn new(capacity: usize) -> Self {
        let entry =
            || Entry { number_plus1: AtomicU64::new(0), words: std::array::from_fn(|_| AtomicU64::new(0)) };
        Self { count: AtomicU64::new(0), entries: (0..capacity).map(|_| entry()).collect() }
    }

    /// Adds a poll. The ring's thread only.
    pub fn push(&self, poll: LongPoll) {
        let number = self.count.load(Ordering::Relaxed);
        let entry = self.entry(number);
        entry.number_plus1.store(0, Ordering::Relaxed);
        // Whoever sees a new word below also sees that the number is gone.
        fence(Ordering::Release);
        let words = poll.words();
        for (place, word) in entry.words.iter().zip(words).take(LOOKED_AT) {
            place.store(word, Ordering::Relaxed);
        }
        entry.number_plus1.store(number + 1, Ordering::Release);
        self.count.store(number + 1, Ordering::Release);
    }

    /// Gives the polls from number `from` on; returns the next number and how many were overwritten unread.
    pub fn since(&self, from: u64, mut take: impl FnMut(LongPoll)) -> (u64, u64) {
        let count = self.count.load(Ordering::Acquire);
        let first = from.max(count.saturating_sub(self.entries.len() as u64));
        let mut lost = first - from;
        for number in first..count {
            match self.read(number) {
                Some(poll) => take(poll),
                None => lost += 1,
            }
        }
        (count.max(from), lost)
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.entries)
    }

    fn read(&self, number: u64) -> Option<LongPoll> {
        let entry = self.entry(number);
        if entry.number_plus1.load(Ordering::Acquire) != number + 1 {
            return None;
        }
        let word = |place: usize| {
            if place < LOOKED_AT { entry.words[place].load(Ordering::Relaxed) } else { 0 }
        };
        let poll = LongPoll::from_words(std::array::from_fn(word));
        fence(Ordering::Acquire);
        (entry.number_plus1.load(Ordering::Relaxed) == number + 1).then_some(poll)
    }

    fn entry(&self, number: u64) -> &Entry {
        &self.entries[(number % self.entries.len() as u64) as usize]
    }
}
