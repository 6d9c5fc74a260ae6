//! The overview: one sentence on how the process is, the last minutes, what was found, what changed, what is waited for.

use serde::{Deserialize, Serialize};

use crate::{
    lints::LintKind,
    screen::{table::Cell, task::Link},
    severity::{Confidence, Severity},
};

/// How the process is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Health {
    /// Nothing is known: there is no connection, or no data yet.
    Unknown,
    /// The connection is lost: what is shown is the last that was seen.
    Gone,
    /// Each worker of a runtime is in a poll that does not end.
    Wedged,
    /// Tasks wait for each other for good.
    Deadlocked,
    /// Tasks wait for a worker for long.
    Starving,
    /// Something else is critical.
    Critical,
    /// Something costs latency or memory.
    Warning,
    /// Something may be wrong.
    Suspicious,
    /// It runs, and nothing was found.
    Healthy,
    /// Nothing is polled, and nothing was found.
    Idle,
    /// No task is alive.
    NoTasks,
    /// What is reported is not enough to say more than what was found.
    Unjudged,
}

impl Health {
    /// On the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Gone => "gone",
            Self::Wedged => "wedged",
            Self::Deadlocked => "deadlocked",
            Self::Starving => "starving",
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Suspicious => "suspicious",
            Self::Healthy => "healthy",
            Self::Idle => "idle",
            Self::NoTasks => "no tasks",
            Self::Unjudged => "nothing found",
        }
    }
}

/// How the process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// In a word.
    pub health: Health,
    /// How serious; `None`: nothing is wrong.
    pub severity: Option<Severity>,
    /// What was seen: a sentence.
    pub sentence: String,
    /// Who is to blame, or what limits the verdict: sentences; empty: nothing more to say.
    pub cause: String,
}

/// The screen.
#[derive(Debug, Clone, PartialEq)]
pub struct OverviewView {
    /// How the process is.
    pub verdict: Verdict,
    /// The last minutes.
    pub graphs: Vec<Graph>,
    /// The workers, those that are stuck first.
    pub workers: Vec<WorkerLine>,
    /// Further ones.
    pub more_workers: usize,
    /// Why there are none.
    pub no_workers: Option<&'static str>,
    /// The most serious findings.
    pub findings: Vec<FindingLine>,
    /// Further ones.
    pub more_findings: usize,
    /// What changed most, the most first.
    pub changes: Vec<ChangeLine>,
    /// The time that the changes are of; `None`: it is too early for any.
    pub changed_over_ns: Option<u64>,
    /// What tasks wait for, the most suspicious first.
    pub waits: Vec<LongWait>,
    /// Further ones.
    pub more_waits: usize,
    /// Idle tasks that were looked at, of so many; `None`: of all.
    pub sample: Option<(u64, u64)>,
    /// What to do about waits that nothing reports; empty: there is none.
    pub instrument: Vec<String>,
    /// What can be opened, in the order of the screen.
    pub links: Vec<Link>,
    /// The chosen one.
    pub selected_link: Option<usize>,
}

/// Something over the last minutes.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// `polls/s`
    pub title: &'static str,
    /// Now; `–` where it is unknown.
    pub now: Cell,
    /// What it was before, where that was very different.
    pub before: Option<String>,
    /// A value a second, oldest first; the last is of now. Unknown ones are `None`.
    pub values: Vec<Option<f64>>,
    /// The value of a full height; `None`: the largest of them.
    pub full: Option<f64>,
    /// Why it is unknown.
    pub why: Option<&'static str>,
}

/// A worker.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerLine {
    /// `worker 0`
    pub name: String,
    /// Leads to it.
    pub link: Option<usize>,
    /// Share of the last seconds that it spent in polls: 0 to 1.
    pub busy: Option<f64>,
    /// The same second by second, oldest first.
    pub values: Vec<Option<f64>>,
    /// `blocked`
    pub state: Cell,
    /// What it polls.
    pub task: Cell,
    /// Leads there.
    pub task_link: Option<usize>,
    /// Time in that state.
    pub age: Cell,
}

/// A finding, in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingLine {
    /// Which lint.
    pub lint: LintKind,
    /// How serious.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// What was seen: the first sentence.
    pub text: String,
    /// Leads to what it is about.
    pub link: usize,
}

/// What changed.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeLine {
    /// `src/main.rs:40`, `TcpListener 0.0.0.0:8080`, or that it is the process.
    pub name: Cell,
    /// Leads to it.
    pub link: Option<usize>,
    /// `tasks`
    pub measure: &'static str,
    /// What it was.
    pub before: String,
    /// What it is.
    pub now: String,
}

/// What tasks wait for.
#[derive(Debug, Clone, PartialEq)]
pub struct LongWait {
    /// `Mutex accounts ◂ transfer #91`
    pub what: Cell,
    /// Leads to the one thing that they wait for, or to the task that waits longest.
    pub link: Option<usize>,
    /// Where it was made; of what nothing reports, where the tasks were spawned.
    pub place: Cell,
    /// Tasks that wait.
    pub tasks: Cell,
    /// How long the longest waits.
    pub age: Cell,
    /// The one that waits longest.
    pub longest: Cell,
}
