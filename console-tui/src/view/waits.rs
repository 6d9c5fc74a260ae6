//! Who waits for whom, from a task or a lock down to the root, as a tree. Every line that names something is a link.
//!
//! ```text
//!  conn #1204, idle                                              12.0 s  src/main.rs:40
//!  └ waits for JoinHandle                                        12.0 s  src/main.rs:44
//!    └ held by transfer #91                                      41.2 s  src/ledger.rs:121
//!      └ waits for Mutex accounts                                41.2 s  src/ledger.rs:140
//!        └ held by transfer #88  ↺ cycle                        41.2 s  src/ledger.rs:118
//! ```

use ratatui::layout::Rect;
use taskscope_model::{
    WaitsOf,
    screen::waits::{WaitLine, WaitLineKind, WaitsView},
};

use super::{
    Look,
    blocks::{self, link},
    canvas::{Canvas, Piece},
    hits::HitMap,
    scroll, text,
};
use crate::theme::Slot;

/// Cells that a level is set in.
const INDENT: u16 = 2;

/// Cells of an age.
const AGE: u16 = 8;

/// Cells of the words at most: the eye has to find the age on the same line.
const MAX_WORDS: u16 = 80;

/// Part of the width that places take: one in …
const PLACE_SHARE: u16 = 4;

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect, of: WaitsOf) {
    hits.set_page_rows(area.height.saturating_sub(1));
    let view = look.model.waits(of);
    let state = view.as_ref().map(WaitsView::state);
    blocks::crumbs(look, canvas, hits, Rect { height: 1, ..area }, state.as_ref());
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let Some(view) = view else {
        let words = "It is gone; its data is no longer kept.";
        canvas.text_centred(body.x, body.y + body.height / 3, body.width, words, Slot::Dim);
        return;
    };
    let inner = Rect {
        x: body.x + 1,
        y: body.y + 1,
        width: body.width.saturating_sub(2),
        height: body.height.saturating_sub(1),
    };
    let lines = view.lines.len() as u16 + 1;
    scroll::render(look, canvas, hits, inner, (lines, view.selected_link), |canvas, area| {
        for (row, y) in (0..view.lines.len()).zip(area.y..area.bottom()) {
            draw(canvas, Rect { y, height: 1, ..area }, &view.lines[row..], view.selected_link);
        }
    });
    if look.header.stale {
        canvas.tint(body, Slot::Stale);
    }
}

/// Whether another branch of this level follows, below the same line.
fn goes_on(below: &[WaitLine], level: u8) -> bool {
    below.iter().map(|line| line.depth).find(|depth| *depth <= level) == Some(level)
}

/// Draws the first of these lines; those after it show where the branches go on.
fn draw(canvas: &mut Canvas<'_>, area: Rect, lines: &[WaitLine], chosen: Option<usize>) {
    let Some((line, below)) = lines.split_first() else { return };
    let glyphs = canvas.theme.glyphs;
    let places = area.width / PLACE_SHARE;
    let words = area.width.saturating_sub(places + AGE + 3).min(MAX_WORDS);
    // However deep it is, some of its words are seen.
    let indent = (u16::from(line.depth) * INDENT).min(words / 2);
    let [last, middle, passing] = glyphs.branch;
    // From the innermost outwards, as far as there is room for them.
    for (level, left) in (1..=line.depth).rev().zip(1..=indent / INDENT) {
        let x = indent - left * INDENT;
        let branch = match (level == line.depth, goes_on(below, level)) {
            (true, true) => middle,
            (true, false) => last,
            (false, true) => passing,
            (false, false) => continue,
        };
        canvas.text(area.x + x, area.y, INDENT, branch, Slot::Border);
    }
    let slot = match line.kind {
        WaitLineKind::Subject => Slot::Strong,
        WaitLineKind::Waits | WaitLineKind::InTheWay => Slot::Text,
        WaitLineKind::Cycle => Slot::Critical,
        WaitLineKind::End => Slot::Dim,
    };
    let x = area.x + indent;
    let room = words.saturating_sub(indent);
    let cycle = format!("  {} cycle", glyphs.cycle);
    let aside = if line.kind == WaitLineKind::Cycle { cycle.as_str() } else { "" };
    let used = canvas.text(x, area.y, room.saturating_sub(text::width(aside)), &line.text, slot);
    link(canvas, Rect::new(x, area.y, used, 1), line.link, chosen);
    let pieces: [Piece<'_>; 1] = [(aside.into(), Slot::Critical)];
    canvas.pieces(x + used, area.y, room.saturating_sub(used), &pieces);
    canvas.text_right(area.x + words + 1, area.y, AGE, &line.age, Slot::Text);
    let place = text::cut_place(&line.place, places, glyphs.ellipsis);
    canvas.text(area.x + words + AGE + 3, area.y, places, &place, Slot::Dim);
}
