//! What each thread that polls tasks does now, and what it did: a slot a thread.
//!
//! Invariant: only the slot's thread writes, so its counters are plain relaxed stores. A thread's number is used again when the thread
//! ends; the next owner starts from a mark (`polls_before`), as the sums over all threads must never go back.
//!
//! What a thread polls is the *outermost* task: with a `block_on` inside a task, that task is what occupies the thread. Polls inside
//! polls are in the histograms, not in the thread's count and time.
//!
//! The last poll is added late, when the thread's next one begins: tokio enters a task's span once more to drop its future, and when the
//! span then closes that entry is taken back. One case is not taken back: the drop inside another task's poll, as of a `block_on` within a task.
//!
//! Limits: threads without a number of their own ([`MAX_THREADS`]) have no slot; their polls are counted
//! ([`ThreadPolls::unplaced`]). Memory: 1 KiB a thread that polls, 16 KiB more once it had a long poll. Cost: about 3 ns a poll, and
//! a hundred times a second what [`spent`] costs.

mod long;
mod spent;

use std::sync::{
    Arc, OnceLock, Weak,
    atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use self::spent::LastReading;
pub use self::{
    long::{LongPoll, LongPolls},
    spent::{Spent, ThreadReading, ThreadTimes},
};
use crate::{
    clock::{Clock, Ticks},
    histogram::{BUCKETS, Histogram},
    id::TaskId,
    recorder::Tasks,
    thread::{self, MAX_THREADS},
};

/// The slots of a recorder by thread number less one, made at a thread's first poll; the last number is shared by all further threads.
pub(crate) type Workers = [OnceLock<Box<Worker>>];

/// The slot. The first cache line is what a poll touches.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Worker {
    /// The outermost task that is polled; 0: none.
    task: AtomicU64,
    /// Length of the last finished poll, plus one; 0: added already.
    pending: AtomicU64,
    polls: AtomicU64,
    busy: AtomicU64,
    /// Whose poll finished last.
    last_task: AtomicU64,
    /// What the kernel counted for the thread.
    reading: LastReading,
    /// The outermost poll that gave its worker's place away: its start, and its task.
    in_place_since: AtomicU64,
    in_place_task: AtomicU64,
    /// Sums when this thread took the number.
    polls_before: AtomicU64,
    busy_before: AtomicU64,
    longest_poll: AtomicU64,
    longest_wait: AtomicU64,
    poll_lengths: Histogram,
    waits: Histogram,
    long: OnceLock<Box<LongPolls>>,
}

impl Worker {
    /// `waited` with its bucket in the histogram.
    #[inline]
    pub(crate) fn enter(&self, task: TaskId, waited: Option<(Ticks, usize)>, long: Ticks) {
        if let Some((waited, bucket)) = waited {
            self.waits.count(bucket);
            if waited >= long {
                self.long_wait(waited);
            }
        }
        if self.task.load(Relaxed) == 0 {
            self.add_pending();
            self.task.store(task.to_u64(), Release);
        }
    }

    #[inline]
    pub(crate) fn exit(&self, task: TaskId, length: Ticks) {
        if self.task.load(Relaxed) == task.to_u64() {
            self.task.store(0, Relaxed);
            self.last_task.store(task.to_u64(), Relaxed);
            self.pending.store(length + 1, Release);
        } else {
            self.poll_lengths.record(length);
        }
    }

    /// A task ended in its own poll: the poll's times are known no more.
    #[cold]
    pub(crate) fn forget(&self, task: TaskId) {
        if self.task.load(Relaxed) == task.to_u64() {
            self.task.store(0, Relaxed);
        }
    }

    /// The last entry of `task` only dropped its future.
    pub(crate) fn take_back(&self, task: u64) {
        if self.last_task.load(Relaxed) == task {
            self.pending.store(0, Relaxed);
        }
    }

    #[inline]
    fn add_pending(&self) {
        let pending = self.pending.load(Relaxed);
        if pending != 0 {
            self.polls.store(self.polls.load(Relaxed) + 1, Relaxed);
            self.busy.store(self.busy.load(Relaxed) + pending - 1, Relaxed);
            self.poll_lengths.record(pending - 1);
            self.pending.store(0, Relaxed);
        }
    }

    /// Whether the kernel is to be asked for the thread's times before the poll that is about to begin. A poll inside another leaves that one's
    /// reading alone.
    #[inline]
    pub(crate) fn is_reading_due(&self, now: Ticks) -> bool {
        now >= self.reading.due.load(Relaxed) && self.task.load(Relaxed) == 0
    }

    /// Asks it.
    #[cold]
    pub(crate) fn read_times(&self, clock: &Clock) {
        self.reading.renew(clock);
    }

    /// A poll of this thread took long; it has ended, and with it the outermost one if it was that.
    #[cold]
    pub(crate) fn long_poll(&self, clock: &Clock, mut poll: LongPoll) {
        raise(&self.longest_poll, poll.ended - poll.started);
        let length_ns = clock.between_ns(poll.started, poll.ended);
        if length_ns >= spent::MEASURED_NS {
            let before = self.reading.get();
            let is_outermost = self.task.load(Relaxed) == 0;
            let now = if is_outermost { self.reading.renew(clock) } else { spent::read_own() };
            poll.spent =
                before.zip(now).map(|(before, now)| before.spent(clock, poll.started, length_ns, now));
        }
        self.long.get_or_init(Box::default).push(poll);
    }

    /// The outermost poll gives its worker's place away: whatever it does now, it holds no worker.
    #[cold]
    pub(crate) fn give_place(&self, tasks: &Tasks) {
        let task = self.task.load(Relaxed);
        let Some(id) = TaskId::from_u64(task) else { return };
        let Some(started) = tasks.get(id).and_then(crate::Task::polled_since) else { return };
        self.in_place_task.store(task, Relaxed);
        self.in_place_since.store(started, Release);
    }

    /// Whether the poll that began then, or the one around it, gave its place away.
    pub(crate) fn is_in_place(&self, started: Ticks) -> bool {
        let since = self.in_place_since.load(Acquire);
        since != 0
            && (since == started
                || since < started && self.task.load(Relaxed) == self.in_place_task.load(Relaxed))
    }

    #[cold]
    fn long_wait(&self, waited: Ticks) {
        raise(&self.longest_wait, waited);
    }

    /// Another thread takes the number.
    pub(crate) fn next_thread(&self) {
        self.add_pending();
        self.task.store(0, Relaxed);
        self.last_task.store(0, Relaxed);
        self.in_place_since.store(0, Relaxed);
        self.reading.clear();
        self.polls_before.store(self.polls.load(Relaxed), Relaxed);
        self.busy_before.store(self.busy.load(Relaxed), Relaxed);
    }

    /// A poll that it goes on with may have ended since.
    fn read(&self, thread: u32, tasks: &Tasks) -> WorkerReading {
        let polling = TaskId::from_u64(self.task.load(Acquire)).and_then(|task| {
            // The task's own slot knows since when; its poll may have ended since the line above.
            let started = tasks.get(task)?.polled_since()?;
            Some((task, started))
        });
        let pending = self.pending.load(Acquire);
        let (polls, busy) = match pending {
            0 => (0, 0),
            pending => (1, pending - 1),
        };
        let since =
            |sum: &AtomicU64, before: &AtomicU64| sum.load(Relaxed).saturating_sub(before.load(Relaxed));
        WorkerReading {
            thread,
            in_place: polling.is_some_and(|(_, started)| self.is_in_place(started)),
            times: self.reading.get(),
            polling,
            last: TaskId::from_u64(self.last_task.load(Relaxed)),
            polls: since(&self.polls, &self.polls_before) + polls,
            busy: since(&self.busy, &self.busy_before) + busy,
        }
    }
}

fn raise(greatest: &AtomicU64, value: u64) {
    if value > greatest.load(Relaxed) {
        greatest.store(value, Relaxed);
    }
}

/// What a thread did and does, at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerReading {
    /// The thread's number.
    pub thread: u32,
    /// The outermost task that it polls, and since when.
    pub polling: Option<(TaskId, Ticks)>,
    /// The task whose poll ended last here, and when, while that is known.
    pub last: Option<TaskId>,
    /// Finished polls since this thread has its number.
    pub polls: u64,
    /// Time in them.
    pub busy: Ticks,
    /// What it polls gave its worker's place away (`block_in_place`): it may block.
    pub in_place: bool,
    /// What the kernel counted for the thread before that poll, or later; `None`: it does not.
    pub times: Option<ThreadReading>,
}

/// Every finished poll and every finished wait of a recorder's tasks, in ticks; bounds by [`crate::histogram::lower_bound`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllPolls {
    /// Lengths of polls.
    pub polls: [u64; BUCKETS],
    /// Waits between wake (or spawn) and poll.
    pub scheduled: [u64; BUCKETS],
    /// The longest poll, when it is over [`ThreadPolls::LONG_POLL_NS`]; else 0.
    pub longest_poll: Ticks,
    /// The longest wait, when it is over the same; else 0.
    pub longest_scheduled: Ticks,
}

/// What each thread that polls tasks of a recorder does and did.
#[derive(Debug)]
pub struct ThreadPolls {
    slots: Arc<Workers>,
    unplaced: AtomicU64,
    /// [`ThreadPolls::LONG_POLL_NS`].
    pub(crate) long_ticks: Ticks,
}

impl ThreadPolls {
    /// Polls of this length or more are kept one by one, for a while.
    pub const LONG_POLL_NS: u64 = 1_000_000;

    pub(crate) fn new(clock: &Clock) -> Self {
        let slots: Arc<Workers> = (1..MAX_THREADS).map(|_| OnceLock::new()).collect();
        let table: Weak<Workers> = Arc::downgrade(&slots);
        thread::report_new_threads(table);
        Self { slots, unplaced: AtomicU64::new(0), long_ticks: clock.ticks_of_ns(Self::LONG_POLL_NS) }
    }

    /// Every thread that has polled one of the tasks. About 50 ns a thread.
    pub(crate) fn readings(&self, tasks: &Tasks) -> impl Iterator<Item = WorkerReading> {
        self.used().map(|(thread, slot)| slot.read(thread, tasks))
    }

    /// This thread; `None` when it never polled one of the tasks.
    pub(crate) fn reading(&self, thread: u32, tasks: &Tasks) -> Option<WorkerReading> {
        let slot = self.slots.get((thread as usize).checked_sub(1)?)?.get()?;
        Some(slot.read(thread, tasks))
    }

    /// All polls and waits since the recorder started, over all threads.
    pub fn all_polls(&self) -> AllPolls {
        let mut all =
            AllPolls { polls: [0; BUCKETS], scheduled: [0; BUCKETS], longest_poll: 0, longest_scheduled: 0 };
        for (_, slot) in self.used() {
            for (sum, count) in all.polls.iter_mut().zip(slot.poll_lengths.counts()) {
                *sum += count;
            }
            for (sum, count) in all.scheduled.iter_mut().zip(slot.waits.counts()) {
                *sum += count;
            }
            let pending = slot.pending.load(Relaxed);
            if pending != 0 {
                all.polls[crate::histogram::bucket(pending - 1)] += 1;
            }
            all.longest_poll = all.longest_poll.max(slot.longest_poll.load(Relaxed));
            all.longest_scheduled = all.longest_scheduled.max(slot.longest_wait.load(Relaxed));
        }
        all
    }

    /// Gives the long polls of a thread from number `from` on, oldest first; returns the number to go on from and how many were overwritten
    /// before they were read, exactly. Several readers may each keep a number of their own.
    pub fn long_polls(&self, thread: u32, from: u64, take: impl FnMut(LongPoll)) -> (u64, u64) {
        let slot = (thread as usize).checked_sub(1).and_then(|index| self.slots.get(index)?.get());
        match slot.and_then(|slot| slot.long.get()) {
            Some(long) => long.since(from, take),
            None => (from, 0),
        }
    }

    /// Polls on threads without a number of their own: they are in their task's counters, and in no thread's.
    pub fn unplaced(&self) -> u64 {
        self.unplaced.load(Relaxed)
    }

    #[cold]
    pub(crate) fn count_unplaced(&self) {
        self.unplaced.fetch_add(1, Relaxed);
    }

    /// The calling thread's slot, made at its first poll.
    #[inline]
    pub(crate) fn here(&self, thread: u32) -> Option<&Worker> {
        let cell = self.slots.get((thread as usize).wrapping_sub(1))?;
        Some(match cell.get() {
            Some(worker) => worker,
            None => first_poll(cell),
        })
    }

    /// Bytes held by the slots and their rings.
    pub(crate) fn memory_bytes(&self) -> usize {
        let slots = self
            .used()
            .map(|(_, slot)| size_of::<Worker>() + slot.long.get().map_or(0, |long| long.memory_bytes()));
        slots.sum::<usize>() + size_of_val(&*self.slots)
    }

    fn used(&self) -> impl Iterator<Item = (u32, &Worker)> {
        let slots = self.slots.iter().map(OnceLock::get);
        slots.zip(1..).filter_map(|(slot, thread)| Some((thread, &**slot?)))
    }
}

#[cold]
fn first_poll(cell: &OnceLock<Box<Worker>>) -> &Worker {
    cell.get_or_init(Box::default)
}
