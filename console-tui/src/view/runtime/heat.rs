//! Two heat maps: how many waits and polls of which length there were, second by second.
//!
//! Dark is many, on a logarithmic scale of the map's own; from 100 ms on a cell is a warning, from 1 s on it is critical.

use ratatui::layout::Rect;
use taskscope_model::{
    format,
    screen::runtime::{HeatView, MAX_HEAT_COLUMNS, RuntimesView},
};

use super::{Look, title};
use crate::{theme::Slot, view::canvas::Canvas};

/// From this width on, they stand side by side.
const WIDE: u16 = 100;

/// Cells between them, and of the scale at their left.
const GUTTER: u16 = 2;
const SCALE: u16 = 8;

/// Rows, by the least length in them, the longest first.
const ROWS: [(&str, Slot); 9] = [
    ("10 s", Slot::Critical),
    ("1 s", Slot::Critical),
    ("100 ms", Slot::Warning),
    ("10 ms", Slot::Trend),
    ("1 ms", Slot::Trend),
    ("100 µs", Slot::Trend),
    ("10 µs", Slot::Trend),
    ("1 µs", Slot::Trend),
    ("< 1 µs", Slot::Trend),
];

/// Lines of a map: its title, its rows, a blank.
const LINES: u16 = ROWS.len() as u16 + 2;

/// Lines of both.
pub(super) fn lines(width: u16) -> u16 {
    if width >= WIDE { LINES } else { LINES * 2 }
}

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect, view: &RuntimesView) {
    if area.width >= WIDE {
        let width = (area.width - GUTTER) / 2;
        let right = area.x + width + GUTTER;
        map(look, canvas, Rect { width, ..area }, "schedule delay", &view.delays);
        map(look, canvas, Rect { x: right, width: area.right() - right, ..area }, "poll time", &view.polls);
    } else {
        let height = area.height.min(LINES);
        map(look, canvas, Rect { height, ..area }, "schedule delay", &view.delays);
        let below = Rect { y: area.y + height, height: area.height - height, ..area };
        map(look, canvas, below, "poll time", &view.polls);
    }
}

fn map(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect, name: &str, map: &HeatView) {
    if area.height < 2 {
        return;
    }
    let aside = match map.columns.len() {
        0 => String::new(),
        _ => format!("last {}, newest right", format::duration_ns(map.reaches_ns)),
    };
    title(canvas, area, name, &aside);
    let cells = usize::from(area.width.saturating_sub(SCALE + 1));
    // Several seconds in a cell where there is less room than seconds: as many in each, so that nothing moves.
    let in_a_cell = MAX_HEAT_COLUMNS.div_ceil(cells.max(1)).max(1);
    let summed: Vec<Vec<u64>> = map.columns.rchunks(in_a_cell).map(sum).collect();
    let most = summed.iter().flatten().copied().max().unwrap_or(0);
    for ((label, slot), (row, y)) in ROWS.iter().zip((0..ROWS.len()).rev().zip(area.y + 1..area.bottom())) {
        canvas.text_right(area.x, y, SCALE - 1, label, Slot::Dim);
        for (n, column) in summed.iter().enumerate().take(cells) {
            let x = area.right().saturating_sub(1 + n as u16);
            let count = column.get(row).copied().unwrap_or(0);
            if count > 0 {
                canvas.text(x, y, 1, look.theme.glyphs.shades[shade(count, most)], *slot);
            }
        }
    }
}

fn sum(columns: &[Vec<u32>]) -> Vec<u64> {
    let row = |row: usize| columns.iter().filter_map(|column| column.get(row)).map(|n| u64::from(*n)).sum();
    (0..ROWS.len()).map(row).collect()
}

/// 1 to 4: anything at all is visible.
fn shade(count: u64, most: u64) -> usize {
    let share = (count as f64).ln_1p() / (most.max(1) as f64).ln_1p();
    (share * 4.0).ceil().clamp(1.0, 4.0) as usize
}
