//! Records of resources, beside their slots: holders and times of a lock, ends and depth of a channel, bytes of a stream.
//!
//! Each kind has an arena of its own, so that a timer pays for no lock. A record is made and freed with its resource, whose slot holds
//! its number; a reader sees in the resource's key that a record got another owner meanwhile. A lock is 128 bytes, with 192 more
//! once it was shared, 3,136 once more than eight held it at once, and 768 once it was contended or acquired three times; a channel is
//! 128 bytes, a stream 192 and its texts.

pub(crate) mod channel;
pub(crate) mod holders;
pub(crate) mod io;
pub(crate) mod lock;

use std::sync::{Mutex, PoisonError, atomic::Ordering::Acquire};

use rustc_hash::FxHashMap;

use self::{
    channel::Channel,
    holders::{Holders, Table},
    io::Io,
    lock::Lock,
};
use crate::{arena::Arena, histogram::LockBlock};

/// Which record a resource has, beside its facts and attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecordKind {
    /// Nothing.
    #[default]
    None,
    /// Holders and times of a lock, as a wrapper reports them.
    Lock,
    /// The same, of a semaphore that reports how many permits are taken and given, not whose: tokio's own.
    Permits,
    /// Ends, depth and traffic of a channel.
    Channel,
    /// Who received last from a channel, of one whose source reports only how much room is free: tokio's own, whose room is a semaphore. One inside
    /// of another resource is a part of that.
    Room,
    /// Bytes and operations of a stream, socket or file.
    Io,
}

/// Arenas of records, and the few names that programs give to resources.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) locks: Arena<Lock>,
    pub(crate) holders: Arena<Holders>,
    pub(crate) tables: Arena<Table>,
    pub(crate) blocks: Arena<LockBlock>,
    pub(crate) channels: Arena<Channel>,
    pub(crate) streams: Arena<Io>,
    /// By the resource's slot.
    names: Mutex<FxHashMap<u32, Box<str>>>,
}

/// Where a record is, in one word of the resource's slot: the kind in the upper 4 bits, its number in the others. 0: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordRef {
    Lock(u32),
    /// The lock whose part this resource is.
    PartOfLock(u32),
    Channel(u32),
    Io(u32),
}

const KIND_SHIFT: u32 = 28;

/// Of so many resources one may have a table of holders: few locks are held by more than eight at once.
const RESOURCES_A_TABLE: u32 = 128;

impl RecordRef {
    pub(crate) fn to_u32(self) -> u32 {
        let (kind, number) = match self {
            Self::Lock(number) => (1, number),
            Self::PartOfLock(number) => (2, number),
            Self::Channel(number) => (3, number),
            Self::Io(number) => (4, number),
        };
        kind << KIND_SHIFT | number
    }

    #[inline]
    pub(crate) fn from_u32(word: u32) -> Option<Self> {
        let number = word & ((1 << KIND_SHIFT) - 1);
        Some(match word >> KIND_SHIFT {
            1 => Self::Lock(number),
            2 => Self::PartOfLock(number),
            3 => Self::Channel(number),
            4 => Self::Io(number),
            _ => return None,
        })
    }
}

impl Records {
    pub(crate) fn new(max: u32) -> Self {
        Self {
            locks: Arena::new(max),
            holders: Arena::new(max),
            tables: Arena::new(max.div_ceil(RESOURCES_A_TABLE)),
            blocks: Arena::new(max),
            channels: Arena::new(max),
            streams: Arena::new(max),
            names: Mutex::default(),
        }
    }

    /// A fresh record for the resource of this slot; `None` at the limit, or when none is wanted.
    pub(crate) fn allocate(&self, kind: RecordKind, owner: u32) -> Option<RecordRef> {
        Some(match kind {
            RecordKind::None => return None,
            RecordKind::Lock | RecordKind::Permits => {
                let number = self.locks.allocate()?;
                self.locks.slot(number)?.1.reset(owner, kind == RecordKind::Permits);
                RecordRef::Lock(number)
            }
            RecordKind::Channel | RecordKind::Room => {
                let number = self.channels.allocate()?;
                self.channels.slot(number)?.1.reset(kind == RecordKind::Room);
                RecordRef::Channel(number)
            }
            RecordKind::Io => {
                let number = self.streams.allocate()?;
                self.streams.slot(number)?.1.reset();
                RecordRef::Io(number)
            }
        })
    }

    /// Frees a record with its histograms and holders.
    pub(crate) fn free(&self, record: RecordRef) {
        match record {
            RecordRef::Lock(number) => {
                let Some((_, lock)) = self.locks.slot(number) else { return };
                let (block, holders, mut tables) = lock.take_parts();
                if block != 0 {
                    self.blocks.free(block - 1);
                }
                if holders != 0 {
                    self.holders.free(holders - 1);
                }
                while let Some((number, (_, table))) =
                    tables.checked_sub(1).and_then(|number| Some((number, self.tables.slot(number)?)))
                {
                    tables = table.next.load(Acquire);
                    self.tables.free(number);
                }
                self.locks.free(number);
            }
            RecordRef::PartOfLock(_) => {}
            RecordRef::Channel(number) => self.channels.free(number),
            RecordRef::Io(number) => self.streams.free(number),
        }
    }

    pub(crate) fn set_name(&self, slot: u32, name: &str) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(slot, name.into());
    }

    pub(crate) fn forget_name(&self, slot: u32) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).remove(&slot);
    }

    pub(crate) fn name(&self, slot: u32) -> Option<Box<str>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).get(&slot).cloned()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.locks.memory_bytes()
            + self.holders.memory_bytes()
            + self.tables.memory_bytes()
            + self.blocks.memory_bytes()
            + self.channels.memory_bytes()
            + self.streams.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_is_read_back_as_itself() {
        for record in [
            RecordRef::Lock(0),
            RecordRef::PartOfLock(7),
            RecordRef::Channel(9),
            RecordRef::Io((1 << 24) - 1),
        ] {
            assert_eq!(RecordRef::from_u32(record.to_u32()), Some(record));
        }
        assert_eq!(RecordRef::from_u32(0), None);
    }
}
