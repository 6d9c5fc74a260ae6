//! Resources and operations: made, entered, changed, dropped.
//!
//! Tokio nests their spans on the thread (task, resource, operation, its poll), and its events speak of "the current one": the thread's
//! stack answers that. A lock and unlock of a free tokio Mutex is some 25 of these calls, about 1 µs together with tokio's way through `tracing`.

mod events;
mod records;

use std::sync::{
    Arc, PoisonError,
    atomic::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
};

use self::events::KnownNames;
use crate::{
    arena::{Arena, Page},
    clock::Clock,
    frame,
    id::{AnyId, MAX_SLOTS, OpId, ResourceId, UNRECORDED},
    names::Names,
    records::{RecordKind, RecordRef, Records},
    resource::{Op, Resource, live},
    site::{Place, Sites},
    task::MAX_NAME_BYTES,
    text, thread,
};

/// Everything a source knows when a resource is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewResource<'a> {
    /// `Mutex`, `Sleep`, …
    pub concrete_type: &'a str,
    /// `Sync`, `timer`.
    pub kind: &'a str,
    /// What the program calls it; empty: nothing.
    pub name: &'a str,
    /// Where.
    pub place: Option<Place<'a>>,
    /// What is kept of it.
    pub record: RecordKind,
    /// A part that the program never sees.
    pub internal: bool,
    /// Takes over the attributes of its parts.
    pub inherits: bool,
}

/// The resources of a recorder and the operations on them, with the records of locks, channels and streams.
#[derive(Debug)]
pub struct Resources {
    number: u8,
    clock: Clock,
    sites: Arc<Sites>,
    names: Names,
    known: KnownNames,
    slots: Arena<Resource>,
    ops: Arena<Op>,
    records: Records,
    untracked: AtomicU64,
    truncated: AtomicU64,
}

impl Resources {
    pub(super) fn new(number: u8, clock: Clock, sites: Arc<Sites>, max: u32) -> Self {
        let max = max.clamp(1, MAX_SLOTS);
        let names = Names::new();
        Self {
            number,
            clock,
            sites,
            known: KnownNames::new(&names),
            names,
            slots: Arena::new(max),
            ops: Arena::new(max),
            records: Records::new(max),
            untracked: AtomicU64::new(0),
            truncated: AtomicU64::new(0),
        }
    }

    /// Resources and operations past their limit, and attributes and names that had no room.
    pub(super) fn untracked(&self) -> u64 {
        self.untracked.load(Relaxed) + self.names.refused()
    }

    /// Names cut to their limit.
    pub(super) fn truncated(&self) -> u64 {
        self.truncated.load(Relaxed)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.slots.memory_bytes()
            + self.ops.memory_bytes()
            + self.records.memory_bytes()
            + self.names.memory_bytes()
    }

    /// Makes a resource with one reference; `None` at the limit.
    pub fn new_resource(&self, new: &NewResource<'_>) -> Option<ResourceId> {
        let number = self.allocated(self.slots.allocate())?;
        let (page, slot) = self.slots.slot(number)?;
        let generation =
            ResourceId::from_u64(slot.key.load(Relaxed)).map_or(1, |last| last.generation().wrapping_add(1));
        let id = ResourceId::new(self.number, generation, number);
        // Tokio gives these spans no parent, and enters a resource's span while it makes the parts: nothing else is made in it.
        let parent = self.current_resource();
        slot.parent.store(parent.map_or(0, ResourceId::to_u64), Relaxed);
        slot.refs.store(1, Relaxed);
        slot.attributes.clear();
        let record = match new.record {
            RecordKind::None => parent.filter(|_| new.internal).and_then(|whole| self.part_of_lock(whole)),
            kind => self.allocated(self.records.allocate(kind, number)),
        };
        slot.record.store(record.map_or(0, RecordRef::to_u32), Release);
        {
            let mut facts = slot.facts.lock().unwrap_or_else(PoisonError::into_inner);
            facts.created = self.clock.ticks();
            facts.site = new.place.map_or(0, |place| self.sites.number(place));
            facts.concrete_type = self.names.number(new.concrete_type);
            facts.kind = self.names.number(new.kind);
            facts.internal = new.internal;
            facts.named = !new.name.is_empty();
        }
        if !new.name.is_empty() {
            self.records.set_name(number, text::kept(new.name, MAX_NAME_BYTES, &self.truncated));
        }
        slot.key.store(id.to_u64(), Release);
        slot.live.store(live::LIVE | if new.inherits { live::INHERITS } else { 0 }, Release);
        page.shared.set();
        Some(id)
    }

    /// The lock that a part's whole is.
    fn part_of_lock(&self, whole: ResourceId) -> Option<RecordRef> {
        let (_, whole) = self.find_resource(whole)?;
        match RecordRef::from_u32(whole.record.load(Acquire))? {
            RecordRef::Lock(number) => Some(RecordRef::PartOfLock(number)),
            _ => None,
        }
    }

    /// Makes an operation with one reference; `None` at the limit. Without a given resource it is on the current one. `place` as of
    /// [`Sites::place_number`]; 0: unknown.
    pub fn new_op(&self, source: &str, resource: Option<ResourceId>, place: u32) -> Option<OpId> {
        let number = self.allocated(self.ops.allocate())?;
        let (page, slot) = self.ops.slot(number)?;
        let generation =
            OpId::from_u64(slot.key.load(Relaxed)).map_or(1, |last| last.generation().wrapping_add(1));
        let id = OpId::new(self.number, generation, number);
        let resource = resource.or_else(|| self.current_resource());
        // `Mutex::lock_owned`, of tokio and of the wrappers: its guard can go to another task.
        if let Some(lock) = resource.filter(|_| source.ends_with("_owned")).and_then(|id| self.lock(id)) {
            let _marked = lock.with_movable_guard();
        }
        slot.refs.store(1, Relaxed);
        slot.attributes.clear();
        for zero in
            [&slot.task, &slot.started, &slot.ended, &slot.polls, &slot.busy, &slot.granted, &slot.frame]
        {
            zero.store(0, Relaxed);
        }
        for zero in [&slot.thread, &slot.requested, &slot.obtained] {
            zero.store(0, Relaxed);
        }
        slot.site.store(place, Relaxed);
        slot.created.store(self.clock.ticks(), Relaxed);
        slot.resource.store(resource.map_or(0, ResourceId::to_u64), Relaxed);
        slot.parent.store(self.current_op().map_or(0, OpId::to_u64), Relaxed);
        slot.source.store(self.names.number(source), Relaxed);
        slot.key.store(id.to_u64(), Release);
        slot.live.store(1, Release);
        page.shared.set();
        Some(id)
    }

    fn allocated<T>(&self, slot: Option<T>) -> Option<T> {
        if slot.is_none() {
            self.untracked.fetch_add(1, Relaxed);
        }
        slot
    }

    #[inline]
    pub(super) fn enter_op(&self, id: OpId) {
        let task = thread::actor_in(self.number);
        thread::push(id.poll_span().get());
        let Some((page, op)) = self.find_op(id) else { return };
        op.task.store(task, Relaxed);
        op.frame.store(frame::current(), Relaxed);
        if op.granted.load(Relaxed) != 0 {
            op.granted.store(0, Relaxed);
        }
        op.started.store(self.clock.ticks().max(op.ended.load(Relaxed) + 1), Relaxed);
        op.polls.store(op.polls.load(Relaxed) + 1, Relaxed);
        page.shared.set();
    }

    #[inline]
    pub(super) fn exit_op(&self, id: OpId) {
        thread::pop();
        let Some((page, op)) = self.find_op(id) else { return };
        let started = op.started.load(Relaxed);
        let now = self.clock.ticks().max(started);
        op.busy.store(op.busy.load(Relaxed) + (now - started), Relaxed);
        op.ended.store(now, Relaxed);
        if op.requested.load(Relaxed) != 0 {
            self.maybe_acquired(op, now);
        }
        page.shared.set();
    }

    pub(super) fn add_ref(&self, id: ResourceId) {
        if let Some((_, slot)) = self.find_resource(id) {
            slot.refs.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn add_op_ref(&self, id: OpId) {
        if let Some((_, slot)) = self.find_op(id) {
            slot.refs.fetch_add(1, Relaxed);
        }
    }

    /// One holder less; the last one ends it. Returns whether it ended.
    pub(super) fn release(&self, id: ResourceId) -> bool {
        let Some((page, slot)) = self.find_resource(id) else { return false };
        let last = slot.refs.fetch_sub(1, AcqRel) == 1;
        if last {
            slot.live.store(0, Release);
            page.shared.set();
            self.free(id, slot);
        }
        last
    }

    pub(super) fn release_op(&self, id: OpId) -> bool {
        let Some((page, slot)) = self.find_op(id) else { return false };
        let last = slot.refs.fetch_sub(1, AcqRel) == 1;
        if last {
            slot.live.store(0, Release);
            page.shared.set();
            self.ops.free(id.index());
        }
        last
    }

    fn free(&self, id: ResourceId, slot: &Resource) {
        if let Some(record) = RecordRef::from_u32(slot.record.swap(0, AcqRel)) {
            self.records.free(record);
        }
        if slot.facts.lock().unwrap_or_else(PoisonError::into_inner).named {
            self.records.forget_name(id.index());
        }
        self.slots.free(id.index());
    }

    /// The number of a name, for attributes.
    pub fn name_number(&self, name: &str) -> u32 {
        self.names.number(name)
    }

    /// The name of a number that descriptions, readings and attributes hold.
    pub fn name_of(&self, number: u32) -> &str {
        self.names.name(number)
    }

    /// The resource whose span is innermost on this thread.
    fn current_resource(&self) -> Option<ResourceId> {
        thread::innermost(|raw| match AnyId::from_u64(raw)? {
            AnyId::Resource(id) if id.recorder() == self.number => Some(Some(id)),
            AnyId::Unrecorded => Some(None),
            _ => None,
        })?
    }

    /// Whether the innermost span on this thread is unrecorded, and so all that is made in it.
    pub fn is_unrecorded(&self) -> bool {
        thread::innermost(|raw| Some(raw == UNRECORDED)).unwrap_or(false)
    }

    /// The operation whose span, or whose poll's, is innermost on this thread.
    pub fn current_op(&self) -> Option<OpId> {
        thread::innermost(|raw| match AnyId::from_u64(raw)? {
            AnyId::Op(op) | AnyId::OpPoll(op) if op.recorder() == self.number => Some(Some(op)),
            AnyId::Unrecorded => Some(None),
            _ => None,
        })?
    }

    /// The operation that this thread polls, within the task that it polls.
    pub fn polled_op(&self) -> Option<OpId> {
        thread::innermost(|raw| match AnyId::from_u64(raw)? {
            AnyId::OpPoll(op) if op.recorder() == self.number => Some(Some(op)),
            AnyId::Task(_) => Some(None),
            _ => None,
        })?
    }

    /// Pages of resources in order.
    pub fn pages(&self) -> impl Iterator<Item = &Page<Resource>> {
        self.slots.pages()
    }

    /// Pages of operations in order.
    pub fn op_pages(&self) -> impl Iterator<Item = &Page<Op>> {
        self.ops.pages()
    }

    fn find_resource(&self, id: ResourceId) -> Option<(&Page<Resource>, &Resource)> {
        let (page, slot) = self.slots.slot(id.index())?;
        (slot.key.load(Relaxed) == id.to_u64()).then_some((page, slot))
    }

    fn find_op(&self, id: OpId) -> Option<(&Page<Op>, &Op)> {
        let (page, slot) = self.ops.slot(id.index())?;
        (slot.key.load(Relaxed) == id.to_u64()).then_some((page, slot))
    }
}
