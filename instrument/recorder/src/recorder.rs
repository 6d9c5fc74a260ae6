//! The recorder: what sources call on the program's own threads.
//!
//! It is made of parts that own their state and know little of each other: [`Tasks`], [`ThreadPolls`], [`Timelines`], [`Resources`],
//! [`AwaitFrames`] and [`Sites`]. What concerns several of them at once is here: the life and the polls of a task, and spans of any kind.
//!
//! The poll path ([`Recorder::enter`], [`Recorder::exit`], [`Recorder::wake`]) takes no lock, allocates nothing but a histogram block
//! at a task's third poll, hashes nothing and sends nothing.

mod forget;
mod poll;
mod resources;
mod spans;
mod tasks;
mod timelines;

pub use self::{
    resources::{Current, NewResource, Resources},
    tasks::{Spawn, Tasks},
    timelines::Timelines,
};

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::{
    clock::Clock,
    frame::AwaitFrames,
    id::TaskId,
    site::Sites,
    thread,
    worker::{ThreadPolls, WorkerReading},
};

/// Limits of a recorder.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Tasks that can be watched at once; further ones are counted only. 192 bytes each, taken as they are needed.
    pub max_tasks: u32,
    /// Resources, and operations on them, that can be watched at once; 128 and 192 bytes each, taken as they are needed.
    pub max_resources: u32,
    /// Finished tasks that keep their slot at most (twice as many for the moment until the reaper comes).
    pub retained_tasks: usize,
    /// How long a finished task keeps its slot at most.
    pub retention: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_tasks: 2 << 20,
            max_resources: 2 << 20,
            retained_tasks: 4096,
            retention: Duration::from_secs(6),
        }
    }
}

/// Sums of what was not recorded one by one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// Tasks spawned past the limit: counted at their site, not watched.
    pub untracked: u64,
    /// Of those, still alive.
    pub untracked_alive: u64,
    /// Wakes of tasks that had ended.
    pub late_wakes: u64,
    /// Timeline events refused by a full ring.
    pub lost_events: u64,
    /// Names and fields cut to their limit.
    pub truncated: u64,
    /// Spawns whose place had no number left.
    pub folded_sites: u64,
    /// Resources and operations past their limit, and attributes and names that had no room.
    pub untracked_resources: u64,
}

/// Records the tasks of a program. A value: a dozen can live side by side.
#[derive(Debug)]
pub struct Recorder {
    number: u8,
    clock: Clock,
    /// Places of the source that spawned tasks, made resources or acquired locks.
    pub sites: Arc<Sites>,
    /// Tasks by their ids.
    pub tasks: Tasks,
    /// What each thread polls and has polled.
    pub threads: ThreadPolls,
    /// Events of the tasks whose timeline is watched.
    pub timelines: Timelines,
    /// Locks, channels, timers, streams, and the operations on them.
    pub resources: Resources,
    /// Frames of await trees.
    pub frames: AwaitFrames,
}

impl Recorder {
    /// A recorder with these limits. The first in a process calibrates the clock, which takes some milliseconds.
    pub fn new(limits: Limits) -> Self {
        static NUMBERS: AtomicU8 = AtomicU8::new(0);
        static UNIQUE: AtomicU64 = AtomicU64::new(1);
        let number = NUMBERS.fetch_add(1, Relaxed);
        let unique = UNIQUE.fetch_add(1, Relaxed);
        let clock = Clock::start();
        let sites = Arc::new(Sites::new(unique));
        Self {
            number,
            threads: ThreadPolls::new(&clock),
            timelines: Timelines::new(unique, clock.clone()),
            resources: Resources::new(number, clock.clone(), Arc::clone(&sites), limits.max_resources),
            frames: AwaitFrames::new(number, clock.clone(), limits.max_resources),
            tasks: Tasks::new(number, clock.clone(), Arc::clone(&sites), limits),
            sites,
            clock,
        }
    }

    /// The clock all ticks are of.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The task of this recorder that the calling thread polls now.
    pub fn current(&self) -> Option<TaskId> {
        thread::current_in(self.number)
    }

    /// Makes a task, with one reference. About 100 ns, and 30 ns more with a name.
    #[inline]
    pub fn spawn(&self, spawn: &Spawn<'_>) -> TaskId {
        self.tasks.spawn(spawn)
    }

    /// One holder less; the last one ends the task. Returns whether it ended.
    #[inline]
    pub fn release(&self, id: TaskId) -> bool {
        self.tasks.release(id, &self.threads)
    }

    /// Records the timeline of a task (or stops); events of all threads come out of [`Timelines::drain`].
    pub fn watch(&self, id: TaskId, on: bool) {
        if let Some((_, task)) = self.tasks.live(id) {
            self.timelines.watch(task, on);
        }
    }

    /// What each thread that has polled a task of this recorder does and did. About 50 ns a thread.
    pub fn workers(&self) -> impl Iterator<Item = WorkerReading> {
        self.threads.readings(&self.tasks)
    }

    /// What this thread does and did; `None` when it never polled a task of this recorder.
    pub fn worker(&self, thread: u32) -> Option<WorkerReading> {
        self.threads.reading(thread, &self.tasks)
    }

    /// What was not recorded one by one.
    pub fn losses(&self) -> Losses {
        let tasks = self.tasks.losses();
        Losses {
            untracked: tasks.untracked,
            untracked_alive: tasks.untracked_alive,
            late_wakes: tasks.late_wakes,
            lost_events: self.timelines.lost(),
            truncated: tasks.truncated + self.resources.truncated(),
            folded_sites: self.sites.folded(),
            untracked_resources: self.resources.untracked() + self.frames.untracked(),
        }
    }

    /// Bytes held: slots, histograms and rings, places, names, the texts of tasks.
    pub fn memory_bytes(&self) -> usize {
        self.tasks.memory_bytes()
            + self.threads.memory_bytes()
            + self.timelines.memory_bytes()
            + self.resources.memory_bytes()
            + self.frames.memory_bytes()
            + self.sites.memory_bytes()
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}
