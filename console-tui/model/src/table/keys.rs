//! Sort keys: one number for each row, so that sorting never looks at a task again.

use rustc_hash::FxHashMap;

use crate::{
    columns::Column,
    id::SiteId,
    lint::Severity,
    screen::table::Sort,
    store::{
        Store,
        history::Rates,
        task::{Marks, State, Task},
    },
    table::{
        groups::{Group, GroupMap, SharedName},
        words::Words,
    },
    values,
};

/// What is not known comes last, whichever way the order goes.
const UNKNOWN_LAST: u64 = u64::MAX;
/// Severity comes before anything else in the key of the first column.
const SEVERITY_SHIFT: u32 = 56;
/// What words cost, in tasks looked at: finding their number; finding what a task waits for.
const TEXT_COST: usize = 4;
const WAITS_COST: usize = 8;

/// Makes the keys for one order. A key that stands for words is a number of [`Words`] first, and a rank when all are known.
#[derive(Debug)]
pub(crate) struct Keys {
    sort: Sort,
    words: Words,
    places: FxHashMap<SiteId, u64>,
}

impl Keys {
    pub(crate) fn new(store: &Store, sort: Sort) -> Self {
        let mut keys = Self { sort, words: Words::default(), places: FxHashMap::default() };
        if sort.column == Column::Place {
            let mut places: Vec<(&str, u32, u32, SiteId)> = store
                .sites()
                .filter(|(id, site)| id.is_known() && !site.file.is_empty())
                .map(|(id, site)| (site.file.as_str(), site.line, site.column, id))
                .collect();
            places.sort_unstable();
            keys.places = places.iter().zip(0..).map(|(place, rank)| (place.3, rank)).collect();
        }
        keys
    }

    /// Whether keys are words, and final only after [`Self::rank`].
    fn are_words(&self) -> bool {
        !self.sort.by_change && matches!(self.sort.column, Column::Name | Column::Fields | Column::WaitsFor)
    }

    /// What a key costs, in tasks looked at.
    pub(crate) fn cost(&self) -> usize {
        match self.sort.column {
            Column::WaitsFor => WAITS_COST,
            Column::Name | Column::Fields => TEXT_COST,
            _ => 1,
        }
    }

    /// A task's key, to be made final by [`Self::ranked`].
    pub(crate) fn task(&mut self, store: &Store, task: &Task, marks: Marks, rates: Option<Rates>) -> u64 {
        if self.sort.by_change {
            return self.number(values::change(store, task, self.sort.column));
        }
        let value = match self.sort.column {
            Column::Warn => Some(suspicion(marks.severity(), rates.unwrap_or_default())),
            Column::Id if task.facts.tokio_id > 0 => Some(task.facts.tokio_id),
            Column::Id => None,
            Column::State => state_rank(task.stats.state),
            Column::Kind => task.facts.kind.word().map(|_| task.facts.kind as u64),
            Column::Name => return self.words.number(store.name(task)),
            Column::Fields => return self.words.number(store.fields(task)),
            Column::WaitsFor => return self.words.number(waits_for(store, task).as_deref()),
            Column::Place => self.places.get(&task.facts.site).copied(),
            column => return self.number(values::number(store, task, column)),
        };
        self.encode(value)
    }

    /// The name that a group's tasks share takes part in the ranks.
    pub(crate) fn add_group(&mut self, store: &Store, group: &mut Group) {
        if self.sort.column == Column::Name && !self.sort.by_change {
            let name = if let SharedName::One(name) = group.name { store.texts.text(name) } else { None };
            group.key = self.words.number(name);
        }
    }

    /// Ranks words, until `units` are used up; true: all of them.
    pub(crate) fn rank(&mut self, store: &Store, groups: &mut GroupMap, units: &mut usize) -> bool {
        if self.are_words() && !self.words.rank(units) {
            return false;
        }
        for (site, group) in groups.iter_mut() {
            group.key = self.group(store, site, group);
        }
        true
    }

    /// The final key.
    pub(crate) fn ranked(&self, key: u64) -> u64 {
        if self.are_words() { self.encode(self.words.rank_of(key)) } else { key }
    }

    fn group(&self, store: &Store, site: SiteId, group: &Group) -> u64 {
        let sums = group.tasks.sums(store.now_ns);
        let rates = &group.rates;
        let number = match (self.sort.column, self.sort.by_change) {
            (Column::Warn, _) => return self.encode(Some(suspicion(group.severity, *rates))),
            (Column::Place, _) => return self.encode(self.places.get(&site).copied()),
            (Column::Name, _) => return self.ranked(group.key),
            (Column::Busy, true) | (Column::BusyRate, _) => rates.busy * 100.0,
            (Column::Sched, true) => rates.scheduled,
            (Column::Polls, true) | (Column::PollRate, _) => rates.polls,
            (Column::Wakes, true) | (Column::WakeRate, _) => rates.wakes,
            (Column::SelfWakes, true) => rates.self_wakes,
            (Column::Busy, false) => sums.busy_ns as f64,
            (Column::Sched, false) => sums.scheduled_ns as f64,
            (Column::Polls, false) => sums.polls as f64,
            (Column::Wakes, false) => sums.wakes as f64,
            (Column::SelfWakes, false) => sums.self_wakes as f64,
            (Column::LongestPoll, _) => group.longest_poll_ns.unwrap_or(0) as f64,
            (Column::LongestSched, _) => group.longest_scheduled_ns.unwrap_or(0) as f64,
            _ => return UNKNOWN_LAST,
        };
        self.number(Some(number))
    }

    fn number(&self, value: Option<f64>) -> u64 {
        // The bits of floats that are not negative are in the order of their values.
        self.encode(value.map(|value| if value > 0.0 { value.to_bits() } else { 0 }))
    }

    fn encode(&self, value: Option<u64>) -> u64 {
        let Some(value) = value else { return UNKNOWN_LAST };
        let value = value.min(UNKNOWN_LAST - 1);
        if self.sort.descending { UNKNOWN_LAST - 1 - value } else { value }
    }
}

fn waits_for(store: &Store, task: &Task) -> Option<String> {
    let (op, _) = store.waits_on(task)?;
    let on = store.resource_of(op).map(|resource| store.resource_short(resource));
    Some(on.unwrap_or_else(|| store.op_words(op).to_owned()))
}

/// Severity first, then time in polls a second.
fn suspicion(severity: Option<Severity>, rates: Rates) -> u64 {
    let severity = severity.map_or(0, |severity| severity as u64 + 1);
    let busy_ns = (rates.busy.clamp(0.0, 1e6) * 1e9) as u64;
    severity << SEVERITY_SHIFT | busy_ns.min((1 << SEVERITY_SHIFT) - 1)
}

fn state_rank(state: State) -> Option<u64> {
    match state {
        State::Running => Some(0),
        State::Scheduled => Some(1),
        State::Idle => Some(2),
        State::Done => Some(3),
        State::Unknown => None,
    }
}
