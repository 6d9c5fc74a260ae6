//! The stack of a stuck poll, and the await tree of a task.
//!
//! ```text
//!  ─ stack  taken 1.20 s ago, 2.20 s into the poll  in clock_nanosleep ──────────────────────────
//!   std::thread::sleep                                                 library/std/src/thread.rs:1
//!   checkout::invoice::render                                          src/invoice.rs:77
//!   14 frames of std, tokio and taskscope
//!  ─ await tree  taken 2 s ago ───────────────────────────────────────────────────────────────────
//!   handle                                                   41.2 s    src/main.rs:40
//!   └ lock_both                                              41.2 s    src/ledger.rs:121
//! ```

use ratatui::layout::Rect;
use taskscope_model::{
    format,
    screen::runtime::{AwaitTreeView, StackView, TreeSource},
};

use super::{
    canvas::{Canvas, Piece},
    text,
};
use crate::theme::Slot;

/// Lines of a stack or a tree at most; what is left out is counted.
const MAX_LINES: usize = 40;

/// Lines of the sentences below it: what is missing, and what to do.
const MAX_NOTE_LINES: usize = 6;

/// Cells of an age, and that a level is set in.
const AGE: u16 = 8;
const INDENT: u16 = 2;
/// What was read from memory within this is of now: it is read up to four times a second.
const NOW_NS: u64 = 1_000_000_000;

/// Lines with a title above and a blank below.
pub(super) fn stack_lines(stack: &StackView, width: u16) -> u16 {
    list_lines(stack.lines.len(), stack.problem.as_deref(), width)
}

/// Lines with a title above and a blank below.
pub(super) fn tree_lines(tree: &AwaitTreeView, width: u16) -> u16 {
    list_lines(tree.lines.len(), note(tree), width)
}

fn list_lines(lines: usize, problem: Option<&str>, width: u16) -> u16 {
    let note = problem.map_or(0, |problem| wrapped(problem, width, ' ').len());
    (lines.min(MAX_LINES) + usize::from(lines > MAX_LINES) + note) as u16 + 2
}

/// A sentence in lines, set in by one.
fn wrapped(words: &str, width: u16, ellipsis: char) -> Vec<String> {
    text::wrap(words, width.saturating_sub(2), MAX_NOTE_LINES, ellipsis)
}

/// Why there is not more of a tree.
fn note(tree: &AwaitTreeView) -> Option<&str> {
    let is_empty = tree.lines.is_empty() && tree.source == TreeSource::Traced;
    let nothing =
        is_empty.then_some("No traced future: add #[taskscope::trace] or .trace(\"…\"), or enable taskdump");
    tree.problem.as_deref().or(nothing)
}

/// The stack, innermost first.
pub(super) fn stack(canvas: &mut Canvas<'_>, area: Rect, stack: &StackView) {
    let state = match stack.kernel.as_deref() {
        Some("running") => "the thread was running".to_owned(),
        Some(state) => format!("the thread was in the system call {state}"),
        None => String::new(),
    };
    let over = if stack.goes_on { "" } else { "the poll has ended" };
    let known = [stack.when.as_str(), &state, over].into_iter().filter(|words| !words.is_empty());
    head(canvas, area, "stack", &known.collect::<Vec<_>>().join(", "));
    let places = area.width * 2 / 5;
    let functions = area.width.saturating_sub(places + 2);
    let mut y = area.y + 1;
    for line in stack.lines.iter().take(MAX_LINES) {
        if y >= area.bottom() {
            return;
        }
        let slot = if line.own { Slot::Strong } else { Slot::Dim };
        canvas.text(area.x + 1, y, functions, &line.text, slot);
        let place = text::cut_place(&line.place, places, canvas.theme.glyphs.ellipsis);
        let slot = if line.own { Slot::Warning } else { Slot::Dim };
        canvas.text(area.x + functions + 2, y, places, &place, slot);
        y += 1;
    }
    let more = stack.lines.len().saturating_sub(MAX_LINES);
    notes(
        canvas,
        Rect { y, height: area.bottom().saturating_sub(y), ..area },
        more,
        stack.problem.as_deref(),
    );
}

/// The tree.
pub(super) fn await_tree(canvas: &mut Canvas<'_>, area: Rect, tree: &AwaitTreeView) {
    if area.height == 0 {
        return;
    }
    let ago = format::duration_ns(tree.taken_ago_ns);
    let (title, aside) = match (tree.source, tree.taken_ago_ns) {
        (TreeSource::Nothing, _) => ("await tree", "none".to_owned()),
        (TreeSource::Memory, 0..NOW_NS) => ("await tree", "from memory, as it is now".to_owned()),
        (TreeSource::Memory, _) => ("await tree", format!("from memory, {ago} ago")),
        (TreeSource::Traced, 0) => ("traced futures", "as they are now".to_owned()),
        (TreeSource::Traced, _) => ("traced futures", format!("taken {ago} ago")),
    };
    head(canvas, area, title, &aside);
    let places = area.width * 2 / 5;
    let words = area.width.saturating_sub(places + AGE + 4);
    let mut y = area.y + 1;
    for line in tree.lines.iter().take(MAX_LINES) {
        if y >= area.bottom() {
            return;
        }
        let indent = (line.depth * INDENT).min(words / 2);
        if indent >= INDENT {
            let branch = canvas.theme.glyphs.branch[0];
            canvas.text(area.x + 1 + indent - INDENT, y, INDENT, branch, Slot::Border);
        }
        let room = words.saturating_sub(indent);
        let slot = if line.not_polled { Slot::Warning } else { Slot::Text };
        canvas.text(area.x + 1 + indent, y, room, &line.text, slot);
        let used = text::width(&line.text).min(room) + 2;
        canvas.text(area.x + 1 + indent + used, y, room.saturating_sub(used), &line.detail, Slot::Dim);
        canvas.text_right(area.x + words + 1, y, AGE, &line.age, Slot::Text);
        let place = text::cut_place(&line.place, places, canvas.theme.glyphs.ellipsis);
        canvas.text(area.x + words + AGE + 3, y, places, &place, Slot::Dim);
        y += 1;
    }
    let more = tree.lines.len().saturating_sub(MAX_LINES);
    notes(canvas, Rect { y, height: area.bottom().saturating_sub(y), ..area }, more, note(tree));
}

fn head(canvas: &mut Canvas<'_>, area: Rect, title: &str, aside: &str) {
    let aside = format!("  {aside}");
    let pieces: [Piece<'_>; 2] = [(title.into(), Slot::Head), (aside.as_str().into(), Slot::Dim)];
    canvas.rule(Rect { height: 1, ..area }, &pieces);
}

/// What is left out, and why there is not more.
fn notes(canvas: &mut Canvas<'_>, area: Rect, more: usize, problem: Option<&str>) {
    let more = (more > 0).then(|| format!("and {more} more"));
    let problem = problem.map(|words| wrapped(words, area.width, canvas.theme.glyphs.ellipsis));
    let lines = more.into_iter().chain(problem.into_iter().flatten());
    for (y, words) in (area.y..area.bottom()).zip(lines) {
        canvas.text(area.x + 1, y, area.width.saturating_sub(1), &words, Slot::Dim);
    }
}
