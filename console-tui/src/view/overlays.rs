//! What lies over a screen: the help, the palette, the columns. All three are made from the model's own tables.
//!
//! ```text
//!  ┌ command ─────────────────────────┐   ┌ keys ─────────────┐   ┌ columns ──────────────┐
//!  │ : sort bu█                       │   │ Moving            │   │ ✓ busy   Time in polls│
//!  │ ❯ sort-by-busy   Sort by …     s │   │ ↓ j   One row down│   │ · size   Size of …    │
//!  └──────────────────────────────────┘   └───────────────────┘   └───────────────────────┘
//! ```

use ratatui::layout::Rect;
use taskscope_model::{
    Action, OverlayKind, TableId, Target,
    screen::overlay::{Overlay, OverlayRow},
};

use super::{
    Look,
    canvas::{Canvas, Piece},
    footer,
    hits::HitMap,
    table::scroll_bar,
};
use crate::theme::Slot;

const MAX_WIDTH: u16 = 92;

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect) {
    let Some(overlay) = look.model.overlay() else { return };
    let title = match overlay.kind {
        OverlayKind::Help => "keys",
        OverlayKind::Palette => "command",
        OverlayKind::Columns => "columns",
    };
    let typed = u16::from(overlay.kind == OverlayKind::Palette);
    let rows = u16::try_from(overlay.rows.len()).unwrap_or(u16::MAX);
    let wanted = match overlay.kind {
        // The box of the palette keeps its size while the list shrinks under the typing.
        OverlayKind::Palette => area.height,
        _ => rows.saturating_add(2),
    };
    let width = area.width.saturating_sub(4).min(MAX_WIDTH);
    let height = wanted.min(area.height.saturating_sub(4)).max(3 + typed);
    let frame = Rect::new(area.x + (area.width - width) / 2, area.y + 2, width, height);
    hits.add(area, Target::Outside);
    let inner = canvas.boxed(frame, title);
    let mut list = inner;
    if typed > 0
        && let Some(input) = look.model.input()
    {
        canvas.text(inner.x, inner.y, 1, ":", Slot::Key);
        let line = Rect { x: inner.x + 2, width: inner.width.saturating_sub(2), height: 1, ..inner };
        footer::line_with_cursor(canvas, line, &input);
        list = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    }
    hits.set_page_rows(list.height);
    rows_of(look, canvas, hits, list, &overlay);
}

fn rows_of(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, list: Rect, overlay: &Overlay) {
    let page = list.height as usize;
    let offset = match overlay.kind {
        OverlayKind::Help => overlay.selected.min(overlay.rows.len().saturating_sub(page)),
        _ => (overlay.selected + 1).saturating_sub(page),
    };
    for (n, row) in overlay.rows.iter().enumerate().skip(offset).take(page) {
        let line = Rect { y: list.y + (n - offset) as u16, height: 1, ..list };
        let pointed = overlay.kind != OverlayKind::Help && n == overlay.selected;
        draw(look, canvas, line, *row, overlay.kind);
        if pointed {
            canvas.select(line);
        }
        hits.add(line, Target::OverlayRow(n));
    }
    let rail = Rect { width: list.width + 2, ..list };
    scroll_bar(look, canvas, rail, offset, page, overlay.rows.len());
}

fn draw(look: Look<'_>, canvas: &mut Canvas<'_>, line: Rect, row: OverlayRow, kind: OverlayKind) {
    match row {
        OverlayRow::Heading(group) => {
            canvas.text(line.x, line.y, line.width, group.title(), Slot::Strong);
        }
        OverlayRow::Action(action) if kind == OverlayKind::Help => help_row(look, canvas, line, action),
        OverlayRow::Action(action) => {
            let keys = look.keymap.labels(action, look.theme.glyphs);
            let row: [Piece<'_>; 2] = [
                (format!("{:<26}", action.name()).into(), Slot::Strong),
                (help(look, action).into(), Slot::Dim),
            ];
            let room = line.width.saturating_sub(keys.chars().count() as u16 + 1);
            canvas.pieces(line.x, line.y, room, &row);
            canvas.text_right(line.x, line.y, line.width, &keys, Slot::Key);
        }
        OverlayRow::Column(spec, shown) => {
            let [yes, no] = look.theme.glyphs.ticked;
            let row: [Piece<'_>; 3] = [
                (format!("{} ", if shown { yes } else { no }).into(), Slot::Key),
                (format!("{:<14}", spec.id).into(), if shown { Slot::Strong } else { Slot::Dim }),
                (spec.help.into(), Slot::Dim),
            ];
            canvas.pieces(line.x, line.y, line.width, &row);
        }
    }
}

fn help_row(look: Look<'_>, canvas: &mut Canvas<'_>, line: Rect, action: Action) {
    let keys = look.keymap.labels(action, look.theme.glyphs);
    let row: [Piece<'_>; 2] =
        [(format!("  {keys:<24}").into(), Slot::Key), (help(look, action).into(), Slot::Text)];
    canvas.pieces(line.x, line.y, line.width, &row);
}

fn help(look: Look<'_>, action: Action) -> String {
    let (words, column) = match action {
        Action::ToggleColumn(column) => ("Show or hide", column),
        Action::SortBy(column) => ("Sort by", column),
        _ => return action.help().to_owned(),
    };
    let columns = look.model.shown_table().map_or_else(Vec::new, TableId::columns);
    let spec = columns.iter().find(|spec| spec.id == column);
    spec.map_or_else(|| action.help().to_owned(), |spec| format!("{words}: {}", spec.help))
}
