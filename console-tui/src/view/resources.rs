//! The table of resources: what was made where, and who waits on it.
//!
//! ```text
//!   TYPE         KIND   MADE AT              ATTRIBUTES       WAITERS  LONGEST▼ LONGEST WAITER            AGE     ID
//!   Mutex        Sync   src/state.rs:12      locked true            1   41.2 s  transfer #88           12m30s     r4
//! ▸ Semaphore    Sync   src/main.rs:40       –                      0        –  –                           –     60
//! ```

use ratatui::layout::Rect;
use taskscope_model::{
    Target,
    columns::GAP,
    screen::resources::{ResourceColumn, ResourceRow},
};

use super::{
    Look,
    canvas::{Canvas, tone_slot},
    hits::HitMap,
    rows::{self, Head, MARGIN, SCROLL, aligned},
    tasks::scroll_bar,
    text,
};
use crate::theme::Slot;

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect) {
    let info = look.model.resources();
    let fitted = ResourceColumn::fit(area.width.saturating_sub(MARGIN + SCROLL));
    let head = |(column, width): &(ResourceColumn, u16)| {
        let spec = column.spec();
        let sorted = (info.sort == *column).then_some(info.descending);
        let target = Target::ResourceHeader(*column);
        Head { title: spec.title, width: *width, room: *width, align: spec.align, sorted, target }
    };
    rows::heads(look, canvas, hits, Rect { height: 1, ..area }, fitted.iter().map(head));
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    hits.set_page_rows(body.height);
    if let Some(empty) = &info.empty {
        canvas.text_centred(body.x, body.y + body.height / 3, body.width, empty, Slot::Dim);
    } else {
        let columns: Vec<ResourceColumn> = fitted.iter().map(|(column, _)| *column).collect();
        for (row, y) in look.model.resource_rows(&columns).iter().zip(body.y..body.bottom()) {
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

fn draw_row(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    line: Rect,
    row: &ResourceRow,
    fitted: &[(ResourceColumn, u16)],
) {
    let glyphs = look.theme.glyphs;
    if let Some(unfolded) = row.group {
        let mark = if unfolded { glyphs.unfolded } else { glyphs.folded };
        canvas.text(line.x, line.y, 1, mark, Slot::Key);
    }
    let mut x = line.x + MARGIN;
    for (cell, (column, width)) in row.cells.iter().zip(fitted) {
        let area = Rect::new(x, line.y, *width, 1);
        let slot = tone_slot(cell.tone);
        match column {
            ResourceColumn::Place => {
                let place = text::cut_place(&cell.text, *width, glyphs.ellipsis);
                canvas.text(area.x, area.y, *width, &place, slot);
            }
            ResourceColumn::Type if row.depth > 0 => {
                canvas.text(area.x + 2, area.y, width.saturating_sub(2), &cell.text, slot);
            }
            _ => aligned(canvas, area, column.spec().align, &cell.text, slot),
        }
        x += width + GAP;
    }
    if row.selected {
        canvas.select(Rect { width: line.width.saturating_sub(SCROLL), ..line });
    }
}
