//! Rows while they are made: a walk hands in every task once, then has them grouped, ranked and sorted, all a bit at a time.
//!
//! Invariants: each task is looked at once, so groups and rows are of one mind whatever changes meanwhile; what is made here is
//! not seen before [`super::Table::install`].
//!
//! Limit: of folded groups no rows are kept; of the others 24 bytes a task, then 32.

use crate::{
    config::Config,
    id::{SiteId, TaskKey},
    lint::Severity,
    query::{Places, Query},
    store::{
        Store,
        task::{Marks, Task},
    },
    table::{
        Folding, MAX_SURFACED,
        groups::{Group, GroupMap, Shape},
        keys::Keys,
        order::Entry,
    },
};

/// Rows sorted at a time.
const RUN: usize = 4096;

/// A task that may become a row.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    key: u64,
    task: TaskKey,
    site: SiteId,
    suspect: bool,
}

/// Rows that are being made.
#[derive(Debug)]
pub(crate) struct Draft {
    query: Option<(Query, Places)>,
    folding: Folding,
    retention_ns: u64,
    keys: Keys,
    candidates: Vec<Vec<Candidate>>,
    ranked: bool,
    pub(super) groups: GroupMap,
    /// Sorted, each by itself.
    pub(super) runs: Vec<Vec<Entry>>,
    pub(super) matching: usize,
    pub(super) tasks: usize,
}

impl Draft {
    pub(super) fn new(
        store: &Store,
        query: Option<Query>,
        folding: Folding,
        keys: Keys,
        config: &Config,
    ) -> Self {
        Self {
            query: query.map(|query| (query, Places::new(store))),
            folding,
            retention_ns: u64::try_from(config.retention.as_nanos()).unwrap_or(u64::MAX),
            keys,
            candidates: Vec::new(),
            ranked: false,
            groups: GroupMap::default(),
            runs: Vec::new(),
            matching: 0,
            tasks: 0,
        }
    }

    /// What looking at a task costs; a task without anything special costs 1.
    pub(crate) fn cost(&self) -> usize {
        self.keys.cost() + usize::from(self.query.is_some())
    }

    /// No filter hides anything.
    pub(super) fn is_whole(&self) -> bool {
        self.query.is_none()
    }

    /// Looks at a task. `marks`: what the lints say of it.
    pub(crate) fn add(&mut self, store: &Store, task: &Task, marks: Marks) {
        if !store.is_shown(task, self.retention_ns) {
            return;
        }
        self.tasks += 1;
        if let Some((query, places)) = &self.query
            && !query.prepare(store, places).matches(task, marks)
        {
            return;
        }
        self.matching += 1;
        let site = task.facts.site;
        let rates = store.rates(task);
        let folding = &self.folding;
        let group = self.groups.entry(site, || Group {
            folds_at: folding.folds_at(site).unwrap_or(u64::MAX),
            ..Group::default()
        });
        group.add(task, marks, rates.as_ref(), store.now_ns);
        let suspect = marks.is_suspect();
        if group.tasks.len() >= group.folds_at && !(suspect && group.suspects <= MAX_SURFACED) {
            return;
        }
        let key = self.keys.task(store, task, marks, rates);
        let candidate = Candidate { key, task: task.key, site, suspect };
        match self.candidates.last_mut() {
            Some(last) if last.len() < RUN => last.push(candidate),
            _ => {
                let mut next = Vec::with_capacity(if self.candidates.is_empty() { 0 } else { RUN });
                next.push(candidate);
                self.candidates.push(next);
            }
        }
    }

    /// Every task has been looked at. `of_site`: how serious what was found about a site as a whole is.
    pub(crate) fn close(&mut self, store: &Store, of_site: impl Fn(SiteId) -> Option<Severity>) {
        for (site, group) in self.groups.iter_mut() {
            group.shape = self.folding.shape(site, group.tasks.len());
            let hidden = if group.suspects > MAX_SURFACED { group.worst } else { group.worst_minor };
            group.severity = of_site(site).max(hidden);
            self.keys.add_group(store, group);
        }
    }

    /// Ranks and sorts, until `units` are used up; true: all of it.
    pub(crate) fn finish(&mut self, store: &Store, units: &mut usize) -> bool {
        if !self.ranked {
            if !self.keys.rank(store, &mut self.groups, units) {
                return false;
            }
            self.ranked = true;
            let headers = self.groups.iter().filter(|(_, group)| group.shape != Shape::Loose);
            let mut headers: Vec<Entry> =
                headers.map(|(site, group)| Entry::header(site, group.key)).collect();
            headers.sort_unstable();
            self.runs.push(headers);
        }
        while *units > 0 {
            let Some(candidates) = self.candidates.pop() else { return true };
            *units = units.saturating_sub(candidates.len());
            let mut run: Vec<Entry> =
                candidates.iter().filter_map(|candidate| self.entry(candidate)).collect();
            run.sort_unstable();
            if !run.is_empty() {
                self.runs.push(run);
            }
        }
        self.candidates.is_empty()
    }

    /// `None`: it has folded away.
    fn entry(&self, candidate: &Candidate) -> Option<Entry> {
        let Candidate { task, site, .. } = *candidate;
        let group = self.groups.get(site)?;
        let key = self.keys.ranked(candidate.key);
        match group.shape {
            Shape::Loose => Some(Entry::loose(task, key)),
            Shape::Unfolded => Some(Entry::member(site, task, group.key, key)),
            Shape::Folded => {
                (candidate.suspect && group.suspects <= MAX_SURFACED).then(|| Entry::loose(task, key))
            }
        }
    }
}
