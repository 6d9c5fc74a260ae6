//! Collections that two copies share until one of them writes. A copy of a million entries costs some ten thousand pointers, and a write after
//! it a small part of the whole: freezing the screen stops neither the screen nor what goes on behind it.
//!
//! Invariant: what one copy writes, the other never sees.

mod pages;
mod shards;

pub(crate) use pages::Pages;
pub(crate) use shards::{PairSet, Shards};
