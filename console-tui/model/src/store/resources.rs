//! Resources (locks, channels, timers) and the operations on them.
//!
//! Invariants: an operation is found by its task, its resource and the operation it is a part of, whatever order they came
//! in; what points to something unknown is kept, and what it points to is shown as unknown; every chain of parts is
//! followed for [`MAX_CHAIN`] steps only, so a cycle of them ends.
//!
//! Limit: [`MAX_RESOURCES`] and [`MAX_OPS`] records; those that the server has dropped are forgotten at once.

use std::collections::BTreeSet;

use crate::{
    cow::{PairSet, Shards},
    id::{OpKey, ResourceKey, SiteId, TaskKey},
    losses::Losses,
    store::{
        io::Streams,
        locks::Locks,
        task::{Agent, State},
    },
    text::{TextId, Texts},
};

/// Resources kept at a time.
pub(crate) const MAX_RESOURCES: usize = 1 << 20;
/// Operations kept at a time.
pub(crate) const MAX_OPS: usize = 1 << 20;
/// Attributes kept of a resource or an operation; tokio gives at most three.
pub(crate) const MAX_ATTRIBUTES: usize = 8;
/// Steps from a part to what it is a part of; tokio has two.
const MAX_CHAIN: usize = 4;

/// The value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    Number(u64),
    Bool(bool),
    Text(TextId),
    /// Of a kind that this client does not know.
    Unknown,
}

/// `locked: yes`, `permits: 3`, `duration: 20 ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) name: TextId,
    pub(crate) unit: TextId,
    pub(crate) value: Value,
}

/// A resource. Times are on the recorder's clock.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) key: ResourceKey,
    pub(crate) concrete_type: TextId,
    pub(crate) kind: TextId,
    /// What the program calls it.
    pub(crate) name: TextId,
    pub(crate) site: SiteId,
    pub(crate) parent: Option<ResourceKey>,
    /// A part of another one that the program never sees.
    pub(crate) internal: bool,
    pub(crate) created_ns: u64,
    /// When its attributes became what they are; `None`: before this console connected.
    pub(crate) reported_ns: Option<u64>,
    pub(crate) attributes: Box<[Attribute]>,
}

/// What changes of an operation.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct OpStats {
    /// Who polled it last.
    pub(crate) task: Option<TaskKey>,
    pub(crate) state: State,
    pub(crate) state_since_ns: u64,
    pub(crate) polls: u64,
    pub(crate) busy_ns: u64,
    /// Since when what it waits for is its own, though it has not been polled to take it; `None`: not, or unknown.
    pub(crate) granted_ns: Option<u64>,
    /// Number of the thread that it blocks; 0: none.
    pub(crate) thread: u32,
    /// It has the waker of its task, not that of a set of futures in it; false: unknown.
    pub(crate) own_waker: bool,
}

/// An operation: async, or the wait of a thread for a blocking lock.
#[derive(Debug, Clone)]
pub(crate) struct Op {
    pub(crate) key: OpKey,
    pub(crate) source: TextId,
    pub(crate) resource: Option<ResourceKey>,
    pub(crate) parent: Option<OpKey>,
    /// The channel that its task sent to before it waited here, in the same poll.
    pub(crate) asked: Option<ResourceKey>,
    /// Where it was begun.
    pub(crate) site: SiteId,
    pub(crate) created_ns: u64,
    pub(crate) stats: OpStats,
    pub(crate) attributes: Box<[Attribute]>,
}

impl Op {
    /// It was polled, and was not ready: whoever polled it waits, or has turned to something else. Or it blocks a thread.
    pub(crate) fn is_waiting(&self) -> bool {
        self.blocks_thread() || (self.stats.state == State::Idle && self.stats.polls > 0)
    }

    /// A thread waits in it for a blocking lock.
    pub(crate) fn blocks_thread(&self) -> bool {
        self.stats.thread > 0 && self.stats.state != State::Done
    }

    /// Who waits in it: a task, or a thread outside any.
    pub(crate) fn who(&self) -> Agent {
        match (self.stats.task, self.stats.thread) {
            (Some(task), _) => Agent::Task(task),
            (None, 0) => Agent::Unknown,
            (None, thread) => Agent::Thread(thread),
        }
    }

    /// Time since it was begun.
    pub(crate) fn age_ns(&self, at: u64) -> u64 {
        at.saturating_sub(self.created_ns)
    }

    /// Time in polls, the running one included.
    pub(crate) fn busy_ns(&self, at: u64) -> u64 {
        let running = self.stats.state == State::Running;
        let running_ns = if running { at.saturating_sub(self.stats.state_since_ns) } else { 0 };
        self.stats.busy_ns.saturating_add(running_ns)
    }

    fn texts(&self) -> impl Iterator<Item = TextId> {
        std::iter::once(self.source).chain(texts(&self.attributes))
    }
}

impl Resource {
    fn texts(&self) -> impl Iterator<Item = TextId> {
        [self.concrete_type, self.kind, self.name].into_iter().chain(texts(&self.attributes))
    }
}

fn texts(attributes: &[Attribute]) -> impl Iterator<Item = TextId> {
    attributes.iter().flat_map(|attribute| {
        let text = if let Value::Text(text) = attribute.value { text } else { TextId::NONE };
        [attribute.name, attribute.unit, text]
    })
}

/// All of them, by slot.
#[derive(Debug, Default, Clone)]
pub(crate) struct Resources {
    /// Those of them that are locks or channels.
    pub(crate) locks: Locks,
    /// Those of them that are streams.
    pub(crate) streams: Streams,
    by_slot: Shards<u32, Resource>,
    ops: Shards<u32, Op>,
    parts: PairSet<ResourceKey>,
    ops_by_task: PairSet<TaskKey>,
    ops_by_resource: PairSet<ResourceKey>,
    /// Those that block a thread, with its number.
    ops_by_thread: BTreeSet<(u32, u32)>,
    /// Those that were given what they wait for.
    granted_ops: BTreeSet<u32>,
}

impl Resources {
    // --- reading ---

    pub(crate) fn resource(&self, key: ResourceKey) -> Option<&Resource> {
        self.by_slot.get(&key.slot).filter(|resource| resource.key == key)
    }

    pub(crate) fn in_slot(&self, slot: u32) -> Option<&Resource> {
        self.by_slot.get(&slot)
    }

    pub(crate) fn op(&self, key: OpKey) -> Option<&Op> {
        self.ops.get(&key.slot).filter(|op| op.key == key)
    }

    pub(crate) fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.by_slot.values()
    }

    pub(crate) fn ops(&self) -> impl Iterator<Item = &Op> {
        self.ops.values()
    }

    pub(crate) fn op_count(&self) -> usize {
        self.ops.len()
    }

    /// The parts of a resource, by slot.
    pub(crate) fn parts(&self, of: ResourceKey) -> impl Iterator<Item = &Resource> {
        self.parts.of(of).filter_map(|slot| self.by_slot.get(&slot))
    }

    /// The operations that a task polled last, by slot.
    pub(crate) fn ops_of_task(&self, task: TaskKey) -> impl Iterator<Item = &Op> {
        self.ops_by_task.of(task).filter_map(|slot| self.ops.get(&slot))
    }

    /// The operations on a resource itself, by slot.
    pub(crate) fn ops_on(&self, resource: ResourceKey) -> impl Iterator<Item = &Op> {
        self.ops_by_resource.of(resource).filter_map(|slot| self.ops.get(&slot))
    }

    /// The operations that block a thread.
    pub(crate) fn ops_of_thread(&self, thread: u32) -> impl Iterator<Item = &Op> {
        let ops = self.ops_by_thread.range((thread, 0)..=(thread, u32::MAX));
        ops.filter_map(|(_, slot)| self.ops.get(slot))
    }

    /// The operations that block any thread, by thread.
    pub(crate) fn blocking_ops(&self) -> impl Iterator<Item = &Op> {
        self.ops_by_thread.iter().filter_map(|(_, slot)| self.ops.get(slot))
    }

    /// The operations that were given what they wait for, and did not take it yet.
    pub(crate) fn granted_ops(&self) -> impl Iterator<Item = &Op> {
        self.granted_ops.iter().filter_map(|slot| self.ops.get(slot))
    }

    /// The resource that the program knows: what an internal part is a part of.
    pub(crate) fn visible(&self, key: ResourceKey) -> Option<&Resource> {
        let mut resource = self.resource(key)?;
        for _ in 0..MAX_CHAIN {
            if !resource.internal {
                break;
            }
            let Some(parent) = resource.parent.and_then(|parent| self.resource(parent)) else { break };
            resource = parent;
        }
        Some(resource)
    }

    /// A resource and what it is a part of, outwards.
    pub(crate) fn chain(&self, from: ResourceKey) -> impl Iterator<Item = &Resource> {
        let first = self.resource(from);
        std::iter::successors(first, |resource| self.resource(resource.parent?)).take(MAX_CHAIN)
    }

    // --- changing; the holds on texts pass to the records ---

    /// Takes over what the wire does not carry of those that are here too.
    pub(crate) fn adopt(&mut self, old: &Self) {
        let Self { locks, streams, by_slot, .. } = self;
        let key = |records: &Shards<u32, Resource>, slot: u32| records.get(&slot).map(|record| record.key);
        let is_same = |slot: u32| {
            let now = key(by_slot, slot);
            now.is_some() && now == key(&old.by_slot, slot)
        };
        locks.adopt(&old.locks, is_same);
        streams.adopt(&old.streams, is_same, |slot| old.by_slot.get(&slot).map(|of| of.site));
    }

    pub(crate) fn insert(&mut self, resource: Resource, texts: &mut Texts, losses: &mut Losses) {
        let slot = resource.key.slot;
        self.remove(slot, texts);
        if self.by_slot.len() >= MAX_RESOURCES {
            losses.resources_over_limit += 1;
            return release(texts, resource.texts());
        }
        if let Some(parent) = resource.parent {
            self.parts.insert(parent, slot);
        }
        self.by_slot.insert(slot, resource);
    }

    pub(crate) fn remove(&mut self, slot: u32, texts: &mut Texts) {
        let Some(resource) = self.by_slot.remove(&slot) else { return };
        self.locks.remove(slot);
        self.streams.remove(&resource, texts);
        if let Some(parent) = resource.parent {
            self.parts.remove(parent, slot);
        }
        release(texts, resource.texts());
    }

    /// `now_ns`: what changed did so now; `None`: before the snapshot. False: there is no such resource.
    pub(crate) fn set_attributes(
        &mut self,
        slot: u32,
        new: Box<[Attribute]>,
        now_ns: Option<u64>,
        held: &mut Texts,
    ) -> bool {
        let Some(resource) = self.by_slot.get_mut(&slot) else {
            release(held, texts(&new));
            return false;
        };
        if !resource.attributes.is_empty() && resource.attributes != new {
            resource.reported_ns = now_ns.or(resource.reported_ns);
        }
        let old = std::mem::replace(&mut resource.attributes, new);
        release(held, texts(&old));
        true
    }

    pub(crate) fn insert_op(&mut self, op: Op, texts: &mut Texts, losses: &mut Losses) {
        let slot = op.key.slot;
        self.remove_op(slot, texts);
        if self.ops.len() >= MAX_OPS {
            losses.resources_over_limit += 1;
            return release(texts, op.texts());
        }
        if let Some(resource) = op.resource {
            self.ops_by_resource.insert(resource, slot);
        }
        self.ops.insert(slot, op);
    }

    pub(crate) fn remove_op(&mut self, slot: u32, texts: &mut Texts) {
        let Some(op) = self.ops.remove(&slot) else { return };
        if let Some(resource) = op.resource {
            self.ops_by_resource.remove(resource, slot);
        }
        if let Some(task) = op.stats.task {
            self.ops_by_task.remove(task, slot);
        }
        self.ops_by_thread.remove(&(op.stats.thread, slot));
        self.granted_ops.remove(&slot);
        release(texts, op.texts());
    }

    /// False: there is no such operation.
    pub(crate) fn apply_op(
        &mut self,
        slot: u32,
        stats: OpStats,
        new: Box<[Attribute]>,
        held: &mut Texts,
    ) -> bool {
        let Some(op) = self.ops.get_mut(&slot) else {
            release(held, texts(&new));
            return false;
        };
        if op.stats.task != stats.task {
            if let Some(old) = op.stats.task {
                self.ops_by_task.remove(old, slot);
            }
            if let Some(task) = stats.task {
                self.ops_by_task.insert(task, slot);
                if let Some(resource) = op.resource {
                    self.streams.note_user(resource.slot, task);
                }
            }
        }
        self.ops_by_thread.remove(&(op.stats.thread, slot));
        op.stats = stats;
        if op.blocks_thread() {
            self.ops_by_thread.insert((stats.thread, slot));
        }
        if stats.granted_ns.is_some() {
            self.granted_ops.insert(slot);
        } else {
            self.granted_ops.remove(&slot);
        }
        let old = std::mem::replace(&mut op.attributes, new);
        release(held, texts(&old));
        true
    }
}

fn release(texts: &mut Texts, ids: impl Iterator<Item = TextId>) {
    for id in ids {
        texts.release(id);
    }
}
