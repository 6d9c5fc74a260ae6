//! The poll path: enter, exit, wake. No lock, no hash, no channel; one allocation in a task's life, at its third poll.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Relaxed},
};

use super::Recorder;
use crate::{
    clock::Ticks,
    histogram,
    id::TaskId,
    ring::EventKind,
    task::{Agent, ENDED, Task, TaskKind},
    thread,
    worker::{LongPoll, Worker},
};

impl Recorder {
    /// A poll begins on this thread. About 20 ns.
    pub fn enter(&self, id: TaskId) {
        let thread = thread::push_task(id);
        let Some((page, task)) = self.tasks.live(id) else { return };
        let mut now = self.clock.ticks();
        let worker = self.threads.here(thread);
        if let Some(worker) = worker
            && worker.is_reading_due(now)
        {
            // It takes some microseconds, which are not the poll's.
            worker.read_times(&self.clock);
            now = self.clock.ticks();
        }
        let polls = task.enters.load(Relaxed);
        let block = self.tasks.fold_last_poll(task, polls);
        let woken = (task.wakes.load(Relaxed) & !ENDED).wrapping_add(task.self_wakes.load(Relaxed));
        let mut wait = None;
        let mut bucket = 0;
        if woken != task.seen.load(Relaxed) {
            let from = task.woken_at.load(Relaxed).max(task.ended.load(Relaxed));
            let waited = now.saturating_sub(from);
            wait = Some(waited);
            bucket = histogram::bucket(waited);
            task.woken_at.store(from, Relaxed);
            add(&task.scheduled, waited);
            raise(&task.longest_scheduled, waited);
            task.seen.store(woken, Relaxed);
        }
        if let Some(block) = block {
            block.scheduled.count(bucket);
        }
        if self.timelines.are_watched() {
            self.timelines.entry_event(task, id, wait.is_none(), now, thread);
        }
        // At least one tick after the end of the last poll: the two together show whether a poll runs.
        task.started.store(now.max(task.ended.load(Relaxed) + 1), Relaxed);
        task.enters.store(polls + 1, Relaxed);
        task.thread.store(thread as u16, Relaxed);
        match worker {
            Some(worker) => worker.enter(id, wait.map(|waited| (waited, bucket)), self.threads.long_ticks),
            None => self.threads.count_unplaced(),
        }
        page.shared.set();
    }

    /// The poll ends. About 15 ns.
    pub fn exit(&self, id: TaskId) {
        let thread = thread::pop();
        let worker = self.threads.here(thread);
        let Some((page, task)) = self.tasks.live(id) else {
            worker.inspect(|worker| worker.forget(id));
            return;
        };
        let started = task.started.load(Relaxed);
        let now = self.clock.ticks().max(started);
        task.ended.store(now, Relaxed);
        if let Some(worker) = worker {
            worker.exit(id, now - started);
            if now - started >= self.threads.long_ticks {
                self.long_poll(worker, id, task, started, now);
            }
        }
        page.shared.set();
        if self.timelines.are_watched() {
            self.timelines.exit_event(task, id, now, thread);
        }
    }

    /// A waker of the task was cloned; in a poll of an operation of its own, that has one from now on.
    #[inline]
    pub fn waker_cloned(&self, id: TaskId) {
        self.tasks.waker_cloned(id);
        if thread::current() == id.to_u64() {
            self.resources.waker_cloned();
        }
    }

    /// The task is woken; `by_value` when the waker is consumed. About 3 ns by the task itself during its poll, else 25 ns.
    #[inline]
    pub fn wake(&self, id: TaskId, by_value: bool) {
        let Some((page, task)) = self.tasks.find(id) else {
            // Untracked tasks are not looked at, late or not.
            if !id.is_untracked() {
                self.tasks.woken_late();
            }
            return;
        };
        let current = thread::current();
        if current == id.to_u64() {
            add(&task.self_wakes, 1);
            task.last_waker.store(current, Relaxed);
        } else {
            self.wake_from_outside(task, current);
        }
        if by_value {
            task.drops.fetch_add(1, Relaxed);
        }
        page.shared.set();
        if self.timelines.are_watched() {
            self.timelines.event(task, id, EventKind::Wake, self.clock.ticks(), Agent::here());
        }
    }

    fn wake_from_outside(&self, task: &Task, current: u64) {
        let before = task.wakes.fetch_add(1, AcqRel);
        if before & ENDED != 0 {
            // It is in no task's count. Another task may have the slot by now: then there is nothing to take back.
            let ended = |wakes: u64| (wakes & ENDED != 0).then(|| wakes - 1);
            let _reused = task.wakes.fetch_update(AcqRel, Relaxed, ended);
            self.tasks.woken_late();
            return;
        }
        // Only the first wake since the last poll began schedules the task.
        if before.wrapping_add(task.self_wakes.load(Relaxed)) == task.seen.load(Relaxed) {
            task.woken_at.store(self.clock.ticks(), Relaxed);
            task.last_waker.store(if current == 0 { u64::from(thread::number()) } else { current }, Relaxed);
        }
    }

    /// The calling thread gives its worker's place to another one for the rest of the poll that it is in (`block_in_place`).
    #[cold]
    pub fn gave_place(&self) {
        if let Some(worker) = self.threads.here(thread::number()) {
            worker.give_place(&self.tasks);
        }
    }

    /// Keeps a long poll, unless it is a blocking closure: those may be long, and they hold up no task.
    #[cold]
    fn long_poll(&self, worker: &Worker, id: TaskId, task: &Task, started: Ticks, ended: Ticks) {
        let site = u32::from(task.site.load(Relaxed));
        // A poll never waits: while a reader has the task's facts locked, the kind stays unknown.
        let kind = task.facts.try_lock().map_or(TaskKind::Task, |facts| facts.kind);
        if kind != TaskKind::Blocking {
            let in_place = worker.is_in_place(started);
            let poll = LongPoll { task: id.to_u64(), site, started, ended, spent: None, in_place };
            worker.long_poll(&self.clock, poll);
        }
    }
}

/// A plain addition: the caller is the only writer.
#[inline]
pub(super) fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Relaxed) + amount, Relaxed);
}

/// A plain maximum: the caller is the only writer.
#[inline]
pub(super) fn raise(greatest: &AtomicU64, value: u64) {
    if value > greatest.load(Relaxed) {
        greatest.store(value, Relaxed);
    }
}
