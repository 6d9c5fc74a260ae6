//! What tokio's events say of the current resource and operation: attributes, and from those of locks who holds and who was given what.
//!
//! As tokio 1.54.1 emits them (`tokio/src/sync`): `locked`, `write_locked` and `current_readers` once a lock is acquired, on the thread that polls the
//! acquiring task, and once it was released, on the thread that dropped the guard. A semaphore (and the one inside of each lock) reports permits: back to
//! itself (`permits`, added) or straight to a waiter (`permits_obtained`) from the releasing thread, and to an operation in its own poll.
//! It says nothing of `try_acquire`.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use super::Resources;
use crate::{
    arena::Page,
    clock::Ticks,
    id::{OpId, ResourceId},
    names,
    records::{RecordRef, channel::Channel, lock::LockRef},
    resource::{AttributeValue, Change, Op, Resource, live, wanted},
    task::Agent,
    thread,
};

/// The resource that an event speaks of.
#[derive(Debug, Clone, Copy)]
pub struct Current<'r> {
    page: &'r Page<Resource>,
    slot: &'r Resource,
}

impl Resources {
    /// An attribute of the current resource changes, by the numbers of its name and unit; one that takes over its parts' attributes changes with its part.
    pub fn change_resource(&self, name: u32, unit: u32, value: AttributeValue, change: Change) {
        if let Some(current) = self.current() {
            self.change(current, name, unit, value, change);
        }
    }

    /// The current resource; `None`: what is said of it changes nothing, so it need not be read.
    #[inline]
    pub fn current(&self) -> Option<Current<'_>> {
        let (page, slot) = self.find_resource(self.current_resource()?)?;
        (slot.live.load(Relaxed) & live::SILENT == 0).then_some(Current { page, slot })
    }

    /// [`Resources::change_resource`] of one that is known.
    pub fn change(&self, current: Current<'_>, name: u32, unit: u32, value: AttributeValue, change: Change) {
        let Current { page, slot } = current;
        self.change_one(page, slot, name, unit, value, change);
        let whole = match slot.parent.load(Relaxed) {
            0 => None,
            parent => ResourceId::from_u64(parent).and_then(|id| self.find_resource(id)),
        };
        if let Some((page, whole)) = whole.filter(|(_, whole)| whole.inherits()) {
            self.change_one(page, whole, name, unit, value, change);
        }
        self.change_lock(slot, name, value, change);
    }

    fn change_one(
        &self,
        page: &Page<Resource>,
        slot: &Resource,
        name: u32,
        unit: u32,
        value: AttributeValue,
        change: Change,
    ) {
        if !slot.attributes.change(name, unit, value, change) {
            self.untracked.fetch_add(1, Relaxed);
        }
        page.shared.set();
    }

    /// An attribute of the current operation changes.
    pub fn change_op(&self, name: u32, unit: u32, value: AttributeValue, change: Change) {
        let Some(id) = self.current_op() else { return };
        let Some((page, slot)) = self.find_op(id) else { return };
        match value {
            AttributeValue::Number(permits) if name == names::PERMITS_REQUESTED => {
                let has_waker = slot.requested.load(Relaxed) & wanted::WAKER;
                slot.requested.store(wanted::SAID | has_waker | within(permits), Relaxed);
            }
            AttributeValue::Number(permits) if name == names::PERMITS_OBTAINED && change == Change::Add => {
                if permits > 0 {
                    self.obtained(id, slot, within(permits));
                }
            }
            AttributeValue::Number(permits) if name == names::PERMITS_OBTAINED => {
                slot.obtained.store(within(permits), Relaxed);
            }
            _ => {
                if !slot.attributes.change(name, unit, value, change) {
                    self.untracked.fetch_add(1, Relaxed);
                }
            }
        }
        if slot.live.load(Relaxed) != 0 {
            page.shared.set();
        }
    }

    /// Applies an attribute of a resource to the lock that it is, or is a part of.
    fn change_lock(&self, slot: &Resource, name: u32, value: AttributeValue, change: Change) {
        if let Some(channel) = self.room_of(slot) {
            match (value, change) {
                (AttributeValue::Number(values), Change::Override) if name == names::PERMITS => {
                    channel.fits(values);
                }
                (_, Change::Add) if name == names::PERMITS && !self.acquires_here(slot.id()) => {
                    channel.gave_room(None);
                }
                _ => {}
            }
            return;
        }
        let Some(lock) = self.lock_of(slot) else { return };
        match value {
            AttributeValue::Bool(held) if name == names::LOCKED || name == names::WRITE_LOCKED => {
                let now = self.clock.ticks();
                if held { lock.taken_exclusive(now) } else { lock.given_exclusive(now) }
            }
            AttributeValue::Number(readers) if name == names::CURRENT_READERS => {
                let readers = u32::try_from(readers).unwrap_or(u32::MAX);
                match change {
                    Change::Add => lock.taken_shared(readers, self.clock.ticks()),
                    Change::Sub => lock.given_shared(readers, self.clock.ticks()),
                    Change::Override => {}
                }
            }
            AttributeValue::Number(permits) if name == names::PERMITS && lock.by_permits() => {
                let permits = u32::try_from(permits).unwrap_or(u32::MAX);
                if change == Change::Add && !self.acquires_here(slot.id()) {
                    lock.given_shared(permits, self.clock.ticks());
                }
                lock.free_permits(permits, change);
            }
            _ => {}
        }
    }

    /// An operation obtained permits: in its own poll, or from another agent that releases them.
    fn obtained(&self, id: OpId, op: &Op, permits: u32) {
        op.obtained.fetch_add(permits, AcqRel);
        let all = op.has_all();
        let own_poll = self.polled_op() == Some(id);
        if own_poll && all {
            // Taken when that poll ends.
            return;
        }
        let now = self.clock.ticks();
        let resource = ResourceId::from_u64(op.resource.load(Relaxed));
        let on = resource.and_then(|id| self.find_resource(id)).map(|(_, slot)| slot);
        if let Some(channel) = on.and_then(|slot| self.room_of(slot)).filter(|_| !own_poll) {
            channel.gave_room(Some(now));
        }
        let lock = on.and_then(|slot| self.lock_of(slot));
        if let Some(lock) = lock.filter(LockRef::by_permits) {
            let waiter = if own_poll { Agent::actor() } else { op.task.load(Relaxed) };
            if !own_poll && !self.acquires_here(resource) {
                lock.given_shared(permits, now);
            }
            if waiter != 0 {
                lock.reserved(waiter, permits, now);
            }
        }
        if all && !own_poll {
            op.granted.store(now, Relaxed);
            self.on_whole(op, |whole| whole.granted.store(now, Relaxed));
        }
    }

    /// A poll of an operation that wants permits ended, and it has them all. `now`: it had to wait, and this is the end.
    pub(super) fn acquired(&self, op: &Op, now: Option<Ticks>) {
        let requested = op.requested.load(Relaxed);
        if requested & (wanted::SAID | wanted::TAKEN) != wanted::SAID {
            return;
        }
        op.requested.store(requested | wanted::TAKEN, Relaxed);
        op.granted.store(0, Relaxed);
        self.whole_has_all(op);
        let Some(resource) = ResourceId::from_u64(op.resource.load(Relaxed)) else { return };
        let on = self.find_resource(resource);
        if on.is_some_and(|(_, slot)| self.room_of(slot).is_some()) {
            thread::sent_to(resource);
            return;
        }
        // A wrapper records its waits itself.
        let tokios = on.filter(|(_, slot)| slot.is_traced() || slot.is_part_of_lock());
        let Some(lock) = tokios.and_then(|(_, slot)| self.lock_of(slot)) else { return };
        if let Some(now) = now {
            lock.waited(now.saturating_sub(op.created.load(Relaxed)));
        }
        if lock.by_permits() {
            let permits = requested & wanted::PERMITS;
            if now.is_some() {
                lock.claimed(Agent::actor(), permits);
            }
            lock.taken_shared(permits, now.unwrap_or_else(|| self.clock.ticks()));
        }
    }

    pub(super) fn on_whole(&self, part: &Op, change: impl FnOnce(&Op)) {
        let resource =
            ResourceId::from_u64(part.resource.load(Relaxed)).and_then(|id| self.find_resource(id));
        if !resource.is_some_and(|(_, resource)| resource.is_part_of_lock()) {
            return;
        }
        let whole = match part.parent.load(Relaxed) {
            0 => None,
            parent => OpId::from_u64(parent).and_then(|id| self.find_op(id)),
        };
        if let Some((page, whole)) = whole {
            change(whole);
            if whole.live.load(Relaxed) != 0 {
                page.shared.set();
            }
        }
    }

    /// Whether this thread polls an acquisition of this resource, or of the one that it is a part of: what such a poll gives back was never held.
    fn acquires_here(&self, resource: Option<ResourceId>) -> bool {
        let poll = self.polled_op().and_then(|id| self.find_op(id));
        let Some((_, op)) = poll else { return false };
        let of = ResourceId::from_u64(op.resource.load(Relaxed));
        let whole = || ResourceId::from_u64(self.find_resource(resource?)?.1.parent.load(Relaxed));
        of == resource || of.is_some() && of == whole()
    }

    /// The channel whose room a resource is.
    fn room_of(&self, slot: &Resource) -> Option<&Channel> {
        match RecordRef::from_u32(slot.record.load(Acquire))? {
            RecordRef::Channel(number) => {
                self.records.channels.slot(number).map(|(_, channel)| channel).filter(|of| of.is_room())
            }
            _ => None,
        }
    }

    /// The lock that a resource is, or is a part of.
    fn lock_of(&self, slot: &Resource) -> Option<LockRef<'_>> {
        match RecordRef::from_u32(slot.record.load(Acquire))? {
            RecordRef::Lock(number) | RecordRef::PartOfLock(number) => {
                let (_, lock) = self.records.locks.slot(number)?;
                let (page, _) = self.slots.slot(lock.owner())?;
                Some(LockRef { records: &self.records, page, lock })
            }
            _ => None,
        }
    }
}

/// A number of permits in the bits that an operation has for it.
fn within(permits: u64) -> u32 {
    u32::try_from(permits).unwrap_or(wanted::PERMITS).min(wanted::PERMITS)
}
