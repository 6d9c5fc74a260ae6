//! Something of I/O: a descriptor, a stream, what a task waits on.

use ratatui::layout::Rect;
use taskscope_model::{
    DescriptorId,
    screen::{
        io::{IoUse, IoView},
        resource::ResourceView,
        task::Fact,
    },
};

use super::{
    Look,
    blocks::{self, below, columns},
    canvas::{Canvas, tone_slot},
    hits::HitMap,
    lock::{waiters, waiters_lines},
    scroll, task, text,
};
use crate::theme::Slot;

/// Cells of the name of a stream that a task uses, at least and at most; and of an age.
const USE_NAME_LEAST: u16 = 20;
const USE_NAME_MOST: u16 = 56;
const AGE: u16 = 8;

/// From this width on, blocks stand in three columns.
const WIDE: u16 = 108;

/// A descriptor that no wrapper is around.
pub(super) fn descriptor(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    hits: &mut HitMap,
    area: Rect,
    id: DescriptorId,
) {
    hits.set_page_rows(area.height.saturating_sub(1));
    let view = look.model.descriptor(id);
    blocks::crumbs(look, canvas, hits, Rect { height: 1, ..area }, view.as_ref().map(|view| &view.state));
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let Some(view) = view else {
        let words = "This descriptor is closed; its data is no longer kept.";
        canvas.text_centred(body.x, body.y + body.height / 3, body.width, words, Slot::Dim);
        return;
    };
    let inner = Rect { x: body.x + 1, width: body.width.saturating_sub(2), ..body };
    let said = task::sentences(&view.findings, inner.width);
    let lines = said.saturating_add(facts_lines(&view.io, &[], inner.width)).saturating_add(2);
    scroll::render(look, canvas, hits, inner, (lines, view.selected_link), |canvas, area| {
        task::findings(canvas, area, &view.findings);
        let area = below(area, said);
        all_facts(canvas, area, &view.io, &[], view.selected_link);
        let note = below(area, facts_lines(&view.io, &[], inner.width));
        let words = "It is unknown which task waits for it. Use taskscope::net or taskscope::io around it to see that.";
        canvas.wrapped(note, words, Slot::Dim);
    });
    if look.header.stale {
        canvas.tint(body, Slot::Stale);
    }
}

/// Lines that a stream's screen takes when nothing is cut.
pub(super) fn lines(view: &ResourceView, io: &IoView, width: u16) -> u16 {
    waiters_lines(view).saturating_add(facts_lines(io, &view.about, width))
}

/// A stream: who waits, the stream itself, its traffic.
pub(super) fn stream(canvas: &mut Canvas<'_>, area: Rect, view: &ResourceView, io: &IoView) {
    let waiting = waiters_lines(view);
    waiters(canvas, Rect { height: waiting.min(area.height), ..area }, view);
    all_facts(canvas, below(area, waiting), io, &view.about, view.selected_link);
}

/// What a task waits on, or was the last to wait on, one a line: name, how long, in what, what moves.
pub(super) fn uses(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (used, more): (&[IoUse], usize),
    chosen: Option<usize>,
) {
    canvas.rule(Rect { height: area.height.min(1), ..area }, &[("I/O".into(), Slot::Head)]);
    let list = below(Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area }, 1);
    let names = (area.width / 2).clamp(USE_NAME_LEAST, USE_NAME_MOST);
    for (stream, y) in used.iter().zip(list.y..list.bottom()) {
        let room = |x: u16| list.right().saturating_sub(x);
        let name = text::cut(&stream.name.text, names.min(list.width), canvas.theme.glyphs.ellipsis);
        let used = canvas.text(list.x, y, list.width, &name, tone_slot(stream.name.tone));
        blocks::link(canvas, Rect::new(list.x, y, used, 1), stream.link, chosen);
        let mut x = list.x + names + 1;
        canvas.text_right(x, y, AGE.min(room(x)), &stream.age.text, tone_slot(stream.age.tone));
        x += AGE + 2;
        let slot = if stream.age.text.is_empty() { Slot::Dim } else { Slot::Text };
        x += canvas.text(x, y, room(x), &stream.how, slot) + 2;
        canvas.text(x, y, room(x), &stream.flow, Slot::Text);
    }
    let y = list.y + used.len() as u16;
    if more > 0 && y < list.bottom() {
        canvas.text(list.x, y, list.width, &format!("and {more} more"), Slot::Dim);
    }
}

fn block_lines(facts: &[Fact]) -> u16 {
    if facts.is_empty() { 0 } else { facts.len() as u16 + 2 }
}

/// The facts of the stream come first; a narrow screen has them beside the traffic, and those of the kernel below.
fn facts_lines(io: &IoView, about: &[Fact], width: u16) -> u16 {
    let left = block_lines(&io.what) + block_lines(about);
    let (traffic, kernel) = (block_lines(&io.traffic), block_lines(&io.kernel));
    if width >= WIDE { left.max(traffic).max(kernel) } else { left.max(traffic + kernel) }
}

fn all_facts(canvas: &mut Canvas<'_>, area: Rect, io: &IoView, about: &[Fact], chosen: Option<usize>) {
    let [left, middle, right] = if area.width >= WIDE {
        columns::<3>(area)
    } else {
        let [left, right] = columns::<2>(area);
        [left, right, below(right, block_lines(&io.traffic))]
    };
    block(canvas, left, "about", &io.what, chosen);
    block(canvas, below(left, block_lines(&io.what)), "wrapper", about, chosen);
    block(canvas, middle, "traffic", &io.traffic, chosen);
    block(canvas, right, "kernel", &io.kernel, chosen);
}

fn block(canvas: &mut Canvas<'_>, area: Rect, title: &'static str, facts: &[Fact], chosen: Option<usize>) {
    if !facts.is_empty() && area.height > 0 {
        blocks::facts(canvas, area, title, facts, chosen);
    }
}
