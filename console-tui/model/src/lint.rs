//! The lints: each looks at a task (or a spawn site), and says Ok, Finding, or "look again".
//!
//! Invariant: a finding states what was measured, with its numbers; what follows from them is worded as the
//! suspicion that it is. What a source can't know never accuses anybody.

pub(crate) mod checks;
pub mod config;
pub(crate) mod findings;
pub(crate) mod io;
pub(crate) mod judged;
pub(crate) mod leak;
pub(crate) mod locks;
mod polls;
pub(crate) mod pressure;
pub(crate) mod scheduler;

pub use config::LintConfig;
pub use judged::Judged;

use serde::{Deserialize, Serialize};

use crate::store::{
    Store,
    scheduler::{Delay, StuckPoll},
    task::Task,
};

/// Tasks that are named as those that held the workers.
const NAMED_BLAMED: usize = 3;

/// A task that a lint looks at, at the moment that is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) store: &'a Store,
    pub(crate) task: &'a Task,
}

impl Subject<'_> {
    pub(crate) fn at(&self) -> u64 {
        self.store.now_ns
    }

    /// Where the task's poll is stuck, to follow a sentence about it; empty: nothing is known.
    pub(crate) fn stuck_words(&self) -> String {
        let stuck = self.store.scheduler.stuck_of(self.task.key).filter(|poll| poll.ended_ns.is_none());
        let words = stuck.and_then(StuckPoll::where_words);
        words.map_or_else(String::new, |words| format!("; it is {words}"))
    }

    /// Who held the workers while the task has been waiting for one, to follow a sentence about that; empty: nobody is known.
    pub(crate) fn blame_words(&self) -> String {
        self.blame_words_of(&Delay::until_now(self.store, self.task))
    }

    /// The same of a wait that is over.
    pub(crate) fn blame_words_of(&self, wait: &Delay) -> String {
        let blame = self.store.blame(wait);
        let named = blame.iter().take(NAMED_BLAMED).map(|blame| self.store.blame_words(blame));
        let words = named.collect::<Vec<_>>().join(", ");
        if words.is_empty() { words } else { format!("; meanwhile {words}") }
    }
}

/// What a lint says of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Ok,
    /// It looks like one, but not for long enough to accuse anybody.
    Recheck,
    /// A finding.
    Finding {
        severity: Severity,
        /// Of two findings of the same severity the one with more is the worse.
        weight: u64,
    },
}

/// A lint that looks at one task at a time.
pub(crate) trait Lint {
    fn kind(&self) -> LintKind;

    /// Called for every live task, about once a second.
    fn check(&self, subject: &Subject) -> Verdict;

    /// What was seen, to follow the task's name: `has been idle for 41 s and …`.
    fn clause(&self, subject: &Subject) -> String;

    /// What several such tasks share, to follow `5,000 tasks`.
    fn plural(&self) -> String;

    /// What to do next: a sentence.
    fn advice(&self, subject: &Subject) -> &'static str;
}

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
    /// Tasks or threads wait for each other in a circle.
    Deadlock,
    /// A lock was given to a future that its task no longer polls.
    Futurelock,
    /// A lock is held by a task that waits for something else, while others wait for the lock.
    GuardAcrossAwait,
    /// A blocking lock is held by a task that is not in a poll.
    BlockingLockHeld,
    /// A poll blocks its worker in the wait for a blocking lock.
    BlockingLockWait,
    /// Many tasks wait in line for a lock, although it is never held for long.
    LockConvoy,
    /// A writer waits long while readers come and go.
    WriterStarvation,
    /// A channel is full and its receiver does not receive.
    FullChannel,
    /// A task waits for a oneshot that nobody is about to send.
    StuckOneshot,
    /// Every worker of a runtime is in a poll that does not end.
    RuntimeWedged,
    /// Closures wait in line for a thread of a full blocking pool.
    BlockingPoolSaturated,
    /// Descriptors are ready, and nobody drives the I/O driver.
    DriverLost,
    /// The other end of a connection does not read what it is sent.
    SlowConsumer,
    /// The other end of a connection does not answer.
    DeadPeer,
    /// A listener turns connections away, or a socket datagrams.
    BacklogOverflow,
    /// Descriptors are opened and not closed.
    DescriptorLeak,
    /// A connection sends much of it again.
    RetransmitStorm,
    /// A task waits for what has long been there.
    ReadyNotPolled,
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
        Self::Deadlock,
        Self::Futurelock,
        Self::GuardAcrossAwait,
        Self::BlockingLockHeld,
        Self::BlockingLockWait,
        Self::LockConvoy,
        Self::WriterStarvation,
        Self::FullChannel,
        Self::StuckOneshot,
        Self::RuntimeWedged,
        Self::BlockingPoolSaturated,
        Self::DriverLost,
        Self::SlowConsumer,
        Self::DeadPeer,
        Self::BacklogOverflow,
        Self::DescriptorLeak,
        Self::RetransmitStorm,
        Self::ReadyNotPolled,
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
            Self::Deadlock => "deadlock",
            Self::Futurelock => "futurelock",
            Self::GuardAcrossAwait => "guard-across-await",
            Self::BlockingLockHeld => "blocking-lock-held",
            Self::BlockingLockWait => "blocking-lock-wait",
            Self::LockConvoy => "lock-convoy",
            Self::WriterStarvation => "writer-starvation",
            Self::FullChannel => "full-channel",
            Self::StuckOneshot => "stuck-oneshot",
            Self::RuntimeWedged => "runtime-wedged",
            Self::BlockingPoolSaturated => "blocking-pool-saturated",
            Self::DriverLost => "driver-lost",
            Self::SlowConsumer => "slow-consumer",
            Self::DeadPeer => "dead-peer",
            Self::BacklogOverflow => "backlog-overflow",
            Self::DescriptorLeak => "descriptor-leak",
            Self::RetransmitStorm => "retransmit-storm",
            Self::ReadyNotPolled => "ready-not-polled",
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
            Self::Deadlock => "tasks or threads that wait for each other in a circle",
            Self::Futurelock => "a lock that was given to a future which its own task no longer polls",
            Self::GuardAcrossAwait => "a lock held for long by a task that waits for something else",
            Self::BlockingLockHeld => "a blocking lock held by a task that is not in a poll",
            Self::BlockingLockWait => "a poll that blocks its worker in the wait for a blocking lock",
            Self::LockConvoy => "a lock with many in line, although it is never held for long",
            Self::WriterStarvation => "a writer that waits long while readers come and go",
            Self::FullChannel => "a full channel whose receiver does not receive",
            Self::StuckOneshot => "a task that waits for a oneshot which nobody is about to send",
            Self::RuntimeWedged => "a runtime each of whose workers is in a poll that does not end",
            Self::BlockingPoolSaturated => "a full blocking pool with closures in line",
            Self::DriverLost => "an I/O driver that nobody drives though descriptors are ready",
            Self::SlowConsumer => "a connection whose other end does not read what it is sent",
            Self::DeadPeer => "a connection whose other end does not answer",
            Self::BacklogOverflow => {
                "a listener that turns connections away, or a socket that drops datagrams"
            }
            Self::DescriptorLeak => {
                "a place that goes on opening what nobody uses or closes, or few descriptors left"
            }
            Self::RetransmitStorm => "a connection that sends many segments again",
            Self::ReadyNotPolled => "a task that waits on a socket which has been ready for long",
        }
    }

    /// Of two findings that are as serious, the one that explains the other comes first: what is stuck in a circle is in one poll for
    /// long, what is in one poll for long keeps others waiting. The least is the cause.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Deadlock | Self::Futurelock => 0,
            Self::RuntimeWedged | Self::BlockingPoolSaturated => 1,
            Self::LongScheduleDelay | Self::DriverLost | Self::ReadyNotPolled => 3,
            _ => 2,
        }
    }

    /// It looks at a spawn site as a whole, and says nothing of one task.
    pub(crate) fn is_about_sites(self) -> bool {
        self == Self::TaskLeak
    }

    /// It looks at locks and channels, and at whoever waits for them.
    pub(crate) fn is_about_locks(self) -> bool {
        matches!(
            self,
            Self::Deadlock
                | Self::Futurelock
                | Self::GuardAcrossAwait
                | Self::BlockingLockHeld
                | Self::BlockingLockWait
                | Self::LockConvoy
                | Self::WriterStarvation
                | Self::FullChannel
                | Self::StuckOneshot
        )
    }

    /// It looks at sockets, pipes and descriptors.
    pub(crate) fn is_about_io(self) -> bool {
        matches!(
            self,
            Self::SlowConsumer
                | Self::DeadPeer
                | Self::BacklogOverflow
                | Self::DescriptorLeak
                | Self::RetransmitStorm
                | Self::ReadyNotPolled
        )
    }

    /// Its findings name their own tasks: it does not look at each task.
    pub(crate) fn names_its_tasks(self) -> bool {
        self.is_about_locks() || self.is_about_io()
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

#[cfg(test)]
mod tests {
    use super::LintKind;

    #[test]
    fn each_lint_has_a_bit_of_its_own() {
        let bits: u32 = LintKind::ALL.iter().map(|kind| kind.bit()).fold(0, |all, bit| all | bit);
        assert_eq!(bits.count_ones() as usize, LintKind::ALL.len());
        assert!(LintKind::ALL.iter().enumerate().all(|(at, kind)| *kind as usize == at));
    }
}
