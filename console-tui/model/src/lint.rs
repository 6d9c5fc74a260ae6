//! The lints: each looks at a task (or a spawn site), and says Ok, Finding, or "look again".
//!
//! Invariant: a finding states what was measured, with its numbers; what follows from them is worded as the
//! suspicion that it is. What a source can't know never accuses anybody.

pub mod config;

pub use config::LintConfig;

use serde::{Deserialize, Serialize};

/// The lints, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LintKind {
    /// Nobody can wake the task.
    LostWaker,
    /// The first poll of a task goes on and on.
    NeverYielded,
    /// A poll is, or was, so long that it held up its worker.
    LongPoll,
    /// The task was woken and waits, or waited, long for a worker.
    LongScheduleDelay,
    /// Tasks of one place are spawned and never end.
    TaskLeak,
    /// The task is woken far more often than it is polled.
    WakeStorm,
    /// Most wakes come from the task itself.
    SelfWakes,
    /// tokio moved the future to the heap.
    AutoBoxedFuture,
    /// The future is large.
    LargeFuture,
}

impl LintKind {
    /// Every lint.
    pub const ALL: &'static [Self] = &[
        Self::LostWaker,
        Self::NeverYielded,
        Self::LongPoll,
        Self::LongScheduleDelay,
        Self::TaskLeak,
        Self::WakeStorm,
        Self::SelfWakes,
        Self::AutoBoxedFuture,
        Self::LargeFuture,
    ];

    /// Stable name, in kebab-case.
    pub fn name(self) -> &'static str {
        match self {
            Self::LostWaker => "lost-waker",
            Self::NeverYielded => "never-yielded",
            Self::LongPoll => "long-poll",
            Self::LongScheduleDelay => "long-schedule-delay",
            Self::TaskLeak => "task-leak",
            Self::WakeStorm => "wake-storm",
            Self::SelfWakes => "self-wakes",
            Self::AutoBoxedFuture => "auto-boxed-future",
            Self::LargeFuture => "large-future",
        }
    }

    /// What it looks for, in one line.
    pub fn help(self) -> &'static str {
        match self {
            Self::LostWaker => "an idle task for which no waker exists: nothing can wake it",
            Self::NeverYielded => "a task whose first poll has not come back",
            Self::LongPoll => "a poll so long that it holds up its worker",
            Self::LongScheduleDelay => "a task that was woken and waits long for a worker",
            Self::TaskLeak => "a place that goes on spawning tasks of which hardly any ends",
            Self::WakeStorm => "a task that is woken far more often than it is polled",
            Self::SelfWakes => "a task most of whose wakes come from itself",
            Self::AutoBoxedFuture => "a future so large that tokio moved it to the heap",
            Self::LargeFuture => "a large future",
        }
    }

    /// The lint with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Costs latency or memory.
    Warning,
    /// Something is stuck, or holds up others now.
    Critical,
}

impl Severity {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
