//! The locks of the `parking_lot` crate, on record: its names, so that the `use` line is all that changes.
//!
//! Limit: its condition variable takes its own guards alone, and so does not take these.

use crate::lock::{RawMutex, RawRwLock};

/// A mutex, as `parking_lot::Mutex`.
pub type Mutex<T> = lock_api::Mutex<RawMutex<parking_lot::RawMutex>, T>;
/// Its guard.
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, RawMutex<parking_lot::RawMutex>, T>;
/// Its guard of a part of the value.
pub type MappedMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, RawMutex<parking_lot::RawMutex>, T>;

/// A fair mutex, as `parking_lot::FairMutex`.
pub type FairMutex<T> = lock_api::Mutex<RawMutex<parking_lot::RawFairMutex>, T>;
/// Its guard.
pub type FairMutexGuard<'a, T> = lock_api::MutexGuard<'a, RawMutex<parking_lot::RawFairMutex>, T>;
/// Its guard of a part of the value.
pub type MappedFairMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, RawMutex<parking_lot::RawFairMutex>, T>;

/// A mutex that its holder can lock again, as `parking_lot::ReentrantMutex`. On record is the outermost hold.
pub type ReentrantMutex<T> =
    lock_api::ReentrantMutex<RawMutex<parking_lot::RawMutex>, parking_lot::RawThreadId, T>;
/// Its guard.
pub type ReentrantMutexGuard<'a, T> =
    lock_api::ReentrantMutexGuard<'a, RawMutex<parking_lot::RawMutex>, parking_lot::RawThreadId, T>;
/// Its guard of a part of the value.
pub type MappedReentrantMutexGuard<'a, T> =
    lock_api::MappedReentrantMutexGuard<'a, RawMutex<parking_lot::RawMutex>, parking_lot::RawThreadId, T>;

/// A read-write lock, as `parking_lot::RwLock`.
pub type RwLock<T> = lock_api::RwLock<RawRwLock<parking_lot::RawRwLock>, T>;
/// A reader's guard.
pub type RwLockReadGuard<'a, T> = lock_api::RwLockReadGuard<'a, RawRwLock<parking_lot::RawRwLock>, T>;
/// A writer's guard.
pub type RwLockWriteGuard<'a, T> = lock_api::RwLockWriteGuard<'a, RawRwLock<parking_lot::RawRwLock>, T>;
/// The guard of a reader that can become a writer.
pub type RwLockUpgradableReadGuard<'a, T> =
    lock_api::RwLockUpgradableReadGuard<'a, RawRwLock<parking_lot::RawRwLock>, T>;
/// A reader's guard of a part of the value.
pub type MappedRwLockReadGuard<'a, T> =
    lock_api::MappedRwLockReadGuard<'a, RawRwLock<parking_lot::RawRwLock>, T>;
/// A writer's guard of a part of the value.
pub type MappedRwLockWriteGuard<'a, T> =
    lock_api::MappedRwLockWriteGuard<'a, RawRwLock<parking_lot::RawRwLock>, T>;
