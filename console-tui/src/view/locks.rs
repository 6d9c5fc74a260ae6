//! The table of locks, or of channels: who holds what, who waits for it, and what it costs.
//!
//! ```text
//!  [locks 12]  channels 3
//!    KIND      NAME  MADE AT             HOLDER         HELD FOR  WAITERS  LONGEST CONTENDED  ACQ/s
//!  ▲ Mutex     ledger  src/state.rs:12   transfer #88     41.2 s        1   41.2 s     3.1 %    211
//! ▸  Mutex     60 of them  src/conn.rs:9  2 held           1 ms        0                0 %   4.1k
//! ```

use ratatui::layout::Rect;
use taskscope_model::{
    Action, Target,
    columns::GAP,
    format,
    screen::{
        locks::{Listed, LockCell, LockColumn, LockRow, LocksInfo},
        table::Cell,
    },
};

use super::{
    Look,
    canvas::{Canvas, severity_slot, tone_slot},
    hits::HitMap,
    rows::{self, Head, MARGIN, SCROLL, aligned},
    tasks::{scroll_bar, spark},
    text,
};
use crate::theme::Slot;

/// Cells of the bar that shows how full a channel is, and the blank before it.
const BAR: u16 = 6;

/// Fewer cells of a place say nothing.
const PLACE_LEAST: u16 = 8;

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect) {
    let info = look.model.locks();
    which(look, canvas, hits, Rect { height: 1, ..area }, &info);
    let fitted = LockColumn::fit(info.listed, info.sort, area.width.saturating_sub(MARGIN + SCROLL));
    let head = |(column, width): &(LockColumn, u16)| {
        let spec = column.spec();
        let sorted = (info.sort == *column).then_some(info.descending);
        let room = if *column == LockColumn::Depth { width.saturating_sub(BAR + 1) } else { *width };
        let target = Target::LockHeader(*column);
        Head { title: spec.title, width: *width, room, align: spec.align, sorted, target }
    };
    rows::heads(look, canvas, hits, Rect { y: area.y + 1, height: 1, ..area }, fitted.iter().map(head));
    let body = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    hits.set_page_rows(body.height);
    if let Some(empty) = &info.empty {
        canvas.text_centred(body.x, body.y + body.height / 3, body.width, empty, Slot::Dim);
    } else {
        let columns: Vec<LockColumn> = fitted.iter().map(|(column, _)| *column).collect();
        for (row, y) in look.model.lock_rows(&columns).iter().zip(body.y..body.bottom()) {
            let line = Rect { y, height: 1, ..body };
            draw_row(look, canvas, line, row, &fitted);
            hits.add(line, Target::Row(row.index));
        }
        scroll_bar(look, canvas, body, info.offset, body.height as usize, info.rows);
    }
    if look.model.header().stale {
        canvas.tint(body, Slot::Stale);
    }
}

/// The two tables, and the key that leads from one to the other.
fn which(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect, info: &LocksInfo) {
    let mut x = area.x + 1;
    for (listed, title, count) in
        [(Listed::Locks, "locks", info.totals.0), (Listed::Channels, "channels", info.totals.1)]
    {
        let open = listed == info.listed;
        let (left, right, slot) = if open { ("[", "]", Slot::TabOpen) } else { (" ", " ", Slot::Dim) };
        let words = format!("{left}{title} {}{right}", format::count(count as u64));
        let used = canvas.text(x, area.y, area.right().saturating_sub(x), &words, slot);
        if !open {
            hits.add(Rect::new(x, area.y, used, 1), Target::ToggleChannels);
        }
        x += used + 1;
    }
    if let Some(key) = look.keymap.label(Action::ToggleChannels, look.theme.glyphs) {
        canvas.text(x, area.y, area.right().saturating_sub(x), &key, Slot::Key);
    }
}

fn draw_row(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    line: Rect,
    row: &LockRow,
    fitted: &[(LockColumn, u16)],
) {
    let glyphs = look.theme.glyphs;
    if let Some(unfolded) = row.group {
        let mark = if unfolded { glyphs.unfolded } else { glyphs.folded };
        canvas.text(line.x, line.y, 1, mark, Slot::Key);
    }
    let mut x = line.x + MARGIN;
    for (cell, (column, width)) in row.cells.iter().zip(fitted) {
        let indent = if *column == LockColumn::Kind && row.depth > 0 { 2 } else { 0 };
        let area = Rect::new(x + indent, line.y, width.saturating_sub(indent), 1);
        match (column, cell) {
            (LockColumn::Warn, _) => {
                if let Some(severity) = row.severity {
                    canvas.text(x, line.y, *width, canvas.mark(severity), severity_slot(severity));
                }
            }
            (_, LockCell::Name { name, place }) => named(canvas, area, name.as_deref(), place),
            (_, LockCell::Filled { text, percent }) => filled(canvas, area, text, *percent),
            (_, LockCell::Plain(Cell { spark: Some(heights), .. })) => {
                let bars: String = heights.iter().map(|height| glyphs.bars[spark(*height)]).collect();
                canvas.text(area.x, area.y, area.width, &bars, Slot::Spark);
            }
            (_, LockCell::Plain(cell)) => {
                aligned(canvas, area, column.spec().align, &cell.text, tone_slot(cell.tone));
            }
        }
        x += width + GAP;
    }
    if row.selected {
        canvas.select(Rect { width: line.width.saturating_sub(SCROLL), ..line });
    }
}

/// What it is called, and after it as much of its place as there is room for.
fn named(canvas: &mut Canvas<'_>, area: Rect, name: Option<&str>, place: &Cell) {
    let ellipsis = canvas.theme.glyphs.ellipsis;
    let Some(name) = name else {
        let place_text = text::cut_place(&place.text, area.width, ellipsis);
        canvas.text(area.x, area.y, area.width, &place_text, Slot::Text);
        return;
    };
    let used = canvas.text(area.x, area.y, area.width, name, Slot::Text) + 2;
    let room = area.width.saturating_sub(used);
    if room >= PLACE_LEAST {
        let place_text = text::cut_place(&place.text, room, ellipsis);
        canvas.text(area.x + used, area.y, room, &place_text, Slot::Dim);
    }
}

/// A number, and a bar of how full that is.
fn filled(canvas: &mut Canvas<'_>, area: Rect, number: &Cell, percent: Option<u8>) {
    canvas.text_right(
        area.x,
        area.y,
        area.width.saturating_sub(BAR + 1),
        &number.text,
        tone_slot(number.tone),
    );
    bar(canvas, Rect { x: area.right().saturating_sub(BAR), width: BAR, ..area }, percent);
}

/// How full something is; nothing where that is not known.
pub(super) fn bar(canvas: &mut Canvas<'_>, area: Rect, percent: Option<u8>) {
    let Some(percent) = percent else { return };
    let [full, rail] = canvas.theme.glyphs.filled;
    let cells = (u16::from(percent.min(100)) * area.width).div_ceil(100);
    let slot = if percent >= 100 { Slot::Warning } else { Slot::Trend };
    canvas.text(area.x, area.y, area.width, &full.repeat(cells as usize), slot);
    let left = area.width - cells;
    canvas.text(area.x + cells, area.y, left, &rail.repeat(left as usize), Slot::Border);
}
