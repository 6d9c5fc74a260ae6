//! The runtimes: their workers, who waits for one and who holds it, the last minutes as heat maps, and the blocking pool.
//!
//! ```text
//!  ─ runtime main  multi_thread  4 workers ─────────────────────────────────────────────────────────────────────
//!   tasks 1.2k   injection queue 0   spawned 12/s   blocking busy 3 of 512   I/O sources 1.2k   ready 9.1k/s
//!    WORKER STATE           FOR   BUSY           CPU TASK NOW         QUEUE POLLS/s STEALS/s
//!  ▲      0 blocked      318 ms  100 % ████████  2 % render-pdf #102     14       3        0
//!  ─ waiting for a worker ──────────────────────────────────────────────────────────────────────────────────────
//!   conn #1190                     300 ms  now            src/main.rs:40
//!   └  100 %  render-pdf #102 held worker 0               src/invoice.rs:52
//!  ─ schedule delay, last 2 min ──────────────────── ─ poll time, last 2 min ───────────────────────────────────
//!  ─ worst waits of the last 2 min ─────────────────────────────────────────────────────────────────────────────
//!  ─ blocking pool ─────────────────────────────────────────────────────────────────────────────────────────────
//! ```

mod heat;

use ratatui::layout::Rect;
use taskscope_model::{
    ColumnId, TableId,
    columns::{Fitted, GAP},
    format,
    screen::{
        runtime::{
            ClosureLine, RuntimeBlock, RuntimesView, StarvingLine, TASK_COLUMN, WORKER_COLUMN, WorkerRow,
        },
        table::{Cell, Row},
    },
};

use super::{
    Look,
    blocks::link,
    canvas::{Canvas, Piece, tone_slot},
    hits::HitMap,
    scroll,
    table::{draw_row, heads},
    text,
};
use crate::theme::Slot;

/// Cells left of the first column of the workers.
const MARGIN: u16 = 1;

/// Cells of a value in the line of a runtime's facts: it must not move those behind it. Two are longer than a number: `1,024 of 2,048`.
const FACT_VALUE: u16 = 9;
const LONG_FACTS: [(&str, u16); 2] = [("blocking busy", 14), ("driver", 16)];

/// Cells of names, lengths and times in lists.
const NAME: u16 = 40;
const LENGTH: u16 = 8;
const AGO: u16 = 12;
const COUNT: u16 = 8;

/// A part of the screen.
enum Part<'a> {
    Runtime(&'a RuntimeBlock, &'a [ColumnId]),
    Starving(&'a RuntimesView),
    Maps(&'a RuntimesView),
    Starved(&'a [StarvingLine]),
    Closures(&'a RuntimesView),
}

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect) {
    hits.set_page_rows(area.height);
    let Some(view) = look.model.runtimes() else { return };
    if let Some(empty) = &view.empty {
        canvas.text_centred(area.x, area.y + area.height / 3, area.width, empty, Slot::Dim);
        return;
    }
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let mut parts: Vec<Part<'_>> =
        view.runtimes.iter().map(|block| Part::Runtime(block, &view.columns)).collect();
    parts.extend([
        Part::Starving(&view),
        Part::Maps(&view),
        Part::Starved(&view.starved),
        Part::Closures(&view),
    ]);
    let lines = parts.iter().map(|part| part.lines(inner.width)).fold(0, u16::saturating_add);
    scroll::render(look, canvas, hits, inner, (lines, view.selected_link), |canvas, area| {
        let mut y = area.y;
        for part in &parts {
            let lines = part.lines(area.width).min(area.bottom().saturating_sub(y));
            let place = Rect { y, height: lines, ..area };
            if lines > 1 {
                part.draw(look, canvas, place, view.selected_link);
            }
            y += lines;
        }
    });
    if look.header.stale {
        canvas.tint(area, Slot::Stale);
    }
}

impl Part<'_> {
    /// Lines with a blank after it.
    fn lines(&self, width: u16) -> u16 {
        match self {
            Self::Runtime(block, _) => {
                fact_rows(&block.facts, width).len() as u16 + block.workers.len() as u16 + 3
            }
            Self::Starving(view) => list_lines(&view.starving).max(1) + u16::from(view.more_starving > 0) + 2,
            Self::Maps(_) => heat::lines(width),
            Self::Starved([]) => 0,
            Self::Starved(lines) => list_lines(lines) + 2,
            Self::Closures(view) if view.closures.is_empty() => 0,
            Self::Closures(view) => view.closures.len() as u16 + u16::from(view.more_closures > 0) + 3,
        }
    }

    fn draw(&self, look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect, chosen: Option<usize>) {
        match self {
            Self::Runtime(block, columns) => runtime(look, canvas, area, (block, columns), chosen),
            Self::Starving(view) => starving(canvas, area, view, chosen),
            Self::Maps(view) => heat::render(look, canvas, area, view),
            Self::Starved(lines) => {
                title(
                    canvas,
                    area,
                    "worst waits of the last 2 min",
                    "only those that were the longest of their task",
                );
                waits(canvas, area, lines, chosen);
            }
            Self::Closures(view) => closures(canvas, area, view, chosen),
        }
    }
}

fn title(canvas: &mut Canvas<'_>, area: Rect, title: &str, aside: &str) {
    let aside = format!("  {aside}");
    let pieces: [Piece<'_>; 2] = [(title.into(), Slot::Head), (aside.as_str().into(), Slot::Dim)];
    let shown = if aside.trim().is_empty() { 1 } else { 2 };
    canvas.rule(Rect { height: 1, ..area }, &pieces[..shown]);
}

fn runtime(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    area: Rect,
    (block, columns): (&RuntimeBlock, &[ColumnId]),
    chosen: Option<usize>,
) {
    let kind = format!("  {}", block.kind);
    let pieces: [Piece<'_>; 2] =
        [(block.title.as_str().into(), Slot::Strong), (kind.as_str().into(), Slot::Dim)];
    canvas.rule(Rect { height: 1, ..area }, &pieces[..if block.kind.is_empty() { 1 } else { 2 }]);
    let mut y = area.y + 1;
    for row in fact_rows(&block.facts, area.width) {
        let mut x = area.x + 1;
        for (label, value) in row {
            let used = canvas.text(x, y, area.right().saturating_sub(x), label, Slot::Dim);
            canvas.text(x + used + 1, y, value_width(label), &value.text, tone_slot(value.tone));
            x += fact_width(label);
        }
        y += 1;
    }
    let fitted = look.model.fit_columns(TableId::Workers, area.width.saturating_sub(MARGIN));
    let sort = look.model.table(TableId::Workers).sort;
    // No target for the mouse: the screen may be scrolled.
    heads(look, canvas, None, Rect { x: area.x + MARGIN, y, height: 1, ..area }, &fitted, sort);
    for (worker, y) in block.workers.iter().zip(y + 1..area.bottom()) {
        worker_row(look, canvas, Rect { y, height: 1, ..area }, (worker, columns), &fitted, chosen);
    }
}

fn fact_width(label: &str) -> u16 {
    text::width(label) + 1 + value_width(label) + 1
}

fn value_width(label: &str) -> u16 {
    LONG_FACTS.iter().find(|(long, _)| *long == label).map_or(FACT_VALUE, |(_, width)| *width)
}

/// The facts in rows, each with as many as fit.
fn fact_rows<'a>(facts: &'a [(&'static str, Cell)], width: u16) -> Vec<&'a [(&'static str, Cell)]> {
    let mut rows = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (n, (label, _)) in facts.iter().enumerate() {
        if n > start && used + fact_width(label) > width {
            rows.push(&facts[start..n]);
            (start, used) = (n, 0);
        }
        used += fact_width(label);
    }
    if start < facts.len() {
        rows.push(&facts[start..]);
    }
    rows
}

fn worker_row(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    line: Rect,
    (worker, columns): (&WorkerRow, &[ColumnId]),
    fitted: &[Fitted],
    chosen: Option<usize>,
) {
    let cell = |fitted: &Fitted| {
        let at = columns.iter().position(|column| *column == fitted.spec.id);
        at.and_then(|at| worker.row.cells.get(at).cloned())
    };
    let row = Row { cells: fitted.iter().filter_map(cell).collect(), selected: false, ..worker.row.clone() };
    draw_row(look, canvas, line, (&row, MARGIN), fitted);
    let mut x = line.x + MARGIN;
    for fitted in fitted {
        let area = Rect::new(x, line.y, fitted.width, 1);
        match fitted.spec.id {
            WORKER_COLUMN => link(canvas, area, worker.link, chosen),
            TASK_COLUMN => link(canvas, area, worker.task_link, chosen),
            _ => {}
        }
        x += fitted.width + GAP;
    }
}

fn starving(canvas: &mut Canvas<'_>, area: Rect, view: &RuntimesView, chosen: Option<usize>) {
    let aside = if view.several {
        "woken 10 ms ago or more; blame counts the polls of all runtimes"
    } else {
        "woken 10 ms ago or more, not polled yet"
    };
    title(canvas, area, "waiting for a worker", aside);
    if view.starving.is_empty() {
        canvas.text(area.x + 1, area.y + 1, area.width, "no task", Slot::Dim);
        return;
    }
    let y = waits(canvas, area, &view.starving, chosen);
    if view.more_starving > 0 {
        let words = format!("and {} more", format::count(view.more_starving));
        canvas.text(area.x + 1, y, area.width, &words, Slot::Dim);
    }
}

fn list_lines(lines: &[StarvingLine]) -> u16 {
    lines.iter().map(|line| 1 + line.blame.len().max(1) as u16).sum()
}

/// Waits, one below the other, each with who held the workers. Returns the line after them.
fn waits(canvas: &mut Canvas<'_>, area: Rect, lines: &[StarvingLine], chosen: Option<usize>) -> u16 {
    let name = NAME.min(area.width * 2 / 5);
    let place_x = area.x + 1 + name + LENGTH + AGO + 3;
    let branch = canvas.theme.glyphs.branch;
    let mut y = area.y + 1;
    for line in lines {
        if y >= area.bottom() {
            break;
        }
        let used = canvas.text(area.x + 1, y, name, &line.task.text, tone_slot(line.task.tone));
        link(canvas, Rect::new(area.x + 1, y, used, 1), line.link, chosen);
        let x = area.x + 1 + name;
        canvas.text_right(x, y, LENGTH, &line.length.text, tone_slot(line.length.tone));
        canvas.text(x + LENGTH + 2, y, AGO, &line.ago.text, tone_slot(line.ago.tone));
        place(canvas, Rect::new(place_x, y, area.right().saturating_sub(place_x), 1), &line.place);
        y += 1;
        if line.blame.is_empty() {
            let words = format!("{}no poll over 1 ms explains it", branch[0]);
            canvas.text(area.x + 1, y, area.width.saturating_sub(1), &words, Slot::Dim);
            y += 1;
        }
        for (n, blame) in line.blame.iter().enumerate().take(usize::from(area.bottom().saturating_sub(y))) {
            let last = n + 1 == line.blame.len();
            canvas.text(area.x + 1, y, 2, branch[usize::from(!last)], Slot::Border);
            canvas.text_right(area.x + 3, y, 6, &blame.share.text, tone_slot(blame.share.tone));
            let x = area.x + 11;
            let used = canvas.text(x, y, place_x.saturating_sub(x + 1), &blame.text, Slot::Text);
            link(canvas, Rect::new(x, y, used, 1), blame.link, chosen);
            place(canvas, Rect::new(place_x, y, area.right().saturating_sub(place_x), 1), &blame.place);
            y += 1;
        }
    }
    y
}

fn place(canvas: &mut Canvas<'_>, area: Rect, place: &Cell) {
    let words = text::cut_place(&place.text, area.width, canvas.theme.glyphs.ellipsis);
    canvas.text(area.x, area.y, area.width, &words, tone_slot(place.tone));
}

fn closures(canvas: &mut Canvas<'_>, area: Rect, view: &RuntimesView, chosen: Option<usize>) {
    title(canvas, area, "blocking pool", "closures, by the place that spawned them");
    let name = NAME.min(area.width * 2 / 5);
    let columns = |n: u16| area.x + 1 + name + 1 + n * (COUNT + 2);
    let mut y = area.y + 1;
    for (n, head) in ["RUNNING", "OLDEST", "QUEUED", "OLDEST"].iter().enumerate() {
        canvas.text_right(columns(n as u16), y, COUNT, head, Slot::Head);
    }
    y += 1;
    for line in view.closures.iter().take(usize::from(area.bottom().saturating_sub(y))) {
        closure(canvas, Rect { y, height: 1, ..area }, line, name, chosen);
        y += 1;
    }
    if view.more_closures > 0 && y < area.bottom() {
        let words = format!("and {} more places", view.more_closures);
        canvas.text(area.x + 1, y, area.width, &words, Slot::Dim);
    }
}

fn closure(canvas: &mut Canvas<'_>, line: Rect, closure: &ClosureLine, name: u16, chosen: Option<usize>) {
    let words = text::cut_place(&closure.place.text, name, canvas.theme.glyphs.ellipsis);
    let used = canvas.text(line.x + 1, line.y, name, &words, Slot::Text);
    link(canvas, Rect::new(line.x + 1, line.y, used, 1), closure.link, chosen);
    let cells = [&closure.running, &closure.oldest, &closure.queued, &closure.first];
    for (n, cell) in cells.into_iter().enumerate() {
        let x = line.x + 1 + name + 1 + n as u16 * (COUNT + 2);
        canvas.text_right(x, line.y, COUNT, &cell.text, tone_slot(cell.tone));
    }
}
