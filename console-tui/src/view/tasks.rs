//! The table of tasks, and beside it, where there is room, the detail of the selected one.
//!
//! ```text
//!      ID STATE     AGE  NAME             SPAWNED AT              BUSY   SCHED   IDLE        POLLS/s
//!  ▲    88 idle   41.2 s transfer         src/ledger.rs:118      1 ms    0 ms  41.2 s     0 ▁▁▁▁▁▁▁▁ ┃
//! ▸    1,180 tasks       conn             src/main.rs:40        1m02s   3.2 s       – 48.3k ▆▆▇▆▆▇▆▆ │
//! ```

use ratatui::layout::Rect;
use taskscope_model::{
    Action, Column, Target,
    columns::{Align, Fitted, GAP},
    screen::table::{Cell, Row, RowKey, TableInfo},
};

use super::{
    Look,
    canvas::{Canvas, severity_slot, tone_slot},
    hits::HitMap,
    task, text,
};
use crate::theme::Slot;

/// Share of the screen that the side pane takes, in percent, and its bounds in cells.
const PANE_PERCENT: u16 = 36;
const PANE_MIN: u16 = 56;
const PANE_MAX: u16 = 90;

/// Cells left of the first column, for the fold mark.
const MARGIN: u16 = 1;

/// The highest bar of a sparkline, in eighths.
const SPARK_HIGHEST: usize = 6;

/// Cells right of the last column, for the scroll bar.
const SCROLL: u16 = 2;

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect) {
    let mut table = area;
    // The pane stands there whatever is selected: columns don't move with the selection.
    if area.width >= look.model.config().side_pane_width {
        let pane = (area.width * PANE_PERCENT / 100).clamp(PANE_MIN, PANE_MAX).min(area.width / 2);
        table.width = area.width - pane;
        let side = Rect { x: table.right() + 1, width: pane - 1, ..area };
        for y in area.y..area.bottom() {
            canvas.text(table.right(), y, 1, look.theme.glyphs.border.vertical_left, Slot::Border);
        }
        match look.model.side_pane() {
            Some(key) => task::side_pane(look, canvas, side, key),
            None => no_task(look, canvas, side),
        }
    }
    list(look, canvas, hits, table);
    if look.model.header().stale {
        canvas.tint(area, Slot::Stale);
    }
}

/// What the pane says of a row that is no task.
fn no_task(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect) {
    let unfold = look.keymap.label(Action::Unfold, look.theme.glyphs);
    let words = match (look.model.table().selected, unfold) {
        (Some(_), Some(key)) => format!("{key} unfolds these tasks"),
        _ => "nothing is selected".to_owned(),
    };
    canvas.text_centred(area.x, area.y + area.height / 3, area.width, &words, Slot::Dim);
}

fn list(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect) {
    let info = look.model.table();
    let fitted = look.model.fit_columns(area.width.saturating_sub(MARGIN + SCROLL));
    let head = Rect { height: 1, ..area };
    heads(look, canvas, hits, head, &fitted, &info);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    hits.set_page_rows(body.height);
    if let Some(empty) = &info.empty {
        let y = body.y + body.height / 3;
        canvas.text_centred(body.x, y, body.width, empty, Slot::Dim);
        return;
    }
    let columns: Vec<Column> = fitted.iter().map(|fitted| fitted.column).collect();
    for (n, row) in look.model.rows(&columns).iter().take(body.height as usize).enumerate() {
        let line = Rect { y: body.y + n as u16, height: 1, ..body };
        draw_row(look, canvas, line, row, &fitted);
        hits.add(line, Target::Row(row.index));
    }
    scroll_bar(look, canvas, body, info.offset, body.height as usize, info.rows);
}

fn heads(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    hits: &mut HitMap,
    area: Rect,
    fitted: &[Fitted],
    info: &TableInfo,
) {
    let glyphs = look.theme.glyphs;
    let mut x = area.x + MARGIN;
    for fitted in fitted {
        let spec = fitted.column.spec();
        let sorted = info.sort.column == fitted.column;
        let arrow = if info.sort.descending { glyphs.descending } else { glyphs.ascending };
        let title = match (sorted, spec.title.is_empty()) {
            (true, true) => arrow.to_owned(),
            (true, false) if text::width(spec.title) < fitted.width => format!("{}{arrow}", spec.title),
            _ => spec.title.to_owned(),
        };
        let slot = if sorted { Slot::HeadSorted } else { Slot::Head };
        let number = fitted.width.saturating_sub(spark_room(*fitted));
        match spec.align {
            Align::Left => {
                canvas.text(x, area.y, fitted.width, &title, slot);
            }
            Align::Right => canvas.text_right(x, area.y, number, &title, slot),
        }
        hits.add(Rect::new(x, area.y, fitted.width, 1), Target::Header(fitted.column));
        x += fitted.width + GAP;
    }
}

/// Cells that a column keeps for its sparkline and the blank before it.
fn spark_room(fitted: Fitted) -> u16 {
    let spark = fitted.column.spec().spark_width;
    if spark > 0 { spark + 1 } else { 0 }
}

fn draw_row(look: Look<'_>, canvas: &mut Canvas<'_>, line: Rect, row: &Row, fitted: &[Fitted]) {
    let glyphs = look.theme.glyphs;
    if matches!(row.key, RowKey::Group(_)) {
        let mark = if row.unfolded { glyphs.unfolded } else { glyphs.folded };
        canvas.text(line.x, line.y, 1, mark, Slot::Key);
    }
    let mut x = line.x + MARGIN;
    for (cell, fitted) in row.cells.iter().zip(fitted) {
        let slot = if row.done { Slot::Done } else { tone_slot(cell.tone) };
        draw_cell(look, canvas, Rect::new(x, line.y, fitted.width, 1), (row, cell), *fitted, slot);
        x += fitted.width + GAP;
    }
    if row.selected {
        canvas.select(Rect { width: line.width.saturating_sub(SCROLL), ..line });
    }
}

fn draw_cell(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    area: Rect,
    (row, cell): (&Row, &Cell),
    fitted: Fitted,
    slot: Slot,
) {
    let ellipsis = look.theme.glyphs.ellipsis;
    let number = area.width.saturating_sub(spark_room(fitted));
    match fitted.column {
        Column::Warn => {
            if let Some(severity) = row.severity {
                canvas.text(area.x, area.y, area.width, canvas.mark(severity), severity_slot(severity));
            }
        }
        Column::Name if row.depth > 0 => {
            canvas.text(area.x + 2, area.y, area.width.saturating_sub(2), &cell.text, slot);
        }
        Column::Place => {
            let place = text::cut_place(&cell.text, area.width, ellipsis);
            canvas.text(area.x, area.y, area.width, &place, slot);
        }
        column => match column.spec().align {
            Align::Left => {
                canvas.text(area.x, area.y, number, &cell.text, slot);
            }
            Align::Right => canvas.text_right(area.x, area.y, number, &cell.text, slot),
        },
    }
    if let Some(heights) = cell.spark {
        let bars: String = heights.iter().map(|height| look.theme.glyphs.bars[spark(*height)]).collect();
        let slot = if row.done { Slot::Done } else { Slot::Spark };
        canvas.text(area.x + number + 1, area.y, area.width - number - 1, &bars, slot);
    }
}

/// The bar of a sample. The highest leaves air below the row above it, so that rows don't run into a wall.
pub(super) fn spark(height: u8) -> usize {
    (usize::from(height.min(8)) * SPARK_HIGHEST).div_ceil(8)
}

/// Where the page of so many entries is in the whole list; nothing when all of it is on the screen.
pub(super) fn scroll_bar(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    area: Rect,
    offset: usize,
    page: usize,
    all: usize,
) {
    let cells = area.height as usize;
    if all <= page || cells == 0 {
        return;
    }
    let [thumb, rail] = look.theme.glyphs.scroll;
    let length = (cells * page / all).clamp(1, cells);
    let start = offset.min(all - page) * (cells - length) / (all - page);
    for n in 0..cells {
        let (glyph, slot) =
            if (start..start + length).contains(&n) { (thumb, Slot::Dim) } else { (rail, Slot::Border) };
        canvas.text(area.right() - 1, area.y + n as u16, 1, glyph, slot);
    }
}
