//! A screen that may be longer than the terminal is high: drawn whole beside it, and shown from a line on.
//!
//! ```text
//!  … so many lines as there is room for …                       ┃
//!  … and a mark that there is more …                            │
//!  ▲ 3 lines above                            ▼ 12 lines below  │
//! ```
//!
//! Invariant: the chosen link is in sight after it was moved to; what fits is not moved. Limit: [`MAX_LINES`] lines.

use ratatui::{buffer::Buffer, layout::Rect};
use taskscope_model::{Target, event::Extent};

use super::{Look, canvas::Canvas, hits::HitMap, table::scroll_bar};
use crate::theme::Slot;

/// Lines of a screen at most: those of its lists are limited anyway.
const MAX_LINES: u16 = 2_000;

/// Draws a screen of so many lines (`height`) into `area`, so that the `chosen` link is in sight. `draw` gets an area that is as high as
/// that, or as `area`.
pub(super) fn render(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    hits: &mut HitMap,
    area: Rect,
    (height, chosen): (u16, Option<usize>),
    draw: impl FnOnce(&mut Canvas<'_>, Rect),
) {
    if area.height < 2 {
        return;
    }
    if height <= area.height {
        draw(canvas, area);
        let links = std::mem::take(&mut canvas.links);
        let extent = Extent { lines: usize::from(area.height), ..extent(area, &links, area.height) };
        finish(hits, area, &links, extent);
        return;
    }
    let height = height.min(MAX_LINES);
    let whole = Rect { height: height.min(u16::MAX - area.y), ..area };
    let mut buffer = Buffer::empty(whole);
    let mut inner = Canvas::new(&mut buffer, canvas.theme);
    draw(&mut inner, whole);
    let links = std::mem::take(&mut inner.links);
    let shown = Rect { height: area.height - 1, ..area };
    let mut extent = Extent { lines: usize::from(height), ..extent(area, &links, shown.height) };
    extent.top = look.model.scroll_top(&extent, chosen);
    canvas.copy(&buffer, extent.top as u16, shown);
    marks(look, canvas, Rect { y: shown.bottom(), height: 1, ..area }, &extent);
    // In the column right of the text.
    let rail = Rect { width: shown.width + 1, ..shown };
    scroll_bar(look, canvas, rail, extent.top, extent.page, extent.lines);
    finish(hits, shown, &links, extent);
}

fn extent(area: Rect, links: &[(usize, Rect)], page: u16) -> Extent {
    let links = links.iter().map(|(link, at)| (*link, usize::from(at.y - area.y))).collect();
    Extent { top: 0, page: usize::from(page), lines: 0, links }
}

/// A click on a link that is in sight chooses it.
fn finish(hits: &mut HitMap, shown: Rect, links: &[(usize, Rect)], extent: Extent) {
    for (link, at) in links {
        if let Some(y) = at.y.checked_sub(extent.top as u16).filter(|y| (shown.y..shown.bottom()).contains(y))
        {
            hits.add(Rect { y, height: 1, ..*at }, Target::Row(*link));
        }
    }
    hits.set_extent(extent);
}

fn marks(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect, extent: &Extent) {
    let glyphs = look.theme.glyphs;
    let lines = |n: usize| if n == 1 { "line" } else { "lines" };
    let below = extent.lines.saturating_sub(extent.top + extent.page);
    if extent.top > 0 {
        let words = format!("{} {} {} above", glyphs.ascending, extent.top, lines(extent.top));
        canvas.text(area.x + 1, area.y, area.width, &words, Slot::Key);
    }
    if below > 0 {
        let words = format!("{} {below} {} below", glyphs.descending, lines(below));
        canvas.text_right(area.x, area.y, area.width.saturating_sub(2), &words, Slot::Key);
    }
}
