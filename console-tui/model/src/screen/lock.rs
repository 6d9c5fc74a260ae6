//! What is known of a resource as a lock, or as a channel; and what a task holds.

use crate::screen::{
    table::Cell,
    task::{Distribution, Fact},
};

/// A lock: who holds it, and what it cost so far.
#[derive(Debug, Clone, PartialEq)]
pub struct LockView {
    /// Those who hold it, the longest first; `None`: unknown.
    pub holders: Option<Vec<HolderView>>,
    /// Further ones, which are only counted.
    pub more_holders: u64,
    /// Acquisitions, contention, times.
    pub uses: Vec<Fact>,
    /// Lengths of its holds; `None` until the server has sent them.
    pub holds: Option<Distribution>,
    /// Waits for it.
    pub waits: Option<Distribution>,
    /// Share of the acquisitions that had to wait, second by second, oldest first; `None`: there was none.
    pub contention: Vec<Option<f64>>,
}

/// A holder of a lock.
#[derive(Debug, Clone, PartialEq)]
pub struct HolderView {
    /// `transfer #88`
    pub who: Cell,
    /// Leads there.
    pub link: Option<usize>,
    /// How long.
    pub age: Cell,
    /// `reads`, `3 permits`; empty: neither.
    pub how: String,
    /// Where it was acquired.
    pub place: Cell,
    /// What the holder waits for in turn: `waits for Mutex accounts`; empty: nothing.
    pub waits_for: String,
}

/// A wait for a lock or at an end of a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct WaiterView {
    /// `transfer #91`
    pub who: Cell,
    /// Leads there.
    pub link: Option<usize>,
    /// How long.
    pub age: Cell,
    /// `to read`, `to send`, `3 permits`; that it was given what it waits for and has not taken it. Empty: nothing special.
    pub how: String,
    /// From where.
    pub place: Cell,
}

/// A channel: its ends, and what goes through it.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelView {
    /// Senders, receivers, and who was last seen there.
    pub ends: Vec<Fact>,
    /// What was sent, received, missed; time blocked.
    pub flow: Vec<Fact>,
    /// `512 of 1,024`
    pub depth: Cell,
    /// How full it is; `None`: nothing limits it, or unknown.
    pub filled_percent: Option<u8>,
}

/// A lock that a task holds.
#[derive(Debug, Clone, PartialEq)]
pub struct HoldView {
    /// `Mutex ledger`
    pub lock: Cell,
    /// Leads there.
    pub link: Option<usize>,
    /// How long.
    pub age: Cell,
    /// `reads`, `3 permits`; empty: neither.
    pub how: String,
    /// Where it was acquired.
    pub place: Cell,
    /// `2 wait, the longest for 41.2 s`; empty: none.
    pub waiters: String,
}
