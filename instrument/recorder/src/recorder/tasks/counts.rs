//! What the polls and wakes of a task leave beside the counters of its slot.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::Tasks;
use crate::{
    histogram::{self, BUCKETS, Block},
    id::TaskId,
    read::{Histograms, State, last_poll, two_values},
    recorder::poll::{add, raise},
    task::Task,
};

impl Tasks {
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

    /// Adds the last finished poll to the sums; `polls` were started so far. Returns the task's histograms, from its third poll on.
    #[inline]
    pub(in crate::recorder) fn fold_last_poll(&self, task: &Task, polls: u64) -> Option<&Block> {
        if polls == 0 {
            return None;
        }
        let last = last_poll(task);
        let block = if polls >= 2 { self.histograms_of(task, polls) } else { None };
        if let Some(block) = block {
            block.polls.record(last);
        }
        add(&task.busy, last);
        raise(&task.longest_poll, last);
        block
    }

    #[inline]
    fn histograms_of(&self, task: &Task, polls: u64) -> Option<&Block> {
        if polls == 2 {
            self.start_histograms(task);
        }
        let number = task.histograms.load(Relaxed).checked_sub(1)?;
        self.blocks.slot(number).map(|(_, block)| block)
    }

    /// At the third poll: a block, that starts with the first two polls, taken from the sums.
    #[cold]
    fn start_histograms(&self, task: &Task) {
        let Some(number) = self.blocks.allocate() else { return };
        let Some((_, block)) = self.blocks.slot(number) else { return };
        block.clear();
        // One poll is folded yet: the sum is its length. Of the two waits the sum and the greater are known.
        block.polls.record(task.busy.load(Relaxed));
        let longest = task.longest_scheduled.load(Relaxed);
        block.scheduled.record(longest);
        block.scheduled.record(task.scheduled.load(Relaxed).saturating_sub(longest));
        task.histograms.store(number + 1, Release);
    }

    /// A task's histograms: from its block, or made up from its counters while it has at most two polls and so no block yet.
    pub fn histograms(&self, task: &Task) -> Option<Histograms> {
        let counters = task.counters()?;
        let finished = counters.polls - u64::from(counters.state == State::Running);
        let mut histograms = Histograms { polls: [0; BUCKETS], scheduled: [0; BUCKETS] };
        match task.histograms.load(Acquire) {
            0 => {
                two_values(&mut histograms.polls, finished, counters.busy, counters.longest_poll);
                let (waits, longest) = (counters.scheduled, counters.longest_scheduled);
                two_values(&mut histograms.scheduled, counters.polls, waits, longest);
            }
            number => {
                let (_, block) = self.blocks.slot(number - 1)?;
                histograms.polls = block.polls.counts();
                histograms.scheduled = block.scheduled.counts();
                let folded: u64 = histograms.polls.iter().sum();
                // The last finished poll waits for the next one to be counted.
                if folded < finished {
                    histograms.polls[histogram::bucket(last_poll(task))] += 1;
                }
            }
        }
        Some(histograms)
    }
}
