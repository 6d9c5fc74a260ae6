//! A distribution as bars over a logarithmic scale, with its bounds below.
//!
//! ```text
//!   ▂▇█▅▃▂▁   ▁
//!   512 ns     max 312 µs    524 µs
//! ```

use ratatui::layout::Rect;
use taskscope_model::{
    format,
    screen::task::{Bucket, Distribution},
};

use crate::{
    theme::Slot,
    view::{Look, canvas::Canvas},
};

/// Least span of the scale, as a factor: values that are all alike make a narrow peak, not a wall.
const LEAST_SPAN: f64 = 100.0;

/// Least part of a column that a bucket covers.
const LEAST_COLUMN: f64 = 1e-6;

/// Draws into at least two lines: bars, and the scale in the last.
pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect, distribution: &Distribution) {
    let Some(scale) = Scale::of(&distribution.buckets, distribution.max_ns) else { return };
    let lines = area.height.saturating_sub(1);
    let columns = columns(&distribution.buckets, &scale, area.width as usize);
    let most = columns.iter().copied().fold(0.0_f64, f64::max);
    for (n, amount) in columns.iter().enumerate() {
        let eighths = height(*amount, most, lines);
        for line in 0..lines {
            let filled = eighths.saturating_sub(line * 8).min(8);
            if filled > 0 {
                let y = area.y + lines - 1 - line;
                canvas.text(
                    area.x + n as u16,
                    y,
                    1,
                    look.theme.glyphs.bars[usize::from(filled)],
                    Slot::Trend,
                );
            }
        }
    }
    let y = area.bottom().saturating_sub(1);
    canvas.text(area.x, y, area.width, &format::duration_ns(scale.from.exp().round() as u64), Slot::Dim);
    canvas.text_right(area.x, y, area.width, &format::duration_ns(scale.to.exp().round() as u64), Slot::Dim);
    let longest = format!("max {}", format::duration_ns(distribution.max_ns));
    canvas.text_centred(area.x, y, area.width, &longest, Slot::Text);
}

/// Where the scale begins and ends, as logarithms.
struct Scale {
    from: f64,
    to: f64,
}

impl Scale {
    /// The last bucket may be open: nothing in it is longer than `max_ns`.
    fn of(buckets: &[Bucket], max_ns: u64) -> Option<Self> {
        let from = buckets.iter().map(start).min_by(f64::total_cmp)?;
        let to = log(buckets.iter().map(|bucket| bucket.upper_ns).max()?.min(max_ns)).max(from);
        let missing = (LEAST_SPAN.ln() - (to - from)).max(0.0);
        // Nothing is shorter than a nanosecond: what is missing on the left goes to the right.
        let left = (missing / 2.0).min(from);
        Some(Self { from: from - left, to: to + missing - left })
    }

    fn place(&self, log: f64, width: usize) -> f64 {
        let span = (self.to - self.from).max(f64::EPSILON);
        ((log - self.from) / span * width as f64).clamp(0.0, width as f64)
    }
}

/// Where a bucket starts. One that starts at nothing has no place on a logarithmic scale; half of its end is as good as any.
fn start(bucket: &Bucket) -> f64 {
    log(if bucket.lower_ns == 0 { bucket.upper_ns / 2 } else { bucket.lower_ns })
}

fn log(ns: u64) -> f64 {
    (ns.max(1) as f64).ln()
}

/// Eighths of a cell; something is never nothing.
fn height(amount: f64, most: f64, lines: u16) -> u16 {
    if amount <= 0.0 || most <= 0.0 {
        return 0;
    }
    ((amount / most * f64::from(lines) * 8.0).round() as u16).max(1)
}

/// How much falls into each of `width` columns of equal length on a logarithmic scale. A bucket is spread over the columns it
/// covers.
fn columns(buckets: &[Bucket], scale: &Scale, width: usize) -> Vec<f64> {
    let mut amounts = vec![0.0; width];
    if width == 0 {
        return amounts;
    }
    for bucket in buckets {
        let from = scale.place(start(bucket), width).min(width as f64 - LEAST_COLUMN);
        let to = scale.place(log(bucket.upper_ns), width).max(from + LEAST_COLUMN);
        let last = (to.ceil() as usize).min(width);
        for (n, amount) in amounts.iter_mut().enumerate().take(last).skip(from as usize) {
            let covered = to.min((n + 1) as f64) - from.max(n as f64);
            *amount += bucket.count as f64 * covered.max(0.0) / (to - from);
        }
    }
    amounts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_buckets_fit_any_width(raw in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>()), 0..20), width in 0_usize..200) {
            let buckets: Vec<Bucket> =
                raw.into_iter().map(|(lower_ns, upper_ns, count)| Bucket { lower_ns, upper_ns, count }).collect();
            let amounts = Scale::of(&buckets, u64::MAX).map_or_else(|| vec![0.0; width], |scale| columns(&buckets, &scale, width));
            prop_assert_eq!(amounts.len(), width);
            prop_assert!(amounts.iter().all(|amount| amount.is_finite()));
        }
    }

    #[test]
    fn everything_is_counted_and_the_smallest_is_seen() {
        let bucket = |lower_ns, upper_ns, count| Bucket { lower_ns, upper_ns, count };
        let buckets = [bucket(1_000, 1_100, 999), bucket(1_000_000, 1_100_000, 1)];
        let amounts = columns(&buckets, &Scale::of(&buckets, u64::MAX).unwrap(), 40);
        assert!((amounts.iter().sum::<f64>() - 1000.0).abs() < 1e-6);
        assert_eq!(height(1.0, 999.0, 3), 1);
        assert_eq!(height(999.0, 999.0, 3), 24);
    }

    #[test]
    fn values_that_are_all_alike_make_a_peak() {
        let buckets = [Bucket { lower_ns: 1_000, upper_ns: 1_100, count: 7 }];
        let amounts = columns(&buckets, &Scale::of(&buckets, u64::MAX).unwrap(), 40);
        let filled = amounts.iter().filter(|amount| **amount > 0.0).count();
        assert!((1..=3).contains(&filled), "{amounts:?}");
    }
}
