//! tokio's locks and channels, on record: `use taskscope::sync` in place of `use tokio::sync` is the whole migration.
//!
//! Names, methods, errors and behaviour are tokio's; what is added is `with_name`, the name that the console shows. No `tokio_unstable` is
//! needed, and with it each is still one resource. The record shows where a lock was made, who holds it since when and from where, who waits,
//! and how long holding and waiting took.
//!
//! Without a recorder ([`crate::init`] not called) everything here passes through, at the cost of one atomic load. What is not wrapped is
//! tokio's own.

pub mod broadcast;
pub mod mpsc;
pub mod oneshot;
pub mod watch;

mod barrier;
mod channel;
mod guard;
mod hold;
mod mutex;
mod notify;
mod rwlock;
mod semaphore;
mod slot;
#[cfg(test)]
mod tests;
mod wait;

/// Futures that have a name.
pub mod futures {
    pub use super::notify::{Notified, OwnedNotified};
}

pub use tokio::sync::{
    AcquireError, BarrierWaitResult, OnceCell, SetError, SetOnce, SetOnceError, TryAcquireError, TryLockError,
};

pub use self::{
    barrier::Barrier,
    mutex::{MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard},
    notify::Notify,
    rwlock::{
        OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
        RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard,
    },
    semaphore::{OwnedSemaphorePermit, Semaphore, SemaphorePermit},
};
