//! What the screens of a task and of a resource have in common: the way back, facts, links, operations.
//!
//! ```text
//!  ‹ Tasks ▸ transfer #88                                                     idle for 41.2 s
//!  ─ life ───────────────────
//!   total         41.3 s
//!  ─ waiting ────────────────────────────────────────────────────────────────────────────────
//!   Mutex::lock               Mutex src/ledger.rs:12            idle   41.2 s       4 polls  locked true
//!    └ Semaphore::acquire     Semaphore src/ledger.rs:12        idle   41.2 s       4 polls
//! ```

use ratatui::layout::Rect;
use taskscope_model::{
    Target,
    screen::{
        resource::OpView,
        table::Cell,
        task::{Fact, Link},
    },
};

use super::{
    Look,
    canvas::{Canvas, tone_slot},
    hits::HitMap,
    text,
};
use crate::theme::Slot;

/// Labels of places: the end of a place says the most.
const PLACES: [&str; 2] = ["spawned at", "made at"];

/// Cells of an operation's name and of what it is on, at least; and of its numbers, with their gaps.
const OP_NAME_MIN: u16 = 14;
const OP_NUMBERS: u16 = 32;

/// Cells between two columns of blocks.
const GUTTER: u16 = 2;

/// Cells that a level of operations is set in.
const INDENT: u16 = 2;

/// Levels that are shown as such.
const MAX_LEVELS: u16 = 4;

/// What is on the other end of an operation, as the screen has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The screen is of a task: what the operation is on.
    On,
    /// The screen is of a resource: whose operation it is.
    Task,
}

/// An area in columns of the same width.
pub(super) fn columns<const N: usize>(area: Rect) -> [Rect; N] {
    let width = (area.width + GUTTER) / N as u16;
    std::array::from_fn(|n| {
        let x = area.x + n as u16 * width;
        let last = n + 1 == N;
        Rect { x, width: if last { area.right() - x } else { width - GUTTER }, ..area }
    })
}

/// What is left of an area below so many lines.
pub(super) fn below(area: Rect, lines: u16) -> Rect {
    Rect { y: area.y + lines.min(area.height), height: area.height.saturating_sub(lines), ..area }
}

/// The way back at the left, the state at the right.
pub(super) fn crumbs(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    hits: &mut HitMap,
    area: Rect,
    state: Option<&Cell>,
) {
    let crumbs = look.model.breadcrumbs();
    let mut x = area.x + 1;
    x += canvas.text(x, area.y, 1, look.theme.glyphs.back, Slot::Dim) + 1;
    for (n, crumb) in crumbs.iter().enumerate() {
        if n > 0 {
            x += canvas.text(x, area.y, 1, look.theme.glyphs.step, Slot::Dim) + 1;
        }
        let slot = if n + 1 == crumbs.len() { Slot::Strong } else { Slot::Text };
        let used = canvas.text(x, area.y, area.right().saturating_sub(x), &crumb.text, slot);
        hits.add(Rect::new(x, area.y, used, 1), Target::Breadcrumb(n));
        x += used + 1;
    }
    if let Some(state) = state {
        canvas.text_right(x, area.y, area.right().saturating_sub(x + 1), &state.text, tone_slot(state.tone));
    }
}

/// Labels and values in two columns; a value that leads somewhere is a link.
pub(super) fn facts(
    canvas: &mut Canvas<'_>,
    area: Rect,
    title: &'static str,
    facts: &[Fact],
    chosen: Option<usize>,
) {
    let values = facts.iter().map(|fact| (fact.label, &fact.value, fact.link));
    labelled(canvas, area, title, &values.collect::<Vec<_>>(), chosen);
}

/// As [`facts`], of any labels.
pub(super) fn labelled(
    canvas: &mut Canvas<'_>,
    area: Rect,
    title: &'static str,
    values: &[(&str, &Cell, Option<usize>)],
    chosen: Option<usize>,
) {
    canvas.rule(Rect { height: 1, ..area }, &[(title.into(), Slot::Head)]);
    let widest = values.iter().map(|(label, ..)| text::width(label)).max().unwrap_or(0);
    let labels = widest.min(area.width / 2);
    for (n, (label, value, leads)) in
        values.iter().take(usize::from(area.height).saturating_sub(1)).enumerate()
    {
        let y = area.y + 1 + n as u16;
        canvas.text(area.x + 1, y, labels, label, Slot::Dim);
        let x = area.x + labels + 3;
        let width = area.width.saturating_sub(labels + 3);
        let ellipsis = canvas.theme.glyphs.ellipsis;
        let shown = if PLACES.contains(label) {
            text::cut_start(&value.text, width, ellipsis)
        } else {
            text::cut(&value.text, width, ellipsis)
        };
        let used = canvas.text(x, y, width, &shown, tone_slot(value.tone));
        link(canvas, Rect::new(x, y, used, 1), *leads, chosen);
    }
}

/// Makes an area a link, and marks it when it is the chosen one.
pub(super) fn link(canvas: &mut Canvas<'_>, area: Rect, link: Option<usize>, chosen: Option<usize>) {
    let Some(index) = link else { return };
    canvas.links.push((index, area));
    if link == chosen {
        canvas.select(area);
    }
}

/// Names that can be opened, one below the other.
pub(super) fn links<'a>(
    canvas: &mut Canvas<'_>,
    area: Rect,
    named: impl Iterator<Item = (usize, &'a Link)>,
    chosen: Option<usize>,
) {
    for ((index, link_), y) in named.zip(area.y..area.bottom()) {
        let used = canvas.text(area.x, y, area.width, &link_.text, Slot::Strong);
        link(canvas, Rect::new(area.x, y, used, 1), Some(index), chosen);
    }
}

/// Lines that operations take with a title above them, and at least one below it.
pub(super) fn ops_lines(ops: &[OpView], more: usize) -> u16 {
    1 + (ops.len() + usize::from(more > 0)).max(1) as u16
}

/// Operations, one a line; what is cut off below is counted.
pub(super) fn ops(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (ops, more): (&[OpView], usize),
    side: Side,
    chosen: Option<usize>,
) {
    let lines = usize::from(area.height);
    let hidden = |shown: usize| ops.len() - shown + more;
    let shown =
        if hidden(ops.len().min(lines)) > 0 { lines.saturating_sub(1).min(ops.len()) } else { ops.len() };
    for (op, y) in ops.iter().take(shown).zip(area.y..area.bottom()) {
        op_line(canvas, Rect { y, height: 1, ..area }, op, side, chosen);
    }
    if hidden(shown) > 0 && lines > 0 {
        let words = format!("and {} more", hidden(shown));
        canvas.text(area.x, area.y + shown as u16, area.width, &words, Slot::Dim);
    }
}

fn op_line(canvas: &mut Canvas<'_>, area: Rect, op: &OpView, side: Side, chosen: Option<usize>) {
    let names = area.width.saturating_sub(OP_NUMBERS).max(OP_NAME_MIN * 2);
    let attributes = if names > OP_NAME_MIN * 6 { names / 4 } else { 0 };
    let source = (names - attributes) * 2 / 5;
    let other = names - attributes - source;
    let level = u16::from(op.depth).min(MAX_LEVELS);
    let indent = level * INDENT;
    if level > 0 {
        canvas.text(area.x + indent - INDENT, area.y, INDENT, "└ ", Slot::Border);
    }
    canvas.text(area.x + indent, area.y, source.saturating_sub(indent + 1), &op.source, Slot::Strong);
    let (cell, leads) = match side {
        Side::On => (&op.on, op.on_link),
        Side::Task => (&op.task, op.task_link),
    };
    let mut x = area.x + source;
    let used = canvas.text(x, area.y, other.saturating_sub(1), &cell.text, tone_slot(cell.tone));
    link(canvas, Rect::new(x, area.y, used, 1), leads, chosen);
    x += other;
    canvas.text(x, area.y, 5, &op.state.text, tone_slot(op.state.tone));
    canvas.text_right(x + 6, area.y, 7, &op.age.text, tone_slot(op.age.tone));
    canvas.text_right(x + 14, area.y, 7, &op.polls.text, tone_slot(op.polls.tone));
    canvas.text(x + 22, area.y, 5, if op.polls.text == "1" { "poll" } else { "polls" }, Slot::Dim);
    canvas.text(x + OP_NUMBERS - 4, area.y, attributes, &op.attributes, Slot::Dim);
}
