//! Their HdrHistograms as ours: buckets with bounds.
//!
//! Invariant: the header is checked before the library sees the bytes, so no bytes make it panic or ask for much memory.
//! Limit: [`MAX_HISTOGRAM_BYTES`] of bytes, [`MAX_BUCKETS`] buckets; finer ones are put together.

use console_api::tasks::{DurationHistogram, TaskDetails, task_details::PollTimesHistogram};
use hdrhistogram::{Histogram, serialization::Deserializer};
use taskscope_proto::{limits::MAX_BUCKETS, v1};

/// Bytes of a histogram that are looked at: all that one with two digits over all of `u64` can have.
const MAX_HISTOGRAM_BYTES: usize = 64 * 1024;

/// Where the counts of the format begin: cookie, length, offset, digits, low, high, ratio.
const HEADER_BYTES: usize = 40;

/// What the format without compression starts with.
const COOKIE: u32 = 0x1c84_9303 | 0x10;

/// Digits of precision; theirs have 2. Each more is ten times the memory.
const MAX_DIGITS: u32 = 3;

/// Bytes in a row with "goes on" set, at most: counts stay below 2^48, so that no sum of them overflows.
const MAX_CONTINUED: usize = 6;

/// The times of polls, in the present form or the one before it.
pub(super) fn polls(details: &TaskDetails) -> Option<v1::Histogram> {
    match details.poll_times_histogram.as_ref()? {
        PollTimesHistogram::LegacyHistogram(bytes) => read(bytes, 0, None),
        PollTimesHistogram::Histogram(histogram) => of_durations(histogram),
    }
}

/// The times between wake and poll.
pub(super) fn scheduled(details: &TaskDetails) -> Option<v1::Histogram> {
    of_durations(details.scheduled_times_histogram.as_ref()?)
}

fn of_durations(wire: &DurationHistogram) -> Option<v1::Histogram> {
    read(&wire.raw_histogram, wire.high_outliers, wire.highest_outlier)
}

/// `None`: the bytes are no histogram that is read here.
fn read(bytes: &[u8], outliers: u64, highest: Option<u64>) -> Option<v1::Histogram> {
    if !is_sane(bytes) {
        return None;
    }
    let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut &*bytes).ok()?;
    let mut buckets: Vec<(u64, u64, u64)> = histogram
        .iter_recorded()
        .map(|value| {
            let at = value.value_iterated_to();
            let lower = histogram.lowest_equivalent(at);
            (lower, histogram.highest_equivalent(at).saturating_add(1), value.count_at_value())
        })
        .collect();
    let mut max_ns = if buckets.is_empty() { 0 } else { histogram.max() };
    // What was longer than the largest value was counted as the largest value.
    if let (Some(last), Some(highest)) = (buckets.last_mut(), highest.filter(|highest| *highest >= max_ns)) {
        let outliers = outliers.min(last.2);
        last.2 -= outliers;
        let longer = (last.1, highest.saturating_add(1), outliers);
        max_ns = highest;
        buckets.push(longer);
    }
    buckets.retain(|(lower, upper, count)| *count > 0 && lower < upper);
    while buckets.len() > MAX_BUCKETS {
        buckets = buckets.chunks(2).map(together).collect();
    }
    let mut wire = v1::Histogram { max_ns, ..v1::Histogram::default() };
    for (lower, upper, count) in buckets {
        wire.lower_ns.push(lower);
        wire.upper_ns.push(upper);
        wire.count.push(count);
    }
    Some(wire)
}

fn together(pair: &[(u64, u64, u64)]) -> (u64, u64, u64) {
    pair.iter().copied().reduce(|a, b| (a.0, b.1, a.2.saturating_add(b.2))).unwrap_or_default()
}

fn is_sane(bytes: &[u8]) -> bool {
    if bytes.len() < HEADER_BYTES || bytes.len() > HEADER_BYTES + MAX_HISTOGRAM_BYTES {
        return false;
    }
    let word = |at: usize| bytes[at..at + 4].iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
    let long = |at: usize| u64::from(word(at)) << 32 | u64::from(word(at + 4));
    let counts = &bytes[HEADER_BYTES..];
    word(0) == COOKIE
        && word(4) as usize == counts.len()
        && word(12) <= MAX_DIGITS
        && long(16) == 1
        && (2..=u64::MAX / 2).contains(&long(24))
        && !counts.windows(MAX_CONTINUED + 1).any(|bytes| bytes.iter().all(|byte| byte & 0x80 != 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::{Serializer as _, V2Serializer};
    use proptest::prelude::*;

    fn bytes(max: u64, digits: u8, values: &[u64]) -> Vec<u8> {
        let mut histogram = Histogram::<u64>::new_with_max(max, digits).unwrap();
        for value in values {
            histogram.record((*value).min(max)).unwrap();
        }
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&histogram, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn values_land_between_their_bounds() {
        let shown = read(&bytes(1_000_000_000, 2, &[3, 3, 1_000_000]), 0, None).unwrap();
        assert_eq!(shown.count, [2, 1]);
        assert_eq!((shown.lower_ns[0], shown.upper_ns[0]), (3, 4));
        assert!(shown.lower_ns[1] <= 1_000_000 && 1_000_000 < shown.upper_ns[1], "{shown:?}");
        assert!((1_000_000..1_010_000).contains(&shown.max_ns), "{shown:?}");
        let empty = read(&bytes(1_000_000_000, 2, &[]), 0, None).unwrap();
        assert_eq!(empty, v1::Histogram::default());
    }

    #[test]
    fn outliers_are_longer_than_the_longest() {
        let shown = read(&bytes(1000, 2, &[10, 5000, 9000]), 2, Some(9000)).unwrap();
        assert_eq!(shown.count, [1, 2]);
        assert_eq!((shown.upper_ns[1], shown.max_ns), (9001, 9000));
        assert!(shown.lower_ns[1] >= 1000, "{shown:?}");
    }

    #[test]
    fn a_fine_histogram_is_made_coarser() {
        let values: Vec<u64> = (0..5000).map(|n| n * 20_000).collect();
        let shown = read(&bytes(1 << 40, 3, &values), 0, None).unwrap();
        assert!(shown.count.len() <= MAX_BUCKETS);
        assert_eq!(shown.count.iter().sum::<u64>(), 5000);
        assert!(shown.lower_ns.iter().zip(&shown.upper_ns).all(|(lower, upper)| lower < upper));
        assert!(shown.upper_ns.iter().zip(&shown.lower_ns[1..]).all(|(upper, next)| upper <= next));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), outliers: u64, highest: Option<u64>) {
            let _ = read(&bytes, outliers, highest);
        }

        #[test]
        fn a_damaged_histogram_does_not_panic(
            values in prop::collection::vec(1_u64..1 << 50, 0..50),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            outliers: u64, highest: Option<u64>,
        ) {
            let mut bytes = bytes(1 << 50, 2, &values);
            for (at, to) in damage {
                let at = at.index(bytes.len());
                bytes[at] = to;
            }
            let _ = read(&bytes, outliers, highest);
        }

        #[test]
        fn a_sane_header_with_any_counts_does_not_panic(counts in prop::collection::vec(any::<u8>(), 0..3000), high: u64) {
            let mut all = bytes(1 << 50, 2, &[]);
            all.truncate(HEADER_BYTES);
            all[4..8].copy_from_slice(&(counts.len() as u32).to_be_bytes());
            all[24..32].copy_from_slice(&high.to_be_bytes());
            all.extend(counts);
            let _ = read(&all, 3, Some(high));
        }
    }
}
