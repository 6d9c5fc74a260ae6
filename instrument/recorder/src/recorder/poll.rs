//! The poll path: enter, exit, wake. No lock, no hash, no channel; one allocation in a task's life, at its third poll.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Relaxed, Release},
};

use super::Recorder;
use crate::{
    clock::Ticks,
    histogram::Block,
    id::TaskId,
    ring::EventKind,
    task::{Agent, ENDED, Task, TaskKind},
    thread,
    worker::{LongPoll, Worker},
};

impl Recorder {
    /// A poll begins on this thread. About 20 ns.
    #[inline]
    pub fn enter(&self, id: TaskId) {
        let thread = thread::push_task(id);
        let Some((page, task)) = self.live(id) else { return };
        let mut now = self.clock.ticks();
        let worker = self.worker_here(thread);
        if let Some(worker) = worker
            && worker.is_reading_due(now)
        {
            // It takes some microseconds, which are not the poll's.
            worker.read_times(&self.clock);
            now = self.clock.ticks();
        }
        let polls = task.enters.load(Relaxed);
        task.fold_last_poll(polls, self);
        let woken = (task.wakes.load(Relaxed) & !ENDED).wrapping_add(task.self_wakes.load(Relaxed));
        let mut wait = None;
        if woken != task.seen.load(Relaxed) {
            let from = task.woken_at.load(Relaxed).max(task.ended.load(Relaxed));
            let waited = now.saturating_sub(from);
            wait = Some(waited);
            task.woken_at.store(from, Relaxed);
            add(&task.scheduled, waited);
            raise(&task.longest_scheduled, waited);
            task.seen.store(woken, Relaxed);
        }
        if polls >= 2 {
            self.record(task, |block| block.scheduled.record(wait.unwrap_or(0)));
        }
        if self.watching.load(Relaxed) {
            self.entry_event(task, id, wait.is_none(), now, thread);
        }
        // At least one tick after the end of the last poll: the two together show whether a poll runs.
        task.started.store(now.max(task.ended.load(Relaxed) + 1), Relaxed);
        task.enters.store(polls + 1, Relaxed);
        task.thread.store(thread, Relaxed);
        match worker {
            Some(worker) => worker.enter(id, wait, self.long_ticks),
            None => self.unplaced(),
        }
        page.shared.set();
    }

    /// The poll ends. About 15 ns.
    #[inline]
    pub fn exit(&self, id: TaskId) {
        let thread = thread::pop();
        let worker = self.worker_here(thread);
        let Some((page, task)) = self.live(id) else {
            worker.inspect(|worker| worker.forget(id));
            return;
        };
        let started = task.started.load(Relaxed);
        let now = self.clock.ticks().max(started);
        task.ended.store(now, Relaxed);
        if let Some(worker) = worker {
            worker.exit(id, now - started);
            if now - started >= self.long_ticks {
                self.long_poll(worker, id, task, started, now);
            }
        }
        page.shared.set();
        if self.watching.load(Relaxed) {
            self.exit_event(task, id, now, thread);
        }
    }

    #[cold]
    fn unplaced(&self) {
        self.unplaced_polls.fetch_add(1, Relaxed);
    }

    /// The task is woken; `by_value` when the waker is consumed. About 3 ns by the task itself during its poll, else 25 ns.
    #[inline]
    pub fn wake(&self, id: TaskId, by_value: bool) {
        let Some((page, task)) = self.find(id) else {
            // Untracked tasks are not looked at, late or not.
            if !id.is_untracked() {
                self.woken_late();
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
        if self.watching.load(Relaxed) {
            self.event(task, id, EventKind::Wake, self.clock.ticks(), Agent::here());
        }
    }

    fn wake_from_outside(&self, task: &Task, current: u64) {
        let before = task.wakes.fetch_add(1, AcqRel);
        if before & ENDED != 0 {
            // It is in no task's count. Another task may have the slot by now: then there is nothing to take back.
            let ended = |wakes: u64| (wakes & ENDED != 0).then(|| wakes - 1);
            let _reused = task.wakes.fetch_update(AcqRel, Relaxed, ended);
            self.woken_late();
            return;
        }
        // Only the first wake since the last poll began schedules the task.
        if before.wrapping_add(task.self_wakes.load(Relaxed)) == task.seen.load(Relaxed) {
            task.woken_at.store(self.clock.ticks(), Relaxed);
            task.last_waker.store(if current == 0 { u64::from(thread::number()) } else { current }, Relaxed);
        }
    }

    /// A task is woken that has ended, for sources that can't name it any more.
    #[cold]
    pub fn woken_late(&self) {
        self.late_wakes.fetch_add(1, Relaxed);
    }

    /// A waker of the task was cloned.
    #[inline]
    pub fn waker_cloned(&self, id: TaskId) {
        if let Some((page, task)) = self.find(id) {
            task.clones.fetch_add(1, Relaxed);
            page.shared.set();
        }
    }

    /// A waker of the task was dropped.
    #[inline]
    pub fn waker_dropped(&self, id: TaskId) {
        if let Some((page, task)) = self.find(id) {
            task.drops.fetch_add(1, Relaxed);
            page.shared.set();
        }
    }

    /// The calling thread gives its worker's place to another one for the rest of the poll that it is in (`block_in_place`).
    #[cold]
    pub fn gave_place(&self) {
        if let Some(worker) = self.worker_here(thread::number()) {
            worker.give_place(self);
        }
    }

    /// Keeps a long poll, unless it is a blocking closure: those may be long, and they hold up no task.
    #[cold]
    fn long_poll(&self, worker: &Worker, id: TaskId, task: &Task, started: Ticks, ended: Ticks) {
        // A poll never waits: while a reader has the task's facts locked, the place stays unknown.
        let (site, kind) =
            task.facts.try_lock().map_or((0, TaskKind::Task), |facts| (facts.site, facts.kind));
        if kind != TaskKind::Blocking {
            let in_place = worker.is_in_place(started);
            let poll = LongPoll { task: id.to_u64(), site, started, ended, spent: None, in_place };
            worker.long_poll(&self.clock, poll);
        }
    }

    #[inline]
    fn record(&self, task: &Task, record: impl FnOnce(&Block)) {
        let number = task.histograms.load(Relaxed);
        if number == 0 {
            return;
        }
        if let Some((_, block)) = self.blocks.slot(number - 1) {
            record(block);
        }
    }
}

impl Task {
    /// Adds the last finished poll to the sums; `polls` were started so far.
    #[inline]
    pub(super) fn fold_last_poll(&self, polls: u64, recorder: &Recorder) {
        if polls == 0 {
            return;
        }
        let last = self.ended.load(Relaxed).saturating_sub(self.started.load(Relaxed));
        if polls >= 2 {
            if polls == 2 {
                self.start_histograms(recorder);
            }
            recorder.record(self, |block| block.polls.record(last));
        }
        add(&self.busy, last);
        raise(&self.longest_poll, last);
    }

    /// At the third poll: a block, that starts with the first two polls, taken from the sums.
    #[cold]
    fn start_histograms(&self, recorder: &Recorder) {
        let Some(number) = recorder.blocks.allocate() else { return };
        let Some((_, block)) = recorder.blocks.slot(number) else { return };
        block.clear();
        // One poll is folded yet: the sum is its length. Of the two waits the sum and the greater are known.
        block.polls.record(self.busy.load(Relaxed));
        let longest = self.longest_scheduled.load(Relaxed);
        block.scheduled.record(longest);
        block.scheduled.record(self.scheduled.load(Relaxed).saturating_sub(longest));
        self.histograms.store(number + 1, Release);
    }
}

/// A plain addition: the caller is the only writer.
#[inline]
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Relaxed) + amount, Relaxed);
}

/// A plain maximum: the caller is the only writer.
#[inline]
fn raise(greatest: &AtomicU64, value: u64) {
    if value > greatest.load(Relaxed) {
        greatest.store(value, Relaxed);
    }
}
