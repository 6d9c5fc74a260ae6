//! Rows of the columns of a frame: checked once, then read without a way to fail.

use taskscope_proto::{
    agent::AgentRef,
    columns::{Column, slots},
    limits::{MAX_SITES, MAX_SLOTS},
    v1,
};

use crate::{
    id::{SiteId, TaskKey},
    store::{
        ingest::{WireError, in_range},
        task::{Agent, Facts, Kind, Knows, State, Stats, Sums},
    },
    text::TextId,
};

/// The columns of new tasks, checked.
pub(super) struct TaskReader<'a> {
    rows: usize,
    pub(super) generation: Column<'a, u32>,
    tokio_id: Column<'a, u64>,
    site: Column<'a, u32>,
    kind: Column<'a, i32>,
    pub(super) name: Column<'a, u32>,
    pub(super) fields: Column<'a, u32>,
    created_ago_ns: Column<'a, u64>,
    parent_slot_plus1: Column<'a, u32>,
    parent_generation: Column<'a, u32>,
    size_bytes: Column<'a, u32>,
    original_size_bytes: Column<'a, u32>,
    knows: Column<'a, u32>,
}

impl<'a> TaskReader<'a> {
    pub(super) fn new(wire: &'a v1::TaskColumns) -> Result<Self, WireError> {
        let rows = slots(&wire.slot_delta)?.len();
        Ok(Self {
            rows,
            generation: Column::new("generation", &wire.generation, rows)?,
            tokio_id: Column::new("tokio_id", &wire.tokio_id, rows)?,
            site: Column::new("site", &wire.site, rows)?,
            kind: Column::new("kind", &wire.kind, rows)?,
            name: Column::new("name", &wire.name, rows)?,
            fields: Column::new("fields", &wire.fields, rows)?,
            created_ago_ns: Column::new("created_ago_ns", &wire.created_ago_ns, rows)?,
            parent_slot_plus1: Column::new("parent_slot_plus1", &wire.parent_slot_plus1, rows)?,
            parent_generation: Column::new("parent_generation", &wire.parent_generation, rows)?,
            size_bytes: Column::new("size_bytes", &wire.size_bytes, rows)?,
            original_size_bytes: Column::new("original_size_bytes", &wire.original_size_bytes, rows)?,
            knows: Column::new("knows", &wire.knows, rows)?,
        })
    }

    pub(super) fn check(&self) -> Result<(), WireError> {
        for row in 0..self.rows {
            in_range("site", u64::from(self.site.at(row)), 0..=MAX_SITES as u64)?;
            in_range(
                "parent_slot_plus1",
                u64::from(self.parent_slot_plus1.at(row)),
                0..=u64::from(MAX_SLOTS),
            )?;
        }
        Ok(())
    }

    pub(super) fn facts(&self, row: usize, now_ns: u64) -> Facts {
        let parent = self.parent_slot_plus1.at(row).checked_sub(1);
        Facts {
            tokio_id: self.tokio_id.at(row),
            created_ns: now_ns.saturating_sub(self.created_ago_ns.at(row)),
            parent: parent.map(|slot| TaskKey { slot, generation: self.parent_generation.at(row) }),
            site: SiteId(self.site.at(row)),
            name: TextId::NONE,
            fields: TextId::NONE,
            size_bytes: self.size_bytes.at(row),
            original_size_bytes: self.original_size_bytes.at(row),
            kind: kind(self.kind.at(row)),
            knows: knows(self.knows.at(row)),
        }
    }
}

fn kind(wire: i32) -> Kind {
    match v1::TaskKind::try_from(wire) {
        Ok(v1::TaskKind::Task) => Kind::Task,
        Ok(v1::TaskKind::Local) => Kind::Local,
        Ok(v1::TaskKind::Blocking) => Kind::Blocking,
        Ok(v1::TaskKind::BlockOn) => Kind::BlockOn,
        Ok(v1::TaskKind::Future) => Kind::Future,
        // A kind that a newer server knows is unknown here.
        Ok(v1::TaskKind::Unspecified) | Err(_) => Kind::Unknown,
    }
}

fn knows(bits: u32) -> Knows {
    let has = |bit: v1::Knows| bits & (bit as u32) != 0;
    Knows {
        wakes: has(v1::Knows::Wakes),
        scheduled: has(v1::Knows::Scheduled),
        wakers: has(v1::Knows::Wakers),
        clones: has(v1::Knows::WakerClones),
        sums_alone: has(v1::Knows::SumsAlone),
        no_polls: has(v1::Knows::NoPolls),
    }
}

/// The columns of changes, checked.
pub(super) struct StatReader<'a> {
    state: Column<'a, i32>,
    state_ago_ns: Column<'a, u64>,
    polls: Column<'a, u64>,
    busy_ns: Column<'a, u64>,
    scheduled_ns: Column<'a, u64>,
    wakes: Column<'a, u64>,
    self_wakes: Column<'a, u64>,
    waker_clones: Column<'a, u64>,
    waker_drops: Column<'a, u64>,
    wakers_plus1: Column<'a, u32>,
    last_wake_ago_ns_plus1: Column<'a, u64>,
    last_waker: Column<'a, u64>,
    longest_poll_ns: Column<'a, u64>,
    longest_scheduled_ns: Column<'a, u64>,
}

impl<'a> StatReader<'a> {
    pub(super) fn new(wire: &'a v1::StatColumns) -> Result<Self, WireError> {
        let rows = slots(&wire.slot_delta)?.len();
        Ok(Self {
            state: Column::new("state", &wire.state, rows)?,
            state_ago_ns: Column::new("state_ago_ns", &wire.state_ago_ns, rows)?,
            polls: Column::new("polls", &wire.polls, rows)?,
            busy_ns: Column::new("busy_ns", &wire.busy_ns, rows)?,
            scheduled_ns: Column::new("scheduled_ns", &wire.scheduled_ns, rows)?,
            wakes: Column::new("wakes", &wire.wakes, rows)?,
            self_wakes: Column::new("self_wakes", &wire.self_wakes, rows)?,
            waker_clones: Column::new("waker_clones", &wire.waker_clones, rows)?,
            waker_drops: Column::new("waker_drops", &wire.waker_drops, rows)?,
            wakers_plus1: Column::new("wakers_plus1", &wire.wakers_plus1, rows)?,
            last_wake_ago_ns_plus1: Column::new(
                "last_wake_ago_ns_plus1",
                &wire.last_wake_ago_ns_plus1,
                rows,
            )?,
            last_waker: Column::new("last_waker", &wire.last_waker, rows)?,
            longest_poll_ns: Column::new("longest_poll_ns", &wire.longest_poll_ns, rows)?,
            longest_scheduled_ns: Column::new("longest_scheduled_ns", &wire.longest_scheduled_ns, rows)?,
        })
    }

    pub(super) fn stats(&self, row: usize, now_ns: u64) -> Stats {
        let last_wake_ago_ns = self.last_wake_ago_ns_plus1.at(row).checked_sub(1);
        Stats {
            sums: Sums {
                polls: self.polls.at(row),
                wakes: self.wakes.at(row),
                self_wakes: self.self_wakes.at(row),
                busy_ns: self.busy_ns.at(row),
                scheduled_ns: self.scheduled_ns.at(row),
            },
            state_since_ns: now_ns.saturating_sub(self.state_ago_ns.at(row)),
            waker_clones: self.waker_clones.at(row),
            waker_drops: self.waker_drops.at(row),
            last_wake_ns_plus1: last_wake_ago_ns
                .map_or(0, |ago_ns| now_ns.saturating_sub(ago_ns).saturating_add(1)),
            longest_poll_ns: self.longest_poll_ns.at(row),
            longest_scheduled_ns: self.longest_scheduled_ns.at(row),
            last_waker: waker(self.last_waker.at(row)),
            wakers_plus1: self.wakers_plus1.at(row),
            state: state(self.state.at(row)),
        }
    }
}

pub(super) fn state(wire: i32) -> State {
    match v1::TaskState::try_from(wire) {
        Ok(v1::TaskState::Idle) => State::Idle,
        Ok(v1::TaskState::Scheduled) => State::Scheduled,
        Ok(v1::TaskState::Running) => State::Running,
        Ok(v1::TaskState::Done) => State::Done,
        Ok(v1::TaskState::Unspecified) | Err(_) => State::Unknown,
    }
}

/// When something was, of a column of "ago + 1"; `None`: never, or unknown.
pub(super) fn since(ago_ns_plus1: u64, now_ns: u64) -> Option<u64> {
    ago_ns_plus1.checked_sub(1).map(|ago_ns| now_ns.saturating_sub(ago_ns))
}

pub(super) fn waker(code: u64) -> Agent {
    match AgentRef::decode(code) {
        AgentRef::Unknown => Agent::Unknown,
        AgentRef::Thread(index) => Agent::Thread(index),
        AgentRef::Task { slot, generation } => Agent::Task(TaskKey { slot, generation }),
    }
}
