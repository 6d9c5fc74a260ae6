//! The tables of I/O: what the program is connected with, what moves, and who waits for it.
//!
//! ```text
//!  [sockets & files 12]  timers 3   signals & children 2  v      23 of 1,024 descriptors open  read in 1.20 ms
//!      FD KIND     LOCAL  PEER                      STATE        IN/s  OUT/s  RECVQ  SENDQ WAITING TASK        FOR
//!  ▲   31 tcp      10.0.0.4:8080 ← 10.0.0.7:40100   established     0      0      0   2.1M conn #1199 write  31.0 s
//! ▸       tcp      1,180 of them  src/main.rs:40                 1.2M    14K      0      0 1.2k wait        12m30s
//! ```

use ratatui::layout::Rect;
use taskscope_model::{
    Action, DescriptorId, Target,
    columns::GAP,
    format,
    screen::{
        io::{IoColumn, IoInfo, IoListed, IoRow, IoUse, IoView},
        resource::ResourceView,
        task::Fact,
    },
};

use super::{
    Look,
    blocks::{self, below, columns},
    canvas::{Canvas, Piece, severity_slot, tone_slot},
    hits::HitMap,
    lock::{waiters, waiters_lines},
    rows::{self, Head, MARGIN, SCROLL, aligned},
    scroll, task,
    tasks::{scroll_bar, spark},
    text,
};
use crate::theme::Slot;

/// Cells of the name of a stream that a task uses, at least and at most; and of an age.
const USE_NAME_LEAST: u16 = 20;
const USE_NAME_MOST: u16 = 56;
const AGE: u16 = 8;

/// From this width on, blocks stand in three columns.
const WIDE: u16 = 108;

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect) {
    let info = look.model.io();
    which(look, canvas, hits, Rect { height: 1, ..area }, &info);
    let fitted = IoColumn::fit(info.listed, info.sort, area.width.saturating_sub(MARGIN + SCROLL));
    let head = |(column, width): &(IoColumn, u16)| {
        let spec = column.spec();
        let sorted = (info.sort == *column).then_some(info.descending);
        let target = Target::IoHeader(*column);
        Head { title: spec.title, width: *width, room: *width, align: spec.align, sorted, target }
    };
    rows::heads(look, canvas, hits, Rect { y: area.y + 1, height: 1, ..area }, fitted.iter().map(head));
    let body = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    hits.set_page_rows(body.height);
    if let Some(empty) = &info.empty {
        canvas.text_centred(body.x, body.y + body.height / 3, body.width, empty, Slot::Dim);
    } else {
        let columns: Vec<IoColumn> = fitted.iter().map(|(column, _)| *column).collect();
        for (row, y) in look.model.io_rows(&columns).iter().zip(body.y..body.bottom()) {
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

/// The tables, the key that leads from one to the next, and what is known of all descriptors.
fn which(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect, info: &IoInfo) {
    let mut x = area.x + 1;
    for listed in IoListed::ALL {
        let count = info.totals.map(|totals| totals[listed as usize] as u64);
        let count = count.map_or_else(|| format::UNKNOWN.to_owned(), format::count);
        let open = listed == info.listed;
        let (left, right, slot) = if open { ("[", "]", Slot::TabOpen) } else { (" ", " ", Slot::Dim) };
        let words = format!("{left}{} {}{right}", listed.title(), count);
        let used = canvas.text(x, area.y, area.right().saturating_sub(x), &words, slot);
        if !open {
            hits.add(Rect::new(x, area.y, used, 1), Target::IoList(listed));
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

fn draw_row(look: Look<'_>, canvas: &mut Canvas<'_>, line: Rect, row: &IoRow, fitted: &[(IoColumn, u16)]) {
    let glyphs = look.theme.glyphs;
    if let Some(unfolded) = row.group {
        let mark = if unfolded { glyphs.unfolded } else { glyphs.folded };
        canvas.text(line.x, line.y, 1, mark, Slot::Key);
    }
    let mut x = line.x + MARGIN;
    for (cell, (column, width)) in row.cells.iter().zip(fitted) {
        let indent = u16::from(*column == IoColumn::Kind && row.depth > 0);
        let area = Rect::new(x + indent, line.y, width.saturating_sub(indent), 1);
        if *column == IoColumn::Warn {
            if let Some(severity) = row.severity {
                canvas.text(x, line.y, *width, canvas.mark(severity), severity_slot(severity));
            }
        } else if let Some(heights) = cell.spark {
            let bars: String = heights.iter().map(|height| glyphs.bars[spark(*height)]).collect();
            canvas.text(area.x, area.y, area.width, &bars, Slot::Spark);
        } else {
            let shown = match column {
                // The other end, or a path's end, is what tells them apart.
                IoColumn::Place => text::cut_place(&cell.text, area.width, glyphs.ellipsis),
                IoColumn::Address if row.group.is_none() => {
                    text::cut_start(&cell.text, area.width, glyphs.ellipsis)
                }
                _ => text::cut(&cell.text, area.width, glyphs.ellipsis),
            };
            aligned(canvas, area, column.spec().align, &shown, tone_slot(cell.tone));
        }
        x += width + GAP;
    }
    if row.selected {
        canvas.select(Rect { width: line.width.saturating_sub(SCROLL), ..line });
    }
}

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
        let words = "This descriptor is closed: nothing is known of it any more.";
        canvas.text_centred(body.x, body.y + body.height / 3, body.width, words, Slot::Dim);
        return;
    };
    let inner = Rect { x: body.x + 1, width: body.width.saturating_sub(2), ..body };
    let said = task::sentences(&view.findings, inner.width);
    let lines = said.saturating_add(facts_lines(&view.io, &[], inner.width)).saturating_add(2);
    scroll::render(look, canvas, hits, inner, lines, |canvas, area| {
        task::findings(canvas, area, &view.findings);
        let area = below(area, said);
        all_facts(canvas, area, &view.io, &[], view.selected_door);
        let note = below(area, facts_lines(&view.io, &[], inner.width));
        let words = "Which task waits for it is not known: no wrapper of taskscope::net or taskscope::io is around it.";
        canvas.wrapped(note, words, Slot::Dim);
    });
    if look.model.header().stale {
        canvas.tint(body, Slot::Stale);
    }
}

/// Lines that a stream's screen takes when nothing is cut.
pub(super) fn lines(view: &ResourceView, io: &IoView, width: u16) -> u16 {
    waiters_lines(view).saturating_add(facts_lines(io, &view.about, width))
}

/// A stream: who waits, what it is, what went through it.
pub(super) fn stream(canvas: &mut Canvas<'_>, area: Rect, view: &ResourceView, io: &IoView) {
    let waiting = waiters_lines(view);
    waiters(canvas, Rect { height: waiting.min(area.height), ..area }, view);
    all_facts(canvas, below(area, waiting), io, &view.about, view.selected_door);
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
        blocks::door(canvas, Rect::new(list.x, y, used, 1), stream.door, chosen);
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

/// What it is comes first; a narrow screen has it beside what went through, and the kernel's below.
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
    block(canvas, left, "what it is", &io.what, chosen);
    block(canvas, below(left, block_lines(&io.what)), "wrapper", about, chosen);
    block(canvas, middle, "went through", &io.traffic, chosen);
    block(canvas, right, "the kernel tells", &io.kernel, chosen);
}

fn block(canvas: &mut Canvas<'_>, area: Rect, title: &'static str, facts: &[Fact], chosen: Option<usize>) {
    if !facts.is_empty() && area.height > 0 {
        blocks::facts(canvas, area, title, facts, chosen);
    }
}
