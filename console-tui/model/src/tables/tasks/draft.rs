//! Rows while they are made: a scan hands in every task once, then has them grouped, ranked and sorted, all a bit at a time.
//!
//! Invariants: each task is looked at once, so groups and rows are of one mind whatever changes meanwhile; what is made here is
//! not seen before [`crate::table::Table::install`].
//!
//! Limit: of folded groups no rows are kept; of the others 24 bytes a task, then 32.

use rustc_hash::FxHashSet;

use super::{
    MAX_SURFACED, Of, TaskRow, Tasks,
    groups::{Group, GroupMap},
    keys::Keys,
    order::Entry,
};
use crate::{
    analysis::Analysis,
    config::Config,
    id::{SiteId, TaskKey},
    query::Query,
    severity::Severity,
    store::task::{Marks, Task},
    table::{
        List as _, filter,
        fold::{Folds, Shape},
    },
};

/// Rows sorted at a time.
const RUN: usize = 4096;

/// How sites fold.
#[derive(Debug)]
pub(super) struct Folding {
    pub(super) folds: Folds,
    /// Sites with a row of their own now.
    pub(super) grouped: FxHashSet<SiteId>,
    pub(super) fold_at: u64,
}

impl Folding {
    fn limit(&self, site: SiteId) -> u64 {
        if self.grouped.contains(&site) { Tasks::unfold_at(self.fold_at) } else { self.fold_at }
    }

    /// The number of tasks from which on the site is folded; `None`: it never is.
    fn folds_at(&self, store: Analysis<'_>, site: SiteId) -> Option<u64> {
        self.folds.folds_at(|| Tasks::group_words(store, site), self.limit(site))
    }

    fn shape(&self, store: Analysis<'_>, site: SiteId, tasks: u64) -> Shape {
        self.folds.shape(|| Tasks::group_words(store, site), tasks, self.limit(site))
    }
}

/// For each site, its place in lower case: made once for all tasks.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<Option<String>>);

impl Places {
    fn new(store: Analysis<'_>) -> Self {
        let most = store.sites.used().map(|(id, _)| id.0).max().unwrap_or(0);
        Self((0..=most).map(|id| store.place(SiteId(id)).map(|place| place.to_lowercase())).collect())
    }

    pub(super) fn of(&self, site: SiteId) -> Option<&str> {
        self.0.get(site.0 as usize)?.as_deref()
    }
}

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
        store: Analysis<'_>,
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
    pub(crate) fn add(&mut self, store: Analysis<'_>, task: &Task, marks: Marks) {
        if !store.is_shown(task, self.retention_ns) {
            return;
        }
        self.tasks += 1;
        let site = task.facts.site;
        let rates = store.rates(task);
        let mut row = TaskRow { store, of: Of::One(task, marks, rates), places: None };
        if let Some((query, places)) = &self.query {
            row.places = Some(places);
            if !filter::matches::<Tasks>(query, &row) {
                return;
            }
        }
        self.matching += 1;
        let folding = &self.folding;
        let group = self.groups.entry(site, || Group {
            folds_at: folding.folds_at(store, site).unwrap_or(u64::MAX),
            ..Group::default()
        });
        group.add(task, marks, rates.as_ref(), store.now_ns);
        let suspect = marks.is_suspect();
        if group.tasks.len() >= group.folds_at && !(suspect && group.suspects <= MAX_SURFACED) {
            return;
        }
        let key = self.keys.task(&row);
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
    pub(crate) fn close(&mut self, store: Analysis<'_>, of_site: impl Fn(SiteId) -> Option<Severity>) {
        for (site, group) in self.groups.iter_mut() {
            group.shape = self.folding.shape(store, site, group.tasks.len());
            let hidden = if group.suspects > MAX_SURFACED { group.worst } else { group.worst_minor };
            group.severity = of_site(site).max(hidden);
            self.keys.add_group(store, site, group);
        }
    }

    /// Ranks and sorts, until `units` are used up; true: all of it.
    pub(crate) fn finish(&mut self, store: Analysis<'_>, units: &mut usize) -> bool {
        let whole = self.is_whole();
        if !self.ranked {
            if !self.keys.rank(store, &mut self.groups, whole, units) {
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
