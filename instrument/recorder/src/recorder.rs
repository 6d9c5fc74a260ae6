//! The recorder: what sources call on the program's own threads.
//!
//! The poll path ([`Recorder::enter`], [`Recorder::exit`], [`Recorder::wake`]) takes no lock, allocates nothing but a histogram block
//! at a task's third poll, hashes nothing and sends nothing.

mod memory;
mod poll;
mod records;
mod resources;
mod watch;

pub use resources::NewResource;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{
            AtomicBool, AtomicU8, AtomicU64, AtomicUsize,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};

use crossbeam_queue::ArrayQueue;

use crate::{
    arena::{Arena, Page},
    clock::{Clock, Ticks},
    frame::AwaitFrame,
    histogram::Block,
    id::{MAX_SLOTS, TaskId},
    names::Names,
    records::Records,
    resource::{Op, Resource},
    ring::Ring,
    site::{Place, Site, Sites},
    task::{CountWakers, ENDED, Knows, MAX_NAME_BYTES, Task, TaskKind, flag},
    thread,
    worker::{self, Workers},
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

/// Everything a source knows when a task is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spawn<'a> {
    /// What it is to tokio.
    pub kind: TaskKind,
    /// Empty: none.
    pub name: &'a str,
    /// Further fields, `key=value key=value`; empty: none.
    pub fields: &'a str,
    /// Tokio's id; 0: unknown.
    pub tokio_id: u64,
    /// Where.
    pub place: Option<Place<'a>>,
    /// Size of the future; 0: unknown.
    pub size_bytes: u64,
    /// Size before tokio boxed it; 0: was not boxed.
    pub original_size_bytes: u64,
    /// What this source can know.
    pub knows: Knows,
    /// Tokio's span enters and leaves it.
    pub traced: bool,
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
    pub(crate) number: u8,
    unique: u64,
    clock: Clock,
    limits: Limits,
    pub(crate) tasks: Arena<Task>,
    pub(crate) blocks: Arena<Block>,
    pub(crate) resources: Arena<Resource>,
    pub(crate) ops: Arena<Op>,
    pub(crate) frames: Arena<AwaitFrame>,
    pub(crate) records: Records,
    names: Names,
    known: resources::KnownNames,
    sites: Sites,
    closed: ArrayQueue<u32>,
    reaped: Mutex<VecDeque<u32>>,
    watching: AtomicBool,
    watching_all: AtomicBool,
    rings: Mutex<Vec<Arc<Ring>>>,
    lost_in_gone_rings: AtomicU64,
    untracked: AtomicU64,
    untracked_ended: AtomicU64,
    late_wakes: AtomicU64,
    truncated: AtomicU64,
    /// Bytes of names and fields of tasks; the difference wraps.
    extra_bytes: AtomicUsize,
    untracked_resources: AtomicU64,
    pub(crate) workers: Arc<Workers>,
    pub(crate) unplaced_polls: AtomicU64,
    /// [`Recorder::LONG_POLL_NS`].
    long_ticks: Ticks,
}

impl Recorder {
    /// A recorder with these limits. The first in a process calibrates the clock, which takes some milliseconds.
    pub fn new(limits: Limits) -> Self {
        static NUMBERS: AtomicU8 = AtomicU8::new(0);
        static UNIQUE: AtomicU64 = AtomicU64::new(1);
        let max_tasks = limits.max_tasks.clamp(1, MAX_SLOTS);
        let names = Names::new();
        let clock = Clock::start();
        Self {
            number: NUMBERS.fetch_add(1, Relaxed),
            unique: UNIQUE.fetch_add(1, Relaxed),
            long_ticks: clock.ticks_of_ns(Self::LONG_POLL_NS),
            clock,
            tasks: Arena::new(max_tasks),
            blocks: Arena::new(max_tasks),
            resources: Arena::new(limits.max_resources.clamp(1, MAX_SLOTS)),
            ops: Arena::new(limits.max_resources.clamp(1, MAX_SLOTS)),
            frames: Arena::new(limits.max_resources.clamp(1, MAX_SLOTS)),
            records: Records::new(limits.max_resources.clamp(1, MAX_SLOTS)),
            known: resources::KnownNames::new(&names),
            names,
            sites: Sites::new(),
            closed: ArrayQueue::new(limits.retained_tasks.max(1)),
            reaped: Mutex::new(VecDeque::new()),
            watching: AtomicBool::new(false),
            watching_all: AtomicBool::new(false),
            rings: Mutex::new(Vec::new()),
            lost_in_gone_rings: AtomicU64::new(0),
            untracked: AtomicU64::new(0),
            untracked_ended: AtomicU64::new(0),
            late_wakes: AtomicU64::new(0),
            truncated: AtomicU64::new(0),
            extra_bytes: AtomicUsize::new(0),
            untracked_resources: AtomicU64::new(0),
            workers: worker::workers(),
            unplaced_polls: AtomicU64::new(0),
            limits,
        }
    }

    /// Its number in its ids.
    pub(crate) fn number(&self) -> u8 {
        self.number
    }

    /// The clock all ticks are of.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The task of this recorder that the calling thread polls now.
    pub fn current(&self) -> Option<TaskId> {
        TaskId::from_u64(thread::current()).filter(|id| id.recorder() == self.number)
    }

    /// The same, and outside of any task the thread's root ([`set_root`](crate::set_root)).
    pub(crate) fn actor(&self) -> u64 {
        TaskId::from_u64(thread::actor()).filter(|id| id.recorder() == self.number).map_or(0, TaskId::to_u64)
    }

    /// Makes a task, with one reference. About 100 ns, and 30 ns more with a name.
    pub fn spawn(&self, spawn: &Spawn<'_>) -> TaskId {
        let site = spawn.place.map_or(0, |place| self.sites.number(place));
        if let Some(site) = self.sites.site(site) {
            site.spawned.fetch_add(1, Relaxed);
        }
        let Some(number) = self.tasks.allocate() else {
            self.untracked.fetch_add(1, Relaxed);
            return TaskId::untracked(self.number, site);
        };
        let Some((page, task)) = self.tasks.slot(number) else {
            unreachable!("an allocated slot has a page")
        };
        let generation =
            TaskId::from_u64(task.key.load(Relaxed)).map_or(1, |last| last.generation().wrapping_add(1));
        let id = TaskId::new(self.number, generation, number);
        let now = self.clock.ticks();
        task.reset(now, spawn);
        {
            let mut facts = task.facts.lock().unwrap_or_else(PoisonError::into_inner);
            facts.extra = self.extra(spawn);
            facts.tokio_id = spawn.tokio_id;
            facts.created = now;
            facts.parent = self.current().map_or(0, TaskId::to_u64);
            facts.site = site;
            facts.size_bytes = u32::try_from(spawn.size_bytes).unwrap_or(u32::MAX);
            facts.kind = spawn.kind;
            facts.knows = spawn.knows;
        }
        task.key.store(id.to_u64(), Release);
        task.flags.store(if spawn.traced { flag::TRACED } else { 0 }, Release);
        page.shared.set();
        id
    }

    /// Tokio's span for a task that a wrapper made already: one task, two sources. Adds a reference.
    pub fn adopt(&self, id: TaskId, tokio: &Spawn<'_>) {
        let Some((page, task)) = self.live(id) else { return };
        task.flags.fetch_or(flag::TRACED, Relaxed);
        task.refs.fetch_add(1, Relaxed);
        let mut facts = task.facts.lock().unwrap_or_else(PoisonError::into_inner);
        facts.tokio_id = tokio.tokio_id;
        facts.kind = tokio.kind;
        facts.knows = tokio.knows;
        facts.size_bytes = u32::try_from(tokio.size_bytes).unwrap_or(u32::MAX);
        if tokio.original_size_bytes > 0 {
            let original = u32::try_from(tokio.original_size_bytes).unwrap_or(u32::MAX);
            self.change_extra(&mut facts, |extra| extra.original_size_bytes = original);
        }
        page.shared.set();
    }

    /// Names a task that a source without names made. Keeps a name it has.
    pub fn name(&self, id: TaskId, name: &str) {
        let Some((page, task)) = self.live(id) else { return };
        let name = self.kept(name, MAX_NAME_BYTES).into();
        let mut facts = task.facts.lock().unwrap_or_else(PoisonError::into_inner);
        self.change_extra(&mut facts, |extra| {
            if extra.name.is_empty() {
                extra.name = name;
            }
        });
        page.shared.set();
    }

    /// What counts the wakers of a wrapped task, when no other source does.
    pub fn count_wakers(&self, id: TaskId, wakers: Weak<dyn CountWakers>) {
        let Some((_, task)) = self.live(id) else { return };
        let mut facts = task.facts.lock().unwrap_or_else(PoisonError::into_inner);
        self.change_extra(&mut facts, |extra| extra.wakers = Some(wakers));
    }

    /// Tokio's id of a wrapped task, once it is known.
    pub fn set_tokio_id(&self, id: TaskId, tokio_id: u64) {
        let Some((page, task)) = self.live(id) else { return };
        task.facts.lock().unwrap_or_else(PoisonError::into_inner).tokio_id = tokio_id;
        page.shared.set();
    }

    /// One more holder of the task's span.
    pub fn add_ref(&self, id: TaskId) {
        if let Some((_, task)) = self.live(id) {
            task.refs.fetch_add(1, Relaxed);
        }
    }

    /// One holder less; the last one ends the task. Returns whether it ended.
    pub fn release(&self, id: TaskId) -> bool {
        if id.is_untracked() && id.recorder() == self.number {
            // Untracked tasks have one reference: no code clones the span of a task.
            if let Some(site) = self.sites.site(id.generation()) {
                site.finished.fetch_add(1, Relaxed);
            }
            self.untracked_ended.fetch_add(1, Relaxed);
            return true;
        }
        let Some((page, task)) = self.live(id) else { return false };
        if task.refs.fetch_sub(1, AcqRel) != 1 {
            return false;
        }
        self.end(page, task);
        if let Some(oldest) = self.closed.force_push(id.index()) {
            self.free(oldest);
        }
        true
    }

    /// A reader that finds a task in the sums of its site finds it ended, and its page touched: the sums come last.
    fn end(&self, page: &Page<Task>, task: &Task) {
        let traced = task.flags.load(Relaxed) & flag::TRACED != 0;
        let mut polls = task.enters.load(Relaxed);
        if traced {
            // The entry that dropped the future was no poll.
            polls = polls.saturating_sub(1);
            if let Some(worker) = self.worker_here(thread::number()) {
                worker.take_back(task.key.load(Relaxed));
            }
        } else {
            task.fold_last_poll(polls, self);
        }
        task.enters.store(polls, Relaxed);
        task.ended.store(self.clock.ticks(), Relaxed);
        let wakes = task.wakes.fetch_or(ENDED, AcqRel);
        task.flags.fetch_or(flag::DONE, AcqRel);
        page.shared.set();
        let site = task.facts.lock().unwrap_or_else(PoisonError::into_inner).site;
        if let Some(site) = self.sites.site(site) {
            let self_wakes = task.self_wakes.load(Relaxed);
            site.polls.fetch_add(polls, Release);
            site.busy.fetch_add(task.busy.load(Relaxed), Release);
            site.scheduled.fetch_add(task.scheduled.load(Relaxed), Release);
            site.wakes.fetch_add(wakes.wrapping_add(self_wakes), Release);
            site.self_wakes.fetch_add(self_wakes, Release);
            site.finished.fetch_add(1, Release);
        }
    }

    fn free(&self, number: u32) {
        let Some((page, task)) = self.tasks.slot(number) else { return };
        task.flags.store(flag::FREE | flag::DONE, Release);
        let extra = task.facts.lock().unwrap_or_else(PoisonError::into_inner).extra.take();
        if let Some(extra) = extra {
            self.extra_bytes.fetch_sub(extra.memory_bytes(), Relaxed);
        }
        let block = task.histograms.swap(0, AcqRel);
        if block != 0 {
            self.blocks.free(block - 1);
        }
        page.shared.set();
        self.tasks.free(number);
    }

    /// Frees finished tasks past their retention. For the reader's thread, once a round.
    pub fn reap(&self) {
        let mut reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(number) = self.closed.pop() {
            reaped.push_back(number);
        }
        let now = self.clock.ticks();
        let retention_ns = self.limits.retention.as_nanos();
        while let Some(oldest) = reaped.front().copied() {
            let ended = self.tasks.slot(oldest).map_or(0, |(_, task)| task.ended.load(Relaxed));
            let expired = u128::from(self.clock.between_ns(ended, now)) >= retention_ns;
            if !expired && reaped.len() <= self.limits.retained_tasks {
                break;
            }
            reaped.pop_front();
            self.free(oldest);
        }
    }

    /// The slot of a task that is alive, or finished and kept.
    #[inline]
    fn find(&self, id: TaskId) -> Option<(&Page<Task>, &Task)> {
        let (page, task) = self.tasks.slot(id.index())?;
        (task.key.load(Relaxed) == id.to_u64()).then_some((page, task))
    }

    #[inline]
    fn live(&self, id: TaskId) -> Option<(&Page<Task>, &Task)> {
        self.find(id).filter(|(_, task)| task.flags.load(Relaxed) & flag::DONE == 0)
    }

    /// The slot of a task, for reading.
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.find(id).map(|(_, task)| task)
    }

    /// The id that a slot and a generation make in this recorder.
    pub fn id(&self, slot: u32, generation: u32) -> TaskId {
        TaskId::new(self.number, generation, slot)
    }

    /// Pages of slots in order; slot `i` of page `p` is number `p * Task::PAGE + i`.
    pub fn pages(&self) -> impl Iterator<Item = &Page<Task>> {
        self.tasks.pages()
    }

    /// Numbers that sites have: below this.
    pub fn site_count(&self) -> u32 {
        self.sites.len()
    }

    /// The site of a number; 0 is the unknown place.
    pub fn site(&self, number: u32) -> Option<&Site> {
        self.sites.site(number)
    }

    /// Sites by number, 0 (unknown place) first.
    pub fn sites(&self) -> impl Iterator<Item = (u32, &Site)> {
        (0..self.sites.len()).filter_map(|number| self.sites.site(number).map(|site| (number, site)))
    }

    /// What was not recorded one by one.
    pub fn losses(&self) -> Losses {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let lost_events: u64 = rings.iter().map(|ring| ring.lost()).sum();
        // The ended ones first: none can be more than were spawned.
        let untracked_ended = self.untracked_ended.load(Acquire);
        let untracked = self.untracked.load(Relaxed);
        Losses {
            untracked,
            untracked_alive: untracked.saturating_sub(untracked_ended),
            late_wakes: self.late_wakes.load(Relaxed),
            lost_events: lost_events + self.lost_in_gone_rings.load(Relaxed),
            truncated: self.truncated.load(Relaxed),
            folded_sites: self.sites.folded(),
            untracked_resources: self.untracked_resources.load(Relaxed) + self.names.refused(),
        }
    }
}

impl Task {
    fn reset(&self, now: Ticks, spawn: &Spawn<'_>) {
        for zero in [
            &self.enters,
            &self.started,
            &self.ended,
            &self.busy,
            &self.scheduled,
            &self.self_wakes,
            &self.wakes,
            &self.last_waker,
            &self.clones,
            &self.drops,
            &self.longest_poll,
            &self.longest_scheduled,
        ] {
            zero.store(0, Relaxed);
        }
        // A spawned task is scheduled from the start, without a wake; a future that others poll is not.
        let starts_scheduled = !matches!(spawn.kind, TaskKind::BlockOn | TaskKind::Future);
        self.seen.store(if starts_scheduled { u64::MAX } else { 0 }, Relaxed);
        self.woken_at.store(now, Relaxed);
        self.thread.store(0, Relaxed);
        self.refs.store(1, Relaxed);
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}
