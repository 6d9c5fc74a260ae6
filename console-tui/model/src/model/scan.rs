//! A scan over all tasks, a bit at a time: the lints look at each, and the rows are made anew.
//!
//! Invariants: every task is looked at as of one moment, the start of the scan; what the scan makes is not seen before
//! [`Ui::install`](super::ui::Ui::install) puts it in place at once; a task that comes, ends or changes under way is seen as it was when
//! the scan came by, or not at all, and a record of another task never in its place.
//!
//! Limit: one scan at a time; [`SLICE`] tasks in one event. Rates follow the samples, of which one may be taken under way.

use std::time::Duration;

use crate::{
    analysis::Analysis,
    config::Config,
    lints::{
        findings::Findings,
        pass::{
            Look,
            run::{Run, task_lints},
        },
    },
    model::{detail::ChildSearch, states::Snapshot, ui::Ui},
    store::{Store, task::Marks},
    table::Context,
    tables::tasks::draft::Draft,
};

/// What one event may cost, in tasks looked at: 1 to 3 ms.
pub(super) const SLICE: usize = 20_000;

/// What a scan is for.
#[derive(Debug)]
pub(super) struct Goal {
    /// The user asked for it, or the state is another one.
    pub(super) forced: bool,
    /// Over the state that the user has frozen, not over the live one.
    pub(super) on_frozen: bool,
    pub(super) lints: bool,
    pub(super) rows: Option<Draft>,
    pub(super) children: Option<ChildSearch>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Locks, channels and I/O.
    Beside,
    Records,
    Rows,
    /// The rows of the other tables.
    Tables,
    Done,
}

/// The scan under way.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) goal: Goal,
    pub(super) started: Duration,
    at_ns: u64,
    stage: Stage,
    /// The next one.
    record: usize,
    run: Run,
    has_begun_tables: bool,
    /// What the lints found.
    pub(super) found: Option<Findings>,
}

impl Scan {
    pub(super) fn new(goal: Goal, store: Analysis<'_>, now: Duration) -> Self {
        let run = Run::default();
        let at_ns = store.now_ns;
        let stage = if goal.lints { Stage::Beside } else { Stage::Records };
        Self { goal, started: now, at_ns, stage, record: 0, run, has_begun_tables: false, found: None }
    }

    pub(super) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Goes on until `units` are used up.
    pub(super) fn go_on(&mut self, snapshot: &mut Snapshot, ui: &mut Ui, config: &Config, mut units: usize) {
        let Snapshot { store: Some(store), findings } = snapshot else { return };
        // For the scan it is still the moment of its start.
        let now_ns = std::mem::replace(&mut store.now_ns, self.at_ns);
        while units > 0 && self.stage != Stage::Done {
            match self.stage {
                Stage::Beside => {
                    let look = Look { store: Analysis::of(store), config: &config.lints };
                    if self.run.look_beside(look) {
                        self.stage = Stage::Records;
                    }
                    units = units.saturating_sub(store.resources.op_count());
                }
                Stage::Records => {
                    if self.look(store, config, &mut units) {
                        self.close(Analysis::of(store), findings, config);
                    }
                }
                Stage::Rows => {
                    let rows = self.goal.rows.as_mut();
                    match rows.map(|rows| rows.finish(Analysis::of(store), &mut units)) {
                        Some(true) => self.stage = Stage::Tables,
                        Some(false) => {}
                        // The screen stands still.
                        None => self.stage = Stage::Done,
                    }
                }
                Stage::Tables => {
                    let findings = self.found.as_ref().unwrap_or(findings);
                    let at = Context { store: Analysis::of(store), findings, config };
                    if !std::mem::replace(&mut self.has_begun_tables, true) {
                        // Their keys are put together at once, which is quick.
                        units = units.saturating_sub(ui.begin_tables(at));
                    } else if ui.tables.go_on(at, &mut units) {
                        self.stage = Stage::Done;
                    }
                }
                Stage::Done => {}
            }
        }
        store.now_ns = now_ns;
    }

    /// Looks at some tasks; true: that was the last.
    fn look(&mut self, store: &mut Store, config: &Config, units: &mut usize) -> bool {
        let lints = task_lints(&config.lints);
        let cost = self.goal.rows.as_ref().map_or(1, Draft::cost);
        let records = store.records.range(self.record, (*units / cost).max(1));
        let looked_at = records.len();
        let mut changed: Vec<(usize, Marks)> = Vec::new();
        for (record, task) in (self.record..).zip(records) {
            let Some(task) = task else { continue };
            let marks = if self.goal.lints {
                let marks = self.run.look_at(
                    Look { store: Analysis::of(store), config: &config.lints },
                    task,
                    &lints,
                );
                if marks != store.records.next_marks(task) {
                    changed.push((record, marks));
                }
                marks
            } else {
                store.marks(task)
            };
            if let Some(rows) = &mut self.goal.rows {
                rows.add(Analysis::of(store), task, marks);
            }
            if let Some(children) = &mut self.goal.children {
                children.add(task);
            }
        }
        self.record += looked_at;
        *units = units.saturating_sub(looked_at * cost);
        for (record, marks) in changed {
            store.records.set_next_marks(record, marks);
        }
        looked_at == 0 || store.records.range(self.record, 1).len() == 0
    }

    fn close(&mut self, store: Analysis<'_>, before: &Findings, config: &Config) {
        if self.goal.lints {
            self.found =
                Some(std::mem::take(&mut self.run).finish(before, Look { store, config: &config.lints }));
        }
        if let Some(rows) = &mut self.goal.rows {
            let of_sites = self.found.as_ref().unwrap_or(before).of_sites();
            rows.close(store, |site| of_sites.get(&site).copied());
        }
        self.stage = Stage::Rows;
    }
}
