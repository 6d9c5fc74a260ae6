//! Their resources and operations as ours.
//!
//! Invariant: what has ended is not sent, and freed if it was. Limit: [`MAX_RESOURCES`] and [`MAX_OPS`] at a time; the rest is
//! counted.

use std::collections::{HashMap, HashSet};

use console_api::{async_ops, resources};
use taskscope_proto::rows::{OpStatRow, SlotRef};

use super::{
    fields::MAX_WORD_BYTES,
    frames::News,
    overlap::Overlap,
    rows::{OpFacts, OpRow, ResourceFacts, ResourceRow},
    slots::Slots,
    tasks::{Context, Tasks, op_state},
    time,
};

/// Locks, timers and the like, alive at a time.
const MAX_RESOURCES: usize = 1 << 18;

/// Operations under way at a time.
const MAX_OPS: usize = 1 << 18;

/// Their moment of the making of an object, as they said it.
type Made = Option<u64>;

/// All resources and operations of a stream. What is kept of each is the moment it was made, as ids are used again.
#[derive(Debug)]
pub(super) struct Resources {
    locks: Slots<Made>,
    ops: Slots<Made>,
    lock_overlap: Overlap,
    op_overlap: Overlap,
    /// Beyond the limits, or lost by their side.
    pub(super) untracked: u64,
    /// At least one was seen.
    pub(super) any: bool,
}

impl Resources {
    pub(super) fn new() -> Self {
        Self {
            locks: Slots::new(MAX_RESOURCES),
            ops: Slots::new(MAX_OPS),
            lock_overlap: Overlap::default(),
            op_overlap: Overlap::default(),
            untracked: 0,
            any: false,
        }
    }

    pub(super) fn update(
        &mut self,
        update: &resources::ResourceUpdate,
        context: &mut Context<'_>,
        news: &mut News,
    ) {
        self.lock_overlap.next_update();
        self.untracked = self.untracked.saturating_add(update.dropped_events);
        let stats_of = |id: u64| update.stats_update.get(&id);
        for (&id, stats) in &update.stats_update {
            let made = stats.created_at.as_ref().map(time::unix_ns);
            forget(&mut self.locks, id, made, stats.dropped_at.is_some(), &mut news.freed_resources);
        }
        // First a slot for each, so that one can point to another.
        let mut new: Vec<(SlotRef, &resources::Resource)> = Vec::new();
        for theirs in &update.new_resources {
            let Some(id) = theirs.id.map(|id| id.id) else { continue };
            let stats = stats_of(id);
            if stats.is_some_and(|stats| stats.dropped_at.is_some()) {
                continue;
            }
            self.any = true;
            let created = stats.and_then(|stats| stats.created_at.as_ref()).map(time::unix_ns);
            match keep(&mut self.locks, id, created) {
                Some(place) => new.push((place, theirs)),
                None if self.lock_overlap.is_repeated(id, created) => {}
                None => {
                    self.lock_overlap.counted(id, created);
                    self.untracked = self.untracked.saturating_add(1);
                }
            }
        }
        for (place, theirs) in new {
            let id = theirs.id.map_or(0, |id| id.id);
            let facts = self.facts(theirs, stats_of(id), context);
            let stats = stats_of(id).map(|stats| context.texts.attributes(&stats.attributes));
            news.resources.push(ResourceRow { place, facts: Some(facts), stats });
        }
        let is_new: HashSet<u64> =
            update.new_resources.iter().filter_map(|theirs| theirs.id.map(|id| id.id)).collect();
        for (id, stats) in update.stats_update.iter().filter(|(id, _)| !is_new.contains(id)) {
            if let Some(place) = self.locks.place(*id) {
                let attributes = context.texts.attributes(&stats.attributes);
                news.resources.push(ResourceRow { place, facts: None, stats: Some(attributes) });
            }
        }
    }

    fn facts(
        &self,
        theirs: &resources::Resource,
        stats: Option<&resources::Stats>,
        context: &mut Context<'_>,
    ) -> ResourceFacts {
        use resources::resource::kind::{Kind, Known};
        let kind = match theirs.kind.as_ref().and_then(|kind| kind.kind.as_ref()) {
            Some(Kind::Known(known)) if *known == i32::from(Known::Timer) => "timer",
            Some(Kind::Other(other)) => other,
            Some(Kind::Known(_)) | None => "",
        };
        let created_ns = context.clock.at(stats.and_then(|stats| stats.created_at.as_ref()));
        ResourceFacts {
            concrete_type: context.texts.cut(&theirs.concrete_type, MAX_WORD_BYTES),
            kind: context.texts.cut(kind, MAX_WORD_BYTES),
            site: context.sites.number(theirs.location.as_ref(), context.texts),
            parent: theirs.parent_resource_id.and_then(|id| self.locks.place(id.id)),
            internal: theirs.is_internal,
            created_ago_ns: created_ns.map_or(0, |at_ns| context.clock.ago_ns(at_ns)),
        }
    }

    pub(super) fn update_ops(
        &mut self,
        update: &async_ops::AsyncOpUpdate,
        tasks: &Tasks,
        context: &mut Context<'_>,
        news: &mut News,
    ) {
        self.op_overlap.next_update();
        self.untracked = self.untracked.saturating_add(update.dropped_events);
        for (&id, stats) in &update.stats_update {
            let made = stats.created_at.as_ref().map(time::unix_ns);
            forget(&mut self.ops, id, made, stats.dropped_at.is_some(), &mut news.freed_ops);
        }
        let mut new = HashMap::new();
        for theirs in &update.new_async_ops {
            let Some(id) = theirs.id.map(|id| id.id) else { continue };
            let stats = update.stats_update.get(&id);
            if stats.is_none_or(|stats| stats.dropped_at.is_some()) {
                continue;
            }
            let created = stats.and_then(|stats| stats.created_at.as_ref()).map(time::unix_ns);
            match keep(&mut self.ops, id, created) {
                Some(_) => drop(new.insert(id, theirs)),
                None if self.op_overlap.is_repeated(id, created) => {}
                None => {
                    self.op_overlap.counted(id, created);
                    self.untracked = self.untracked.saturating_add(1);
                }
            }
        }
        for (id, stats) in &update.stats_update {
            let Some(place) = self.ops.place(*id) else { continue };
            let created_ns = context.clock.at(stats.created_at.as_ref()).unwrap_or(context.clock.now_ns);
            let facts = new.get(id).map(|theirs| OpFacts {
                source: context.texts.cut(&theirs.source, MAX_WORD_BYTES),
                resource: theirs.resource_id.and_then(|id| self.locks.place(id.id)),
                parent: theirs.parent_async_op_id.and_then(|id| self.ops.place(id.id)),
                created_ago_ns: context.clock.ago_ns(created_ns),
            });
            let polls = stats.poll_stats.as_ref();
            let (state, since_ns) = op_state(polls, created_ns, context.clock);
            let numbers = OpStatRow {
                task: stats.task_id.and_then(|id| tasks.place(id.id)),
                state,
                state_ago_ns: context.clock.ago_ns(since_ns),
                polls: polls.map_or(0, |polls| polls.polls),
                busy_ns: time::length_ns(polls.and_then(|polls| polls.busy_time.as_ref())),
                ..OpStatRow::default()
            };
            let attributes = context.texts.attributes(&stats.attributes);
            news.ops.push(OpRow { place, facts, stats: Some((numbers, attributes)) });
        }
    }
}

/// Frees an object that has ended, or whose id another one has now.
fn forget(slots: &mut Slots<Made>, id: u64, made: Made, has_ended: bool, freed: &mut Vec<u32>) {
    let Some((_, known)) = slots.find(id) else { return };
    if !has_ended && made == *known {
        return;
    }
    if let Some((place, _)) = slots.remove(id) {
        slots.release(place.slot);
        freed.push(place.slot);
    }
}

/// The place of a new object. `None`: there is no room.
fn keep(slots: &mut Slots<Made>, id: u64, made: Made) -> Option<SlotRef> {
    slots.place(id).or_else(|| slots.insert(id, made))
}
