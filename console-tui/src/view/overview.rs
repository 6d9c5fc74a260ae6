//! How the process is: one sentence, the last minutes, what was found, what changed, and what is waited for.
//!
//! ```text
//!  ▲ WEDGED   both workers are stuck in polls, the longest for 41.2 s; 318 tasks wait for a worker
//!             import_catalog #202 blocks worker 0 in read(2), called at src/import.rs:77; reload #203 blocks worker 1
//!
//!  polls/s  0  before 52.1k     busy  100 %              p99 delay  41.2 s  before 210 µs   tasks  1,204
//!  ⣿⣿⣷⣿⣾⣿⣿⣷⣶⣤⣀⣀⣀⣀⣀          ⣀⣀⣀⣀⣀⣀⣀⣠⣴⣾⣿⣿⣿⣿          ⣀⣀⣀⣀⣀⣀⣀⣠⣴⣾⣿⣿⣿⣿            ⣀⣀⣤⣤⣶⣶⣿⣿⣿⣿
//!  worker 0  100 % ⣿⣿⣿⣿⣿⣿⣿⣿ blocked    41.2 s  import_catalog #202
//!
//!  ─ findings ──────────────────────────────────── ─ what changed in 60 s ──────────────────────────────
//!  ▲ runtime-wedged          proven                  src/main.rs:40            woken           2 →    318
//!    All 2 workers are stuck in polls: …             TcpListener 0.0.0.0:8080  backlog         3 →    128
//!  ─ what tasks wait for ───────────────────────────────────────────────────────────────────────────────
//! ```

use ratatui::layout::Rect;
use taskscope_model::{
    Confidence, Severity, format,
    screen::{
        overview::{ChangeLine, Graph, Health, LongWait, OverviewView, Verdict, WorkerLine},
        table::Cell,
    },
};

use super::{
    Look,
    blocks::{self, link},
    braille,
    canvas::{Canvas, Piece, severity_slot, tone_slot},
    hits::HitMap,
    scroll, text,
};
use crate::theme::Slot;

/// From this width on, graphs stand in four columns and lists in two.
const WIDE: u16 = 108;
/// From this height on, a graph has three lines and every list its room.
const ROOMY: u16 = 26;
/// Lines of the sentence, and of its cause on a low screen and on another.
const SENTENCE: usize = 3;
const CAUSE_LOW: usize = 1;
const CAUSE: usize = 3;
/// Cells of a worker's name, its graph, its state and the time in it.
const WORKER: u16 = 10;
const WORKER_GRAPH: u16 = 12;
const STATE: u16 = 12;
const AGE: u16 = 8;
/// Cells of a lint's name, of how sure it is, of a measure and of a count.
const LINT: u16 = 24;
const SURE: u16 = 11;
const MEASURE: u16 = 14;
const COUNT: u16 = 8;
/// Lines of what is to be done about waits that nothing reports.
const INSTRUMENT: usize = 3;

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect) {
    hits.set_page_rows(area.height);
    let Some(view) = look.model.overview() else { return };
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let layout = Layout::of(&view, inner, look.theme.glyphs.ellipsis);
    scroll::render(look, canvas, hits, inner, (layout.lines, view.selected_link), |canvas, area| {
        layout.draw(canvas, area, &view);
    });
    if look.header.stale {
        canvas.tint(area, Slot::Stale);
    }
}

/// How many lines each part has.
struct Layout {
    sentence: Vec<String>,
    cause: Vec<String>,
    word: u16,
    wide: bool,
    /// Of a graph, with its title.
    graph: u16,
    roomy: bool,
    instrument: Vec<String>,
    findings_first: bool,
    lines: u16,
}

impl Layout {
    fn of(view: &OverviewView, area: Rect, ellipsis: char) -> Self {
        let wide = area.width >= WIDE;
        let roomy = area.height >= ROOMY;
        let word = text::width(view.verdict.health.word()) + 5;
        let beside = area.width.saturating_sub(word);
        let wrap = |words: &str, lines: usize| text::wrap(words, beside, lines, ellipsis);
        let instrument = view.instrument.iter();
        let instrument: Vec<String> = instrument
            .flat_map(|words| text::wrap(words, area.width.saturating_sub(3), INSTRUMENT, ellipsis))
            .collect();
        let mut layout = Self {
            sentence: wrap(&view.verdict.sentence, SENTENCE),
            cause: match (view.verdict.cause.as_str(), roomy) {
                ("", _) => Vec::new(),
                (cause, true) => wrap(cause, CAUSE),
                (cause, false) => wrap(cause, CAUSE_LOW),
            },
            word,
            wide,
            graph: if roomy { 4 } else { 3 },
            roomy,
            instrument,
            findings_first: !view.findings.is_empty(),
            lines: 0,
        };
        layout.lines = layout.head() + layout.graphs(view) + layout.worker_lines(view) + layout.lists(view);
        layout
    }

    /// The verdict, and a blank after it.
    fn head(&self) -> u16 {
        (self.sentence.len() + self.cause.len()) as u16 + 1
    }

    fn graph_columns(&self) -> u16 {
        if self.wide { 4 } else { 2 }
    }

    fn graphs(&self, view: &OverviewView) -> u16 {
        (view.graphs.len() as u16).div_ceil(self.graph_columns()) * self.graph
    }

    /// The workers, what is left out of them, and a blank.
    fn worker_lines(&self, view: &OverviewView) -> u16 {
        view.workers.len() as u16 + u16::from(self.roomy && view.more_workers > 0) + u16::from(self.roomy)
    }

    /// What tasks wait for has a place of its own below what was found.
    fn has_waits_below(&self, view: &OverviewView) -> bool {
        self.findings_first && !view.waits.is_empty()
    }

    fn finding_lines(&self, view: &OverviewView) -> u16 {
        // On half a screen the sentence stands below.
        1 + (view.findings.len().max(1) * if self.wide { 2 } else { 1 }) as u16
    }

    fn wait_lines(&self, view: &OverviewView) -> u16 {
        let sample = u16::from(view.sample.is_some());
        1 + view.waits.len().max(1) as u16 + sample + self.instrument.len() as u16
    }

    fn lists(&self, view: &OverviewView) -> u16 {
        let changes = 1 + view.changes.len().max(1) as u16;
        let (first, second) = if self.findings_first {
            (self.finding_lines(view), if self.has_waits_below(view) { self.wait_lines(view) + 1 } else { 0 })
        } else {
            (self.wait_lines(view), 0)
        };
        if self.wide { first.max(changes) + second } else { first + 1 + changes + second }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, view: &OverviewView) {
        self.verdict(canvas, area, &view.verdict);
        let chosen = view.selected_link;
        let mut rest = blocks::below(area, self.head());
        self.draw_graphs(canvas, rest, &view.graphs);
        rest = blocks::below(rest, self.graphs(view));
        self.draw_workers(canvas, rest, view);
        rest = blocks::below(rest, self.worker_lines(view));
        let first = |canvas: &mut Canvas<'_>, area: Rect| {
            if self.findings_first {
                findings(canvas, area, view, (self.wide, chosen));
            } else {
                self.waits(canvas, area, view);
            }
        };
        let height = if self.findings_first { self.finding_lines(view) } else { self.wait_lines(view) };
        let change_lines = 1 + view.changes.len().max(1) as u16;
        if self.wide {
            let [left, right] = blocks::columns::<2>(rest);
            first(canvas, left);
            changes(canvas, right, view);
            rest = blocks::below(rest, height.max(change_lines) + 1);
        } else {
            first(canvas, Rect { height: height.min(rest.height), ..rest });
            rest = blocks::below(rest, height + 1);
            changes(canvas, Rect { height: change_lines.min(rest.height), ..rest }, view);
            rest = blocks::below(rest, change_lines + 1);
        }
        if self.has_waits_below(view) {
            self.waits(canvas, rest, view);
        }
    }

    fn verdict(&self, canvas: &mut Canvas<'_>, area: Rect, verdict: &Verdict) {
        let slot = match (verdict.severity, verdict.health) {
            (Some(severity), _) => severity_slot(severity),
            (None, Health::Healthy) => Slot::Live,
            (None, _) => Slot::Strong,
        };
        let mark = verdict.severity.map_or(canvas.theme.glyphs.live, |severity| canvas.mark(severity));
        canvas.text(area.x, area.y, 1, mark, slot);
        let word = verdict.health.word().to_uppercase();
        canvas.text(area.x + 2, area.y, self.word, &word, slot);
        let lines = self.sentence.iter().map(|line| (line, Slot::Strong));
        let lines = lines.chain(self.cause.iter().map(|line| (line, Slot::Text)));
        for ((line, slot), y) in lines.zip(area.y..area.bottom()) {
            canvas.text(area.x + self.word, y, area.width.saturating_sub(self.word), line, slot);
        }
    }

    fn draw_graphs(&self, canvas: &mut Canvas<'_>, area: Rect, graphs: &[Graph]) {
        let row = |n: u16| Rect {
            height: self.graph.min(area.height.saturating_sub(n * self.graph)),
            ..blocks::below(area, n * self.graph)
        };
        let columns = usize::from(self.graph_columns());
        for (n, graphs) in (0..).zip(graphs.chunks(columns)) {
            let places: Vec<Rect> = if self.wide {
                blocks::columns::<4>(row(n)).to_vec()
            } else {
                blocks::columns::<2>(row(n)).to_vec()
            };
            graphs.iter().zip(places).for_each(|(of, place)| graph(canvas, place, of));
        }
    }

    fn draw_workers(&self, canvas: &mut Canvas<'_>, area: Rect, view: &OverviewView) {
        for (worker, y) in view.workers.iter().zip(area.y..area.bottom()) {
            worker_line(canvas, Rect { y, height: 1, ..area }, worker, view.selected_link);
        }
        let y = area.y + view.workers.len() as u16;
        if self.roomy && view.more_workers > 0 && y < area.bottom() {
            let words = format!("and {} more workers", view.more_workers);
            canvas.text(area.x, y, area.width, &words, Slot::Dim);
        }
    }

    fn waits(&self, canvas: &mut Canvas<'_>, area: Rect, view: &OverviewView) {
        let more =
            if view.more_waits > 0 { format!(", and {} more", view.more_waits) } else { String::new() };
        title(canvas, area, "what tasks wait for", &format!("the most suspicious first{more}"));
        let mut y = area.y + 1;
        if view.waits.is_empty() && y < area.bottom() {
            canvas.text(area.x, y, area.width, "No task waits.", Slot::Dim);
            y += 1;
        }
        for wait in &view.waits {
            if y >= area.bottom() {
                return;
            }
            wait_line(canvas, Rect { y, height: 1, ..area }, wait, view.selected_link);
            y += 1;
        }
        let sample = view.sample.map(|(looked_at, idle)| {
            format!("{} of {} idle tasks were looked at", format::exact(looked_at), format::exact(idle))
        });
        for (line, y) in sample.iter().chain(&self.instrument).zip(y..area.bottom()) {
            canvas.text(area.x, y, area.width, line, Slot::Dim);
        }
    }
}

fn title(canvas: &mut Canvas<'_>, area: Rect, title: &str, aside: &str) {
    let aside = format!("  {aside}");
    let pieces: [Piece<'_>; 2] = [(title.into(), Slot::Head), (aside.as_str().into(), Slot::Dim)];
    let shown = if aside.trim().is_empty() { 1 } else { 2 };
    canvas.rule(Rect { height: area.height.min(1), ..area }, &pieces[..shown]);
}

fn graph(canvas: &mut Canvas<'_>, area: Rect, graph: &Graph) {
    if area.height == 0 {
        return;
    }
    let now = format!("  {}", graph.now.text);
    let before = graph.before.as_ref().map_or_else(String::new, |before| format!("  before {before}"));
    let pieces: [Piece<'_>; 3] = [
        (graph.title.into(), Slot::Dim),
        (now.into(), if graph.before.is_some() { Slot::Warning } else { Slot::Strong }),
        (before.into(), Slot::Dim),
    ];
    canvas.pieces(area.x, area.y, area.width, &pieces);
    // The last line parts it from what is below.
    let dots = Rect { height: area.height.saturating_sub(1), ..blocks::below(area, 1) };
    match graph.why {
        Some(why) => {
            canvas.text(dots.x, dots.y, dots.width, why, Slot::Dim);
        }
        None => braille::draw(canvas, dots, &graph.values, graph.full, Slot::Trend),
    }
}

fn worker_line(canvas: &mut Canvas<'_>, area: Rect, worker: &WorkerLine, chosen: Option<usize>) {
    let mut x = area.x;
    let used = canvas.text(x, area.y, WORKER, &worker.name, Slot::Text);
    link(canvas, Rect::new(x, area.y, used, 1), worker.link, chosen);
    x += WORKER;
    let busy = worker.busy.map_or_else(|| format::UNKNOWN.to_owned(), format::percent);
    canvas.text_right(x, area.y, 6, &busy, Slot::Text);
    x += 7;
    let slot = if worker.state.text == "blocked" { tone_slot(worker.state.tone) } else { Slot::Trend };
    braille::draw(canvas, Rect::new(x, area.y, WORKER_GRAPH, 1), &worker.values, Some(1.0), slot);
    x += WORKER_GRAPH + 1;
    canvas.text(x, area.y, STATE, &worker.state.text, tone_slot(worker.state.tone));
    x += STATE;
    canvas.text_right(x, area.y, AGE, &worker.age.text, tone_slot(worker.age.tone));
    x += AGE + 2;
    let used = canvas.text(
        x,
        area.y,
        area.right().saturating_sub(x),
        &worker.task.text,
        tone_slot(worker.task.tone),
    );
    link(canvas, Rect::new(x, area.y, used, 1), worker.task_link, chosen);
}

/// `below`: the sentence stands below the name.
fn findings(
    canvas: &mut Canvas<'_>,
    area: Rect,
    view: &OverviewView,
    (below, chosen): (bool, Option<usize>),
) {
    let more =
        if view.more_findings > 0 { format!("and {} more", view.more_findings) } else { String::new() };
    title(canvas, area, "findings", &more);
    let mut y = area.y + 1;
    for finding in &view.findings {
        if y >= area.bottom() {
            return;
        }
        let slot = severity_slot(finding.severity);
        canvas.text(area.x, y, 1, canvas.mark(finding.severity), slot);
        let used = canvas.text(area.x + 2, y, LINT, finding.lint.name(), Slot::Strong);
        link(canvas, Rect::new(area.x + 2, y, used, 1), Some(finding.link), chosen);
        let sure = if finding.confidence == Confidence::Proven { Slot::Dim } else { Slot::Info };
        canvas.text(area.x + 2 + LINT, y, SURE, finding.confidence.name(), sure);
        let slot = if finding.severity == Severity::Info { Slot::Dim } else { Slot::Text };
        if below {
            y += 1;
            if y < area.bottom() {
                canvas.text(area.x + 2, y, area.width.saturating_sub(2), &finding.text, slot);
            }
        } else {
            let x = area.x + 2 + LINT + SURE;
            canvas.text(x, y, area.right().saturating_sub(x), &finding.text, slot);
        }
        y += 1;
    }
}

fn changes(canvas: &mut Canvas<'_>, area: Rect, view: &OverviewView) {
    let over = view.changed_over_ns.map(format::duration_ns);
    let over = over.map_or_else(|| "what changed".to_owned(), |over| format!("what changed in {over}"));
    title(canvas, area, &over, "");
    if view.changes.is_empty() && area.height > 1 {
        let words = match view.changed_over_ns {
            Some(_) => "Nothing by half or more.",
            None => "It is too early to compare.",
        };
        canvas.text(area.x, area.y + 1, area.width, words, Slot::Dim);
    }
    for (change, y) in view.changes.iter().zip(area.y + 1..area.bottom()) {
        change_line(canvas, Rect { y, height: 1, ..area }, change, view.selected_link);
    }
}

fn change_line(canvas: &mut Canvas<'_>, area: Rect, change: &ChangeLine, chosen: Option<usize>) {
    let counts = COUNT * 2 + 3;
    let room = area.width.saturating_sub(MEASURE + counts + 1);
    let ellipsis = canvas.theme.glyphs.ellipsis;
    // The end of a place says the most, the beginning of anything else.
    let name = if change.name.text.contains(' ') {
        text::cut(&change.name.text, room, ellipsis)
    } else {
        text::cut_place(&change.name.text, room, ellipsis)
    };
    let used = canvas.text(area.x, area.y, room, &name, tone_slot(change.name.tone));
    link(canvas, Rect::new(area.x, area.y, used, 1), change.link, chosen);
    let mut x = area.x + room + 1;
    canvas.text(x, area.y, MEASURE, change.measure, Slot::Dim);
    x += MEASURE;
    canvas.text_right(x, area.y, COUNT, &change.before, Slot::Dim);
    canvas.text(x + COUNT + 1, area.y, 1, "→", Slot::Dim);
    canvas.text_right(x + COUNT + 3, area.y, COUNT, &change.now, Slot::Strong);
}

fn wait_line(canvas: &mut Canvas<'_>, area: Rect, wait: &LongWait, chosen: Option<usize>) {
    let cell = |canvas: &mut Canvas<'_>, x: u16, width: u16, cell: &Cell| {
        canvas.text(x, area.y, width, &cell.text, tone_slot(cell.tone))
    };
    canvas.text_right(area.x, area.y, AGE, &wait.age.text, tone_slot(wait.age.tone));
    let mut x = area.x + AGE + 1;
    let tasks = format!("{} {}", wait.tasks.text, if wait.tasks.text == "1" { "task" } else { "tasks" });
    canvas.text_right(x, area.y, COUNT + 3, &tasks, Slot::Dim);
    x += COUNT + 5;
    let room = area.right().saturating_sub(x);
    let place_room = (room / 3).min(40);
    let used = cell(canvas, x, room.saturating_sub(place_room + 1), &wait.what);
    link(canvas, Rect::new(x, area.y, used, 1), wait.link, chosen);
    // What is one thing is called by its place already.
    let aside = if wait.what.text.contains(&wait.place.text) { &wait.longest } else { &wait.place };
    let words = text::cut_place(&aside.text, place_room, canvas.theme.glyphs.ellipsis);
    canvas.text(area.right() - place_room, area.y, place_room, &words, Slot::Dim);
}
