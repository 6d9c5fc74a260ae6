//! The lints: each looks for one kind of trouble, and has a file of its own.
//!
//! Invariant: a finding states what was measured, with its numbers; what follows from them is worded as the suspicion that it is. What
//! a source can't know accuses no one.
//!
//! A new lint is a file here and a line in [`registry`]; [`lint`] says what the file holds.

mod auto_boxed_future;
mod backlog_overflow;
mod blocking_lock_held;
mod blocking_lock_wait;
mod blocking_pool_saturated;
mod dead_peer;
mod deadlock;
mod descriptor_leak;
mod driver_lost;
pub(crate) mod findings;
mod full_channel;
mod futurelock;
mod guard_across_await;
pub(crate) mod judged;
mod large_future;
pub(crate) mod lint;
mod lock_convoy;
mod long_poll;
mod long_schedule_delay;
mod lost_waker;
mod never_yielded;
pub(crate) mod pass;
mod ready_not_polled;
mod registry;
mod retransmit_storm;
mod runtime_wedged;
mod self_wakes;
mod slow_consumer;
mod stuck_oneshot;
mod task_leak;
mod wake_storm;
mod writer_starvation;

pub use findings::{FindingId, Subject};
pub use judged::Judged;
pub use lint::{Group, Threshold};
pub use registry::{LintConfig, LintKind};
