//! Locks, channels and streams: what wrappers write on the program's own threads, and what a reader reads of them.
//!
//! Reaching one takes two look-ups by index, about 4 ns; no lock and no hash.

use std::sync::atomic::Ordering::{Acquire, Release};

use super::Resources;
use crate::{
    clock::Ticks,
    id::ResourceId,
    names,
    records::{
        RecordRef,
        channel::{ChannelReading, ChannelRef},
        io::{IoReading, IoRef},
        lock::{LockHistograms, LockReading, LockRef},
    },
    resource::{AttributeValue, Resource, live},
    task::MAX_NAME_BYTES,
    text,
};

impl Resources {
    /// The lock that a resource is; `None` when it is none or past the limit.
    #[inline]
    pub fn lock(&self, id: ResourceId) -> Option<LockRef<'_>> {
        let (page, slot) = self.find_resource(id)?;
        match RecordRef::from_u32(slot.record.load(Acquire))? {
            RecordRef::Lock(number) => {
                let (_, lock) = self.records.locks.slot(number)?;
                Some(LockRef { records: &self.records, page, lock })
            }
            _ => None,
        }
    }

    /// The channel that a resource is; `None` when it is none or past the limit.
    #[inline]
    pub fn channel(&self, id: ResourceId) -> Option<ChannelRef<'_>> {
        let (page, slot) = self.find_resource(id)?;
        match RecordRef::from_u32(slot.record.load(Acquire))? {
            RecordRef::Channel(number) => {
                let (_, channel) = self.records.channels.slot(number)?;
                Some(ChannelRef { id, clock: &self.clock, page, channel })
            }
            _ => None,
        }
    }

    /// The stream that a resource is; `None` when it is none or past the limit.
    #[inline]
    pub fn io(&self, id: ResourceId) -> Option<IoRef<'_>> {
        let (page, slot) = self.find_resource(id)?;
        match RecordRef::from_u32(slot.record.load(Acquire))? {
            RecordRef::Io(number) => {
                let (_, io) = self.records.streams.slot(number)?;
                Some(IoRef { clock: &self.clock, page, io })
            }
            _ => None,
        }
    }

    /// What the program calls a resource. Takes a lock, so call it once; cut to [`MAX_NAME_BYTES`].
    pub fn set_name(&self, id: ResourceId, name: &str) {
        let Some((page, slot)) = self.find_resource(id) else { return };
        self.records.set_name(id.index(), text::kept(name, MAX_NAME_BYTES, &self.truncated));
        slot.live.fetch_or(live::NAMED, Release);
        page.shared.set();
    }

    /// What the program calls a resource; `None`: nothing, or it is gone.
    pub fn name(&self, id: ResourceId) -> Option<Box<str>> {
        self.find_resource(id)?;
        self.records.name(id.index())
    }

    /// The slot of a resource that is still there, for reading.
    pub fn get(&self, id: ResourceId) -> Option<&Resource> {
        self.find_resource(id).map(|(_, slot)| slot).filter(|slot| slot.id() == Some(id))
    }

    /// The id that a slot and a generation make in this recorder.
    pub fn id(&self, slot: u32, generation: u32) -> ResourceId {
        let id = ResourceId::new(self.number, generation, slot);
        // Whether several own it stands in its word, too.
        let known = self.slots.slot(slot).and_then(|(_, resource)| resource.last_id());
        known.filter(|known| known.generation() == id.generation()).unwrap_or(id)
    }

    /// A lock's state, `None` when the resource is none, or has changed hands meanwhile. About 50 ns.
    pub fn read_lock(&self, resource: &Resource) -> Option<LockReading> {
        self.read_lock_at(resource, Ticks::MAX)
    }

    /// A lock's state as it was at a moment that is just over: holds that began later are left out.
    pub fn read_lock_at(&self, resource: &Resource, at: Ticks) -> Option<LockReading> {
        read_record(resource, |record| match record {
            RecordRef::Lock(number) => {
                self.records.locks.slot(number).map(|(_, lock)| lock.read(&self.records, at))
            }
            _ => None,
        })
    }

    /// A lock's histograms.
    pub fn lock_histograms(&self, resource: &Resource) -> Option<LockHistograms> {
        read_record(resource, |record| match record {
            RecordRef::Lock(number) => {
                self.records.locks.slot(number).map(|(_, lock)| lock.histograms(&self.records))
            }
            _ => None,
        })
    }

    /// A channel's state, `None` when the resource is none, or has changed hands meanwhile.
    pub fn read_channel(&self, resource: &Resource) -> Option<ChannelReading> {
        read_record(resource, |record| match record {
            RecordRef::Channel(number) => {
                let reading = self.records.channels.slot(number).map(|(_, channel)| channel.read())?;
                Some(if reading.counted { reading } else { with_room(reading, resource) })
            }
            _ => None,
        })
    }

    /// A stream's state, `None` when the resource is none, or has changed hands meanwhile.
    pub fn read_io(&self, resource: &Resource) -> Option<IoReading> {
        read_record(resource, |record| match record {
            RecordRef::Io(number) => self.records.streams.slot(number).map(|(_, io)| io.read()),
            _ => None,
        })
    }
}

fn read_record<T>(resource: &Resource, read: impl FnOnce(RecordRef) -> Option<T>) -> Option<T> {
    let id = resource.id()?;
    let reading = read(RecordRef::from_u32(resource.record.load(Acquire))?)?;
    (resource.id() == Some(id)).then_some(reading)
}

/// Of a channel whose source reports only how much room is free: the rest of it has a value in it, or is kept for one.
fn with_room(reading: ChannelReading, resource: &Resource) -> ChannelReading {
    let free = resource.attributes().find_map(|attribute| match attribute.value {
        AttributeValue::Number(free) if attribute.name == names::PERMITS => Some(free),
        _ => None,
    });
    ChannelReading { depth: free.map(|free| reading.capacity.saturating_sub(free)), ..reading }
}
