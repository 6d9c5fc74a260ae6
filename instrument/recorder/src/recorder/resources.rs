//! Resources and operations: made, entered, changed, dropped.
//!
//! Tokio nests their spans on the thread (task, resource, operation, its poll), and its events speak of "the current one": the thread's
//! stack answers that. A lock and unlock of a free tokio Mutex is some 55 of these calls, and two thirds of their instructions are here.

mod events;
mod operations;
mod records;

pub use self::events::Current;

use std::sync::{
    Arc, PoisonError,
    atomic::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
};

use crate::{
    arena::{Arena, Page},
    clock::{Clock, Ticks},
    id::{MAX_SLOTS, ResourceId, UNRECORDED, entered},
    names::{self, Names},
    records::{RecordKind, RecordRef, Records},
    resource::{Op, Resource, live},
    site::{Place, Sites},
    task::MAX_NAME_BYTES,
    text, thread,
};

/// Everything a source knows when a resource is made.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "five independent facts; a bit set would hide their names")]
pub struct NewResource<'a> {
    /// `Mutex`, `Sleep`, …
    pub concrete_type: &'a str,
    /// `Sync`, `timer`.
    pub kind: &'a str,
    /// The number of that type's name, where it is known; else 0.
    pub type_number: u32,
    /// The number of that kind's name, where it is known; else 0.
    pub kind_number: u32,
    /// What the program calls it; empty: nothing.
    pub name: &'a str,
    /// Where.
    pub place: Option<Place<'a>>,
    /// The number of that place, where it is known.
    pub site: Option<u32>,
    /// What is kept of it.
    pub record: RecordKind,
    /// A part that the program never sees.
    pub internal: bool,
    /// Takes over the attributes of its parts.
    pub inherits: bool,
    /// Several own it: each clone of its span is one more.
    pub shared: bool,
    /// Readers see it only once an operation on it waits.
    pub lazily: bool,
    /// Tokio's span makes it.
    pub traced: bool,
}

/// The resources of a recorder and the operations on them, with the records of locks, channels and streams.
#[derive(Debug)]
pub struct Resources {
    number: u8,
    clock: Clock,
    sites: Arc<Sites>,
    names: Names,
    slots: Arena<Resource>,
    ops: Arena<Op>,
    records: Records,
    untracked: AtomicU64,
    truncated: AtomicU64,
}

impl Resources {
    pub(super) fn new(number: u8, clock: Clock, sites: Arc<Sites>, max: u32) -> Self {
        let max = max.clamp(1, MAX_SLOTS);
        Self {
            number,
            clock,
            sites,
            names: Names::new(),
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

    /// Makes a resource with one owner; `None` at the limit.
    pub fn new_resource(&self, new: &NewResource<'_>) -> Option<ResourceId> {
        let number = self.allocated(self.slots.allocate())?;
        let (page, slot) = self.slots.slot(number)?;
        let generation =
            ResourceId::from_u64(slot.key.load(Relaxed)).map_or(1, |last| last.generation().wrapping_add(1));
        let id = ResourceId::new(self.number, generation, number);
        let id = if new.shared { id.shared() } else { id };
        // Tokio gives these spans no parent, and enters a resource's span while it makes the parts: nothing else is made in it.
        let parent = self.current_resource();
        slot.parent.store(parent.map_or(0, ResourceId::to_u64), Relaxed);
        slot.refs.store(1, Relaxed);
        slot.attributes.clear();
        let record = match new.record {
            RecordKind::None | RecordKind::Room if parent.is_some() => {
                parent.filter(|_| new.internal).and_then(|whole| self.part_of_lock(whole))
            }
            RecordKind::None => None,
            kind => self.allocated(self.records.allocate(kind, number)),
        };
        slot.record.store(record.map_or(0, RecordRef::to_u32), Release);
        if new.shared || new.record == RecordKind::Channel {
            thread::sent_nothing();
        }
        let is_room = new.record == RecordKind::Room && parent.is_none();
        {
            let mut facts = slot.facts.lock().unwrap_or_else(PoisonError::into_inner);
            facts.created = if new.lazily { 0 } else { self.clock.ticks() };
            facts.site = match new.site {
                Some(site) => site,
                None => new.place.map_or(0, |place| self.sites.number(place)),
            };
            facts.concrete_type = self.known_or(new.type_number, new.concrete_type);
            facts.kind = self.known_or(new.kind_number, new.kind);
            facts.internal = new.internal && !is_room;
            if is_room {
                (facts.concrete_type, facts.kind) = (names::MPSC, names::CHANNEL);
            }
        }
        let mut bits = if new.lazily { 0 } else { live::LIVE };
        if new.inherits {
            bits |= live::INHERITS;
        }
        if new.traced {
            bits |= live::TRACED;
        }
        if self.is_silent(record) {
            bits |= live::SILENT;
        }
        if !new.name.is_empty() {
            bits |= live::NAMED;
            self.records.set_name(number, text::kept(new.name, MAX_NAME_BYTES, &self.truncated));
        }
        slot.key.store(id.to_u64(), Release);
        slot.live.store(bits, Release);
        if !new.lazily {
            page.shared.set();
        }
        Some(id)
    }

    fn known_or(&self, number: u32, name: &str) -> u32 {
        if number == 0 { self.names.number(name) } else { number }
    }

    /// Readers see it from now on.
    fn publish_resource(&self, id: ResourceId, now: Ticks) {
        let Some((page, slot)) = self.find_resource(id) else { return };
        if slot.live.load(Relaxed) & (live::LIVE | live::FORGOTTEN) == 0 {
            slot.facts.lock().unwrap_or_else(PoisonError::into_inner).created = now;
            slot.live.fetch_or(live::LIVE, Release);
            page.shared.set();
        }
    }

    /// Whether events of this resource were missed: nothing is known of it any more.
    pub(super) fn is_forgotten(&self, id: ResourceId) -> bool {
        self.find_resource(id).is_some_and(|(_, slot)| slot.live.load(Relaxed) & live::FORGOTTEN != 0)
    }

    /// Whether the attributes of a resource with this record say nothing: those of the semaphore that is inside of a mutex.
    fn is_silent(&self, record: Option<RecordRef>) -> bool {
        let Some(RecordRef::PartOfLock(number)) = record else { return false };
        self.records.locks.slot(number).is_some_and(|(_, lock)| !lock.by_permits())
    }

    /// The lock that a part's whole is.
    fn part_of_lock(&self, whole: ResourceId) -> Option<RecordRef> {
        let (_, whole) = self.find_resource(whole)?;
        match RecordRef::from_u32(whole.record.load(Acquire))? {
            RecordRef::Lock(number) => Some(RecordRef::PartOfLock(number)),
            _ => None,
        }
    }

    fn allocated<T>(&self, slot: Option<T>) -> Option<T> {
        if slot.is_none() {
            self.untracked.fetch_add(1, Relaxed);
        }
        slot
    }

    /// One owner more, of those that can have several.
    pub(super) fn add_ref(&self, id: ResourceId) {
        if let Some((_, slot)) = self.find_resource(id) {
            slot.refs.fetch_add(1, Relaxed);
        }
    }

    /// One owner less; the last one ends it. Returns whether it ended.
    pub(super) fn release(&self, id: ResourceId) -> bool {
        let Some((page, slot)) = self.find_resource(id) else { return false };
        if id.is_shared() && slot.refs.fetch_sub(1, AcqRel) != 1 {
            return false;
        }
        let bits = slot.live.load(Relaxed);
        slot.live.store(0, Release);
        if bits & live::LIVE != 0 {
            page.shared.set();
        }
        if let Some(record) = RecordRef::from_u32(slot.record.load(Relaxed)) {
            slot.record.store(0, Release);
            self.records.free(record);
        }
        if bits & live::NAMED != 0 {
            self.records.forget_name(id.index());
        }
        slot.key.store(id.gone(), Relaxed);
        self.slots.free(id.index());
        true
    }

    /// The number of a name, for attributes.
    #[inline]
    pub fn name_number(&self, name: &str) -> u32 {
        self.names.number(name)
    }

    /// The name of a number that descriptions, readings and attributes hold.
    pub fn name_of(&self, number: u32) -> &str {
        self.names.name(number)
    }

    /// The resource whose span is innermost on this thread.
    #[inline]
    fn current_resource(&self) -> Option<ResourceId> {
        thread::innermost(|raw| entered::resource(raw, self.number))?
    }

    /// Whether the innermost span on this thread is unrecorded, and so all that is made in it.
    pub fn is_unrecorded(&self) -> bool {
        thread::innermost(|raw| Some(raw == UNRECORDED)).unwrap_or(false)
    }

    /// Pages of resources in order.
    pub fn pages(&self) -> impl Iterator<Item = &Page<Resource>> {
        self.slots.pages()
    }

    /// Pages of operations in order.
    pub fn op_pages(&self) -> impl Iterator<Item = &Page<Op>> {
        self.ops.pages()
    }

    #[inline]
    fn find_resource(&self, id: ResourceId) -> Option<(&Page<Resource>, &Resource)> {
        let (page, slot) = self.slots.slot(id.index())?;
        (slot.key.load(Relaxed) == id.to_u64()).then_some((page, slot))
    }
}
