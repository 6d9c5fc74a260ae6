//! What a resource has beside its slot: a lock its holders and times, a channel its ends and depth, a stream its bytes.
//!
//! Each kind has an arena of its own, so that a timer pays for no lock. An annex is made and freed with its resource, whose slot holds
//! its number; a reader that meets one that changed hands in between sees that in the resource's key. A lock is 128 bytes, with 192 more
//! once it was shared and 768 once it was contended or acquired three times; a channel is 128 bytes, a stream 192 and its texts.

pub(crate) mod channel;
pub(crate) mod holders;
pub(crate) mod io;
pub(crate) mod lock;

use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

use self::{channel::Channel, holders::Holders, io::Io, lock::Lock};
use crate::{arena::Arena, histogram::LockBlock};

/// What is kept of a resource beside its facts and attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ledger {
    /// Nothing.
    #[default]
    None,
    /// Holders and times of a lock; a wrapper tells of them.
    Lock,
    /// The same, of a semaphore that tells how many permits are taken and given, not whose: tokio's own.
    Permits,
    /// Ends, depth and traffic of a channel.
    Channel,
    /// Bytes and operations of a stream, socket or file.
    Io,
}

/// Arenas of annexes, and the few names that programs give to resources.
#[derive(Debug)]
pub(crate) struct Annexes {
    pub(crate) locks: Arena<Lock>,
    pub(crate) holders: Arena<Holders>,
    pub(crate) blocks: Arena<LockBlock>,
    pub(crate) channels: Arena<Channel>,
    pub(crate) streams: Arena<Io>,
    /// By the resource's slot.
    names: Mutex<FxHashMap<u32, Box<str>>>,
}

/// Where an annex is, in one word of the resource's slot: the kind in the upper 4 bits, its number in the others. 0: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Lock(u32),
    /// The lock whose part this resource is.
    PartOfLock(u32),
    Channel(u32),
    Io(u32),
}

const KIND_SHIFT: u32 = 28;

impl Place {
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

impl Annexes {
    pub(crate) fn new(max: u32) -> Self {
        Self {
            locks: Arena::new(max),
            holders: Arena::new(max),
            blocks: Arena::new(max),
            channels: Arena::new(max),
            streams: Arena::new(max),
            names: Mutex::default(),
        }
    }

    /// A fresh annex for the resource of this slot; `None` at the limit, or when none is wanted.
    pub(crate) fn allocate(&self, ledger: Ledger, owner: u32) -> Option<Place> {
        Some(match ledger {
            Ledger::None => return None,
            Ledger::Lock | Ledger::Permits => {
                let number = self.locks.allocate()?;
                self.locks.slot(number)?.1.reset(owner, ledger == Ledger::Permits);
                Place::Lock(number)
            }
            Ledger::Channel => {
                let number = self.channels.allocate()?;
                self.channels.slot(number)?.1.reset();
                Place::Channel(number)
            }
            Ledger::Io => {
                let number = self.streams.allocate()?;
                self.streams.slot(number)?.1.reset();
                Place::Io(number)
            }
        })
    }

    /// Gives an annex back with all that it grew.
    pub(crate) fn free(&self, place: Place) {
        match place {
            Place::Lock(number) => {
                let Some((_, lock)) = self.locks.slot(number) else { return };
                let (block, holders) = lock.take_parts();
                if block != 0 {
                    self.blocks.free(block - 1);
                }
                if holders != 0 {
                    self.holders.free(holders - 1);
                }
                self.locks.free(number);
            }
            Place::PartOfLock(_) => {}
            Place::Channel(number) => self.channels.free(number),
            Place::Io(number) => self.streams.free(number),
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
            + self.blocks.memory_bytes()
            + self.channels.memory_bytes()
            + self.streams.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_read_back_as_itself() {
        for place in [Place::Lock(0), Place::PartOfLock(7), Place::Channel(9), Place::Io((1 << 24) - 1)] {
            assert_eq!(Place::from_u32(place.to_u32()), Some(place));
        }
        assert_eq!(Place::from_u32(0), None);
    }
}
