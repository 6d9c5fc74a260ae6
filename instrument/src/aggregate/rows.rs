//! Rows of tasks, and how the wire has what the recorder has.

use taskscope_proto::{
    agent::AgentRef,
    rows::{SlotRef, StatRow, TaskRow, Writer},
    v1,
};
use taskscope_recorder::{Agent, Clock, Counters, Description, Knows, State, TaskId, TaskKind, Ticks};

/// The clock with the round's moment: every "ago" counts back from there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times<'c> {
    pub(super) clock: &'c Clock,
    pub(super) now: Ticks,
}

impl Times<'_> {
    pub(super) fn ago_ns(self, at: Ticks) -> u64 {
        self.clock.between_ns(at, self.now)
    }

    pub(super) fn length_ns(self, length: Ticks) -> u64 {
        self.clock.length_ns(length)
    }
}

/// Rows of tasks under way.
#[derive(Debug, Default)]
pub(super) struct TaskRows {
    pub(super) new: Writer<v1::TaskColumns>,
    pub(super) stats: Writer<v1::StatColumns>,
}

impl TaskRows {
    /// Bytes at most, when encoded.
    pub(super) fn bytes(&self) -> usize {
        self.new.bytes() + self.stats.bytes()
    }

    pub(super) fn describe(&mut self, slot: u32, generation: u32, task: &Description, times: Times<'_>) {
        let row = TaskRow {
            generation,
            tokio_id: task.tokio_id,
            site: task.site,
            kind: kind(task.kind),
            name: self.new.text(&task.name),
            fields: self.new.text(&crate::source::fields::words(&task.fields)),
            created_ago_ns: times.ago_ns(task.created),
            parent: task.parent.map(task_ref),
            size_bytes: task.size_bytes,
            original_size_bytes: task.original_size_bytes,
            knows: knows(task.knows),
        };
        self.new.push(slot, row);
    }

    pub(super) fn stat(&mut self, slot: u32, counters: &Counters, wakers: Option<u64>, times: Times<'_>) {
        let row = StatRow {
            state: state(counters.state),
            state_ago_ns: times.ago_ns(counters.since),
            polls: counters.polls,
            busy_ns: times.length_ns(counters.busy),
            scheduled_ns: times.length_ns(counters.scheduled),
            wakes: counters.wakes,
            self_wakes: counters.self_wakes,
            waker_clones: counters.clones,
            waker_drops: counters.drops,
            wakers: wakers.map(|alive| u32::try_from(alive).unwrap_or(u32::MAX)),
            last_wake_ago_ns: counters.last_wake.map(|at| times.ago_ns(at)),
            last_waker: agent(counters.last_waker),
            longest_poll_ns: times.length_ns(counters.longest_poll),
            longest_scheduled_ns: times.length_ns(counters.longest_scheduled),
            // Wakers are counted; a future of the program's own may wait for anything.
            all_waits: false,
        };
        self.stats.push(slot, row);
    }

    pub(super) fn finish(self, frame: &mut v1::Frame) {
        frame.tasks = self.new.finish();
        frame.stats = self.stats.finish();
    }
}

fn kind(kind: TaskKind) -> v1::TaskKind {
    match kind {
        TaskKind::Task => v1::TaskKind::Task,
        TaskKind::Local => v1::TaskKind::Local,
        TaskKind::Blocking => v1::TaskKind::Blocking,
        TaskKind::BlockOn => v1::TaskKind::BlockOn,
        TaskKind::Future => v1::TaskKind::Future,
    }
}

fn state(state: State) -> v1::TaskState {
    match state {
        State::Idle => v1::TaskState::Idle,
        State::Scheduled => v1::TaskState::Scheduled,
        State::Running => v1::TaskState::Running,
        State::Done => v1::TaskState::Done,
    }
}

fn knows(knows: Knows) -> u32 {
    let bit = |known: bool, bit: v1::Knows| if known { bit as u32 } else { 0 };
    bit(knows.wakes, v1::Knows::Wakes)
        | bit(knows.scheduled, v1::Knows::Scheduled)
        | bit(knows.wakers, v1::Knows::Wakers)
        | bit(knows.waker_clones, v1::Knows::WakerClones)
        | bit(knows.no_polls, v1::Knows::NoPolls)
}

/// A task or thread as the wire names it.
pub(super) fn agent(agent: Agent) -> AgentRef {
    match agent {
        Agent::Unknown => AgentRef::Unknown,
        Agent::Thread(number) => AgentRef::Thread(number),
        Agent::Task(id) => AgentRef::Task { slot: id.index(), generation: id.generation() },
    }
}

/// A task as columns point to it.
pub(super) fn task_ref(id: TaskId) -> SlotRef {
    SlotRef { slot: id.index(), generation: id.generation() }
}
