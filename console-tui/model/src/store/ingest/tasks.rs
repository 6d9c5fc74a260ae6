//! Tasks of a frame: what never changes of them, and what does.

use taskscope_proto::{
    limits::{MAX_FIELDS_BYTES, MAX_NAME_BYTES},
    rows::{StatRow, TaskRow},
    v1,
};

use super::{Applying, strings::Strings};
use crate::{
    id::{SiteId, TaskKey},
    store::task::{Knows, State, Stats, Sums, TaskFacts, TaskKind},
    text::TextId,
};

/// Adds the tasks that are new here.
pub(super) fn apply_new(of: &mut Applying<'_>) {
    let Some(tasks) = &of.frame.tasks else { return };
    let strings = tasks.strings();
    let (mut names, mut fields) =
        (Strings::new(strings, MAX_NAME_BYTES), Strings::new(strings, MAX_FIELDS_BYTES));
    for (slot, row) in tasks.rows() {
        let facts = TaskFacts {
            name: names.hold(row.name, &mut of.store.texts, of.losses),
            fields: fields.hold(row.fields, &mut of.store.texts, of.losses),
            ..facts(row, of.now_ns())
        };
        of.store.insert(TaskKey { slot, generation: row.generation }, facts, of.losses);
    }
    names.finish(&mut of.store.texts);
    fields.finish(&mut of.store.texts);
}

/// Applies what changed of tasks.
pub(super) fn apply_stats(of: &mut Applying<'_>) {
    let Some(stats) = &of.frame.stats else { return };
    for (slot, row) in stats.rows() {
        of.orphan_tasks += u64::from(!of.store.apply(slot, self::stats(row, of.now_ns()), of.losses));
    }
}

fn facts(row: TaskRow, now_ns: u64) -> TaskFacts {
    TaskFacts {
        tokio_id: row.tokio_id,
        created_ns: now_ns.saturating_sub(row.created_ago_ns),
        parent: row.parent.map(TaskKey::from),
        site: SiteId(row.site),
        name: TextId::NONE,
        fields: TextId::NONE,
        size_bytes: row.size_bytes,
        original_size_bytes: row.original_size_bytes,
        kind: kind(row.kind),
        knows: knows(row.knows),
    }
}

fn kind(wire: v1::TaskKind) -> TaskKind {
    match wire {
        v1::TaskKind::Task => TaskKind::Task,
        v1::TaskKind::Local => TaskKind::Local,
        v1::TaskKind::Blocking => TaskKind::Blocking,
        v1::TaskKind::BlockOn => TaskKind::BlockOn,
        v1::TaskKind::Future => TaskKind::Future,
        v1::TaskKind::Unspecified => TaskKind::Unknown,
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
        looks_alone: has(v1::Knows::LooksAlone),
    }
}

fn stats(row: StatRow, now_ns: u64) -> Stats {
    Stats {
        sums: Sums {
            polls: row.polls,
            wakes: row.wakes,
            self_wakes: row.self_wakes,
            busy_ns: row.busy_ns,
            scheduled_ns: row.scheduled_ns,
        },
        state_since_ns: now_ns.saturating_sub(row.state_ago_ns),
        waker_clones: row.waker_clones,
        waker_drops: row.waker_drops,
        last_wake_ns_plus1: row
            .last_wake_ago_ns
            .map_or(0, |ago_ns| now_ns.saturating_sub(ago_ns).saturating_add(1)),
        longest_poll_ns: row.longest_poll_ns,
        longest_scheduled_ns: row.longest_scheduled_ns,
        last_waker: row.last_waker.into(),
        wakers_plus1: row.wakers.map_or(0, |alive| alive.saturating_add(1)),
        state: state(row.state),
        all_waits: row.all_waits,
    }
}

pub(super) fn state(wire: v1::TaskState) -> State {
    match wire {
        v1::TaskState::Idle => State::Idle,
        v1::TaskState::Scheduled => State::Scheduled,
        v1::TaskState::Running => State::Running,
        v1::TaskState::Done => State::Done,
        v1::TaskState::Unspecified => State::Unknown,
    }
}
