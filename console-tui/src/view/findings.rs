//! What the lints found, in sentences, each with what to do next; below them, which lints can't be judged, and which data is missing.
//!
//! ```text
//!  ▲ long-poll        critical proven    for 41.2 s    1 task   src/invoice.rs:52:9
//!      render-pdf #102 has been in its poll for 318 ms.
//!      Move the work to spawn_blocking.
//!
//!  ─ missing data ───────────────────────────────
//!  12 names or fields cut in the process
//! ```

use ratatui::layout::Rect;
use taskscope_model::{Confidence, Judged, LintKind, TableId, Target, format, screen::findings::FindingView};

use super::{
    Look,
    canvas::{Canvas, Piece, severity_slot},
    hits::HitMap,
    table::scroll_bar,
    text,
};
use crate::theme::Slot;

/// In place of the words of an empty table, where some lints can't be judged.
const NOT_ALL_JUDGED: &str = "No findings, but some lints can't be judged; see below.";

/// Most lines that a sentence or an advice takes.
const MAX_SENTENCE_LINES: usize = 6;

/// Most lines that the lints of one reason take.
const MAX_UNJUDGED_LINES: usize = 2;

/// Least cells of a place that say anything; the sentence has it, too.
const LEAST_PLACE: u16 = 12;

/// Least lines that a finding takes: its head, a sentence, an advice. A page is counted in these.
const LEAST_LINES: u16 = 4;

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect) {
    let missing = look.header.losses.words();
    let missing_height = if missing.is_empty() { 0 } else { (missing.len() as u16 + 1).min(area.height / 3) };
    let unjudged = unjudged(look, area.width.saturating_sub(2));
    let unjudged_height =
        if unjudged.is_empty() { 0 } else { (unjudged.len() as u16 + 1).min(area.height / 3) };
    let body = Rect { height: area.height - missing_height - unjudged_height, ..area };
    hits.set_page_rows((body.height / LEAST_LINES).max(1));
    let findings = look.model.findings();
    let info = look.model.table(TableId::Findings);
    if let Some(empty) = &info.empty {
        let none = info.total == Some(0);
        let words = if none && !unjudged.is_empty() { NOT_ALL_JUDGED } else { empty };
        let slot = if none { Slot::Live } else { Slot::Dim };
        canvas.text_centred(area.x, body.y + body.height / 3, area.width, words, slot);
    }
    let offset = info.offset;
    let mut y = body.y;
    let mut shown = 0;
    for finding in findings.iter().skip(offset) {
        if y >= body.bottom() {
            break;
        }
        let room = Rect { y, height: body.bottom() - y, width: area.width.saturating_sub(2), ..body };
        let used = draw(look, canvas, room, finding);
        let place = Rect { height: used, ..room };
        hits.add(place, Target::Row(finding.index));
        // A finding that is cut at the end of the screen does not count as shown.
        shown += usize::from(y + used < body.bottom() || y == body.y);
        y += used + 1;
    }
    scroll_bar(look, canvas, body, offset, shown, findings.len());
    if look.header.stale {
        canvas.tint(body, Slot::Stale);
    }
    let below = Rect { y: body.bottom(), height: unjudged_height, ..area };
    not_judged(canvas, below, &unjudged);
    missing_data(canvas, Rect { y: below.bottom(), height: missing_height, ..area }, &missing);
}

fn draw(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect, finding: &FindingView) -> u16 {
    let slot = severity_slot(finding.severity);
    let tasks = if finding.count == 1 { "task" } else { "tasks" };
    // A finding about a descriptor may have no known task.
    let counted = match finding.count {
        0 => " ".repeat(12),
        count => format!("{:>6} {tasks:<5}", format::count(count)),
    };
    let sure = match finding.confidence {
        Confidence::Proven => Slot::Text,
        Confidence::Suspected => Slot::Dim,
    };
    let head: [Piece<'_>; 6] = [
        (canvas.mark(finding.severity).into(), slot),
        (format!(" {:<24}", finding.id.lint.name()).into(), Slot::Strong),
        (format!("{:<9}", finding.severity.name()).into(), slot),
        (format!("{:<10}", finding.confidence.name()).into(), sure),
        (format!("for {:<8}", format::duration_ns(finding.seen_for_ns)).into(), Slot::Dim),
        (counted.into(), Slot::Text),
    ];
    let used = canvas.pieces(area.x + 1, area.y, area.width, &head);
    let room = area.width.saturating_sub(used + 3);
    if let Some(place) = finding.place.as_ref().filter(|_| room >= LEAST_PLACE) {
        let place = text::cut_place(place, room, look.theme.glyphs.ellipsis);
        canvas.text(area.x + used + 3, area.y, room, &place, Slot::Dim);
    }
    let mut y = 1;
    for (sentence, slot) in [(&finding.message, Slot::Text), (&finding.advice, Slot::Dim)] {
        let left = area.height.saturating_sub(y).min(MAX_SENTENCE_LINES as u16);
        let room = Rect { x: area.x + 5, y: area.y + y, width: area.width.saturating_sub(6), height: left };
        y += canvas.wrapped(room, sentence, slot);
    }
    let used = y.min(area.height);
    if finding.selected {
        canvas.select(Rect { height: 1, ..area });
    }
    used
}

/// The lints that can't be judged, each reason with its lints in a few lines.
fn unjudged(look: Look<'_>, width: u16) -> Vec<String> {
    let words = |(judged, kinds): &(Judged, Vec<LintKind>)| {
        let names = kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        match judged {
            Judged::Yes => names,
            Judged::Partly(why) => format!("Judged in part ({why}): {names}"),
            Judged::No(why) => format!("Not judged ({why}): {names}"),
        }
    };
    let ellipsis = look.theme.glyphs.ellipsis;
    let groups = look.model.not_judged();
    groups.iter().flat_map(|group| text::wrap(&words(group), width, MAX_UNJUDGED_LINES, ellipsis)).collect()
}

fn not_judged(canvas: &mut Canvas<'_>, area: Rect, unjudged: &[String]) {
    if area.height == 0 {
        return;
    }
    canvas.rule(area, &[("lints that can't be judged".into(), Slot::Dim)]);
    for (line, y) in unjudged.iter().zip(area.y + 1..area.bottom()) {
        canvas.text(area.x + 1, y, area.width.saturating_sub(1), line, Slot::Dim);
    }
}

fn missing_data(canvas: &mut Canvas<'_>, area: Rect, missing: &[(u64, &'static str)]) {
    if area.height == 0 {
        return;
    }
    canvas.rule(area, &[("missing data".into(), Slot::Dim)]);
    for (n, (count, words)) in missing.iter().take(usize::from(area.height) - 1).enumerate() {
        let line: [Piece<'_>; 2] = [
            (format!("{:>7}  ", format::count(*count)).into(), Slot::Warning),
            ((*words).into(), Slot::Text),
        ];
        canvas.pieces(area.x + 1, area.y + 1 + n as u16, area.width.saturating_sub(1), &line);
    }
}
