//! What the rest of the model asks of the store.

use std::time::Duration;

use crate::{
    id::{SiteId, TaskKey},
    store::{
        Store,
        history::Rates,
        live::Live,
        path::short_path,
        process::Site,
        task::{Marks, Sums, Task},
    },
};

impl Store {
    /// The future of a `block_on` that blocks the poll of this task; `None`: it is in none, or unknown.
    pub(crate) fn blocked_on(&self, task: TaskKey) -> Option<&Task> {
        self.blocked_on.get(&task).and_then(|key| self.task(*key)).filter(|inner| !inner.is_done())
    }

    /// Every task that is kept.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.records.iter()
    }

    pub(crate) fn task(&self, key: TaskKey) -> Option<&Task> {
        self.records.get(key)
    }

    /// What the lints said of a task when they last looked at all of them.
    pub(crate) fn marks(&self, task: &Task) -> Marks {
        self.records.marks(task)
    }

    pub(crate) fn site(&self, id: SiteId) -> Option<&Site> {
        self.sites.get(id)
    }

    /// Those that are alive or ended less than `retention` ago.
    pub(crate) fn shown_tasks(&self, retention: Duration) -> impl Iterator<Item = &Task> {
        let retention_ns = u64::try_from(retention.as_nanos()).unwrap_or(u64::MAX);
        self.tasks().filter(move |task| self.is_shown(task, retention_ns))
    }

    pub(crate) fn is_shown(&self, task: &Task, retention_ns: u64) -> bool {
        !task.is_done() || task.state_age_ns(self.now_ns) < retention_ns
    }

    pub(crate) fn name(&self, task: &Task) -> Option<&str> {
        self.texts.text(task.facts.name)
    }

    pub(crate) fn fields(&self, task: &Task) -> Option<&str> {
        self.texts.text(task.facts.fields)
    }

    /// `file:line:column`; `None`: not known.
    pub(crate) fn place(&self, id: SiteId) -> Option<String> {
        let (file, line, column) = self.place_parts(id)?;
        // Debug information has no columns.
        Some(if column == 0 { format!("{file}:{line}") } else { format!("{file}:{line}:{column}") })
    }

    /// The place is in a crate that is not the program's own, as far as its path shows: one of a registry or of git, or the standard library.
    pub(crate) fn is_foreign(&self, id: SiteId) -> bool {
        let file = self.place_parts(id).map_or("", |(file, ..)| file).replace('\\', "/");
        ["/registry/src/", "/git/checkouts/", "/rustc/", "/rustlib/src/", "/vendor/"]
            .iter()
            .any(|part| file.contains(part))
    }

    /// What makes a place the same place in another process.
    pub(crate) fn place_parts(&self, id: SiteId) -> Option<(&str, u32, u32)> {
        let site = self.site(id).filter(|site| id.is_known() && !site.file.is_empty())?;
        Some((&site.file, site.line, site.column))
    }

    /// `file:line`, with the path's uninteresting start left out and the crate of others before it: a column's worth.
    pub(crate) fn short_place(&self, id: SiteId) -> Option<String> {
        let (file, line, _) = self.place_parts(id)?;
        Some(format!("{}:{line}", short_path(file)))
    }

    /// What a thread is called, distinguished from others of its name; `None`: unknown.
    pub(crate) fn thread_name(&self, index: u32) -> Option<String> {
        self.threads.name(index).map(str::to_owned)
    }

    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    /// Tasks alive: those that have a row, and those that are not watched for want of room.
    pub(crate) fn alive(&self) -> u64 {
        self.process.map_or(self.live.len(), |process| process.alive_with(self.live.len()))
    }

    /// Finished tasks that are still shown.
    pub(crate) fn done(&self) -> u64 {
        self.done + self.records.retired() as u64
    }

    /// Live and finished tasks together, late wakes included.
    pub(crate) fn totals(&self) -> Sums {
        let mut sums = self.sites.finished_sums();
        sums.add(&self.live.sums(self.now_ns));
        sums.wakes = sums.wakes.saturating_add(self.process.map_or(0, |process| process.late_wakes));
        sums
    }

    /// `None`: not known (yet, or for want of room).
    pub(crate) fn rates(&self, task: &Task) -> Option<Rates> {
        match self.histories.of(task) {
            Some(history) => history.rates(&self.histories.ticks),
            None if task.history_lost || self.histories.ticks.count == 0 => None,
            // No history: nothing happened.
            None => Some(Rates::default()),
        }
    }

    /// Of what the task did since the last sample; `None`: not known, or that was just now.
    pub(crate) fn newest_rates(&self, task: &Task) -> Option<Rates> {
        let since_ns = self.histories.ticks.since_last_ns(self.now_ns)?;
        self.histories.of(task)?.since_sample(&task.sums(self.now_ns), since_ns)
    }

    pub(crate) fn spark(&self, task: &Task) -> Option<[u8; 8]> {
        match self.histories.of(task) {
            Some(history) => Some(history.spark()),
            None if task.history_lost || self.histories.ticks.count == 0 => None,
            None => Some([0; 8]),
        }
    }

    pub(crate) fn site_rates(&self, site: &Site) -> Option<Rates> {
        site.history.rates(&self.histories.ticks)
    }

    pub(crate) fn site_spark(&self, site: &Site) -> Option<[u8; 8]> {
        (self.histories.ticks.count > 0).then(|| site.history.spark())
    }

    /// CPU time that the tool took over the last seconds, as a share of one processor; `None`: unknown.
    pub(crate) fn own_cost(&self) -> Option<f64> {
        self.histories.own_cost(self.process?.cpu(self.now_ns)?)
    }
}
