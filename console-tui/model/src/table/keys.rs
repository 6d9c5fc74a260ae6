//! Sort keys: one number for each row, so that sorting never looks at a task again.

use rustc_hash::FxHashMap;

use crate::{
    columns::Column,
    id::{SiteId, TaskKey},
    lint::Severity,
    screen::table::Sort,
    store::{
        Store,
        history::Rates,
        task::{State, Task},
    },
    table::groups::{Group, SharedName},
    text::TextId,
    values,
};

/// What is not known comes last, whichever way the order goes.
const UNKNOWN_LAST: u64 = u64::MAX;
/// Severity comes before anything else in the key of the first column.
const SEVERITY_SHIFT: u32 = 56;

/// Makes the keys for one order.
pub(crate) struct Keys {
    sort: Sort,
    /// Alphabetical ranks of the texts of the column.
    texts: FxHashMap<TextId, u64>,
    places: FxHashMap<SiteId, u64>,
    /// Ranks of what the tasks wait for, in words.
    waits: FxHashMap<TaskKey, u64>,
}

impl Keys {
    pub(crate) fn new(store: &Store, sort: Sort, tasks: &[&Task]) -> Self {
        let mut keys = Self {
            sort,
            texts: FxHashMap::default(),
            places: FxHashMap::default(),
            waits: FxHashMap::default(),
        };
        match sort.column {
            Column::Name => keys.texts = ranks(store, tasks.iter().map(|task| task.facts.name)),
            Column::Fields => keys.texts = ranks(store, tasks.iter().map(|task| task.facts.fields)),
            Column::WaitsFor => keys.waits = wait_ranks(store, tasks),
            Column::Place => {
                let mut places: Vec<(&str, u32, u32, SiteId)> = store
                    .sites()
                    .filter(|(id, site)| id.is_known() && !site.file.is_empty())
                    .map(|(id, site)| (site.file.as_str(), site.line, site.column, id))
                    .collect();
                places.sort_unstable();
                keys.places = places.iter().zip(0..).map(|(place, rank)| (place.3, rank)).collect();
            }
            _ => {}
        }
        keys
    }

    pub(crate) fn task(&self, store: &Store, task: &Task) -> u64 {
        if self.sort.by_change {
            return self.number(values::change(store, task, self.sort.column));
        }
        let value = match self.sort.column {
            Column::Warn => Some(suspicion(task.severity(), store.rates(task).unwrap_or_default())),
            Column::Id if task.facts.tokio_id > 0 => Some(task.facts.tokio_id),
            Column::Id => None,
            Column::State => state_rank(task.stats.state),
            Column::Kind => task.facts.kind.word().map(|_| task.facts.kind as u64),
            Column::Name => self.texts.get(&task.facts.name).copied(),
            Column::Fields => self.texts.get(&task.facts.fields).copied(),
            Column::Place => self.places.get(&task.facts.site).copied(),
            Column::WaitsFor => self.waits.get(&task.key).copied(),
            column => return self.number(values::number(store, task, column)),
        };
        self.encode(value)
    }

    pub(crate) fn group(&self, store: &Store, site: SiteId, group: &Group) -> u64 {
        let sums = group.tasks.sums(store.now_ns);
        let rates = &group.rates;
        let number = match (self.sort.column, self.sort.by_change) {
            (Column::Warn, _) => return self.encode(Some(suspicion(group.severity, *rates))),
            (Column::Place, _) => return self.encode(self.places.get(&site).copied()),
            (Column::Name, _) => {
                let name = if let SharedName::One(name) = group.name { name } else { TextId::NONE };
                return self.encode(self.texts.get(&name).copied());
            }
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

/// Tasks that wait for nothing known have no rank.
fn wait_ranks(store: &Store, tasks: &[&Task]) -> FxHashMap<TaskKey, u64> {
    let words = |task: &&Task| {
        let (op, _) = store.waits_on(task)?;
        let on = store.resource_of(op).map(|resource| store.resource_short(resource));
        Some((on.unwrap_or_else(|| store.op_words(op).to_owned()), task.key))
    };
    let mut words: Vec<(String, TaskKey)> = tasks.iter().filter_map(words).collect();
    words.sort_unstable();
    words.into_iter().zip(0..).map(|((_, key), rank)| (key, rank)).collect()
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

fn ranks(store: &Store, ids: impl Iterator<Item = TextId>) -> FxHashMap<TextId, u64> {
    let mut ranks: FxHashMap<TextId, u64> = ids.filter(|id| *id != TextId::NONE).map(|id| (id, 0)).collect();
    let mut texts: Vec<(&str, TextId)> =
        ranks.keys().filter_map(|id| Some((store.texts.text(*id)?, *id))).collect();
    texts.sort_unstable();
    for (rank, (_, id)) in (0..).zip(texts) {
        ranks.insert(id, rank);
    }
    ranks
}
