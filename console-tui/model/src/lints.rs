//! The lints: each looks for one kind of trouble, and has a file of its own.
//!
//! Invariant: a finding states what was measured, with its numbers; what follows from them is worded as the suspicion that it is. What
//! a source can't know accuses no one.
//!
//! A new lint is a file here, its `mod` and its line in `registry!` below; `lint.rs` says what the file holds. The order of the registry is
//! that in which lints run: a finding of an earlier lint can make a later one pass over what it explains. It is also the order of the
//! configuration and of `docs/LINTS.md`.

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
mod retransmit_storm;
mod runtime_wedged;
mod self_wakes;
mod slow_consumer;
mod stuck_oneshot;
mod task_leak;
mod unmet_request;
mod wake_storm;
mod writer_starvation;

pub use findings::{FindingId, Subject};
pub use judged::Judged;
pub use lint::{Group, Threshold};

use serde::{Deserialize, Serialize};

use crate::severity::Confidence;
use lint::{Check, Lint, Rank};

macro_rules! registry {
    ($($kind:ident $file:ident $name:literal,)*) => {
        /// The lints, by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum LintKind {
            $(#[doc = concat!("`", $name, "`")] $kind,)*
        }

        impl LintKind {
            /// Every lint.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// Stable name, in kebab-case.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            pub(crate) fn lint(self) -> &'static Lint {
                match self { $(Self::$kind => &$file::LINT,)* }
            }
        }

        /// The settings of every lint.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        pub struct LintConfig {
            $(#[doc = concat!("`", $name, "`")] pub $file: $file::$kind,)*
        }

        impl LintConfig {
            /// Whether a lint runs.
            pub fn is_enabled(&self, kind: LintKind) -> bool {
                match kind { $(LintKind::$kind => self.$file.enabled,)* }
            }
        }

        #[cfg(test)]
        const FILES: &[&str] = &[$(stringify!($file),)*];
    };
}

registry! {
    LostWaker lost_waker "lost-waker",
    NeverYielded never_yielded "never-yielded",
    LongPoll long_poll "long-poll",
    LongScheduleDelay long_schedule_delay "long-schedule-delay",
    TaskLeak task_leak "task-leak",
    WakeStorm wake_storm "wake-storm",
    SelfWakes self_wakes "self-wakes",
    AutoBoxedFuture auto_boxed_future "auto-boxed-future",
    LargeFuture large_future "large-future",
    Deadlock deadlock "deadlock",
    Futurelock futurelock "futurelock",
    BlockingLockHeld blocking_lock_held "blocking-lock-held",
    BlockingLockWait blocking_lock_wait "blocking-lock-wait",
    GuardAcrossAwait guard_across_await "guard-across-await",
    LockConvoy lock_convoy "lock-convoy",
    WriterStarvation writer_starvation "writer-starvation",
    FullChannel full_channel "full-channel",
    StuckOneshot stuck_oneshot "stuck-oneshot",
    UnmetRequest unmet_request "unmet-request",
    RuntimeWedged runtime_wedged "runtime-wedged",
    BlockingPoolSaturated blocking_pool_saturated "blocking-pool-saturated",
    DriverLost driver_lost "driver-lost",
    BacklogOverflow backlog_overflow "backlog-overflow",
    RetransmitStorm retransmit_storm "retransmit-storm",
    ReadyNotPolled ready_not_polled "ready-not-polled",
    DeadPeer dead_peer "dead-peer",
    SlowConsumer slow_consumer "slow-consumer",
    DescriptorLeak descriptor_leak "descriptor-leak",
}

impl LintConfig {
    /// The lints that run, in their order, each with how it looks.
    pub(crate) fn checks(&self) -> impl Iterator<Item = (LintKind, &'static Check)> {
        let enabled = LintKind::ALL.iter().copied().filter(|kind| self.is_enabled(*kind));
        enabled.map(|kind| (kind, &kind.lint().check))
    }
}

impl LintKind {
    /// What it looks for, in one line.
    pub fn help(self) -> &'static str {
        self.lint().help
    }

    /// What it looks at.
    pub fn group(self) -> Group {
        self.lint().group
    }

    /// A finding of it, as the console words it.
    pub fn example(self) -> &'static str {
        self.lint().example
    }

    /// What to do next: every sentence that a finding of it can come with.
    pub fn advice(self) -> &'static [&'static str] {
        self.lint().advice
    }

    /// Its settings besides `enabled`.
    pub fn thresholds(self) -> &'static [Threshold] {
        self.lint().thresholds
    }

    /// How sure its findings can be, the surest first.
    pub fn confidences(self) -> &'static [Confidence] {
        match self {
            Self::Deadlock
            | Self::Futurelock
            | Self::StuckOneshot
            | Self::UnmetRequest
            | Self::LostWaker
            | Self::NeverYielded
            | Self::LongPoll
            | Self::DescriptorLeak
            | Self::DeadPeer => &[Confidence::Proven, Confidence::Suspected],
            Self::TaskLeak | Self::SelfWakes => &[Confidence::Suspected],
            _ => &[Confidence::Proven],
        }
    }

    pub(crate) fn rank(self) -> Rank {
        self.lint().rank
    }

    /// Its findings are about a spawn site as a whole: no single task has them.
    pub(crate) fn is_about_sites(self) -> bool {
        self.group() == Group::Sites
    }

    /// Its findings name their own tasks: it does not look at each task.
    pub(crate) fn names_its_tasks(self) -> bool {
        matches!(self.group(), Group::Locks | Group::Io)
    }

    pub(crate) fn bit(self) -> u32 {
        const { assert!(Self::ALL.len() <= u32::BITS as usize, "a bit for each lint") };
        1 << self as u32
    }

    /// The lint with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::{FILES, LintKind};

    #[test]
    fn each_lint_has_a_bit_of_its_own() {
        let bits: u32 = LintKind::ALL.iter().map(|kind| kind.bit()).fold(0, |all, bit| all | bit);
        assert_eq!(bits.count_ones() as usize, LintKind::ALL.len());
        assert!(LintKind::ALL.iter().enumerate().all(|(at, kind)| *kind as usize == at));
    }

    #[test]
    fn each_lint_has_the_name_of_its_file() {
        for (kind, file) in LintKind::ALL.iter().zip(FILES) {
            assert_eq!(kind.name(), file.replace('_', "-"));
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{}\"", kind.name()));
        }
    }

    #[test]
    fn each_lint_explains_itself() {
        for kind in LintKind::ALL {
            let name = kind.name();
            assert!(!kind.help().is_empty() && !kind.help().ends_with('.'), "{name}");
            assert!(kind.example().ends_with('.'), "{name}: the example is a sentence");
            assert!(!kind.advice().is_empty(), "{name}");
            assert!(kind.advice().iter().all(|advice| advice.ends_with('.')), "{name}");
            assert!(kind.thresholds().iter().all(|threshold| !threshold.help().is_empty()), "{name}");
        }
    }
}
