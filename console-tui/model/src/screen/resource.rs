//! One resource, whole; and the operations on it.

pub use crate::analysis::ops::MAX_OPS_LISTED;
use crate::{
    id::ResourceKey,
    screen::{
        io::IoView,
        lock::{ChannelView, LockView, WaiterView},
        table::Cell,
        task::{Fact, Link, TaskFinding},
    },
};

/// Parts listed for a resource.
pub const MAX_PARTS: usize = 16;

/// Everything known of one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceView {
    /// Which.
    pub key: ResourceKey,
    /// `r12`
    pub id: String,
    /// Its type, or `–`.
    pub title: String,
    /// `2 tasks wait, the longest for 41.2 s`
    pub state: Cell,
    /// Findings about it, each with what to do next.
    pub findings: Vec<TaskFinding>,
    /// What is known of it as a lock.
    pub lock: Option<LockView>,
    /// What is known of it as a channel.
    pub channel: Option<ChannelView>,
    /// What is known of it as a stream, and of its descriptor.
    pub io: Option<IoView>,
    /// Of a lock, a channel or a stream: those who wait, in their order.
    pub waiters: Vec<WaiterView>,
    /// Further ones.
    pub more_waiters: usize,
    /// What it is: name, kind, place, age, what it is a part of.
    pub about: Vec<Fact>,
    /// `locked yes`
    pub attributes: Vec<(String, Cell)>,
    /// Its parts, at most [`MAX_PARTS`]: indexes into [`Self::links`].
    pub parts: Vec<usize>,
    /// Further parts.
    pub more_parts: usize,
    /// The operations on it and on its parts, those that wait longest first; one that is a part of another stands below it.
    pub ops: Vec<OpView>,
    /// Further operations.
    pub more_ops: usize,
    /// Everything on this screen that can be opened, in the order of the screen.
    pub links: Vec<Link>,
    /// The chosen one.
    pub selected_link: Option<usize>,
}

/// One async operation.
#[derive(Debug, Clone, PartialEq)]
pub struct OpView {
    /// 1 for a part of the operation above it, and so on.
    pub depth: u8,
    /// `Mutex::lock`, or `–`
    pub source: String,
    /// What it is on: `Mutex src/state.rs:12`.
    pub on: Cell,
    /// Leads to that resource; only on the screen of a task.
    pub on_link: Option<usize>,
    /// The task that polled it last.
    pub task: Cell,
    /// Leads to that task.
    pub task_link: Option<usize>,
    /// `idle`, `run`
    pub state: Cell,
    /// Time that its task waits in it; where no task does, since it was begun.
    pub age: Cell,
    /// Polls started.
    pub polls: Cell,
    /// Time in polls.
    pub busy: Cell,
    /// `obtained_permits 0`
    pub attributes: String,
}
