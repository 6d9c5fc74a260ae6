//! Places in the program's source, and what the tasks that were spawned there did in all.
//!
//! Invariant: a finished task is in the sums of its place once. Limit: [`MAX_SITES`] places; what is beyond is summed as "no place
//! known", and counted.

use std::collections::HashMap;

use console_api::Location;
use taskscope_proto::{
    limits::{MAX_PATH_BYTES, MAX_SITES},
    rows::StatRow,
    v1,
};

use super::fields::Texts;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    file: String,
    line: u32,
    column: u32,
}

/// All places of a stream.
#[derive(Debug, Default)]
pub(super) struct Sites {
    numbers: HashMap<Key, u32>,
    /// By number; 0 is "no place known".
    totals: Vec<v1::SiteTotals>,
    changed: Vec<bool>,
    new: Vec<v1::Site>,
    /// Uses of a place beyond the limit.
    pub(super) folded: u64,
}

impl Sites {
    /// The number of a place; 0: unknown.
    pub(super) fn number(&mut self, location: Option<&Location>, texts: &mut Texts) -> u32 {
        let Some(location) = location else { return 0 };
        let Some(file) = location.file.as_deref().or(location.module_path.as_deref()) else { return 0 };
        let key = Key {
            file: texts.cut_start(file, MAX_PATH_BYTES),
            line: location.line.unwrap_or(0),
            column: location.column.unwrap_or(0),
        };
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        if self.numbers.len() >= MAX_SITES {
            self.folded += 1;
            return 0;
        }
        let number = self.numbers.len() as u32 + 1;
        self.new.push(v1::Site { index: number, file: key.file.clone(), line: key.line, column: key.column });
        self.numbers.insert(key, number);
        number
    }

    pub(super) fn spawned(&mut self, site: u32) {
        self.totals_of(site).spawned += 1;
    }

    pub(super) fn finished(&mut self, site: u32, task: &StatRow) {
        let totals = self.totals_of(site);
        totals.finished += 1;
        totals.polls = totals.polls.saturating_add(task.polls);
        totals.busy_ns = totals.busy_ns.saturating_add(task.busy_ns);
        totals.scheduled_ns = totals.scheduled_ns.saturating_add(task.scheduled_ns);
        totals.wakes = totals.wakes.saturating_add(task.wakes);
        totals.self_wakes = totals.self_wakes.saturating_add(task.self_wakes);
    }

    fn totals_of(&mut self, site: u32) -> &mut v1::SiteTotals {
        let index = site as usize;
        while self.totals.len() <= index {
            self.totals.push(v1::SiteTotals { site: self.totals.len() as u32, ..v1::SiteTotals::default() });
            self.changed.push(false);
        }
        self.changed[index] = true;
        &mut self.totals[index]
    }

    /// Places that were not sent yet.
    pub(super) fn take_new(&mut self) -> Vec<v1::Site> {
        std::mem::take(&mut self.new)
    }

    /// Sums that changed since they were sent.
    pub(super) fn take_changed(&mut self) -> Vec<v1::SiteTotals> {
        let changed = self.totals.iter().zip(&mut self.changed);
        changed.filter_map(|(totals, changed)| std::mem::take(changed).then_some(*totals)).collect()
    }
}
