//! The locks, channels and chains of waits of the report.

use serde::{Deserialize, Serialize};

/// A lock.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lock {
    /// The id of its resource: `r` and the slot.
    pub id: String,
    /// `Mutex`, `RwLock`, `Semaphore`.
    #[serde(rename = "type")]
    pub concrete_type: Option<String>,
    /// What the program calls it.
    pub name: Option<String>,
    /// Where it was made: `file:line:column`.
    pub place: Option<String>,
    /// A wait for it blocks the thread.
    pub blocking: bool,
    /// Who holds it; `null`: unknown.
    pub holders: Option<Vec<Holder>>,
    /// Holders that are not in the list.
    pub more_holders: u64,
    /// The holders took it, and need not hold it any more: permits can be forgotten, and a guard can go to another task.
    #[serde(default)]
    pub holders_may_differ: bool,
    /// Who waits for it, in the order in which they came.
    pub waiters: Vec<Waiter>,
    /// Waiters that are not in the list.
    pub more_waiters: u64,
    /// How often it was acquired.
    pub acquisitions: Option<u64>,
    /// Acquisitions that had to wait.
    pub contended: Option<u64>,
    /// Sum of finished holds.
    pub hold_ns: Option<u64>,
    /// Sum of finished waits.
    pub wait_ns: Option<u64>,
    /// Longest hold, the present ones included.
    pub longest_hold_ns: Option<u64>,
    /// Longest finished wait.
    pub longest_wait_ns: Option<u64>,
    /// 99th percentile of the holds.
    pub hold_p99_ns: Option<u64>,
    /// 99th percentile of the waits.
    pub wait_p99_ns: Option<u64>,
    /// Acquisitions a second, over the last seconds.
    pub acquisitions_per_s: Option<f64>,
    /// Time since it was released; `null`: held, never held, or unknown.
    pub free_ns: Option<u64>,
    /// A holder panicked.
    pub poisoned: bool,
}

/// A holder of a lock.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The id of the task that acquired it; `null`: no task, or unknown.
    pub task: Option<String>,
    /// In words: `transfer #88`, `thread main`; `null`: unknown.
    pub who: Option<String>,
    /// For so long.
    pub held_ns: u64,
    /// Where it was acquired: `file:line:column`.
    pub place: Option<String>,
    /// Permits; 1 for anything but a semaphore.
    pub permits: u64,
    /// A reader.
    pub shared: bool,
}

/// A wait.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiter {
    /// The id of the task that waits; `null`: no task, or unknown.
    pub task: Option<String>,
    /// In words: `transfer #88`, `thread main`; `null`: unknown.
    pub who: Option<String>,
    /// What it waits in: `Mutex::lock`.
    pub source: Option<String>,
    /// For so long.
    pub wait_ns: u64,
    /// Where it waits: `file:line:column`.
    pub place: Option<String>,
    /// It was given what it waits for so long ago, and has not taken it; `null`: it was not, or unknown.
    pub granted_ns: Option<u64>,
}

/// A channel.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// The id of its resource: `r` and the slot.
    pub id: String,
    /// `mpsc`, `broadcast`, `watch`, `oneshot`.
    #[serde(rename = "type")]
    pub concrete_type: Option<String>,
    /// What the program calls it.
    pub name: Option<String>,
    /// Where it was made: `file:line:column`.
    pub place: Option<String>,
    /// Senders alive.
    pub senders: Option<u64>,
    /// Receivers alive.
    pub receivers: Option<u64>,
    /// Values in it.
    pub depth: Option<u64>,
    /// Values that fit; `null`: without bound, or unknown.
    pub capacity: Option<u64>,
    /// Values sent; `null`: unknown.
    pub sent: Option<u64>,
    /// Values received.
    pub received: Option<u64>,
    /// Values that slow receivers missed.
    pub lagged: Option<u64>,
    /// Sum of finished waits of senders for room.
    pub blocked_full_ns: Option<u64>,
    /// Sum of finished waits of receivers for a value.
    pub blocked_empty_ns: Option<u64>,
    /// Who sent last, in words; `null`: not yet, or unknown.
    pub last_sender: Option<String>,
    /// Who received last, in words.
    pub last_receiver: Option<String>,
    /// Who waits on it, in the order in which they came.
    pub waiters: Vec<Waiter>,
    /// Waiters that are not in the list.
    pub more_waiters: u64,
    /// Nothing can be sent any more.
    pub closed: bool,
}

/// What a task waits for, who is in the way, what those wait for, and so on: a tree, depth first.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// The id of the task.
    pub task: String,
    /// Its lines.
    pub lines: Vec<ChainLine>,
}

/// A line of a chain.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainLine {
    /// 0: what the task itself waits for.
    pub depth: u64,
    /// `waits for Mutex ledger`, `held by transfer #91`.
    pub text: String,
    /// Where that is: `file:line:column`.
    pub place: Option<String>,
    /// For so long.
    pub age_ns: Option<u64>,
    /// The line before it leads back to a line further up: a cycle.
    pub cycle: bool,
    /// What it waits for stands in an earlier line about it, of this chain.
    #[serde(default)]
    pub above: bool,
}
