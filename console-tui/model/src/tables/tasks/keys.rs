//! Sort keys: one number for each row, so that sorting never looks at a task again.

use rustc_hash::FxHashMap;

use super::{
    Of, TaskRow, Tasks,
    groups::{Group, GroupMap},
    words::Words,
};
use crate::{
    analysis::Analysis,
    columns::WARN,
    id::SiteId,
    severity::Severity,
    table::{
        Order,
        value::{Value, order_bits},
    },
};

/// What is not known comes last, whichever way the order goes.
const UNKNOWN_LAST: u64 = u64::MAX;
/// Severity comes before anything else in the key of the first column.
const SEVERITY_SHIFT: u32 = 56;
/// What words cost, in tasks looked at: finding their number; finding what a task waits for.
const TEXT_COST: usize = 4;
const WAITS_COST: usize = 12;

const PLACE: &str = "place";
const WAITS_FOR: &str = "waits-for";

/// Columns without a unit that have an order all the same.
const RANKED: [&str; 4] = [WARN, "id", "state", PLACE];

/// Makes the keys for one order. A key that stands for words is a number of [`Words`] first, and a rank when all are known.
#[derive(Debug)]
pub(crate) struct Keys {
    sort: Order<Tasks>,
    words: Words,
    /// Ranks of the sites, where rows are sorted by place.
    places: FxHashMap<SiteId, u64>,
}

impl Keys {
    pub(crate) fn new(store: Analysis<'_>, sort: Order<Tasks>) -> Self {
        let mut keys = Self { sort, words: Words::default(), places: FxHashMap::default() };
        if sort.column.spec.id == PLACE {
            let mut places: Vec<(&str, u32, u32, SiteId)> = store
                .sites
                .used()
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
        let spec = &self.sort.column.spec;
        !self.sort.by_change && spec.unit.is_none() && !RANKED.contains(&spec.id)
    }

    /// What a key costs, in tasks looked at.
    pub(crate) fn cost(&self) -> usize {
        match self.sort.column.spec.id {
            WAITS_FOR => WAITS_COST,
            _ if self.are_words() => TEXT_COST,
            _ => 1,
        }
    }

    /// A task's key, to be made final by [`Self::ranked`].
    pub(super) fn task(&mut self, row: &TaskRow<'_>) -> u64 {
        if self.are_words() {
            let value = (self.sort.column.value)(row);
            return self.words.number(if let Value::Text(words, _) = &value {
                Some(words.as_ref())
            } else {
                None
            });
        }
        self.final_key(row)
    }

    /// The words of a group take part in the ranks.
    pub(super) fn add_group(&mut self, store: Analysis<'_>, site: SiteId, group: &mut Group) {
        if self.are_words() {
            group.key = self.task(&TaskRow { store, of: Of::Group(site, group, true), places: None });
        }
    }

    /// Ranks words, until `units` are used up; true: all of them. `whole`: no filter hides a part of a group.
    pub(super) fn rank(
        &mut self,
        store: Analysis<'_>,
        groups: &mut GroupMap,
        whole: bool,
        units: &mut usize,
    ) -> bool {
        if self.are_words() && !self.words.rank(units) {
            return false;
        }
        for (site, group) in groups.iter_mut() {
            group.key = if self.are_words() {
                self.ranked(group.key)
            } else {
                self.final_key(&TaskRow { store, of: Of::Group(site, group, whole), places: None })
            };
        }
        true
    }

    /// The final key.
    pub(crate) fn ranked(&self, key: u64) -> u64 {
        if self.are_words() { self.encode(self.words.rank_of(key)) } else { key }
    }

    fn final_key(&self, row: &TaskRow<'_>) -> u64 {
        let column = self.sort.column;
        if self.sort.by_change {
            return self.encode(column.change.and_then(|change| change(row)).map(order_bits));
        }
        if column.spec.id == PLACE {
            return self.encode(self.places.get(&row.site()).copied());
        }
        let value = (column.value)(row);
        self.encode(match value {
            Value::Mark(severity, [busy_ns, ..]) => Some(suspicion(severity, busy_ns)),
            value => value.as_number().map(order_bits),
        })
    }

    fn encode(&self, value: Option<u64>) -> u64 {
        let Some(value) = value else { return UNKNOWN_LAST };
        let value = value.min(UNKNOWN_LAST - 1);
        if self.sort.descending { UNKNOWN_LAST - 1 - value } else { value }
    }
}

/// Severity first, then time in polls a second.
fn suspicion(severity: Option<Severity>, busy_ns: u64) -> u64 {
    let severity = severity.map_or(0, |severity| severity as u64 + 1);
    severity << SEVERITY_SHIFT | busy_ns.min((1 << SEVERITY_SHIFT) - 1)
}
