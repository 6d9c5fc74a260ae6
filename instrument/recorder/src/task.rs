//! A task's slot: 192 bytes, three cache lines.
//!
//! The first line is written by the thread that polls the task and by no other, so its counters are plain relaxed stores. The second is
//! written by whoever wakes the task (atomic additions), with the polling thread's rarer fields. The third holds the facts that never
//! change, behind a lock that only spawn, end and the first reader take.
//!
//! Invariants:
//! - `started > ended` exactly while the task is being polled.
//! - `wakes + self_wakes != seen` exactly while it is scheduled, or was woken during the running poll.
//! - The last finished poll is not in `busy` yet: it is added when the next poll starts. Tokio enters a task's span once more to
//!   drop the future, right before the span closes; so that entry, which is no poll, is simply never added.

use std::sync::{
    Mutex, Weak,
    atomic::{
        AtomicBool, AtomicU16, AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed},
    },
};

use crate::{
    arena::{Slot, is_slot_of},
    clock::Ticks,
    id::TaskId,
    thread::{self, MAX_THREADS},
};

/// Bytes of a task's name that are kept.
pub const MAX_NAME_BYTES: usize = 256;
/// Bytes of a task's further fields that are kept.
pub const MAX_FIELDS_BYTES: usize = 512;

/// In `Task::wakes`: the task has ended, further wakes are late.
pub(crate) const ENDED: u64 = 1 << 63;

/// Bits of `Task::flags`.
pub(crate) mod flag {
    pub(crate) const FREE: u32 = 1;
    pub(crate) const DONE: u32 = 2;
    /// Entered and left by tokio's span, which makes one more entry to drop the future.
    pub(crate) const TRACED: u32 = 4;
    /// A client watches its timeline.
    pub(crate) const WATCHED: u32 = 8;
    /// The last entry is no event yet: it may be that one.
    pub(crate) const HELD_BACK: u32 = 16;
    /// It has a name, fields or another rarity.
    pub(crate) const EXTRA: u32 = 32;
}

/// The slot. See the module's text for who writes what.
#[derive(Debug)]
#[repr(align(64))]
pub struct Task {
    pub(crate) key: AtomicU64,
    pub(crate) enters: AtomicU64,
    pub(crate) started: AtomicU64,
    pub(crate) ended: AtomicU64,
    pub(crate) busy: AtomicU64,
    pub(crate) scheduled: AtomicU64,
    pub(crate) self_wakes: AtomicU64,
    pub(crate) seen: AtomicU64,

    pub(crate) wakes: AtomicU64,
    pub(crate) woken_at: AtomicU64,
    pub(crate) last_waker: AtomicU64,
    pub(crate) clones: AtomicU64,
    pub(crate) drops: AtomicU64,
    pub(crate) longest_poll: AtomicU64,
    pub(crate) longest_scheduled: AtomicU64,
    /// Number of the histogram block plus one.
    pub(crate) histograms: AtomicU32,
    pub(crate) flags: AtomicU32,

    /// The thread that polled it last; see [`MAX_THREADS`].
    pub(crate) thread: AtomicU16,
    /// Where it was spawned; see [`MAX_SITES`](crate::MAX_SITES).
    pub(crate) site: AtomicU16,
    pub(crate) refs: AtomicU32,
    pub(crate) facts: Mutex<TaskFacts>,
}

const _: () = assert!(MAX_THREADS <= u16::MAX as usize, "`thread` has room for it");
const _: () = assert!(crate::MAX_SITES <= u16::MAX as usize, "`site` has room for it");
const _: () =
    assert!(is_slot_of::<Task>(192), "a task's slot is three cache lines; ARCHITECTURE.md and README say so");

impl Default for Task {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            key: zero(),
            enters: zero(),
            started: zero(),
            ended: zero(),
            busy: zero(),
            scheduled: zero(),
            self_wakes: zero(),
            seen: zero(),
            wakes: zero(),
            woken_at: zero(),
            last_waker: zero(),
            clones: zero(),
            drops: zero(),
            longest_poll: zero(),
            longest_scheduled: zero(),
            histograms: AtomicU32::new(0),
            flags: AtomicU32::new(flag::FREE),
            thread: AtomicU16::new(0),
            site: AtomicU16::new(0),
            refs: AtomicU32::new(0),
            facts: Mutex::new(TaskFacts::default()),
        }
    }
}

impl Slot for Task {
    const PAGE: usize = 1024;
    type Shared = Touched;
}

/// Whether anything in a page changed since the reader looked: pages of sleeping tasks cost a reader nothing.
#[derive(Debug, Default)]
pub struct Touched(AtomicBool);

impl Touched {
    #[inline]
    pub(crate) fn set(&self) {
        // A load first: the line stays shared among the threads while the flag is set already.
        if !self.0.load(Relaxed) {
            self.0.store(true, Relaxed);
        }
    }

    /// Clears the mark and says whether it was set. A change made at the same moment may still be in its core's store buffer: read a
    /// touched page once more at the next round.
    pub fn take(&self) -> bool {
        self.0.swap(false, Acquire)
    }
}

/// What a task is to tokio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TaskKind {
    /// `tokio::spawn`.
    #[default]
    Task,
    /// `spawn_local`.
    Local,
    /// `spawn_blocking`.
    Blocking,
    /// The root future of `block_on`.
    BlockOn,
    /// A named future inside another task.
    Future,
}

/// What the sources of a task can know at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "five independent facts; a bit set would hide their names")]
pub struct Knows {
    /// Wakes and self-wakes.
    pub wakes: bool,
    /// Time between wake and poll.
    pub scheduled: bool,
    /// Wakers alive.
    pub wakers: bool,
    /// Wakers cloned and dropped.
    pub waker_clones: bool,
    /// Set: no source knows when it is polled. The only field that takes away.
    pub no_polls: bool,
}

/// What never changes.
#[derive(Debug, Default)]
pub(crate) struct TaskFacts {
    /// Name, further fields and waker of the few tasks that have any: boxed, as most have none.
    pub(crate) extra: Option<Box<Extra>>,
    pub(crate) tokio_id: u64,
    pub(crate) created: Ticks,
    pub(crate) parent: u64,
    pub(crate) size_bytes: u32,
    pub(crate) kind: TaskKind,
    pub(crate) knows: Knows,
}

/// Something that knows how many wakers of a wrapped task are alive.
pub trait CountWakers: Send + Sync + std::fmt::Debug {}

#[derive(Debug, Default)]
pub(crate) struct Extra {
    pub(crate) name: Box<str>,
    pub(crate) fields: Box<str>,
    pub(crate) original_size_bytes: u32,
    /// Strong references are the wakers alive and one of the wrapper.
    pub(crate) wakers: Option<Weak<dyn CountWakers>>,
}

impl Extra {
    /// Bytes of the box and of its texts, with what the allocator needs for each.
    pub(crate) fn memory_bytes(&self) -> usize {
        const ALLOCATION_BYTES: usize = 16;
        let texts = [&self.name, &self.fields]
            .map(|text| if text.is_empty() { 0 } else { text.len() + ALLOCATION_BYTES });
        size_of::<Self>() + ALLOCATION_BYTES + texts[0] + texts[1]
    }
}

/// Who wakes, waits, holds, sends: a task or a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Agent {
    /// Not known.
    Unknown,
    /// Code running inside a poll of this task.
    Task(TaskId),
    /// Code outside any task on this thread: a driver, a timer, another thread.
    Thread(u32),
}

impl Agent {
    /// Reads the word that events and slots hold.
    pub fn from_u64(raw: u64) -> Self {
        match TaskId::from_u64(raw) {
            Some(task) => Self::Task(task),
            None if raw == 0 || raw > MAX_THREADS as u64 => Self::Unknown,
            None => Self::Thread(raw as u32),
        }
    }

    /// As which agent the calling code wakes.
    pub(crate) fn here() -> u64 {
        match thread::current() {
            0 => u64::from(thread::number()),
            task => task,
        }
    }

    /// As which agent the calling code acquires, sends or receives.
    pub(crate) fn actor() -> u64 {
        match thread::actor() {
            0 => u64::from(thread::number()),
            task => task,
        }
    }
}
