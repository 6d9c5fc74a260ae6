//! The one place that chooses between std's atomics and loom's.
//!
//! Only the three lock-free structures (the free list, the event ring and the ring of long polls) take their atomics from here: they are what
//! loom checks (`tests/loom.rs`). Everything else is single-writer counters, which need no order.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
