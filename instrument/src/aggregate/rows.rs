//! Rows of tasks and counters, gathered into columns.

use rustc_hash::FxHashMap;
use taskscope_proto::{agent::AgentRef, v1};
use taskscope_recorder::{Agent, Clock, Counters, Description, Knows, State, TaskId, TaskKind, Ticks};

/// Bytes that a row of each kind takes encoded, at most, beside its text.
const TASK_ROW_BYTES: usize = 80;
const STAT_ROW_BYTES: usize = 110;

/// Columns under way, and what they weigh.
#[derive(Debug, Default)]
pub(super) struct Rows {
    tasks: v1::TaskColumns,
    stats: v1::StatColumns,
    strings: FxHashMap<Box<str>, u32>,
    last_task_slot: u32,
    last_stat_slot: u32,
    /// Bytes at most, when encoded.
    pub(super) bytes: usize,
}

impl Rows {
    pub(super) fn stats_len(&self) -> usize {
        self.stats.slot_delta.len()
    }

    pub(super) fn task(&mut self, slot: u32, generation: u32, task: &Description, now: Ticks, clock: &Clock) {
        let name = self.string(&task.name);
        let fields = self.string(&crate::source::fields::words(&task.fields));
        let columns = &mut self.tasks;
        push_delta(&mut columns.slot_delta, &mut self.last_task_slot, slot);
        columns.generation.push(generation);
        columns.tokio_id.push(task.tokio_id);
        columns.site.push(task.site);
        columns.kind.push(kind(task.kind).into());
        columns.name.push(name);
        columns.fields.push(fields);
        columns.created_ago_ns.push(clock.between_ns(task.created, now));
        columns.parent_slot_plus1.push(task.parent.map_or(0, |parent| parent.index() + 1));
        columns.parent_generation.push(task.parent.map_or(0, TaskId::generation));
        columns.size_bytes.push(task.size_bytes);
        columns.original_size_bytes.push(task.original_size_bytes);
        columns.knows.push(knows(task.knows));
        self.bytes += TASK_ROW_BYTES;
    }

    pub(super) fn stat(
        &mut self,
        slot: u32,
        counters: &Counters,
        wakers: Option<u64>,
        now: Ticks,
        clock: &Clock,
    ) {
        let columns = &mut self.stats;
        push_delta(&mut columns.slot_delta, &mut self.last_stat_slot, slot);
        columns.state.push(state(counters.state).into());
        columns.state_ago_ns.push(clock.between_ns(counters.since, now));
        columns.polls.push(counters.polls);
        columns.busy_ns.push(clock.length_ns(counters.busy));
        columns.scheduled_ns.push(clock.length_ns(counters.scheduled));
        columns.wakes.push(counters.wakes);
        columns.self_wakes.push(counters.self_wakes);
        columns.waker_clones.push(counters.clones);
        columns.waker_drops.push(counters.drops);
        let wakers = wakers.map_or(0, |alive| u32::try_from(alive + 1).unwrap_or(u32::MAX));
        columns.wakers_plus1.push(wakers);
        let last_wake = counters.last_wake.map_or(0, |at| clock.between_ns(at, now).saturating_add(1));
        columns.last_wake_ago_ns_plus1.push(last_wake);
        columns.last_waker.push(waker(counters.last_waker).encode());
        columns.longest_poll_ns.push(clock.length_ns(counters.longest_poll));
        columns.longest_scheduled_ns.push(clock.length_ns(counters.longest_scheduled));
        self.bytes += STAT_ROW_BYTES;
    }

    /// The columns, those with nothing but 0 left out.
    pub(super) fn finish(self) -> (Option<v1::TaskColumns>, Option<v1::StatColumns>) {
        let (mut tasks, mut stats) = (self.tasks, self.stats);
        for column in [
            &mut tasks.site,
            &mut tasks.name,
            &mut tasks.fields,
            &mut tasks.parent_slot_plus1,
            &mut tasks.parent_generation,
            &mut tasks.size_bytes,
            &mut tasks.original_size_bytes,
            &mut stats.wakers_plus1,
        ] {
            clear_zeros(column);
        }
        for column in [
            &mut tasks.tokio_id,
            &mut stats.self_wakes,
            &mut stats.waker_clones,
            &mut stats.waker_drops,
            &mut stats.last_wake_ago_ns_plus1,
            &mut stats.last_waker,
            &mut stats.longest_scheduled_ns,
        ] {
            clear_zeros(column);
        }
        let tasks = (!tasks.slot_delta.is_empty()).then_some(tasks);
        let stats = (!stats.slot_delta.is_empty()).then_some(stats);
        (tasks, stats)
    }

    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(index) = self.strings.get(text) {
            return *index;
        }
        self.tasks.strings.push(text.to_owned());
        self.bytes += text.len() + 4;
        let index = self.tasks.strings.len() as u32;
        self.strings.insert(text.into(), index);
        index
    }
}

/// A column of nothing but 0 is left out.
pub(super) fn clear_zeros<T: Default + PartialEq>(column: &mut Vec<T>) {
    let zero = T::default();
    if column.iter().all(|value| *value == zero) {
        column.clear();
    }
}

/// Adds a slot to a column of distances: the first is the slot itself.
pub(super) fn push_delta(column: &mut Vec<u32>, last: &mut u32, slot: u32) {
    column.push(if column.is_empty() { slot } else { slot - *last });
    *last = slot;
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

/// A waker as the wire names it.
pub(super) fn waker(waker: Agent) -> AgentRef {
    match waker {
        Agent::Unknown => AgentRef::Unknown,
        Agent::Thread(number) => AgentRef::Thread(number),
        Agent::Task(id) => AgentRef::Task { slot: id.index(), generation: id.generation() },
    }
}
