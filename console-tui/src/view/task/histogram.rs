//! A distribution as bars over a logarithmic scale, with its bounds below.
//!
//! ```text
//!   ▂▇█▅▃▂▁   ▁
//!   812 ns          312 µs
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

/// Draws into at least two lines: bars, and the scale in the last.
pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect, distribution: &Distribution) {
    let (Some(first), Some(last)) = (distribution.buckets.first(), distribution.buckets.last()) else {
        return;
    };
    let lines = area.height.saturating_sub(1);
    let columns = columns(&distribution.buckets, area.width as usize);
    let most = columns.iter().copied().fold(0.0_f64, f64::max);
    for (n, amount) in columns.iter().enumerate() {
        let eighths = height(*amount, most, lines);
        for line in 0..lines {
            let filled = eighths.saturating_sub(line * 8).min(8);
            if filled > 0 {
                let y = area.y + lines - 1 - line;
                canvas.text(area.x + n as u16, y, 1, look.theme.glyphs.bars[usize::from(filled)], Slot::Trend);
            }
        }
    }
    let y = area.bottom().saturating_sub(1);
    canvas.text(area.x, y, area.width, &format::duration_ns(first.lower_ns), Slot::Dim);
    let end = format::duration_ns(distribution.max_ns.max(last.lower_ns));
    canvas.text_right(area.x, y, area.width.saturating_sub(1), &format!("max {end}"), Slot::Dim);
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
fn columns(buckets: &[Bucket], width: usize) -> Vec<f64> {
    let mut amounts = vec![0.0; width];
    let log = |ns: u64| (ns.max(1) as f64).ln();
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
        return amounts;
    };
    let (from, to) = (log(first.lower_ns), log(last.upper_ns));
    let span = (to - from).max(f64::EPSILON);
    let place = |ns: u64| (((log(ns) - from) / span) * width as f64).clamp(0.0, width as f64);
    for bucket in buckets {
        let start = place(bucket.lower_ns) as usize;
        let end = (place(bucket.upper_ns).ceil() as usize).clamp(start + 1, width.max(start + 1)).min(width);
        let covered = end.saturating_sub(start).max(1);
        for amount in amounts.iter_mut().take(end).skip(start) {
            *amount += bucket.count as f64 / covered as f64;
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
            let amounts = columns(&buckets, width);
            prop_assert_eq!(amounts.len(), width);
            prop_assert!(amounts.iter().all(|amount| amount.is_finite()));
        }
    }

    #[test]
    fn everything_is_counted_and_the_smallest_is_seen() {
        let bucket = |lower_ns, upper_ns, count| Bucket { lower_ns, upper_ns, count };
        let amounts = columns(&[bucket(1_000, 1_100, 999), bucket(1_000_000, 1_100_000, 1)], 40);
        assert!((amounts.iter().sum::<f64>() - 1000.0).abs() < 1e-6);
        assert_eq!(height(1.0, 999.0, 3), 1);
        assert_eq!(height(999.0, 999.0, 3), 24);
    }
}
