//! The recorder's log-linear buckets as the histogram of two significant figures that `tokio-console` reads.
//!
//! A value is sent as the middle of its bucket, at most 25 % away; the longest one exactly, as far as two figures go.

use console_api::tasks::DurationHistogram;
use hdrhistogram::{
    Histogram,
    serialization::{Serializer as _, V2Serializer},
};
use taskscope_recorder::{Clock, Ticks, histogram};

/// As many as their server has.
const SIGNIFICANT_FIGURES: u8 = 2;

/// `None` when a histogram can't be made of these counts.
pub(super) fn histogram(clock: &Clock, counts: &[u64], longest: Ticks) -> Option<DurationHistogram> {
    let max_ns = clock.length_ns(longest).max(2);
    let mut values = Histogram::<u64>::new_with_bounds(1, max_ns, SIGNIFICANT_FIGURES).ok()?;
    let last = counts.iter().rposition(|count| *count > 0);
    for (bucket, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let middle = match bucket + 1 {
            next if next < histogram::BUCKETS => {
                histogram::lower_bound(bucket).midpoint(histogram::lower_bound(next))
            }
            // The last bucket ends where the longest value was.
            _ => histogram::lower_bound(bucket).midpoint(longest),
        };
        let mut rest = *count;
        if last == Some(bucket) {
            values.record(max_ns).ok()?;
            rest -= 1;
        }
        values.record_n(clock.length_ns(middle).clamp(1, max_ns), rest).ok()?;
    }
    let mut raw_histogram = Vec::new();
    V2Serializer::new().serialize(&values, &mut raw_histogram).ok()?;
    // No value is out of its range.
    Some(DurationHistogram { raw_histogram, max_value: max_ns, high_outliers: 0, highest_outlier: None })
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::Deserializer;

    use super::*;

    #[test]
    fn counts_and_the_longest_value_arrive() {
        let clock = Clock::start();
        let mut counts = [0; histogram::BUCKETS];
        let second = 1_000_000_000 / clock.length_ns(1_000_000).max(1) * 1_000_000;
        counts[histogram::bucket(second)] = 3;
        counts[histogram::bucket(second / 1000)] = 96;
        counts[0] = 1;
        let made = histogram(&clock, &counts, second).unwrap();
        let read: Histogram<u64> =
            Deserializer::new().deserialize(&mut made.raw_histogram.as_slice()).unwrap();
        assert_eq!(read.len(), 100);
        let second_ns = clock.length_ns(second);
        assert!(read.max().abs_diff(second_ns) <= second_ns / 100, "{} is not {second_ns}", read.max());
        let median = read.value_at_quantile(0.5);
        assert!(median.abs_diff(second_ns / 1000) <= second_ns / 4000, "{median}");
    }

    #[test]
    fn nothing_is_an_empty_histogram() {
        let made = histogram(&Clock::start(), &[0; histogram::BUCKETS], 0).unwrap();
        let read: Histogram<u64> =
            Deserializer::new().deserialize(&mut made.raw_histogram.as_slice()).unwrap();
        assert_eq!(read.len(), 0);
    }
}
