//! Something of I/O, whole.

use crate::screen::{
    table::Cell,
    task::{Fact, Link, TaskFinding},
};

/// Something of I/O, whole: what it is, what went through it, what the kernel says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct IoView {
    /// Descriptor, kind, addresses, state, readiness.
    pub what: Vec<Fact>,
    /// Bytes, operations, waits, errors; empty: unknown.
    pub traffic: Vec<Fact>,
    /// Queues, and what TCP knows; empty: unknown.
    pub kernel: Vec<Fact>,
}

/// A descriptor that no wrapper is around.
#[derive(Debug, Clone, PartialEq)]
pub struct DescriptorView {
    /// `established, writable`
    pub state: Cell,
    /// Findings about it, each with what to do next.
    pub findings: Vec<TaskFinding>,
    /// All that is known of it.
    pub io: IoView,
    /// Everything on this screen that can be opened.
    pub links: Vec<Link>,
    /// The chosen one.
    pub selected_link: Option<usize>,
}

/// A stream that a task waits on, or was the last to wait on.
#[derive(Debug, Clone, PartialEq)]
pub struct IoUse {
    /// `TcpStream 10.0.0.4:8080 ← 10.0.0.9:51522`
    pub name: Cell,
    /// Leads there.
    pub link: Option<usize>,
    /// How long the task has waited; empty: it does not.
    pub age: Cell,
    /// `read`, or when something last went through.
    pub how: String,
    /// `in 1.2M/s  out 14K/s  2.1M to be sent`
    pub flow: String,
}
