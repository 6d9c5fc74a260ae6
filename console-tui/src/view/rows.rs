//! What the tables have in common: heads that sort, cells that stand left or right.

use ratatui::layout::Rect;
use taskscope_model::{
    Target,
    columns::{Align, GAP},
};

use super::{Look, canvas::Canvas, hits::HitMap, text};
use crate::theme::Slot;

/// Cells left of the first column, for the fold mark.
pub(super) const MARGIN: u16 = 2;

/// Cells right of the last column, for the scroll bar.
pub(super) const SCROLL: u16 = 2;

/// What stands above a column.
pub(super) struct Head {
    pub(super) title: &'static str,
    pub(super) width: u16,
    /// Cells of it that the title may take.
    pub(super) room: u16,
    pub(super) align: Align,
    /// It sorts: the largest first, or last.
    pub(super) sorted: Option<bool>,
    pub(super) target: Target,
}

/// Draws the heads and makes each a target.
pub(super) fn heads(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    hits: &mut HitMap,
    area: Rect,
    heads: impl Iterator<Item = Head>,
) {
    let glyphs = look.theme.glyphs;
    let mut x = area.x + MARGIN;
    for head in heads {
        let arrow = match head.sorted {
            Some(_) if text::width(head.title) >= head.width => "",
            Some(true) => glyphs.descending,
            Some(false) => glyphs.ascending,
            None => "",
        };
        let title = format!("{}{arrow}", head.title);
        let slot = if head.sorted.is_some() { Slot::HeadSorted } else { Slot::Head };
        aligned(canvas, Rect::new(x, area.y, head.room, 1), head.align, &title, slot);
        hits.add(Rect::new(x, area.y, head.width, 1), head.target);
        x += head.width + GAP;
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
