//! Sums over a set of tasks, kept while they change.

use crate::store::task::{State, Sums, Task, Total};

/// Sums over a set of tasks, kept while they change: a group row costs the same for ten tasks and a million.
#[derive(Debug, Default, Clone)]
pub(crate) struct Live {
    /// Tasks by state.
    pub(crate) counts: [u64; State::COUNT],
    total: Total,
    /// Of those, by state, the tasks whose times are known.
    timed: [u64; State::COUNT],
    /// Sums of their `state_since_ns` by state: the ages at any moment follow from them.
    since_ns: [u128; State::COUNT],
    /// Tasks whose polls are not known.
    polls_unknown: u64,
    /// Tasks whose waits are not known.
    scheduled_unknown: u64,
    /// Tasks whose wakes are not known.
    wakes_unknown: u64,
}

impl Live {
    pub(crate) fn add(&mut self, task: &Task) {
        let state = task.stats.state as usize;
        self.counts[state] += 1;
        self.total.add(&task.stats.sums);
        if !task.facts.knows.looks_alone {
            self.timed[state] += 1;
            self.since_ns[state] += u128::from(task.stats.state_since_ns);
        }
        self.polls_unknown += u64::from(task.facts.knows.looks_alone);
        self.scheduled_unknown += u64::from(!task.facts.knows.scheduled);
        self.wakes_unknown += u64::from(!task.facts.knows.wakes);
    }

    /// The task must have been added as it is now.
    pub(crate) fn remove(&mut self, task: &Task) {
        let state = task.stats.state as usize;
        self.counts[state] = self.counts[state].saturating_sub(1);
        self.total.sub(&task.stats.sums);
        if !task.facts.knows.looks_alone {
            self.timed[state] = self.timed[state].saturating_sub(1);
            self.since_ns[state] = self.since_ns[state].saturating_sub(u128::from(task.stats.state_since_ns));
        }
        self.polls_unknown = self.polls_unknown.saturating_sub(u64::from(task.facts.knows.looks_alone));
        self.scheduled_unknown =
            self.scheduled_unknown.saturating_sub(u64::from(!task.facts.knows.scheduled));
        self.wakes_unknown = self.wakes_unknown.saturating_sub(u64::from(!task.facts.knows.wakes));
    }

    pub(crate) fn count(&self, state: State) -> u64 {
        self.counts[state as usize]
    }

    /// Tasks in the set.
    pub(crate) fn len(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn in_state_ns(&self, state: State, at: u64) -> u64 {
        let all = u128::from(self.timed[state as usize]) * u128::from(at);
        u64::try_from(all.saturating_sub(self.since_ns[state as usize])).unwrap_or(u64::MAX)
    }

    /// The counters, running polls and present waits included.
    pub(crate) fn sums(&self, at: u64) -> Sums {
        let sums = self.total.sums();
        Sums {
            busy_ns: sums.busy_ns.saturating_add(self.in_state_ns(State::Running, at)),
            scheduled_ns: sums.scheduled_ns.saturating_add(self.in_state_ns(State::Scheduled, at)),
            ..sums
        }
    }

    pub(crate) fn polls_known(&self) -> bool {
        self.polls_unknown == 0
    }

    pub(crate) fn scheduled_known(&self) -> bool {
        self.scheduled_unknown == 0
    }

    pub(crate) fn wakes_known(&self) -> bool {
        self.wakes_unknown == 0
    }
}
