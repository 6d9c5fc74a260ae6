//! A table: heads that sort, a page of rows, the worst finding about the selected one; beside the tasks, where there is room, the detail of
//! the selected one. The model describes the columns.
//!
//! ```text
//!  [locks 12]  channels 3  v
//!    KIND      NAME  MADE AT             HOLDER         HELD FOR  WAITERS  LONGEST CONTENDED  ACQ/s
//!  ▲ Mutex     ledger  src/state.rs:12   transfer #88     41.2 s        1   41.2 s     3.1 %    211 ┃
//! ▸  Mutex     60 of them  src/conn.rs:9  2 held           1 ms        0                0 %   4.1k │
//!  ▲ Deadlock: transfer #88 → accounts lock → transfer #91 → ledger lock → transfer #88, for 41 s
//! ```

use ratatui::layout::Rect;
use taskscope_model::{
    Action, TableId, Target,
    columns::{Align, Cut, Fitted, GAP, SPARK_WIDTH, WARN},
    format,
    screen::table::{Cell, Row, Sort, TableInfo},
};

use super::{
    Look,
    canvas::{Canvas, Piece, severity_slot, tone_slot},
    hits::HitMap,
    task, text,
};
use crate::theme::Slot;

/// Share of the screen that the side pane takes, in percent, and its bounds in cells.
const PANE_PERCENT: u16 = 36;
const PANE_MIN: u16 = 56;
const PANE_MAX: u16 = 90;

/// Cells right of the last column, for the scroll bar.
const SCROLL: u16 = 2;

/// The highest bar of a sparkline, in eighths.
const SPARK_HIGHEST: usize = 6;

/// Cells of the bar that shows how full something is.
const BAR: u16 = 6;

/// A place in fewer cells is useless.
const PLACE_LEAST: u16 = 8;

/// From this width on a sentence about a row has room on one line.
const ROOMY: u16 = 160;

/// Cells left of the first column, for the fold mark. Of the tasks, the first column has blanks enough.
pub(super) fn margin(table: TableId) -> u16 {
    if table == TableId::Tasks { 1 } else { 2 }
}

/// The screen of a table.
pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect, id: TableId) {
    let info = look.model.table(id);
    let mut table = area;
    // The pane stands there whatever is selected: columns don't move with the selection.
    if id == TableId::Tasks && area.width >= look.model.config().side_pane_width {
        let pane = (area.width * PANE_PERCENT / 100).clamp(PANE_MIN, PANE_MAX).min(area.width / 2);
        table.width = area.width - pane;
        let side = Rect { x: table.right() + 1, width: pane - 1, ..area };
        for y in area.y..area.bottom() {
            canvas.text(table.right(), y, 1, look.theme.glyphs.border.vertical_left, Slot::Border);
        }
        match look.model.side_pane() {
            Some(key) => task::side_pane(look, canvas, side, key),
            None => no_task(look, canvas, side, &info),
        }
    }
    let tabs = look.model.table_tabs();
    if tabs.len() > 1 {
        which(look, canvas, hits, Rect { height: 1, ..table }, &info);
        table = Rect { y: table.y + 1, height: table.height.saturating_sub(1), ..table };
    }
    list(look, canvas, hits, table, &info);
    if look.header.stale {
        canvas.tint(area, Slot::Stale);
    }
}

/// The text of the pane for a row that is no task.
fn no_task(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect, info: &TableInfo) {
    let unfold = look.keymap.label(Action::Unfold, look.theme.glyphs);
    let words = match (info.selected, unfold) {
        (Some(_), Some(key)) => format!("{key} unfolds these tasks"),
        _ => "no row selected".to_owned(),
    };
    canvas.text_centred(area.x, area.y + area.height / 3, area.width, &words, Slot::Dim);
}

/// The tables of the screen, the key that leads from one to the next, and what is known of all there is.
fn which(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect, info: &TableInfo) {
    let mut x = area.x + 1;
    for tab in look.model.table_tabs() {
        let count = tab.total.map_or_else(|| format::UNKNOWN.to_owned(), |total| format::count(total as u64));
        let (left, right, slot) = if tab.open { ("[", "]", Slot::TabOpen) } else { (" ", " ", Slot::Dim) };
        let words = format!("{left}{} {count}{right}", tab.id.things());
        let used = canvas.text(x, area.y, area.right().saturating_sub(x), &words, slot);
        if !tab.open {
            hits.add(Rect::new(x, area.y, used, 1), Target::Table(tab.id));
        }
        x += used + 1;
    }
    if let Some(key) = look.keymap.label(Action::ToggleChannels, look.theme.glyphs) {
        x += canvas.text(x, area.y, area.right().saturating_sub(x), &key, Slot::Key) + 2;
    }
    let room = area.right().saturating_sub(x + SCROLL);
    let mut head: Vec<Piece<'_>> = Vec::new();
    let mut width = 0;
    for cell in &info.head {
        let needed = text::width(&cell.text) + 2;
        if width + needed > room + 2 {
            break;
        }
        width += needed;
        head.push((cell.text.as_str().into(), tone_slot(cell.tone)));
        head.push(("  ".into(), Slot::Text));
    }
    let start = area.right().saturating_sub(SCROLL + width.saturating_sub(2));
    canvas.pieces(start, area.y, width, &head);
}

fn list(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect, info: &TableInfo) {
    let margin = margin(info.id);
    let fitted = look.model.fit_columns(info.id, area.width.saturating_sub(margin + SCROLL));
    let head = Rect { x: area.x + margin, height: 1, ..area };
    heads(look, canvas, Some(hits), head, &fitted, info.sort);
    let note_lines = match (info.has_notes, area.width >= ROOMY) {
        (false, _) => 0,
        (true, true) => 1,
        (true, false) => 2,
    };
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1 + note_lines), ..area };
    hits.set_page_rows(body.height);
    if let Some(empty) = &info.empty {
        canvas.text_centred(body.x, body.y + body.height / 3, body.width, empty, Slot::Dim);
        return;
    }
    let columns: Vec<_> = fitted.iter().map(|fitted| fitted.spec.id).collect();
    for (row, y) in look.model.rows(info.id, &columns).iter().zip(body.y..body.bottom()) {
        let line = Rect { y, height: 1, ..body };
        draw_row(look, canvas, line, (row, margin), &fitted);
        hits.add(line, Target::Row(row.index));
    }
    scroll_bar(look, canvas, body, info.offset, body.height as usize, info.rows);
    if let Some((severity, sentence)) = &info.note {
        let note = Rect { y: body.bottom(), height: note_lines, ..area };
        canvas.text(note.x + 1, note.y, 1, canvas.mark(*severity), severity_slot(*severity));
        let words = Rect { x: note.x + 3, width: note.width.saturating_sub(4), ..note };
        canvas.wrapped(words, sentence, severity_slot(*severity));
    }
}

/// Draws the heads and, with `hits`, makes each a target.
pub(super) fn heads(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    mut hits: Option<&mut HitMap>,
    area: Rect,
    fitted: &[Fitted],
    sort: Sort,
) {
    let glyphs = look.theme.glyphs;
    let mut x = area.x;
    for fitted in fitted {
        let spec = fitted.spec;
        let sorted = sort.column == spec.id;
        let arrow = match (sorted, sort.descending) {
            (true, _) if text::width(spec.title) >= fitted.width => "",
            (true, true) => glyphs.descending,
            (true, false) => glyphs.ascending,
            (false, _) => "",
        };
        let title = format!("{}{arrow}", spec.title);
        let slot = if sorted { Slot::HeadSorted } else { Slot::Head };
        aligned(canvas, Rect::new(x, area.y, text_width(*fitted), 1), spec.align, &title, slot);
        if let Some(hits) = &mut hits {
            hits.add(Rect::new(x, area.y, fitted.width, 1), Target::Header(spec.id));
        }
        x += fitted.width + GAP;
    }
}

/// Cells of a column for its text; the bar or sparkline beside it has the others. A column of sparklines has a head, too.
fn text_width(fitted: Fitted) -> u16 {
    let aside = fitted.spec.aside_width;
    if aside >= fitted.width { fitted.width } else { fitted.width - aside }
}

/// Draws a row, behind its margin.
pub(super) fn draw_row(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    line: Rect,
    (row, margin): (&Row, u16),
    fitted: &[Fitted],
) {
    let glyphs = look.theme.glyphs;
    if let Some(unfolded) = row.group {
        let mark = if unfolded { glyphs.unfolded } else { glyphs.folded };
        canvas.text(line.x, line.y, 1, mark, Slot::Key);
    }
    let mut x = line.x + margin;
    for (cell, fitted) in row.cells.iter().zip(fitted) {
        let area = Rect::new(x, line.y, fitted.width, 1);
        if fitted.spec.id != WARN {
            draw_cell(look, canvas, area, (row, cell), *fitted);
        } else if let Some(severity) = row.severity {
            canvas.text(area.x, area.y, area.width, canvas.mark(severity), severity_slot(severity));
        }
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
) {
    let spec = fitted.spec;
    let ellipsis = look.theme.glyphs.ellipsis;
    let slot = |slot: Slot| if row.done { Slot::Done } else { slot };
    let indent = if row.depth > 0 { spec.indent } else { 0 };
    let width = text_width(fitted).saturating_sub(indent);
    let room = Rect { x: area.x + indent, width, ..area };
    if let Some(place) = &cell.place {
        named(canvas, room, cell, place);
    } else {
        let shown = match spec.cut {
            Cut::End => cell.text.clone(),
            Cut::Place => text::cut_place(&cell.text, width, ellipsis),
            // In a group, they differ at the end.
            Cut::Start if row.group.is_none() => text::cut_start(&cell.text, width, ellipsis),
            Cut::Start | Cut::Marked => text::cut(&cell.text, width, ellipsis),
        };
        aligned(canvas, room, spec.align, &shown, slot(tone_slot(cell.tone)));
    }
    if let Some(heights) = cell.spark {
        let bars: String = heights.iter().map(|height| look.theme.glyphs.bars[spark(*height)]).collect();
        let x = area.right().saturating_sub(SPARK_WIDTH);
        canvas.text(x, area.y, SPARK_WIDTH, &bars, slot(Slot::Spark));
    }
    if cell.percent.is_some() {
        bar(canvas, Rect { x: area.right().saturating_sub(BAR), width: BAR, ..area }, cell.percent);
    }
}

/// What it is called, and after it as much of its place as there is room for.
fn named(canvas: &mut Canvas<'_>, area: Rect, name: &Cell, place: &str) {
    let used = canvas.text(area.x, area.y, area.width, &name.text, tone_slot(name.tone)) + 2;
    let room = area.width.saturating_sub(used);
    if room >= PLACE_LEAST {
        let place = text::cut_place(place, room, canvas.theme.glyphs.ellipsis);
        canvas.text(area.x + used, area.y, room, &place, Slot::Dim);
    }
}

pub(super) fn aligned(canvas: &mut Canvas<'_>, area: Rect, align: Align, text: &str, slot: Slot) {
    match align {
        Align::Left => {
            canvas.text(area.x, area.y, area.width, text, slot);
        }
        Align::Right => canvas.text_right(area.x, area.y, area.width, text, slot),
    }
}

/// The bar of a sample. The highest leaves air below the row above it, so that rows don't run into a wall.
pub(super) fn spark(height: u8) -> usize {
    (usize::from(height.min(8)) * SPARK_HIGHEST).div_ceil(8)
}

/// How full something is; no bar where that is unknown.
pub(super) fn bar(canvas: &mut Canvas<'_>, area: Rect, percent: Option<u8>) {
    let Some(percent) = percent else { return };
    let [full, rail] = canvas.theme.glyphs.filled;
    let cells = (u16::from(percent.min(100)) * area.width).div_ceil(100);
    let slot = if percent >= 100 { Slot::Warning } else { Slot::Trend };
    canvas.text(area.x, area.y, area.width, &full.repeat(cells as usize), slot);
    let left = area.width - cells;
    canvas.text(area.x + cells, area.y, left, &rail.repeat(left as usize), Slot::Border);
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
