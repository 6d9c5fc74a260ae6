//! Counters as they were in the last seconds, for their change a second.

use std::collections::VecDeque;

use crate::format::SPARK_WIDTH;

/// Readings kept: as many as a sparkline has cells, and one before them.
const MAX_SAMPLES: usize = SPARK_WIDTH as usize + 1;
/// Readings that a rate reaches back: long enough not to flicker.
const RATE_SAMPLES: usize = 3;
/// Least time between two kept readings. The process reports once a second, and at once when something is stuck.
const MIN_GAP_NS: u64 = 900_000_000;

/// The last readings of `N` counters, each known or not.
#[derive(Debug, Clone)]
pub(crate) struct Samples<const N: usize> {
    /// Oldest first; the last one is the newest reading, kept only if it is far enough from the one before.
    readings: VecDeque<(u64, [Option<u64>; N])>,
}

impl<const N: usize> Default for Samples<N> {
    fn default() -> Self {
        Self { readings: VecDeque::new() }
    }
}

impl<const N: usize> Samples<N> {
    pub(super) fn add(&mut self, at_ns: u64, counts: [Option<u64>; N]) {
        let len = self.readings.len();
        // The newest reading is replaced until it is far enough from the one before it.
        if len >= 2 && self.readings[len - 1].0.saturating_sub(self.readings[len - 2].0) < MIN_GAP_NS {
            self.readings.pop_back();
        } else if len == MAX_SAMPLES {
            self.readings.pop_front();
        }
        self.readings.push_back((at_ns, counts));
    }

    /// Change a second; `None`: unknown, or there is one reading only.
    pub(super) fn per_s(&self, count: usize) -> Option<f64> {
        let last = self.readings.len().checked_sub(1)?;
        self.between(last.saturating_sub(RATE_SAMPLES), last, count)
    }

    /// Change of a counter from the last reading before a moment, or the oldest, up to the newest; and the time between the two.
    pub(crate) fn change_since(&self, from_ns: u64, count: usize) -> Option<(u64, u64)> {
        let before = self.readings.iter().rposition(|(at_ns, _)| *at_ns <= from_ns).unwrap_or(0);
        let (from, to) = (self.readings.get(before)?, self.readings.back()?);
        let passed_ns = to.0.checked_sub(from.0).filter(|passed_ns| *passed_ns > 0)?;
        Some(((*to.1.get(count)?)?.saturating_sub((*from.1.get(count)?)?), passed_ns))
    }

    fn between(&self, from: usize, to: usize, count: usize) -> Option<f64> {
        let (from, to) = (self.readings.get(from)?, self.readings.get(to)?);
        let passed_ns = to.0.checked_sub(from.0).filter(|passed_ns| *passed_ns > 0)?;
        let change = (*to.1.get(count)?)?.saturating_sub((*from.1.get(count)?)?);
        Some(change as f64 * 1e9 / passed_ns as f64)
    }

    /// A counter of nanoseconds as shares of the time that passed: heights 0 to 8, oldest first.
    pub(super) fn spark_of_share(&self, count: usize) -> Option<[u8; SPARK_WIDTH as usize]> {
        self.per_s(count)?;
        let len = self.readings.len();
        Some(std::array::from_fn(|cell| {
            // The last cell is the newest interval.
            let back = SPARK_WIDTH as usize - cell;
            let from = len.checked_sub(back + 1);
            let share = from.and_then(|from| self.between(from, from + 1, count)).unwrap_or(0.0) / 1e9;
            // Anything at all is visible.
            (share.clamp(0.0, 1.0) * 8.0).ceil() as u8
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn a_rate_reaches_back_three_readings_and_what_is_unknown_stays_so() {
        let mut samples = Samples::<2>::default();
        assert_eq!(samples.per_s(0), None);
        for (at, count) in [(1, 10), (2, 20), (3, 30), (4, 60), (5, 90)] {
            samples.add(at * S, [Some(count), None]);
        }
        assert!((samples.per_s(0).unwrap() - 70.0 / 3.0).abs() < 1e-9);
        assert_eq!(samples.per_s(1), None);
        assert_eq!(samples.per_s(7), None);
    }

    #[test]
    fn readings_close_to_each_other_are_one() {
        let mut samples = Samples::<1>::default();
        for at in 0..50 {
            samples.add(at * S / 10, [Some(at * S / 20)]);
        }
        assert!(samples.readings.len() <= MAX_SAMPLES);
        assert!((samples.per_s(0).unwrap() - 0.5e9).abs() < 1.0);
        let spark = samples.spark_of_share(0).unwrap();
        assert_eq!(spark[7], 4, "{spark:?}");
    }

    #[test]
    fn time_that_stands_still_gives_no_rate() {
        let mut samples = Samples::<1>::default();
        samples.add(S, [Some(1)]);
        samples.add(S, [Some(2)]);
        assert_eq!(samples.per_s(0), None);
    }
}
