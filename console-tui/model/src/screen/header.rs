//! The header, the tabs, the strip, the breadcrumbs and the footer.

use std::time::Duration;

pub use crate::losses::Losses;
use crate::{action::Action, nav::Tab, severity::Severity};

/// The header.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// The address that the shell connects to.
    pub target: String,
    /// Who is on the other side; `None` until the first frame.
    pub process: Option<ProcessInfo>,
    /// Age of the recorder at the moment that is shown.
    pub uptime: Option<Duration>,
    /// The connection.
    pub connection: ConnectionState,
    /// Time since the newest frame arrived; `None` before the first.
    pub data_age: Option<Duration>,
    /// The data is old (no connection, or nothing came for more than a second): draw it greyed, with its age.
    pub stale: bool,
    /// Tasks by state.
    pub tasks: StateCounts,
    /// Polls a second of the whole process, over the last seconds.
    pub polls_per_s: Option<f64>,
    /// Wakes a second of the whole process, over the last seconds.
    pub wakes_per_s: Option<f64>,
    /// CPU time that the tool took in the last seconds (its thread and its hooks), as a share of one processor; `None`: unknown.
    pub own_cost: Option<f64>,
    /// Memory that the recorder holds in the process.
    pub own_memory_bytes: Option<u64>,
    /// Everything that was counted instead of shown.
    pub losses: Losses,
    /// The screen is frozen since.
    pub frozen: Option<Duration>,
    /// A snapshot is on its way; what is on the screen is from before it.
    pub receiving: Option<Receiving>,
    /// Short sentences about the screen itself, most important first: a restarted process, a blinded recorder.
    pub notices: Vec<Notice>,
}

/// Who is on the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Its name.
    pub name: String,
    /// Its process id.
    pub pid: Option<u32>,
    /// Operating system.
    pub os: Option<String>,
    /// Version of taskscope in it.
    pub taskscope_version: Option<String>,
    /// Version of tokio in it.
    pub tokio_version: Option<String>,
    /// What feeds the recorder, in words (`tracing`, `hooks`, `wrappers`).
    pub sources: Vec<&'static str>,
}

/// A sentence about the screen itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How serious.
    pub severity: Severity,
    /// The sentence.
    pub text: String,
}

/// The state of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionState {
    /// Nothing tried yet.
    Idle,
    /// Trying.
    Connecting {
        /// The first is 1.
        attempt: u32,
    },
    /// The stream is open, and nothing has come yet.
    Waiting,
    /// A snapshot is on its way.
    Receiving,
    /// Frames arrive.
    Live,
    /// The stream is open, but nothing came for a while.
    Silent,
    /// No connection.
    Lost {
        /// Why.
        reason: String,
        /// Time until the next attempt.
        retry_in: Option<Duration>,
    },
}

impl ConnectionState {
    /// In a word or two.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Idle => "not connected",
            Self::Connecting { attempt: 1 } => "connecting",
            Self::Connecting { .. } => "reconnecting",
            Self::Waiting => "waiting for data",
            Self::Receiving => "receiving",
            Self::Live => "live",
            Self::Silent => "silent",
            Self::Lost { .. } => "disconnected",
        }
    }
}

/// Tasks by state, at the moment that is shown.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct StateCounts {
    /// Alive, as the process itself counts them (untracked ones included).
    pub alive: u64,
    /// In a poll.
    pub running: u64,
    /// Woken, waiting for a worker.
    pub scheduled: u64,
    /// Waiting to be woken.
    pub idle: u64,
    /// Ended, and not forgotten yet.
    pub done: u64,
    /// State not known.
    pub unknown: u64,
}

/// Progress of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receiving {
    /// Tasks received.
    pub tasks: u64,
    /// Tasks to come, as the process counts them; `None`: not known yet.
    pub of: Option<u64>,
}

impl Receiving {
    /// `receiving 34 %`, or with the count where the total is not known.
    pub fn words(&self) -> String {
        match self.of {
            Some(of) if of > 0 => format!("receiving {} %", (self.tasks.min(of) * 100) / of),
            _ => format!("receiving, {} tasks so far", crate::format::exact(self.tasks)),
        }
    }
}

/// One tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TabView {
    /// Which.
    pub tab: Tab,
    /// Its number key.
    pub number: usize,
    /// Its title.
    pub title: &'static str,
    /// A count behind the title (open findings).
    pub badge: Option<u64>,
    /// How serious what the badge counts is.
    pub badge_severity: Option<Severity>,
    /// It is the one on the screen.
    pub active: bool,
}

/// The most serious open finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    /// How serious.
    pub severity: Severity,
    /// Name of the lint.
    pub lint: &'static str,
    /// The sentence.
    pub text: String,
    /// Further open findings.
    pub more: usize,
}

/// One step of the way to the present screen; a click on it goes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breadcrumb {
    /// `Tasks`, `transfer #88`
    pub text: String,
}

/// A hint of the footer: an action that makes sense now, and two words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    /// The actions whose keys to show (`↑↓`).
    pub actions: &'static [Action],
    /// What they do, in a word or two.
    pub text: &'static str,
}
