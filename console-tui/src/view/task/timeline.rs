//! When it was polled and when it was woken, the newest at the right.
//!
//! ```text
//!  ─ timeline, last 60 s ──────────
//!   ▁▁  ▁▇█         ▁            polls: how much of the column was spent in them
//!   ↑↑  ↑           ↑            wakes
//!   60.0 s ago             now
//! ```
//!
//! Where events were lost, a column without any is a `·`: its events are unknown.

use ratatui::layout::Rect;
use taskscope_model::{
    format,
    screen::task::{TaskView, Timeline, TimelineEvent},
};

use crate::{
    theme::Slot,
    view::{
        Look,
        canvas::{Canvas, Piece},
    },
};

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect, view: &TaskView) {
    let timeline = view.timeline.as_ref();
    let mut head: Vec<Piece<'static>> = vec![("timeline".into(), Slot::Head)];
    if let Some(timeline) = timeline {
        head.push((format!("  last {}", format::duration_ns(timeline.from_ago_ns)).into(), Slot::Dim));
        if timeline.lost > 0 {
            head.push((format!("  {} events lost", format::count(timeline.lost)).into(), Slot::Warning));
        }
    }
    canvas.rule(Rect { height: 1, ..area }, &head);
    let body =
        Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(1), height: area.height - 1 };
    let Some(timeline) = timeline.filter(|timeline| timeline.from_ago_ns > 0) else {
        let words = if view.sums_alone { "–" } else { "recording starts now" };
        canvas.text(body.x, body.y, body.width, words, Slot::Dim);
        return;
    };
    let columns = columns(timeline, body.width as usize);
    let wakes = body.height >= 2;
    for (n, column) in columns.iter().enumerate() {
        let x = body.x + n as u16;
        let eighths = ((column.busy * 8.0).round() as usize).clamp(usize::from(column.polls), 8);
        let slot = if column.busy > 0.5 { Slot::Running } else { Slot::Trend };
        if column.gap && !column.polls {
            canvas.text(x, body.y, 1, look.theme.glyphs.gap, Slot::Warning);
        } else {
            canvas.text(x, body.y, 1, look.theme.glyphs.bars[eighths], slot);
        }
        if wakes && column.wakes {
            let slot = if column.by_itself { Slot::Warning } else { Slot::Scheduled };
            canvas.text(x, body.y + 1, 1, look.theme.glyphs.wake, slot);
        }
    }
    if body.height >= 3 {
        let from = format!("{} ago", format::duration_ns(timeline.from_ago_ns));
        canvas.text(body.x, body.y + 2, body.width, &from, Slot::Dim);
        canvas.text_right(body.x, body.y + 2, body.width.saturating_sub(1), "now", Slot::Dim);
    }
}

/// A column of the timeline.
#[expect(clippy::struct_excessive_bools, reason = "each is a mark of its own")]
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Column {
    polls: bool,
    /// Share of its time in polls.
    busy: f64,
    /// Events are missing in it.
    gap: bool,
    wakes: bool,
    by_itself: bool,
}

fn columns(timeline: &Timeline, width: usize) -> Vec<Column> {
    let mut columns = vec![Column::default(); width];
    if width == 0 || timeline.from_ago_ns == 0 {
        return columns;
    }
    let scale = width as f64 / timeline.from_ago_ns as f64;
    let place = |ago: u64| {
        let since = timeline.from_ago_ns.saturating_sub(ago) as f64;
        (since * scale).clamp(0.0, width as f64)
    };
    for event in &timeline.events {
        match *event {
            TimelineEvent::Poll { start_ago_ns, end_ago_ns } => {
                let (start, end) = (place(start_ago_ns), place(end_ago_ns.unwrap_or(0)));
                let first = (start as usize).min(width - 1);
                let last = (end as usize).min(width - 1).max(first);
                for (n, column) in columns.iter_mut().enumerate().take(last + 1).skip(first) {
                    let covered = end.min((n + 1) as f64) - start.max(n as f64);
                    column.polls = true;
                    column.busy = (column.busy + covered.max(0.0)).min(1.0);
                }
            }
            TimelineEvent::Wake { ago_ns, by_itself } => {
                let column = &mut columns[(place(ago_ns) as usize).min(width - 1)];
                column.wakes = true;
                column.by_itself |= by_itself;
            }
        }
    }
    for &(from_ago_ns, to_ago_ns) in &timeline.gaps {
        let first = (place(from_ago_ns) as usize).min(width - 1);
        let last = (place(to_ago_ns) as usize).min(width - 1).max(first);
        columns[first..=last].iter_mut().for_each(|column| column.gap = true);
    }
    columns
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_poll_fills_its_columns_and_a_short_one_is_seen() {
        let events = vec![
            TimelineEvent::Poll { start_ago_ns: 500, end_ago_ns: Some(300) },
            TimelineEvent::Poll { start_ago_ns: 1, end_ago_ns: None },
            TimelineEvent::Wake { ago_ns: 900, by_itself: true },
        ];
        let gaps = vec![(450, 120)];
        let columns = columns(&Timeline { from_ago_ns: 1000, events, gaps, lost: 3 }, 10);
        assert!((columns[5].busy - 1.0).abs() < 1e-9 && (columns[6].busy - 1.0).abs() < 1e-9);
        let gaps: Vec<usize> = (0..10).filter(|n| columns[*n].gap).collect();
        assert_eq!(gaps, [5, 6, 7, 8]);
        assert!(columns[9].polls && columns[9].busy < 0.1);
        assert!(columns[1].wakes && columns[1].by_itself && !columns[2].wakes);
    }

    proptest! {
        #[test]
        fn any_events_fit(
            polls in prop::collection::vec((any::<u64>(), any::<Option<u64>>()), 0..20),
            from_ago_ns in any::<u64>(),
            width in 0_usize..100,
        ) {
            let events = polls
                .into_iter()
                .map(|(start_ago_ns, end_ago_ns)| TimelineEvent::Poll { start_ago_ns, end_ago_ns })
                .collect();
            let columns = columns(&Timeline { from_ago_ns, events, gaps: vec![(from_ago_ns, 1), (u64::MAX, 0)], lost: 0 }, width);
            prop_assert!(columns.iter().all(|column| (0.0..=1.0).contains(&column.busy)));
        }
    }
}
