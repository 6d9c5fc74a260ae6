//! A heat map: how many polls (or waits) of which length there were, second by second.
//!
//! Invariant: a column holds what was added to the process's histogram in its second, exactly; a poll that has not ended is only in it
//! when it has run for a second or more. Limit: [`COLUMNS`] columns.

use std::collections::VecDeque;

use crate::store::detail::Histogram;

/// Seconds kept.
pub(crate) const COLUMNS: usize = 120;
/// Length of a column, a little less than a second: the process's second is never hit to the microsecond.
pub(crate) const COLUMN_NS: u64 = 900_000_000;
/// What came in a longer time is of no second. A console may want frames as rarely as every ten.
const MAX_GAP_NS: u64 = 15_000_000_000;
/// Decades: below 1 µs, 1 to 10 µs, …, from 10 s on.
pub(crate) const ROWS: usize = 9;

/// A second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeatColumn {
    pub(crate) started_ns: u64,
    /// By row, the shortest first.
    pub(crate) counts: [u32; ROWS],
}

/// The last seconds.
#[derive(Debug, Default, Clone)]
pub(crate) struct HeatMap {
    /// Oldest first.
    pub(crate) columns: VecDeque<HeatColumn>,
    /// Of the process's histogram, when it was reported last.
    totals: Option<[u64; ROWS]>,
    reported_ns: u64,
}

/// The row of a length.
fn row_of(ns: u64) -> usize {
    (ns / 1_000).checked_ilog10().map_or(0, |decades| decades as usize + 1).min(ROWS - 1)
}

impl HeatMap {
    /// Takes in the process's histogram of a moment, and the ages of polls that have gone on for longer than a column.
    pub(super) fn add(
        &mut self,
        now_ns: u64,
        histogram: Option<&Histogram>,
        running: impl Iterator<Item = u64>,
    ) {
        let Some(histogram) = histogram else { return };
        let mut totals = [0_u64; ROWS];
        for bucket in &histogram.buckets {
            // The middle, on the scale of the rows; the open last bucket ends at the largest value.
            let upper_ns = bucket.upper_ns.min(histogram.max_ns.max(bucket.lower_ns + 1));
            let middle_ns = (bucket.lower_ns.max(1) as f64 * upper_ns as f64).sqrt() as u64;
            let row = row_of(middle_ns);
            totals[row] = totals[row].saturating_add(bucket.count);
        }
        // The first reading is of all time: no second has it.
        let before = self.totals.replace(totals);
        let reported_before_ns = std::mem::replace(&mut self.reported_ns, now_ns);
        let gap_ns = now_ns.saturating_sub(reported_before_ns);
        let Some(before) = before.filter(|_| gap_ns <= MAX_GAP_NS) else { return };
        // What is added is of the time since the last report: of the last column's second, if that was not over then.
        let is_open = self
            .columns
            .back()
            .is_some_and(|last| reported_before_ns.saturating_sub(last.started_ns) < COLUMN_NS);
        if !is_open {
            if self.columns.len() == COLUMNS {
                self.columns.pop_front();
            }
            self.columns.push_back(HeatColumn { started_ns: reported_before_ns, counts: [0; ROWS] });
        }
        let Some(column) = self.columns.back_mut() else { return };
        for (row, count) in column.counts.iter_mut().enumerate() {
            let more = u32::try_from(totals[row].saturating_sub(before[row])).unwrap_or(u32::MAX);
            *count = count.saturating_add(more);
        }
        for age_ns in running.filter(|_| !is_open) {
            let row = row_of(age_ns);
            column.counts[row] = column.counts[row].saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::detail::Bucket;

    const S: u64 = 1_000_000_000;

    fn histogram(buckets: &[(u64, u64, u64)]) -> Histogram {
        let bucket = |&(lower_ns, upper_ns, count)| Bucket { lower_ns, upper_ns, count };
        Histogram { buckets: buckets.iter().map(bucket).collect(), max_ns: 0 }
    }

    #[test]
    fn rows_are_decades() {
        let cases = [
            (0, 0),
            (999, 0),
            (1_000, 1),
            (9_999, 1),
            (10_000, 2),
            (1_000_000, 4),
            (S, 7),
            (10 * S, 8),
            (u64::MAX, 8),
        ];
        for (ns, row) in cases {
            assert_eq!(row_of(ns), row, "{ns}");
        }
    }

    #[test]
    fn a_column_holds_what_came_in_its_second() {
        let mut map = HeatMap::default();
        map.add(S, Some(&histogram(&[(1_000, 1_100, 7)])), std::iter::empty());
        assert!(map.columns.is_empty(), "what was before is of no second");
        map.add(2 * S, Some(&histogram(&[(1_000, 1_100, 9)])), std::iter::empty());
        // Reported early, as something got stuck: the same second.
        map.add(2 * S + S / 5, Some(&histogram(&[(1_000, 1_100, 10)])), [2 * S].into_iter());
        assert_eq!(map.columns.len(), 2);
        assert_eq!(map.columns[0].counts[1], 2);
        map.add(3 * S, Some(&histogram(&[(1_000, 1_100, 14)])), [3 * S].into_iter());
        assert_eq!(map.columns.len(), 2);
        assert_eq!((map.columns[1].counts[1], map.columns[1].counts[7]), (5, 1));
        map.add(4 * S, Some(&histogram(&[(1_000, 1_100, 14)])), std::iter::empty());
        assert_eq!(map.columns.len(), 3);
    }

    #[test]
    fn no_number_of_columns_grows_it() {
        let mut map = HeatMap::default();
        for second in 0..500 {
            map.add(second * S, Some(&histogram(&[(u64::MAX - 1, u64::MAX, u64::MAX)])), std::iter::empty());
        }
        assert_eq!(map.columns.len(), COLUMNS);
    }
}
