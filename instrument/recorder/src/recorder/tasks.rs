//! The tasks of a recorder: made, named, ended, freed.
//!
//! Invariant: a slot belongs to its task from `spawn` until [`Tasks::reap`], or the end of enough later tasks, frees it.

mod counts;
mod finished;

use std::sync::{
    Arc, PoisonError, Weak,
    atomic::{
        AtomicU64, AtomicUsize,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
};

use self::finished::Finished;
use super::Limits;
use crate::{
    arena::{Arena, Page},
    clock::{Clock, Ticks},
    histogram::Block,
    id::{MAX_SLOTS, TaskId},
    read::State,
    site::{Ended, Place, Sites},
    task::{
        CountWakers, ENDED, Extra, Knows, MAX_FIELDS_BYTES, MAX_NAME_BYTES, Task, TaskFacts, TaskKind, flag,
    },
    text, thread,
    worker::ThreadPolls,
};

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
    /// The number of that place, where it is known.
    pub site: Option<u32>,
    /// Size of the future; 0: unknown.
    pub size_bytes: u64,
    /// Size before tokio boxed it; 0: was not boxed.
    pub original_size_bytes: u64,
    /// What this source can know.
    pub knows: Knows,
    /// Tokio's span enters and leaves it.
    pub traced: bool,
}

/// The tasks of a recorder.
#[derive(Debug)]
pub struct Tasks {
    number: u8,
    clock: Clock,
    sites: Arc<Sites>,
    slots: Arena<Task>,
    blocks: Arena<Block>,
    finished: Finished,
    limits: Limits,
    untracked: AtomicU64,
    untracked_ended: AtomicU64,
    late_wakes: AtomicU64,
    truncated: AtomicU64,
    /// Bytes of names and fields of tasks; the difference wraps.
    extra_bytes: AtomicUsize,
}

/// What was not recorded of tasks one by one.
#[derive(Debug, Clone, Copy)]
pub(super) struct TaskLosses {
    pub(super) untracked: u64,
    pub(super) untracked_alive: u64,
    pub(super) late_wakes: u64,
    pub(super) truncated: u64,
}

impl Tasks {
    pub(super) fn new(number: u8, clock: Clock, sites: Arc<Sites>, limits: Limits) -> Self {
        let max = limits.max_tasks.clamp(1, MAX_SLOTS);
        Self {
            number,
            clock,
            sites,
            slots: Arena::new(max),
            blocks: Arena::new(max),
            finished: Finished::new(limits.retained_tasks),
            untracked: AtomicU64::new(0),
            untracked_ended: AtomicU64::new(0),
            late_wakes: AtomicU64::new(0),
            truncated: AtomicU64::new(0),
            extra_bytes: AtomicUsize::new(0),
            limits,
        }
    }

    /// Makes a task, with one reference. About 100 ns, and 30 ns more with a name.
    pub(super) fn spawn(&self, spawn: &Spawn<'_>) -> TaskId {
        let site = match spawn.site {
            Some(site) => site,
            None => spawn.place.map_or(0, |place| self.sites.number(place)),
        };
        self.sites.add_spawned(site);
        let Some(number) = self.slots.allocate() else {
            self.untracked.fetch_add(1, Relaxed);
            return TaskId::untracked(self.number, site);
        };
        let Some((page, task)) = self.slots.slot(number) else {
            unreachable!("an allocated slot has a page")
        };
        let generation =
            TaskId::from_u64(task.key.load(Relaxed)).map_or(1, |last| last.generation().wrapping_add(1));
        let id = TaskId::new(self.number, generation, number);
        let now = self.clock.ticks();
        task.reset(now, spawn);
        task.site.store(site as u16, Relaxed);
        let extra = self.extra(spawn);
        let flags =
            if spawn.traced { flag::TRACED } else { 0 } | if extra.is_some() { flag::EXTRA } else { 0 };
        {
            let mut facts = task.facts.lock().unwrap_or_else(PoisonError::into_inner);
            facts.extra = extra;
            facts.tokio_id = spawn.tokio_id;
            facts.created = now;
            facts.parent = thread::current_in(self.number).map_or(0, TaskId::to_u64);
            facts.size_bytes = u32::try_from(spawn.size_bytes).unwrap_or(u32::MAX);
            facts.kind = spawn.kind;
            facts.knows = spawn.knows;
        }
        task.key.store(id.to_u64(), Release);
        task.flags.store(flags, Release);
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
            self.change_extra(task, &mut facts, |extra| extra.original_size_bytes = original);
        }
        page.shared.set();
    }

    /// Names a task that a source without names made. Keeps a name it has.
    pub fn name(&self, id: TaskId, name: &str) {
        let Some((page, task)) = self.live(id) else { return };
        let name = text::kept(name, MAX_NAME_BYTES, &self.truncated).into();
        let mut facts = task.facts.lock().unwrap_or_else(PoisonError::into_inner);
        self.change_extra(task, &mut facts, |extra| {
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
        self.change_extra(task, &mut facts, |extra| extra.wakers = Some(wakers));
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
    pub(super) fn release(&self, id: TaskId, threads: &ThreadPolls) -> bool {
        if id.is_untracked() && id.recorder() == self.number {
            // Untracked tasks have one reference: no code clones the span of a task.
            self.sites.add_ended_untracked(id.generation());
            self.untracked_ended.fetch_add(1, Relaxed);
            return true;
        }
        let Some((page, task)) = self.live(id) else { return false };
        // Who has the only reference shares it with no other thread.
        if task.refs.load(Acquire) != 1 && task.refs.fetch_sub(1, AcqRel) != 1 {
            return false;
        }
        self.end(page, task, threads);
        self.finished.push(id.index(), self.slots.is_scarce(), |oldest| self.free(oldest));
        true
    }

    /// A reader that finds a task in the sums of its site finds it ended, and its page touched: the sums come last.
    fn end(&self, page: &Page<Task>, task: &Task, threads: &ThreadPolls) {
        let traced = task.flags.load(Relaxed) & flag::TRACED != 0;
        let mut polls = task.enters.load(Relaxed);
        if traced {
            // The entry that dropped the future was no poll.
            polls = polls.saturating_sub(1);
            if let Some(worker) = threads.here(thread::number()) {
                worker.take_back(task.key.load(Relaxed));
            }
        } else {
            let _histograms = self.fold_last_poll(task, polls);
        }
        task.enters.store(polls, Relaxed);
        // Tokio's span was left a moment ago, when the future had been dropped.
        if !traced || task.ended.load(Relaxed) == 0 {
            task.ended.store(self.clock.ticks(), Relaxed);
        }
        let wakes = task.wakes.fetch_or(ENDED, AcqRel);
        task.flags.fetch_or(flag::DONE, AcqRel);
        page.shared.set();
        let self_wakes = task.self_wakes.load(Relaxed);
        let ended = Ended {
            polls,
            busy: task.busy.load(Relaxed),
            scheduled: task.scheduled.load(Relaxed),
            wakes: wakes.wrapping_add(self_wakes),
            self_wakes,
        };
        self.sites.add_ended(u32::from(task.site.load(Relaxed)), &ended);
    }

    fn free(&self, number: u32) {
        let Some((page, task)) = self.slots.slot(number) else { return };
        let flags = task.flags.swap(flag::FREE | flag::DONE, AcqRel);
        if flags & flag::EXTRA != 0 {
            let extra = task.facts.lock().unwrap_or_else(PoisonError::into_inner).extra.take();
            if let Some(extra) = extra {
                self.extra_bytes.fetch_sub(extra.memory_bytes(), Relaxed);
            }
        }
        let block = task.histograms.load(Relaxed);
        if block != 0 {
            task.histograms.store(0, Release);
            self.blocks.free(block - 1);
        }
        page.shared.set();
        self.slots.free(number);
    }

    /// Frees finished tasks past their retention. For the reader's thread, once a round.
    pub fn reap(&self) {
        let mut finished = self.finished.all();
        let now = self.clock.ticks();
        let retention_ns = self.limits.retention.as_nanos();
        while let Some(oldest) = finished.front().copied() {
            let ended = self.slots.slot(oldest).map_or(0, |(_, task)| task.ended.load(Relaxed));
            let expired = u128::from(self.clock.between_ns(ended, now)) >= retention_ns;
            if !expired && finished.len() <= self.limits.retained_tasks {
                break;
            }
            finished.pop_front();
            self.free(oldest);
        }
    }

    /// The slot of a task that is alive, or finished and kept.
    #[inline]
    pub(super) fn find(&self, id: TaskId) -> Option<(&Page<Task>, &Task)> {
        let (page, task) = self.slots.slot(id.index())?;
        (task.key.load(Relaxed) == id.to_u64()).then_some((page, task))
    }

    #[inline]
    pub(super) fn live(&self, id: TaskId) -> Option<(&Page<Task>, &Task)> {
        self.find(id).filter(|(_, task)| task.flags.load(Relaxed) & flag::DONE == 0)
    }

    /// The slot of a task, for reading.
    pub fn get(&self, id: TaskId) -> Option<&Task> {
        self.find(id).map(|(_, task)| task)
    }

    /// The id that a slot and a generation make in this recorder.
    pub fn id(&self, slot: u32, generation: u32) -> TaskId {
        TaskId::new(self.number, generation, slot)
    }

    /// Pages of slots in order; slot `i` of page `p` is number `p * Task::PAGE + i`.
    pub fn pages(&self) -> impl Iterator<Item = &Page<Task>> {
        self.slots.pages()
    }

    /// Whether a task of this recorder is known to have ended.
    pub fn has_ended(&self, id: TaskId) -> bool {
        let state = || self.get(id)?.counters().map(|counters| counters.state);
        id.recorder() == self.number && state().is_none_or(|state| state == State::Done)
    }

    pub(super) fn losses(&self) -> TaskLosses {
        // The ended ones first: none can be more than were spawned.
        let untracked_ended = self.untracked_ended.load(Acquire);
        let untracked = self.untracked.load(Relaxed);
        TaskLosses {
            untracked,
            untracked_alive: untracked.saturating_sub(untracked_ended),
            late_wakes: self.late_wakes.load(Relaxed),
            truncated: self.truncated.load(Relaxed),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.slots.memory_bytes()
            + self.blocks.memory_bytes()
            + self.extra_bytes.load(Relaxed)
            + self.finished.memory_bytes()
    }

    fn extra(&self, spawn: &Spawn<'_>) -> Option<Box<Extra>> {
        if spawn.name.is_empty() && spawn.fields.is_empty() && spawn.original_size_bytes == 0 {
            return None;
        }
        let extra = Box::new(Extra {
            name: text::kept(spawn.name, MAX_NAME_BYTES, &self.truncated).into(),
            fields: text::kept(spawn.fields, MAX_FIELDS_BYTES, &self.truncated).into(),
            original_size_bytes: u32::try_from(spawn.original_size_bytes).unwrap_or(u32::MAX),
            wakers: None,
        });
        self.extra_bytes.fetch_add(extra.memory_bytes(), Relaxed);
        Some(extra)
    }

    fn change_extra(&self, task: &Task, facts: &mut TaskFacts, change: impl FnOnce(&mut Extra)) {
        let before = facts.extra.as_ref().map_or(0, |extra| extra.memory_bytes());
        task.flags.fetch_or(flag::EXTRA, Relaxed);
        let extra = facts.extra.get_or_insert_default();
        change(extra);
        self.extra_bytes.fetch_add(extra.memory_bytes().wrapping_sub(before), Relaxed);
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
