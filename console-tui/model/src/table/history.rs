//! What a column said of each row some time ago: to sort by what it changes by in a second.
//!
//! Limit: one number a row, twice; only while rows are sorted by the change.

use std::hash::Hash;

use rustc_hash::FxHashMap;

/// Time between two readings of a column at least: what changed in less is chance.
const WINDOW_NS: u64 = 500_000_000;

/// What the column that sorts said of each row, twice: to sort by the change.
#[derive(Debug)]
pub(super) struct History<R> {
    column: &'static str,
    /// The newer one first.
    readings: [Reading<R>; 2],
}

/// What a column said of each row at a moment.
#[derive(Debug)]
pub(super) struct Reading<R> {
    pub(super) at_ns: u64,
    pub(super) numbers: FxHashMap<R, f64>,
}

impl<R> Default for History<R> {
    fn default() -> Self {
        let reading = || Reading { at_ns: 0, numbers: FxHashMap::default() };
        Self { column: "", readings: [reading(), reading()] }
    }
}

impl<R: Copy + Eq + Hash> History<R> {
    /// Another column has another history.
    pub(super) fn begin(&mut self, column: &'static str) {
        if self.column != column {
            *self = Self { column, ..Self::default() };
        }
    }

    /// The change a second until `now_ns`; `None`: not known yet.
    pub(super) fn change(&self, row: R, number: f64, now_ns: u64) -> Option<f64> {
        let mut long_ago = self.readings.iter().filter(|reading| is_window(reading.at_ns, now_ns));
        let reading = long_ago.next()?;
        let seconds = now_ns.saturating_sub(reading.at_ns) as f64 / 1e9;
        Some((number - reading.numbers.get(&row)?) / seconds)
    }

    pub(super) fn take(&mut self, reading: Reading<R>) {
        let [newer, older] = &mut self.readings;
        if newer.numbers.is_empty() || is_window(newer.at_ns, reading.at_ns) {
            *older = std::mem::replace(newer, reading);
        }
    }
}

fn is_window(from_ns: u64, to_ns: u64) -> bool {
    to_ns.saturating_sub(from_ns) >= WINDOW_NS
}
