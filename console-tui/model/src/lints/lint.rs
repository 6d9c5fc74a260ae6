//! What a lint is: a `static` of data and functions, in a file of its own.
//!
//! The file has the name of the lint. It says what the lint looks for, how sure it is, what it says and what to do next; the
//! [list](super) lists it, and everything else follows: configuration, documents, help, bits.

use crate::{
    analysis::things::Thing,
    lints::{
        findings::Finding,
        judged::Need,
        pass::{Look, TaskLook, io::IoPass, locks::LockPass, runtimes::RuntimeLook},
    },
    severity::{Confidence, Severity},
    store::{scheduler::Runtime, task::Task},
};

const NS_PER_MS: u64 = 1_000_000;

/// Everything about one lint.
pub(crate) struct Lint {
    /// What it looks for, in one line.
    pub(crate) help: &'static str,
    /// What it looks at.
    pub(crate) group: Group,
    /// Whether its findings explain others.
    pub(crate) rank: Rank,
    /// What the process must report for the lint to see anything.
    pub(crate) needs: Need,
    /// A finding of it, as the console words it.
    pub(crate) example: &'static str,
    /// What to do next: every sentence that a finding of it can come with.
    pub(crate) advice: &'static [&'static str],
    /// Its settings besides `enabled`.
    pub(crate) thresholds: &'static [Threshold],
    pub(crate) check: Check,
}

/// A setting of a lint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// The name of its field, in snake case; a configuration file writes it in kebab case.
    pub(crate) field: &'static str,
    /// What it means: the lines of its doc comment.
    pub(crate) help: &'static [&'static str],
}

impl Threshold {
    /// As a configuration file writes it: `idle-ms`.
    pub fn name(&self) -> String {
        self.field.replace('_', "-")
    }

    /// What it means, in a sentence.
    pub fn help(&self) -> String {
        self.help.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }
}

/// What a lint looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Group {
    /// One task at a time.
    Tasks,
    /// All tasks of one spawn site.
    Sites,
    /// Locks and channels, and who waits for them.
    Locks,
    /// Runtimes, their workers and their blocking pool.
    Runtimes,
    /// Sockets, pipes and descriptors.
    Io,
}

impl Group {
    /// A heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Tasks => "Tasks",
            Self::Sites => "Spawn sites",
            Self::Locks => "Locks and channels",
            Self::Runtimes => "Runtimes",
            Self::Io => "I/O",
        }
    }
}

/// Of two findings that are as serious, the one that explains the other comes first: a task that is stuck in a cycle is in one poll
/// for long, and what is in one poll for long keeps others waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Tasks block each other for good.
    Cycle,
    /// A whole runtime stands still.
    Runtime,
    Cause,
    /// What follows from the others.
    Effect,
}

/// See [`Check::Stream`].
pub(crate) type StreamCheck = for<'a> fn(&mut IoPass<'a>, &Thing<'a>) -> bool;

/// How a lint looks for what it finds.
pub(crate) enum Check {
    /// At each live task by itself.
    Task(TaskCheck),
    /// At all live tasks together.
    Tasks(fn() -> Box<dyn Gather>),
    /// At all locks and channels.
    Locks(LockCheck),
    /// At one socket, pipe or descriptor. True: the finding explains why tasks wait for it, and the lints after this one pass it over.
    Stream(StreamCheck),
    /// At all of I/O together.
    Streams(fn(&mut IoPass<'_>)),
    /// At one runtime.
    Runtime(fn(&RuntimeLook<'_>, &Runtime) -> Option<Finding>),
}

/// A lint that looks at one task at a time, about once a second. Its words are only made for tasks that are shown.
pub(crate) struct TaskCheck {
    pub(crate) check: fn(&TaskLook<'_>) -> Verdict,
    /// What was seen, to follow the task's name: `has been idle for 41 s and …`.
    pub(crate) clause: fn(&TaskLook<'_>) -> String,
    /// What several such tasks share, to follow `5,000 tasks`.
    pub(crate) plural: fn(&Look<'_>) -> String,
    /// What to do next: one of [`Lint::advice`].
    pub(crate) advice: fn(&TaskLook<'_>) -> &'static str,
}

/// A lint about locks and channels.
pub(crate) struct LockCheck {
    /// What is proven. These run first: where a proof stands, nothing is suspected.
    pub(crate) proofs: Option<fn(&mut LockPass<'_>)>,
    /// Everything else.
    pub(crate) suspicions: Option<fn(&mut LockPass<'_>)>,
}

/// What is gathered in one scan of all live tasks, a few tasks at a time.
pub(crate) trait Gather: std::fmt::Debug + Send {
    /// Adds a live task. Costs a few ns: there may be a million.
    fn add(&mut self, look: &Look<'_>, task: &Task);

    /// What was found, once each task was added.
    fn findings(&self, look: &Look<'_>) -> Vec<Finding>;
}

/// What a lint makes of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Ok,
    /// It may become a finding, but has not lasted long enough.
    Recheck,
    /// A finding.
    Finding {
        severity: Severity,
        confidence: Confidence,
        /// Of two findings of the same severity the one with more is the worse.
        weight: u64,
    },
}

/// A finding that was measured, or follows from what was.
pub(crate) fn found(severity: Severity, weight: u64) -> Verdict {
    Verdict::Finding { severity, confidence: Confidence::Proven, weight }
}

/// A finding that fits what was measured; so would something harmless.
pub(crate) fn suspected(severity: Severity, weight: u64) -> Verdict {
    Verdict::Finding { severity, confidence: Confidence::Suspected, weight }
}

pub(crate) fn ns(ms: u64) -> u64 {
    ms.saturating_mul(NS_PER_MS)
}

/// The settings of a lint, as a configuration file writes them. Unknown keys are errors.
macro_rules! thresholds {
    ($name:ident { $($(#[doc = $help:literal])* $field:ident: $type:ty = $default:expr,)* }) => {
        #[doc = concat!("Settings of `", stringify!($name), "`.")]
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        pub struct $name {
            /// Whether the lint runs.
            pub enabled: bool,
            $($(#[doc = $help])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { enabled: true, $($field: $default,)* }
            }
        }

        impl $name {
            pub(super) const THRESHOLDS: &'static [crate::lints::lint::Threshold] =
                &[$(crate::lints::lint::Threshold { field: stringify!($field), help: &[$($help),*] },)*];
        }
    };
}

pub(crate) use thresholds;
