//! One task: what was found about it, its facts, who woke it, how long its polls and waits were, and what happens now.
//!
//! ```text
//!  ‹ Tasks ▸ transfer #88                                                     idle for 41.2 s
//!  ▲ long-poll: it has been in its poll for …
//!    Move the work to spawn_blocking.
//!  ─ task ───────────────────── ─ life ─────────────────── ─ wakes ──────────────────
//!   kind       task              age          41.3 s        wakes               3
//!  ─ polls  p50 12 µs p99 … ─── ─ schedule delay ───────── ─ woken by ───────────────
//!   ▂▇█▅▃▂▁   ▁                  ▇█▂▁                       2  timer
//!  ─ timeline, last 60 s ─────────────────────────────────────────────────────────────
//! ```
//!
//! Blocks stand in two columns below [`THREE_COLUMNS`] cells, in one in the side pane. When not all fit, the screen scrolls;
//! in the side pane the last ones go, the findings and the facts stay.

mod histogram;
mod timeline;

use ratatui::layout::Rect;
use taskscope_model::{
    TaskKey, format,
    screen::task::{Distribution, Fact, TaskFinding, TaskView, Wakers},
};

use super::{
    Look,
    blocks::{self, Side, facts, link},
    canvas::{Canvas, Piece, severity_slot, tone_slot},
    hits::HitMap,
    io, lock, scroll, stack, text,
};
use crate::theme::Slot;

/// From this width on, blocks stand in three columns.
const THREE_COLUMNS: u16 = 108;

/// Lines of a sentence about a finding, and of its advice, at most.
const MAX_SENTENCE_LINES: u16 = 8;

/// Part of the side pane that findings may take: one in …
const FINDINGS_SHARE: u16 = 3;

/// Cells between two columns of blocks.
const GUTTER: u16 = 2;

/// Least and most lines of a histogram, its title included.
const HISTOGRAM_LINES: (u16, u16) = (4, 10);

/// A row of blocks in fewer lines is useless.
const CUT_LINES: u16 = 3;

/// Lines of the timeline, its title included.
const TIMELINE_LINES: (u16, u16) = (4, 6);

/// Percentiles beside the title of a distribution, the most wanted first, as far as there is room.
const TITLE_PERCENTILES: [u8; 5] = [50, 99, 90, 75, 95];

/// Operations that are shown even on a low screen.
const WAITS_LEAST: u16 = 3;

/// Lines of lists (wakers, children) at most, when there is room.
const LIST_LINES: u16 = 12;

/// A part of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Stack,
    Tree,
    Waits,
    Holds,
    Io,
    About,
    Life,
    Wakes,
    Wakers,
    Polls,
    Delays,
    Timeline,
    Children,
}

const THREE: &[&[Block]] = &[
    &[Block::Stack],
    &[Block::Tree],
    &[Block::Waits],
    &[Block::Holds],
    &[Block::Io],
    &[Block::About, Block::Life, Block::Wakes],
    &[Block::Polls, Block::Delays, Block::Wakers],
    &[Block::Timeline],
    &[Block::Children],
];

/// What says the most stands first: on a low screen the rest is cut.
const TWO: &[&[Block]] = &[
    &[Block::Stack],
    &[Block::Tree],
    &[Block::Waits],
    &[Block::Holds],
    &[Block::Io],
    &[Block::Life, Block::Wakes],
    &[Block::Polls, Block::Delays],
    &[Block::About, Block::Wakers],
    &[Block::Timeline],
    &[Block::Children],
];

const ONE: &[&[Block]] = &[
    &[Block::Stack],
    &[Block::Tree],
    &[Block::Waits],
    &[Block::Holds],
    &[Block::Io],
    &[Block::About],
    &[Block::Life],
    &[Block::Wakes],
    &[Block::Polls],
    &[Block::Delays],
    &[Block::Wakers],
    &[Block::Timeline],
    &[Block::Children],
];

/// The whole screen.
pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect, key: TaskKey) {
    hits.set_page_rows(area.height.saturating_sub(1));
    let view = look.model.task(key);
    let state = view.as_ref().map(|view| &view.state);
    blocks::crumbs(look, canvas, hits, Rect { height: 1, ..area }, state);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let Some(view) = view else {
        let words = "This task has ended; its data is no longer kept.";
        canvas.text_centred(body.x, body.y + body.height / 3, body.width, words, Slot::Dim);
        return;
    };
    let layout = if area.width >= THREE_COLUMNS { THREE } else { TWO };
    let inner = inset(body);
    let lines = sentences(&view.findings, inner.width).saturating_add(least(&view, layout, inner.width));
    scroll::render(look, canvas, hits, inner, (lines, view.selected_link), |canvas, area| {
        arrange(look, canvas, area, &view, layout, area.height);
    });
    if view.gone || look.header.stale {
        canvas.tint(body, Slot::Stale);
    }
}

/// The same beside the table, in one column.
pub(super) fn side_pane(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect, key: TaskKey) {
    let Some(view) = look.model.task(key) else { return };
    let title = format!("{} {}", view.title, view.id);
    let state_width = text::width(&view.state.text);
    canvas.text(area.x + 1, area.y, area.width.saturating_sub(state_width + 3), &title, Slot::Strong);
    canvas.text_right(
        area.x,
        area.y,
        area.width.saturating_sub(1),
        &view.state.text,
        tone_slot(view.state.tone),
    );
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    arrange(look, canvas, inset(body), &view, ONE, body.height / FINDINGS_SHARE);
    // The links of the pane can't be chosen.
    canvas.links.clear();
}

/// Lines that findings take when nothing is cut.
pub(super) fn sentences(findings: &[TaskFinding], width: u16) -> u16 {
    let width = width.saturating_sub(2);
    let lines = |text: &str| text::wrap(text, width, usize::from(MAX_SENTENCE_LINES), ' ').len();
    findings.iter().map(|finding| lines(&finding.message) + lines(&finding.advice)).sum::<usize>() as u16
}

/// Lines that the blocks take when nothing is cut.
fn least(view: &TaskView, layout: &[&[Block]], width: u16) -> u16 {
    let row = |row: &&[Block]| row.iter().map(|block| heights(*block, view, width).0).max().unwrap_or(0);
    layout.iter().map(row).sum()
}

fn inset(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

fn arrange(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    area: Rect,
    view: &TaskView,
    layout: &[&[Block]],
    for_findings: u16,
) {
    let used = findings(canvas, Rect { height: for_findings, ..area }, &view.findings);
    let body = Rect { y: area.y + used, height: area.height.saturating_sub(used), ..area };
    let rows: Vec<&[Block]> = layout
        .iter()
        .copied()
        .filter(|row| row.iter().any(|block| heights(*block, view, area.width).0 > 0))
        .collect();
    let mut y = body.y;
    for (row, height) in rows.iter().zip(share(&rows, view, body)) {
        let mut x = body.x;
        let columns = row.len() as u16;
        let width = (body.width + GUTTER) / columns;
        for (n, block) in row.iter().enumerate() {
            let last = n + 1 == row.len();
            let block_width = if last { body.right().saturating_sub(x) } else { width - GUTTER };
            draw(look, canvas, Rect::new(x, y, block_width, height), view, *block);
            x += width;
        }
        y += height;
    }
}

/// Lines for each row: first what each needs at least, from the top while there is room; then what each wants.
fn share(rows: &[&[Block]], view: &TaskView, body: Rect) -> Vec<u16> {
    let bounds: Vec<(u16, u16)> = rows
        .iter()
        .map(|row| {
            let all = row.iter().map(|block| heights(*block, view, body.width));
            all.fold((0, 0), |most, next| (most.0.max(next.0), most.1.max(next.1)))
        })
        .collect();
    let mut left = body.height;
    let mut given: Vec<u16> = Vec::new();
    for (least, _) in &bounds {
        // The first row that doesn't fit is cut, the ones below it go.
        let gets = if left >= CUT_LINES { (*least).min(left) } else { 0 };
        left = if gets < *least { 0 } else { left - gets };
        given.push(gets);
    }
    for (gets, (_, most)) in given.iter_mut().zip(&bounds) {
        if *gets > 0 {
            let more = most.saturating_sub(*gets).min(left);
            *gets += more;
            left -= more;
        }
    }
    given
}

/// Least and most lines of a block, its title included; (0, 0) when it is empty.
fn heights(block: Block, view: &TaskView, width: u16) -> (u16, u16) {
    let facts = |facts: &[Fact]| (facts.len() as u16 + 1, facts.len() as u16 + 2);
    let whole = |lines: u16| (lines, lines);
    match block {
        Block::Stack => whole(view.stuck.as_ref().map_or(0, |stack| stack::stack_lines(stack, width))),
        Block::Tree => whole(view.await_trees.iter().map(|tree| stack::tree_lines(tree, width)).sum()),
        Block::Waits if view.ops.is_empty() => (0, 0),
        Block::Waits => {
            let lines = (view.ops.len() + usize::from(view.more_ops > 0)) as u16;
            (lines.min(WAITS_LEAST) + 1, lines.min(LIST_LINES) + 2)
        }
        Block::Holds if view.holds.is_empty() => (0, 0),
        Block::Holds => {
            let lines = (view.holds.len() + usize::from(view.more_holds > 0)) as u16;
            (lines.min(LIST_LINES) + 2, lines.min(LIST_LINES) + 2)
        }
        Block::Io if view.io.is_empty() => (0, 0),
        Block::Io => {
            let lines = (view.io.len() + usize::from(view.more_io > 0)) as u16;
            (lines.min(LIST_LINES) + 2, lines.min(LIST_LINES) + 2)
        }
        Block::About => facts(&view.about),
        Block::Life => facts(&view.life),
        Block::Wakes => facts(&view.wakes),
        Block::Polls | Block::Delays | Block::Timeline | Block::Wakers if view.looks_alone => (0, 0),
        Block::Polls | Block::Delays => HISTOGRAM_LINES,
        Block::Timeline => TIMELINE_LINES,
        Block::Wakers => (4, LIST_LINES),
        Block::Children if view.children.is_empty() => (0, 0),
        Block::Children => (2, (view.children.len() as u16 + 2).min(LIST_LINES)),
    }
}

fn draw(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect, view: &TaskView, block: Block) {
    if area.height < 2 {
        return;
    }
    match block {
        Block::Stack => {
            if let Some(stuck) = &view.stuck {
                stack::stack(canvas, area, stuck);
            }
        }
        Block::Tree => {
            let mut y = area.y;
            for tree in &view.await_trees {
                let height = stack::tree_lines(tree, area.width).min(area.bottom().saturating_sub(y));
                stack::await_tree(canvas, Rect { y, height, ..area }, tree);
                y += height;
            }
        }
        Block::Waits => waits(canvas, area, view),
        Block::Holds => lock::holds(canvas, area, (&view.holds, view.more_holds), view.selected_link),
        Block::Io => io::uses(canvas, area, (&view.io, view.more_io), view.selected_link),
        Block::About => facts(canvas, area, "task", &view.about, view.selected_link),
        Block::Life => facts(canvas, area, "life", &view.life, view.selected_link),
        Block::Wakes => facts(canvas, area, "wakes", &view.wakes, view.selected_link),
        Block::Polls => distribution(look, canvas, area, "polls", view.poll_times.as_ref()),
        Block::Delays => distribution(look, canvas, area, "delay", view.schedule_delays.as_ref()),
        Block::Wakers => wakers(canvas, area, view, view.wakers.as_ref()),
        Block::Timeline => timeline::render(look, canvas, area, view),
        Block::Children => children(canvas, area, view),
    }
}

pub(super) fn findings(canvas: &mut Canvas<'_>, area: Rect, findings: &[TaskFinding]) -> u16 {
    let room = area.height;
    let mut y = 0;
    for finding in findings {
        if y >= room {
            break;
        }
        let slot = severity_slot(finding.severity);
        canvas.text(area.x, area.y + y, 1, canvas.mark(finding.severity), slot);
        let line = |y: u16| Rect {
            x: area.x + 2,
            y: area.y + y,
            width: area.width.saturating_sub(2),
            height: (room - y).min(MAX_SENTENCE_LINES),
        };
        y += canvas.wrapped(line(y), &finding.message, slot);
        if y < room {
            y += canvas.wrapped(line(y), &finding.advice, Slot::Text);
        }
    }
    y
}

/// What it waits for, or has in progress.
fn waits(canvas: &mut Canvas<'_>, area: Rect, view: &TaskView) {
    let title = if view.waits { "waiting" } else { "in progress" };
    canvas.rule(Rect { height: 1, ..area }, &[(title.into(), Slot::Head)]);
    let list = Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(1),
        height: area.height.saturating_sub(1),
    };
    blocks::ops(canvas, list, (&view.ops, view.more_ops), Side::On, view.selected_link);
}

pub(super) fn distribution(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    area: Rect,
    title: &'static str,
    distribution: Option<&Distribution>,
) {
    let mut head: Vec<Piece<'static>> = vec![(title.into(), Slot::Head)];
    let mut room = area.width.saturating_sub(text::width(title) + 4);
    let known = distribution.filter(|known| known.count > 0);
    let percentiles = known.map_or(&[][..], |known| known.percentiles.as_slice());
    let find = |wanted: &u8| percentiles.iter().find(|(percentile, _)| percentile == wanted);
    let mut shown = Vec::new();
    for (percentile, value) in TITLE_PERCENTILES.iter().filter_map(find) {
        let (name, value) = (format!("  p{percentile} "), format::duration_ns(*value));
        let Some(left) = room.checked_sub(text::width(&name) + text::width(&value)) else { break };
        room = left;
        shown.push((*percentile, name, value));
    }
    shown.sort_by_key(|(percentile, ..)| *percentile);
    for (_, name, value) in shown {
        head.push((name.into(), Slot::Dim));
        head.push((value.into(), Slot::Text));
    }
    canvas.rule(Rect { height: 1, ..area }, &head);
    let body =
        Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(1), height: area.height - 1 };
    match distribution {
        Some(known) if known.count > 0 => histogram::render(look, canvas, body, known),
        Some(_) => {
            canvas.text(body.x, body.y, body.width, "none yet", Slot::Dim);
        }
        None => {
            canvas.text(body.x, body.y, body.width, "waiting for data", Slot::Dim);
        }
    }
}

fn wakers(canvas: &mut Canvas<'_>, area: Rect, view: &TaskView, wakers: Option<&Wakers>) {
    let mut head: Vec<Piece<'static>> = vec![("woken by".into(), Slot::Head)];
    if let Some(wakers) = wakers {
        head.push((format!("  in {}", format::duration_ns(wakers.watched_ns)).into(), Slot::Dim));
    }
    canvas.rule(Rect { height: 1, ..area }, &head);
    let Some(wakers) = wakers else {
        let words = if view.sums_alone { "–" } else { "waiting for data" };
        canvas.text(area.x + 1, area.y + 1, area.width, words, Slot::Dim);
        return;
    };
    if wakers.counts.is_empty() {
        canvas.text(area.x + 1, area.y + 1, area.width, "no wakes since you opened this", Slot::Dim);
    }
    let room = usize::from(area.height) - 1;
    let listed = if wakers.other > 0 { room.saturating_sub(1) } else { room };
    let mut y = area.y + 1;
    for waker in wakers.counts.iter().take(listed) {
        let count = format!("{:>6}  ", format::count(waker.count));
        let used = canvas.text(area.x, y, area.width, &count, Slot::Text);
        let slot = if waker.link.is_some() { Slot::Strong } else { Slot::Text };
        let x = area.x + used;
        let used = canvas.text(x, y, area.width.saturating_sub(used), &waker.text, slot);
        link(canvas, Rect::new(x, y, used, 1), waker.link, view.selected_link);
        y += 1;
    }
    if wakers.other > 0 && y < area.bottom() {
        let line = format!("{:>6}  by others", format::count(wakers.other));
        canvas.text(area.x, y, area.width, &line, Slot::Dim);
    }
}

fn children(canvas: &mut Canvas<'_>, area: Rect, view: &TaskView) {
    let count = view.children.len() + view.more_children;
    canvas.rule(
        Rect { height: 1, ..area },
        &[("spawned".into(), Slot::Head), (format!("  {}", format::count(count as u64)).into(), Slot::Text)],
    );
    let list =
        Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(1), height: area.height - 1 };
    let place = |child| view.links.iter().position(|link| link == child);
    let named = view.children.iter().filter_map(|child| Some((place(child)?, child)));
    blocks::links(canvas, list, named, view.selected_link);
}
