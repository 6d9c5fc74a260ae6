//! The process as a whole, and its spawn sites.

use crate::store::{
    history::History,
    task::{Live, Sums},
};

/// Who is on the other side.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) instance: u64,
    pub(crate) process_name: String,
    /// `None`: the other side does not tell.
    pub(crate) pid: Option<u32>,
    pub(crate) started_unix_ns: Option<u64>,
    pub(crate) taskscope_version: Option<String>,
    pub(crate) tokio_version: Option<String>,
    pub(crate) os: Option<String>,
    pub(crate) sources: Vec<&'static str>,
    pub(crate) problems: Vec<String>,
}

/// The process as a whole, as it counts itself.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) alive: u64,
    pub(crate) spawned: u64,
    pub(crate) untracked: u64,
    pub(crate) late_wakes: u64,
    pub(crate) lost_events: u64,
    pub(crate) truncated: u64,
    pub(crate) folded_sites: u64,
    pub(crate) untracked_resources: u64,
    /// CPU time of the tool's thread; `None`: unknown.
    pub(crate) own_cpu_ns: Option<u64>,
    pub(crate) hot_path_ns: u64,
    pub(crate) own_memory_bytes: u64,
}

/// CPU time that the tool has used by a moment.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Cpu {
    own_ns: u64,
    at_ns: u64,
}

impl Process {
    /// `at_ns`: the moment of these numbers. `None`: unknown.
    pub(crate) fn cpu(&self, at_ns: u64) -> Option<Cpu> {
        let own_ns = self.own_cpu_ns?.saturating_add(self.hot_path_ns);
        Some(Cpu { own_ns, at_ns })
    }
}

impl Cpu {
    /// What was used since `before`, as a share of one processor: more than 1 is more than one. `None`: no time has passed.
    pub(crate) fn share_since(self, before: Self) -> Option<f64> {
        let passed_ns = self.at_ns.saturating_sub(before.at_ns);
        let own_ns = self.own_ns.saturating_sub(before.own_ns);
        (passed_ns > 0).then(|| own_ns as f64 / passed_ns as f64)
    }
}

/// A spawn site with its sums.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// Its file is one of tokio's own: nothing that the program's author made stands there.
    pub(crate) in_tokio: bool,
    /// Tasks ever spawned here, and ended.
    pub(crate) spawned: u64,
    pub(crate) finished: u64,
    /// Sums over the finished ones.
    pub(crate) finished_sums: Sums,
    pub(crate) live: Live,
    pub(super) history: History,
}

impl Site {
    pub(super) fn new() -> Self {
        Self {
            file: String::new(),
            line: 0,
            column: 0,
            in_tokio: false,
            spawned: 0,
            finished: 0,
            finished_sums: Sums::default(),
            live: Live::default(),
            history: History::new(Sums::default()),
        }
    }

    /// Live and finished tasks together.
    pub(crate) fn sums(&self, at: u64) -> Sums {
        let mut sums = self.finished_sums;
        sums.add(&self.live.sums(at));
        sums
    }

    pub(super) fn is_used(&self) -> bool {
        self.spawned > 0 || self.live.len() > 0
    }
}
