//! The process as a whole, and its spawn sites.

use crate::store::{
    history::History,
    live::Live,
    task::{Sums, Task, Total},
};

/// Who is on the other side.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) instance: u64,
    pub(crate) process_name: String,
    /// `None`: the other side does not report it.
    pub(crate) pid: Option<u32>,
    pub(crate) started_unix_ns: Option<u64>,
    pub(crate) taskscope_version: Option<String>,
    pub(crate) tokio_version: Option<String>,
    pub(crate) os: Option<String>,
    pub(crate) sources: Vec<&'static str>,
    pub(crate) tokio_unstable: bool,
    pub(crate) problems: Vec<String>,
}

/// The name of the source that is another protocol, as reports list it.
pub(crate) const TOKIO_CONSOLE: &str = "tokio-console";
/// The name of the source that is another process's memory.
pub(crate) const MEMORY: &str = "memory";

impl Hello {
    /// The other side speaks tokio-console's protocol; what it sends is translated.
    pub(crate) fn is_tokio_console(&self) -> bool {
        self.sources.contains(&TOKIO_CONSOLE)
    }

    /// All of it is read from the memory of a process that knows nothing of taskscope, or from its core file.
    pub(crate) fn is_memory(&self) -> bool {
        self.sources.contains(&MEMORY)
    }
}

/// The process as a whole, as it counts itself.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) alive: u64,
    pub(crate) spawned: u64,
    pub(crate) untracked: u64,
    /// Of those, alive; `None`: unknown.
    pub(crate) untracked_alive: Option<u64>,
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
    /// Tasks that are alive, of which this many have a row; the others are not watched, for want of room.
    pub(crate) fn alive_with(&self, rows: u64) -> u64 {
        match self.untracked_alive {
            Some(untracked) => rows.saturating_add(untracked),
            None if self.untracked > 0 => self.alive.max(rows),
            None => rows,
        }
    }

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
    /// What the server counts of those that were spawned and ended here. It reads it before the rows.
    pub(crate) totals: SiteTotals,
    /// Those that were seen to end.
    pub(super) ended: Ended,
    /// Those that ended without being seen: they came and went between two rounds. Never falls, as the reported totals never do.
    unseen: SiteTotals,
    pub(crate) live: Live,
    /// Tasks of the process are not watched, for want of room: some may be of this site.
    pub(super) has_untracked: bool,
    pub(super) history: History,
}

impl Site {
    pub(super) fn new() -> Self {
        Self {
            file: String::new(),
            line: 0,
            column: 0,
            in_tokio: false,
            totals: SiteTotals::default(),
            ended: Ended::default(),
            unseen: SiteTotals::default(),
            live: Live::default(),
            has_untracked: false,
            history: History::new(Sums::default()),
        }
    }

    /// The reported totals of those that ended, and what was seen of them, are of one moment now.
    pub(super) fn end_round(&mut self) {
        let (totals, ended) = (&self.totals, &self.ended);
        self.unseen.finished = self.unseen.finished.max(totals.finished.saturating_sub(ended.count));
        self.unseen.sums = self.unseen.sums.max(&totals.sums.less(&ended.sums.sums()));
    }

    /// Tasks that ended here.
    pub(crate) fn finished(&self) -> u64 {
        self.ended.count.saturating_add(self.unseen.finished)
    }

    /// Tasks ever spawned here: those that ended, those that are alive, and those that are not watched.
    pub(crate) fn spawned(&self) -> u64 {
        let seen = self.finished().saturating_add(self.live.len());
        if self.has_untracked { seen.max(self.totals.spawned) } else { seen }
    }

    /// Finished tasks alone.
    pub(crate) fn finished_sums(&self) -> Sums {
        let mut sums = self.unseen.sums;
        sums.add(&self.ended.sums.sums());
        sums
    }

    /// Live and finished tasks together.
    pub(crate) fn sums(&self, at: u64) -> Sums {
        let mut sums = self.finished_sums();
        sums.add(&self.live.sums(at));
        sums
    }

    pub(super) fn is_used(&self) -> bool {
        self.totals.spawned > 0 || self.live.len() > 0
    }
}

/// The totals of a site, as the server sends them.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct SiteTotals {
    pub(crate) spawned: u64,
    pub(crate) finished: u64,
    /// Over the finished ones.
    pub(crate) sums: Sums,
}

/// Tasks that were seen to end.
#[derive(Debug, Default, Clone)]
pub(super) struct Ended {
    count: u64,
    sums: Total,
}

impl Ended {
    pub(super) fn add(&mut self, task: &Task) {
        self.count += 1;
        self.sums.add(&task.stats.sums);
    }

    /// The task must have been added as it is now.
    pub(super) fn remove(&mut self, task: &Task) {
        self.count = self.count.saturating_sub(1);
        self.sums.sub(&task.stats.sums);
    }

    /// The end of one that left was not seen: what it did last is in the server's totals.
    pub(super) fn add_unseen(&mut self) {
        self.count += 1;
    }
}
