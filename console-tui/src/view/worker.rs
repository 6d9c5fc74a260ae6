//! One worker: what holds it now, what it did in the last seconds, what its thread gets from the kernel, and its long polls.
//!
//! ```text
//!  ‹ Runtime ▸ worker 0                                                          blocked for 3.20 s
//!  ─ stack  taken 1.20 s ago, … ───────────────────────────────────────────────────────────────────
//!  ─ worker ──────────────────── ─ scheduling ──────────────── ─ thread ───────────────────────────
//!  ─ long polls ───────────────────────────────────────────────────────────────────────────────────
//!   render-pdf #102              318 ms  2.10 s ago       src/invoice.rs:52
//! ```

use ratatui::layout::Rect;
use taskscope_model::{
    WorkerKey, format,
    screen::runtime::{LongPollLine, WorkerView},
};

use super::{
    Look,
    blocks::{self, facts, link},
    canvas::{Canvas, Piece, tone_slot},
    hits::HitMap,
    scroll, stack, task, text,
};
use crate::theme::Slot;

/// From this width on, the facts stand in three columns.
const WIDE: u16 = 108;

/// Cells of a name, a length and a time of a long poll.
const NAME: u16 = 36;
const LENGTH: u16 = 8;
const AGO: u16 = 12;

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect, key: WorkerKey) {
    hits.set_page_rows(area.height.saturating_sub(1));
    let view = look.model.worker(key);
    let state = view.as_ref().map(|view| &view.state);
    blocks::crumbs(look, canvas, hits, Rect { height: 1, ..area }, state);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let Some(view) = view else {
        let words = "This worker is gone.";
        canvas.text_centred(body.x, body.y + body.height / 3, body.width, words, Slot::Dim);
        return;
    };
    let inner = Rect { x: body.x + 1, width: body.width.saturating_sub(2), ..body };
    let heights = Heights::of(&view, inner.width);
    scroll::render(look, canvas, hits, inner, (heights.all(), view.selected_link), |canvas, area| {
        draw(canvas, area, &view, &heights);
    });
    if look.header.stale {
        canvas.tint(body, Slot::Stale);
    }
}

/// Lines of the parts, each with a blank after it.
struct Heights {
    sentences: u16,
    stack: u16,
    facts: u16,
    long_polls: u16,
}

impl Heights {
    fn of(view: &WorkerView, width: u16) -> Self {
        let of = |facts: usize| facts as u16 + 2;
        let (about, rates, thread) = (of(view.about.len()), of(view.rates.len()), of(view.thread.len()));
        Self {
            sentences: task::sentences(&view.findings, width),
            stack: view.stuck.as_ref().map_or(0, |stack| stack::stack_lines(stack, width)),
            facts: if width >= WIDE { about.max(rates).max(thread) } else { about.max(rates) + thread },
            long_polls: view.long_polls.len().max(1) as u16 + u16::from(view.more_long_polls > 0) + 2,
        }
    }

    fn all(&self) -> u16 {
        self.sentences + self.stack + self.facts + self.long_polls
    }
}

fn draw(canvas: &mut Canvas<'_>, area: Rect, view: &WorkerView, heights: &Heights) {
    let mut y = area.y;
    let mut next = |height: u16| {
        let part = Rect { y, height: height.min(area.bottom().saturating_sub(y)), ..area };
        y += part.height;
        part
    };
    task::findings(canvas, next(heights.sentences), &view.findings);
    if let Some(of_it) = &view.stuck {
        stack::stack(canvas, next(heights.stack), of_it);
    }
    let chosen = view.selected_link;
    let part = next(heights.facts);
    if area.width >= WIDE {
        let [left, centre, right] = blocks::columns::<3>(part);
        facts(canvas, left, "worker", &view.about, chosen);
        facts(canvas, centre, "scheduling", &view.rates, chosen);
        facts(canvas, right, "thread", &view.thread, chosen);
    } else {
        let [left, right] = blocks::columns::<2>(part);
        facts(canvas, left, "worker", &view.about, chosen);
        facts(canvas, right, "scheduling", &view.rates, chosen);
        let below = part.height.saturating_sub(view.thread.len() as u16 + 2);
        let below = Rect { y: part.y + below, height: part.height - below, ..part };
        facts(canvas, below, "thread", &view.thread, chosen);
    }
    long_polls(canvas, next(heights.long_polls), view);
}

fn long_polls(canvas: &mut Canvas<'_>, area: Rect, view: &WorkerView) {
    let lost = match view.lost_long_polls {
        0 => String::new(),
        lost => format!("; {} long polls of all workers lost", format::count(lost)),
    };
    let pieces: [Piece<'_>; 3] = [
        ("long polls".into(), Slot::Head),
        ("  over 1 ms, in the last 2 min".into(), Slot::Dim),
        (lost.into(), Slot::Warning),
    ];
    canvas.rule(Rect { height: area.height.min(1), ..area }, &pieces);
    if view.long_polls.is_empty() && area.height > 1 {
        canvas.text(area.x + 1, area.y + 1, area.width, "none", Slot::Dim);
    }
    let mut y = area.y + 1;
    for line in view.long_polls.iter().take(usize::from(area.height.saturating_sub(1))) {
        long_poll(canvas, Rect { y, height: 1, ..area }, line, view.selected_link);
        y += 1;
    }
    if view.more_long_polls > 0 && y < area.bottom() {
        let words = format!("and {} more", format::count(view.more_long_polls as u64));
        canvas.text(area.x + 1, y, area.width, &words, Slot::Dim);
    }
}

fn long_poll(canvas: &mut Canvas<'_>, area: Rect, line: &LongPollLine, chosen: Option<usize>) {
    let name = NAME.min(area.width * 2 / 5);
    let used = canvas.text(area.x + 1, area.y, name, &line.task.text, tone_slot(line.task.tone));
    link(canvas, Rect::new(area.x + 1, area.y, used, 1), line.link, chosen);
    let x = area.x + 1 + name;
    canvas.text_right(x, area.y, LENGTH, &line.length.text, tone_slot(line.length.tone));
    canvas.text(x + LENGTH + 2, area.y, AGO, &line.ago.text, tone_slot(line.ago.tone));
    let x = x + LENGTH + AGO + 3;
    let room = area.right().saturating_sub(x);
    let place = text::cut_place(&line.place.text, room, canvas.theme.glyphs.ellipsis);
    canvas.text(x, area.y, room, &place, tone_slot(line.place.tone));
}
