//! The verdict, and what the overview shows beside it.

use serde::{Deserialize, Serialize};

use crate::{screen::overview::Health, severity::Severity};

/// How the process is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// In one sentence.
    pub verdict: Verdict,
    /// The last minutes, a point a second, oldest first; at most 120.
    pub trend: Vec<TrendPoint>,
    /// What changed most, the most first; at most 16.
    pub changed: Vec<Changed>,
    /// The time that the changes are of; `null`: it is too early for any.
    pub changed_over_ns: Option<u64>,
    /// What idle tasks wait for, the most suspicious first; at most 24.
    pub waits: Vec<LongWait>,
    /// Idle tasks.
    pub idle: u64,
    /// How many of them were looked at for `waits`.
    pub looked_at: u64,
    /// What to do about waits that nothing reports.
    pub instrument: Vec<String>,
}

/// How the process is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// In a word: `wedged`, `deadlocked`, `starving`, `critical`, `warning`, `suspicious`, `healthy`, `idle`, `no-tasks`, `unjudged`,
    /// `gone`, `unknown`.
    pub health: Health,
    /// `null`: nothing is wrong.
    pub severity: Option<Severity>,
    /// A sentence.
    pub sentence: String,
    /// Who is to blame, or what limits the verdict: sentences; `null`: nothing more to say.
    pub cause: Option<String>,
}

/// A moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrendPoint {
    /// How long ago it was.
    pub ago_ns: u64,
    /// Tasks alive.
    pub alive: u64,
    /// Polls a second; `null`: unknown.
    pub polls_per_s: Option<f64>,
    /// Of the waits for a worker that ended in that second, and of those that went on; 0: there was none; `null`: unknown.
    pub schedule_delay_p99_ns: Option<u64>,
    /// Mean share of their time that the workers spent in polls, 0 to 1; `null`: unknown.
    pub busy_share: Option<f64>,
}

/// A count then and now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// What is counted: `tasks`, `woken`, `queue`, `backlog`, `receive-queue`, `send-queue`, `polls/s`, `p99 delay`.
    pub measure: String,
    /// A place, a channel, a socket; `null`: the process as a whole.
    pub of: Option<String>,
    /// Then: a number, bytes, nanoseconds, or polls a second.
    pub before: f64,
    /// Now.
    pub now: f64,
}

/// What tasks wait for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongWait {
    /// `Mutex accounts ◂ transfer #91`; `null`: nothing reports it.
    pub waits_for: Option<String>,
    /// Where that was made; of what nothing reports, where the tasks were spawned.
    pub place: Option<String>,
    /// The id of the one resource that all of them wait for; `null`: of several, or unknown.
    pub resource: Option<String>,
    /// Tasks that wait, of those that were looked at.
    pub tasks: u64,
    /// How long the longest waits.
    pub longest_ns: u64,
    /// Its id; `null`: it is gone.
    pub task: Option<String>,
}
