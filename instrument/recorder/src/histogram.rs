//! Small log-linear histograms: two buckets an octave of ticks, so that a bucket's middle is at most 25 % from any value in it.
//!
//! A block holds a task's two histograms (polls, and waits between wake and poll) in 768 bytes; tasks that were polled fewer than three
//! times have none. One writer at a time (the polling thread), so recording is a plain load and store: about 2 ns.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::{arena::Slot, clock::Ticks};

/// Buckets a histogram.
pub const BUCKETS: usize = 48;
/// Everything below 2^this ticks (about 200 ns on a 2.5 GHz TSC) is bucket 0.
const LOWEST_OCTAVE: u32 = 9;

/// Counts per bucket; the last bucket has no upper bound.
#[derive(Debug)]
pub struct Histogram([AtomicU64; BUCKETS]);

impl Histogram {
    /// Counts one value.
    #[inline]
    pub fn record(&self, ticks: Ticks) {
        self.count(bucket(ticks));
    }

    /// Counts one value by its bucket.
    #[inline]
    pub(crate) fn count(&self, bucket: usize) {
        if let Some(count) = self.0.get(bucket) {
            count.store(count.load(Relaxed) + 1, Relaxed);
        }
    }

    /// Counts one value while others may count theirs: about 6 ns.
    pub(crate) fn record_shared(&self, ticks: Ticks) {
        self.0[bucket(ticks)].fetch_add(1, Relaxed);
    }

    /// Copies the counts.
    pub fn counts(&self) -> [u64; BUCKETS] {
        std::array::from_fn(|i| self.0[i].load(Relaxed))
    }

    fn clear(&self) {
        for count in &self.0 {
            count.store(0, Relaxed);
        }
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// The two histograms of a task.
#[derive(Debug, Default)]
pub struct Block {
    /// Lengths of finished polls.
    pub polls: Histogram,
    /// Waits between wake (or spawn) and poll.
    pub scheduled: Histogram,
}

impl Block {
    pub(crate) fn clear(&self) {
        self.polls.clear();
        self.scheduled.clear();
    }
}

impl Slot for Block {
    const PAGE: usize = 256;
    type Shared = ();
}

/// The two histograms of a lock.
#[derive(Debug, Default)]
pub(crate) struct LockBlock {
    /// Finished holds.
    pub(crate) holds: Histogram,
    /// Finished waits.
    pub(crate) waits: Histogram,
}

impl LockBlock {
    pub(crate) fn clear(&self) {
        self.holds.clear();
        self.waits.clear();
    }
}

impl Slot for LockBlock {
    const PAGE: usize = 256;
    type Shared = ();
}

/// The least upper bound of a bucket below which `part` of all counted values lie, at most `longest`; 0 when nothing was counted.
pub fn quantile(counts: &[u64; BUCKETS], part: f64, longest: Ticks) -> Ticks {
    let all: u64 = counts.iter().sum();
    if all == 0 {
        return 0;
    }
    let wanted = ((all as f64 * part).ceil() as u64).clamp(1, all);
    let mut seen = 0;
    for (bucket, count) in counts.iter().enumerate().take(BUCKETS - 1) {
        seen += count;
        if seen >= wanted {
            return lower_bound(bucket + 1).min(longest);
        }
    }
    longest
}

/// The bucket of a value.
#[inline]
pub fn bucket(ticks: Ticks) -> usize {
    let value = ticks >> (LOWEST_OCTAVE - 1);
    if value < 2 {
        return 0;
    }
    let octave = value.ilog2();
    let half = (value >> (octave - 1)) & 1;
    ((octave - 1) as usize * 2 + half as usize + 1).min(BUCKETS - 1)
}

/// The least value of a bucket, in ticks.
pub fn lower_bound(bucket: usize) -> Ticks {
    if bucket == 0 {
        return 0;
    }
    let octave = (bucket - 1) as u32 / 2 + LOWEST_OCTAVE;
    let half = (bucket - 1) as u64 % 2;
    (1 << octave) + half * (1 << (octave - 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_lies_in_its_bucket(ticks in any::<u64>()) {
            let b = bucket(ticks);
            prop_assert!(lower_bound(b) <= ticks);
            if b + 1 < BUCKETS {
                prop_assert!(ticks < lower_bound(b + 1));
            }
        }
    }

    #[test]
    fn the_middle_of_a_bucket_is_within_a_quarter() {
        for b in 1..BUCKETS - 1 {
            let (low, high) = (lower_bound(b) as f64, lower_bound(b + 1) as f64);
            let middle = f64::midpoint(low, high);
            assert!((middle - low) / low <= 0.25 && (high - middle) / high <= 0.25, "bucket {b}");
        }
    }
}
