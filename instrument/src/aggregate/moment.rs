//! The moment that a round is of.
//!
//! Invariant: the clock is read once a round, before a mark or a slot is, and every age of the round counts up to that reading. A slot
//! that is read later may have gone on meanwhile: what began after the moment is not sent as if it had been there, and no age counts from
//! it. So a slot whose page was not touched, and one that was read a little late, agree.
//!
//! What each thread polled is read right after the clock, with the task that it polled, as a pair: tasks and workers then agree.
//! Limit: a thread whose polls are shorter than that reading, [`TRIES`] times in a row, polls nothing at the moment.

use rustc_hash::FxHashMap;
use taskscope_recorder::{Counters, Recorder, State, Task, Ticks, WorkerReading};

/// Readings of a thread until it and its task agree.
const TRIES: usize = 4;

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Moment {
    /// When it was.
    pub(crate) at: Ticks,
    /// By slot: the tasks that were polled, as they were.
    polled: FxHashMap<u32, Counters>,
    threads: FxHashMap<u32, WorkerReading>,
}

impl Moment {
    /// Now. About 100 ns a thread that polls.
    pub(crate) fn read(recorder: &Recorder) -> Self {
        let mut moment = Self { at: recorder.clock().ticks(), ..Self::default() };
        for reading in recorder.workers() {
            let (reading, counters) = pair(recorder, reading);
            let young = counters.is_some_and(|counters| moment.is_later(recorder, &counters));
            let polled = counters.filter(|_| !young);
            if let Some(counters) = polled {
                moment.polled.insert(counters.id.index(), counters);
            }
            let polling = reading.polling.filter(|_| polled.is_some());
            moment.threads.insert(reading.thread, WorkerReading { polling, ..reading });
        }
        moment
    }

    /// The task was made after the moment.
    fn is_later(&self, recorder: &Recorder, counters: &Counters) -> bool {
        // Only a first poll can be of such a task.
        let task = || recorder.tasks.get(counters.id)?.description();
        counters.polls <= 1 && task().is_none_or(|task| task.created > self.at)
    }

    /// What a thread did; `None`: it never polled a task.
    pub(crate) fn worker(&self, thread: u32) -> Option<WorkerReading> {
        self.threads.get(&thread).copied()
    }

    /// What all threads that poll did.
    pub(crate) fn workers(&self) -> impl Iterator<Item = WorkerReading> {
        self.threads.values().copied()
    }

    /// Pages of the tasks that were polled: they are looked at although their marks may have come too late.
    pub(crate) fn pages(&self) -> impl Iterator<Item = usize> {
        self.polled.keys().map(|slot| *slot as usize / <Task as taskscope_recorder::Slot>::PAGE)
    }

    /// A task as it was, from what is read of it later.
    pub(crate) fn of_task(&self, read: Counters) -> Counters {
        match self.polled.get(&read.id.index()).filter(|polled| polled.id == read.id) {
            Some(polled) => self.no_later(*polled),
            None if read.state == State::Running && read.since > self.at => self.before_poll(read),
            None => self.no_later(read),
        }
    }

    /// The poll that it is in began after the moment.
    fn before_poll(&self, read: Counters) -> Counters {
        let waited_since = read.runnable_since;
        let waited =
            if waited_since >= read.poll_ended { read.since.saturating_sub(waited_since) } else { 0 };
        let (state, since) = match () {
            // Other polls came and went meanwhile: what it did before the first of them was not seen.
            () if read.poll_ended > self.at => (State::Scheduled, self.at),
            // It was woken again in this poll: since when it waited for it is known no more.
            () if waited_since > read.since => (State::Scheduled, self.at),
            () if waited > 0 && waited_since <= self.at => (State::Scheduled, waited_since),
            () if read.polls == 1 => (State::Idle, waited_since),
            () => (State::Idle, read.poll_ended),
        };
        let so_far = self.at.saturating_sub(waited_since);
        let longest = read.longest_scheduled;
        self.no_later(Counters {
            state,
            since,
            polls: read.polls.saturating_sub(1),
            scheduled: read.scheduled.saturating_sub(waited),
            longest_scheduled: if longest == waited { so_far.min(longest) } else { longest },
            ..read
        })
    }

    /// What happened after the moment is cut off.
    fn no_later(&self, read: Counters) -> Counters {
        let over = match read.state {
            State::Idle | State::Scheduled => read.poll_ended.saturating_sub(read.poll_started.max(self.at)),
            State::Running | State::Done => 0,
        };
        let busy = read.busy.saturating_sub(over);
        Counters {
            since: read.since.min(self.at),
            busy,
            longest_poll: read.longest_poll.min(busy),
            last_wake: read.last_wake.map(|at| at.min(self.at)),
            ..read
        }
    }
}

/// A thread with the task that it polls, read until both are in the same poll.
fn pair(recorder: &Recorder, mut reading: WorkerReading) -> (WorkerReading, Option<Counters>) {
    for _ in 0..TRIES {
        let Some((task, started)) = reading.polling else { return (reading, None) };
        let counters = recorder.tasks.get(task).and_then(Task::counters);
        let same =
            counters.filter(|read| (read.id, read.state, read.since) == (task, State::Running, started));
        if same.is_some() {
            return (reading, same);
        }
        reading = recorder.worker(reading.thread).unwrap_or(reading);
    }
    (WorkerReading { polling: None, ..reading }, None)
}
