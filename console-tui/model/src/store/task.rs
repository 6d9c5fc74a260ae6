//! One task, compact: a record is at most 200 bytes, so a million tasks are 200 MB.

use crate::{
    id::{SiteId, TaskKey},
    severity::Severity,
    store::resources::Op,
    text::TextId,
};

/// What a task is doing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum State {
    #[default]
    Unknown,
    Idle,
    Scheduled,
    Running,
    Done,
}

impl State {
    pub(crate) const COUNT: usize = 5;

    /// The word in the STATE column, the filter and the report's long form.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Idle => "idle",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Done => "done",
        }
    }
}

/// What kind of task it is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum TaskKind {
    #[default]
    Unknown,
    Task,
    Local,
    Blocking,
    BlockOn,
    Future,
}

impl TaskKind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Unknown, Self::Task, Self::Local, Self::Blocking, Self::BlockOn, Self::Future];

    /// Its word; `None`: unknown.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::Unknown => None,
            Self::Task => Some("task"),
            Self::Local => Some("local"),
            Self::Blocking => Some("blocking"),
            Self::BlockOn => Some("block_on"),
            Self::Future => Some("future"),
        }
    }

    /// Holds a thread of its own: it has no worker to hold up, and needs no wake.
    pub(crate) fn owns_its_thread(self) -> bool {
        matches!(self, Self::Blocking | Self::BlockOn)
    }
}

/// What the sources of a task can know.
#[expect(clippy::struct_excessive_bools, reason = "each stands for a value that is known or not")]
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Knows {
    pub(crate) wakes: bool,
    pub(crate) scheduled: bool,
    pub(crate) wakers: bool,
    pub(crate) clones: bool,
    /// Nothing of single polls, waits and wakes: only their sums.
    pub(crate) sums_alone: bool,
    /// Nothing of its polls: it began before the recorder.
    pub(crate) no_polls: bool,
    /// It is read from memory: what it does now, and nothing of what it did.
    pub(crate) looks_alone: bool,
}

/// Who woke a task.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Agent {
    #[default]
    Unknown,
    /// A thread that polled no task.
    Thread(u32),
    Task(TaskKey),
}

impl Agent {
    /// The task, if it is one.
    pub(crate) fn task(self) -> Option<TaskKey> {
        match self {
            Self::Task(key) => Some(key),
            Self::Unknown | Self::Thread(_) => None,
        }
    }
}

/// The counters that add up: of a task, a site, the process.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) polls: u64,
    pub(crate) wakes: u64,
    pub(crate) self_wakes: u64,
    pub(crate) busy_ns: u64,
    pub(crate) scheduled_ns: u64,
}

impl Sums {
    pub(crate) fn add(&mut self, other: &Self) {
        self.polls = self.polls.saturating_add(other.polls);
        self.wakes = self.wakes.saturating_add(other.wakes);
        self.self_wakes = self.self_wakes.saturating_add(other.self_wakes);
        self.busy_ns = self.busy_ns.saturating_add(other.busy_ns);
        self.scheduled_ns = self.scheduled_ns.saturating_add(other.scheduled_ns);
    }

    /// The greater of each.
    pub(crate) fn max(&self, other: &Self) -> Self {
        self.each(other, u64::max)
    }

    /// What each is more than the other; 0 where it is not.
    pub(crate) fn less(&self, other: &Self) -> Self {
        self.each(other, u64::saturating_sub)
    }

    fn each(&self, other: &Self, of: impl Fn(u64, u64) -> u64) -> Self {
        let (a, b) = (self.numbers(), other.numbers());
        let [polls, wakes, self_wakes, busy_ns, scheduled_ns] = std::array::from_fn(|i| of(a[i], b[i]));
        Self { polls, wakes, self_wakes, busy_ns, scheduled_ns }
    }

    fn numbers(&self) -> [u64; 5] {
        [self.polls, self.wakes, self.self_wakes, self.busy_ns, self.scheduled_ns]
    }
}

/// Sums over many, from which parts are taken again: wide enough that no number of hostile values overflows it.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Total([u128; 5]);

impl Total {
    pub(crate) fn add(&mut self, part: &Sums) {
        for (total, number) in self.0.iter_mut().zip(part.numbers()) {
            *total += u128::from(number);
        }
    }

    /// The part must have been added.
    pub(crate) fn sub(&mut self, part: &Sums) {
        for (total, number) in self.0.iter_mut().zip(part.numbers()) {
            *total = total.saturating_sub(u128::from(number));
        }
    }

    /// The sums; what does not fit is as large as can be.
    pub(crate) fn sums(&self) -> Sums {
        let [polls, wakes, self_wakes, busy_ns, scheduled_ns] =
            self.0.map(|number| u64::try_from(number).unwrap_or(u64::MAX));
        Sums { polls, wakes, self_wakes, busy_ns, scheduled_ns }
    }
}

/// What never changes of a task.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct TaskFacts {
    /// 0: unknown.
    pub(crate) tokio_id: u64,
    pub(crate) created_ns: u64,
    pub(crate) parent: Option<TaskKey>,
    pub(crate) site: SiteId,
    pub(crate) name: TextId,
    pub(crate) fields: TextId,
    /// 0: unknown.
    pub(crate) size_bytes: u32,
    /// 0: was not boxed.
    pub(crate) original_size_bytes: u32,
    pub(crate) kind: TaskKind,
    pub(crate) knows: Knows,
}

/// What changes of a task.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Stats {
    pub(crate) sums: Sums,
    pub(crate) state_since_ns: u64,
    pub(crate) waker_clones: u64,
    pub(crate) waker_drops: u64,
    /// 0: never woken.
    pub(crate) last_wake_ns_plus1: u64,
    pub(crate) longest_poll_ns: u64,
    pub(crate) longest_scheduled_ns: u64,
    pub(crate) last_waker: Agent,
    /// 0: unknown.
    pub(crate) wakers_plus1: u32,
    pub(crate) state: State,
    /// The operations under way are all that it waits for.
    pub(crate) all_waits: bool,
}

impl Stats {
    /// Of a task of this age: nothing of it is older, and the parts of its life are no longer than it was before its present state. Times are
    /// rounded, each by itself; and a task that is read a little after the moment of its round may have waited and been polled meanwhile.
    pub(crate) fn within(mut self, created_ns: u64, now_ns: u64) -> Self {
        self.state_since_ns = self.state_since_ns.max(created_ns);
        if self.last_wake_ns_plus1 > 0 {
            self.last_wake_ns_plus1 = self.last_wake_ns_plus1.max(created_ns.saturating_add(1));
        }
        let past_ns = self.state_since_ns.min(now_ns).saturating_sub(created_ns);
        self.sums.busy_ns = self.sums.busy_ns.min(past_ns);
        self.sums.scheduled_ns = self.sums.scheduled_ns.min(past_ns - self.sums.busy_ns);
        self.longest_poll_ns = self.longest_poll_ns.min(self.sums.busy_ns);
        self.longest_scheduled_ns = self.longest_scheduled_ns.min(self.sums.scheduled_ns);
        self
    }
}

/// What the lints said of a task.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    /// A bit for each lint.
    lints: u32,
    /// The worst of them, plus one; 0: none.
    severity_plus1: u8,
}

impl Marks {
    /// `lint`: the bit of a lint.
    pub(crate) fn add(&mut self, lint: u32, severity: Severity) {
        self.lints |= lint;
        self.severity_plus1 = self.severity_plus1.max(severity as u8 + 1);
    }

    pub(crate) fn any(self) -> bool {
        self.lints != 0
    }

    pub(crate) fn has(self, lint: u32) -> bool {
        self.lints & lint != 0
    }

    pub(crate) fn severity(self) -> Option<Severity> {
        match self.severity_plus1 {
            0 => None,
            1 => Some(Severity::Info),
            2 => Some(Severity::Warning),
            _ => Some(Severity::Critical),
        }
    }

    /// Whether the task stands on its own although its group is folded.
    pub(crate) fn is_suspect(self) -> bool {
        self.severity() > Some(Severity::Info)
    }
}

/// A task. Times are on the recorder's clock; `at` is the moment that is shown.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) key: TaskKey,
    pub(crate) facts: TaskFacts,
    pub(crate) stats: Stats,
    /// Index of its history plus one; 0: none, it did nothing lately.
    pub(crate) history_plus1: u32,
    /// Those that are shown and those that a scan is making; [`Store::marks`](super::Store::marks) knows which are which.
    pub(super) marks: [Marks; 2],
    /// The server has dropped it.
    pub(crate) gone: bool,
    /// It has a history no more, for want of room.
    pub(crate) history_lost: bool,
    /// It ended and left between two rounds: when it ended, and what it did last, is unknown.
    pub(crate) left_unseen: bool,
}

impl Task {
    pub(crate) fn is_done(&self) -> bool {
        self.stats.state == State::Done
    }

    /// A value that goes on changing until the end; `None`: the end was not seen, and the value is unknown.
    pub(crate) fn known<T>(&self, value: T) -> Option<T> {
        (!self.left_unseen).then_some(value)
    }

    pub(crate) fn state_age_ns(&self, at: u64) -> u64 {
        at.saturating_sub(self.stats.state_since_ns)
    }

    fn in_state(&self, state: State, at: u64) -> u64 {
        if self.stats.state == state { self.state_age_ns(at) } else { 0 }
    }

    pub(crate) fn total_ns(&self, at: u64) -> u64 {
        let end = if self.is_done() { self.stats.state_since_ns } else { at };
        end.saturating_sub(self.facts.created_ns)
    }

    /// The running poll included. A task that is read a little late has polled a little more than fits into its life so far.
    pub(crate) fn busy_ns(&self, at: u64) -> u64 {
        if self.facts.knows.looks_alone {
            return 0;
        }
        let busy_ns = self.stats.sums.busy_ns.saturating_add(self.in_state(State::Running, at));
        if self.facts.knows.sums_alone { busy_ns } else { busy_ns.min(self.total_ns(at)) }
    }

    /// No source knows its polls and their time.
    pub(crate) fn polls_are_unknown(&self) -> bool {
        self.facts.knows.no_polls || self.facts.knows.looks_alone
    }

    /// Whether it runs is unknown until it ends, though it counts as idle.
    pub(crate) fn state_is_unknown(&self) -> bool {
        self.facts.knows.no_polls
    }

    /// Its age; `None`: unknown.
    pub(crate) fn known_total_ns(&self, at: u64) -> Option<u64> {
        self.known(self.total_ns(at)).filter(|_| !self.facts.knows.looks_alone)
    }

    /// As the screen and the report show it.
    pub(crate) fn known_state(&self) -> State {
        if self.state_is_unknown() && !self.is_done() { State::Unknown } else { self.stats.state }
    }

    /// [`Task::busy_ns`]; `None`: unknown.
    pub(crate) fn known_busy_ns(&self, at: u64) -> Option<u64> {
        self.known(self.busy_ns(at)).filter(|_| !self.polls_are_unknown())
    }

    /// Polls started; `None`: unknown.
    pub(crate) fn polls(&self) -> Option<u64> {
        self.known(self.stats.sums.polls).filter(|_| !self.polls_are_unknown())
    }

    /// Time in its state; `None`: unknown.
    pub(crate) fn known_state_age_ns(&self, at: u64) -> Option<u64> {
        let is_known = self.known_state() != State::Unknown && !self.facts.knows.looks_alone;
        self.known(self.state_age_ns(at)).filter(|_| is_known)
    }

    /// The present wait included; `None`: unknown.
    pub(crate) fn scheduled_ns(&self, at: u64) -> Option<u64> {
        let known = self.facts.knows.scheduled && !self.left_unseen;
        known.then(|| self.stats.sums.scheduled_ns.saturating_add(self.in_state(State::Scheduled, at)))
    }

    /// No later than the start of its last poll: what was polled before is not polled any more.
    fn polled_since_ns(&self) -> u64 {
        let woken_ns = self.stats.last_wake_ns_plus1.checked_sub(1).filter(|_| self.facts.knows.wakes);
        woken_ns.unwrap_or(self.facts.created_ns)
    }

    /// It was polled since it last polled this: it has turned to something else, or it is a set of futures, each polled when it is woken.
    pub(crate) fn left_out(&self, op: &Op) -> bool {
        op.stats.state_since_ns < self.polled_since_ns()
    }

    /// The rest of its life; `None`: unknown, because the waits are.
    pub(crate) fn idle_ns(&self, at: u64) -> Option<u64> {
        let scheduled = self.scheduled_ns(at)?;
        Some(self.total_ns(at).saturating_sub(self.busy_ns(at)).saturating_sub(scheduled))
    }

    /// The running poll included; `None`: unknown.
    pub(crate) fn longest_poll_ns(&self, at: u64) -> Option<u64> {
        let longest = self.stats.longest_poll_ns.max(self.in_state(State::Running, at));
        self.known(longest).filter(|_| !self.facts.knows.sums_alone && !self.polls_are_unknown())
    }

    /// The present wait included; `None`: unknown.
    pub(crate) fn longest_scheduled_ns(&self, at: u64) -> Option<u64> {
        let knows = self.facts.knows;
        (knows.scheduled && !knows.sums_alone && !self.left_unseen)
            .then(|| self.stats.longest_scheduled_ns.max(self.in_state(State::Scheduled, at)))
    }

    pub(crate) fn wakes(&self) -> Option<u64> {
        (self.facts.knows.wakes && !self.left_unseen).then_some(self.stats.sums.wakes)
    }

    pub(crate) fn self_wakes(&self) -> Option<u64> {
        (self.facts.knows.wakes && !self.left_unseen).then_some(self.stats.sums.self_wakes)
    }

    /// Wakers alive.
    pub(crate) fn wakers(&self) -> Option<u32> {
        if self.facts.knows.wakers && !self.left_unseen {
            self.stats.wakers_plus1.checked_sub(1)
        } else {
            None
        }
    }

    /// Time since the last wake; `None`: never woken, or unknown.
    pub(crate) fn last_wake_ns(&self, at: u64) -> Option<u64> {
        if !self.facts.knows.wakes || self.left_unseen {
            return None;
        }
        self.stats.last_wake_ns_plus1.checked_sub(1).map(|woken| at.saturating_sub(woken))
    }

    pub(crate) fn size_bytes(&self) -> Option<u32> {
        (self.facts.size_bytes > 0).then_some(self.facts.size_bytes)
    }

    /// As the screen shows it: tokio's id, or `s` and the slot.
    pub(crate) fn id(&self) -> String {
        if self.facts.tokio_id > 0 { self.facts.tokio_id.to_string() } else { format!("s{}", self.key.slot) }
    }

    /// The counters that rates are made of, the running poll and the present wait included.
    pub(crate) fn sums(&self, at: u64) -> Sums {
        Sums {
            busy_ns: self.busy_ns(at),
            scheduled_ns: self.stats.sums.scheduled_ns.saturating_add(self.in_state(State::Scheduled, at)),
            ..self.stats.sums
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_small() {
        assert!(size_of::<Task>() <= 200, "{}", size_of::<Task>());
    }
}
