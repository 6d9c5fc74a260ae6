//! Where a lock keeps its record: beside the value, within tokio's lock.
//!
//! `Mutex` and `RwLock` are transparent over tokio's, so an `Arc` of one can be used as an `Arc` of the other, and owned guards are tokio's
//! own: no `unsafe` is needed for them. The record is then within reach of who holds the lock, and of no one else. A waiter finds
//! the resource by the lock's address instead, in a table that the holder wrote: while it is held or waited for, a lock can't move.
//!
//! Invariant: an address in the table is the one where its lock was held last. Limit: one entry a lock on record, so the recorder's.

use std::{
    collections::HashMap,
    sync::{
        LazyLock, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use taskscope_recorder::{LockRef, ResourceId};

use super::wait;
use crate::tracked::Tracked;

/// A value and the record of the lock around it.
pub(super) struct Slot<T: ?Sized> {
    header: Header,
    pub(super) value: T,
}

struct Header {
    tracked: Tracked,
    /// Where the lock was held last; 0: nowhere yet.
    address: AtomicUsize,
}

impl<T> Slot<T> {
    pub(super) const fn new(tracked: Tracked, value: T) -> Self {
        Self { header: Header { tracked, address: AtomicUsize::new(0) }, value }
    }
}

impl<T: ?Sized> Slot<T> {
    /// The record of the lock, which the caller holds and which is here. `None` past the recorder's limit.
    #[inline]
    pub(super) fn record<L: ?Sized>(&self, lock: &L) -> Option<LockRef<'static>> {
        let record = self.header.tracked.lock()?;
        if self.header.address.load(Relaxed) != address(lock) {
            self.header.moved(address(lock));
        }
        Some(record)
    }
}

/// The resource of a lock that another one holds; `None` when it has no record.
pub(super) fn find<L: ?Sized>(lock: &L) -> Option<ResourceId> {
    wait::recorder()?;
    HELD.read().unwrap_or_else(PoisonError::into_inner).get(&address(lock)).copied()
}

static HELD: LazyLock<RwLock<HashMap<usize, ResourceId>>> = LazyLock::new(RwLock::default);

#[inline]
fn address<L: ?Sized>(lock: &L) -> usize {
    std::ptr::from_ref(lock).addr()
}

impl Header {
    /// The first time it is held, and after the lock was moved.
    #[cold]
    fn moved(&self, to: usize) {
        let Some(resource) = self.tracked.id() else { return };
        let mut held = HELD.write().unwrap_or_else(PoisonError::into_inner);
        let from = self.address.swap(to, Relaxed);
        // Another lock may be there by now.
        if held.get(&from) == Some(&resource) {
            held.remove(&from);
        }
        held.insert(to, resource);
    }
}

impl Drop for Header {
    fn drop(&mut self) {
        let address = *self.address.get_mut();
        if address == 0 {
            return;
        }
        let mut held = HELD.write().unwrap_or_else(PoisonError::into_inner);
        if held.get(&address).copied() == self.tracked.id() {
            held.remove(&address);
        }
    }
}
