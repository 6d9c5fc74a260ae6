//! The reader's side: whole values out of slots that are being written.
//!
//! A reading is not a moment frozen: counters of a task that is being polled may be one operation apart. It is never of two tasks: the
//! slot's key is checked before and after.

use std::sync::{
    PoisonError, Weak,
    atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed},
    },
};

use crate::{
    clock::Ticks,
    histogram::{self, BUCKETS},
    id::TaskId,
    task::{Agent, ENDED, Knows, Task, TaskKind, flag},
};

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Waits for a wake.
    Idle,
    /// Was woken, waits for a worker.
    Scheduled,
    /// Is being polled.
    Running,
    /// Has ended.
    Done,
}

/// The counters of a task; times in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Counters {
    /// Whose.
    pub id: TaskId,
    /// What it does.
    pub state: State,
    /// Since when.
    pub since: Ticks,
    /// Polls started.
    pub polls: u64,
    /// Time in finished polls.
    pub busy: Ticks,
    /// Time between wake and poll, of the polls started.
    pub scheduled: Ticks,
    /// Wakes, self-wakes included.
    pub wakes: u64,
    /// Wakes by itself during a poll.
    pub self_wakes: u64,
    /// Wakers cloned.
    pub clones: u64,
    /// Wakers dropped.
    pub drops: u64,
    /// The last wake that scheduled it; `None`: never woken.
    pub last_wake: Option<Ticks>,
    /// Who that was.
    pub last_waker: Agent,
    /// Longest finished poll.
    pub longest_poll: Ticks,
    /// Longest finished wait.
    pub longest_scheduled: Ticks,
    /// Number of the thread that polled it last; 0: none yet.
    pub thread: u32,
    /// When its last poll started; 0: none yet.
    pub poll_started: Ticks,
    /// When its last finished poll ended; 0: none yet.
    pub poll_ended: Ticks,
    /// When it became runnable for its last poll, or for the next one; of a future that was never woken, when it was made.
    pub runnable_since: Ticks,
}

/// What never changes of a task.
#[derive(Debug, Clone)]
pub struct Description {
    /// Tokio's id; 0: unknown.
    pub tokio_id: u64,
    /// Spawn site's number.
    pub site: u32,
    /// What it is to tokio.
    pub kind: TaskKind,
    /// Empty: none.
    pub name: Box<str>,
    /// Empty: none.
    pub fields: Box<str>,
    /// When it was spawned.
    pub created: Ticks,
    /// The task that spawned it.
    pub parent: Option<TaskId>,
    /// Size of its future; 0: unknown.
    pub size_bytes: u32,
    /// Size before tokio boxed it; 0: was not boxed.
    pub original_size_bytes: u32,
    /// What can be known at all.
    pub knows: Knows,
}

/// A task's two histograms, in ticks; bounds by [`histogram::lower_bound`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histograms {
    /// Lengths of finished polls.
    pub polls: [u64; BUCKETS],
    /// Waits between wake and poll.
    pub scheduled: [u64; BUCKETS],
}

impl Task {
    /// The counters, or `None` when the slot is free or changed hands during the reading.
    pub fn counters(&self) -> Option<Counters> {
        let (id, flags) = self.identity()?;
        let (started, ended) = (self.started.load(Relaxed), self.ended.load(Relaxed));
        let enters = self.enters.load(Relaxed);
        let (other, own) = (self.wakes.load(Relaxed) & !ENDED, self.self_wakes.load(Relaxed));
        let done = flags & flag::DONE != 0;
        let running = !done && started > ended;
        let woken = other.wrapping_add(own) != self.seen.load(Relaxed);
        let last_poll = if done || running || enters == 0 { 0 } else { ended - started };
        let woken_at = self.woken_at.load(Relaxed);
        let (state, since) = match () {
            () if done => (State::Done, ended),
            () if running => (State::Running, started),
            () if woken => (State::Scheduled, woken_at.max(ended)),
            () if enters == 0 => (State::Idle, woken_at),
            () => (State::Idle, ended),
        };
        let counters = Counters {
            id,
            state,
            since,
            polls: enters,
            busy: self.busy.load(Relaxed) + last_poll,
            scheduled: self.scheduled.load(Relaxed),
            wakes: other + own,
            self_wakes: own,
            clones: self.clones.load(Relaxed),
            drops: self.drops.load(Relaxed),
            last_wake: match other + own {
                0 => None,
                // A wake by itself has no time of its own: the task became runnable when its poll ended.
                _ if state == State::Scheduled => Some(since),
                _ => Some(woken_at),
            },
            last_waker: Agent::from_u64(self.last_waker.load(Relaxed)),
            longest_poll: self.longest_poll.load(Relaxed).max(last_poll),
            longest_scheduled: self.longest_scheduled.load(Relaxed),
            thread: u32::from(self.thread.load(Relaxed)),
            poll_started: started,
            poll_ended: ended,
            runnable_since: woken_at,
        };
        (self.key.load(Acquire) == id.to_u64()).then_some(counters)
    }

    /// Since when it is being polled; `None` when it is not.
    pub(crate) fn polled_since(&self) -> Option<Ticks> {
        let started = self.started.load(Acquire);
        (started > self.ended.load(Acquire)).then_some(started)
    }

    /// The facts, or `None` when the slot is free.
    pub fn description(&self) -> Option<Description> {
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        self.identity()?;
        let extra = facts.extra.as_deref();
        Some(Description {
            tokio_id: facts.tokio_id,
            site: u32::from(self.site.load(Relaxed)),
            kind: facts.kind,
            name: extra.map(|extra| extra.name.clone()).unwrap_or_default(),
            fields: extra.map(|extra| extra.fields.clone()).unwrap_or_default(),
            created: facts.created,
            parent: TaskId::from_u64(facts.parent),
            size_bytes: facts.size_bytes,
            original_size_bytes: extra.map_or(0, |extra| extra.original_size_bytes),
            knows: facts.knows,
        })
    }

    /// Wakers alive now: of a wrapped task by its reference count, else clones less drops.
    pub fn wakers_alive(&self, counters: &Counters) -> u64 {
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        match facts.extra.as_ref().and_then(|extra| extra.wakers.as_ref()) {
            // The wrapper keeps one for the next poll.
            Some(wakers) => (Weak::strong_count(wakers) as u64).saturating_sub(1),
            None => counters.clones.saturating_sub(counters.drops),
        }
    }

    fn identity(&self) -> Option<(TaskId, u32)> {
        let id = TaskId::from_u64(self.key.load(Acquire))?;
        let flags = self.flags.load(Acquire);
        (flags & flag::FREE == 0).then_some((id, flags))
    }
}

/// One or two values, known by their sum and the greater one.
pub(crate) fn two_values(counts: &mut [u64; BUCKETS], values: u64, sum: Ticks, longest: Ticks) {
    if values >= 1 {
        counts[histogram::bucket(longest)] += 1;
    }
    if values >= 2 {
        counts[histogram::bucket(sum.saturating_sub(longest))] += 1;
    }
}

pub(crate) fn last_poll(task: &Task) -> Ticks {
    let length = |a: &AtomicU64, b: &AtomicU64| a.load(Relaxed).saturating_sub(b.load(Relaxed));
    length(&task.ended, &task.started)
}
