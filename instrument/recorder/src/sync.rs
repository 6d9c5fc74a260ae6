//! The one place that chooses between std's atomics and loom's.
//!
//! Only the two lock-free structures (the free list and the event ring) take their atomics from here: they are what
//! loom checks (`tests/loom.rs`). Everything else is single-writer counters, which need no order.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
