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

/// Cells of an age, and that a level is set in.
const AGE: u16 = 8;
const INDENT: u16 = 2;
/// A terminal is at least this wide, less the frame: so many lines a reason takes.
const LEAST_WIDTH: u16 = 76;
/// Lines of the reason why there is no tree.
const MAX_REASON_LINES: u16 = 3;
/// What was read from memory within this is of now: it is read twice a second.
const NOW_NS: u64 = 1_000_000_000;

/// Lines with a title above and a blank below.
pub(super) fn stack_lines(stack: &StackView) -> u16 {
    list_lines(stack.lines.len(), stack.problem.is_some())
}

/// Lines with a title above and a blank below.
pub(super) fn tree_lines(tree: &AwaitTreeView) -> u16 {
    let note = tree.problem.is_some() || tree.lines.is_empty();
    let wrapped = tree.problem.as_ref().filter(|_| tree.source == TreeSource::Nothing);
    let more = wrapped
        .map_or(0, |problem| text::width(problem).div_ceil(LEAST_WIDTH).clamp(1, MAX_REASON_LINES) - 1);
    list_lines(tree.lines.len(), note) + more
}

fn list_lines(lines: usize, note: bool) -> u16 {
    (lines.min(MAX_LINES) + usize::from(lines > MAX_LINES) + usize::from(note)) as u16 + 2
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
    let ago = format::duration_ns(tree.taken_ago_ns);
    let (title, aside) = match (tree.source, tree.taken_ago_ns) {
        (TreeSource::Nothing, _) => ("await tree", "none".to_owned()),
        (TreeSource::Memory, 0..NOW_NS) => ("await tree", "from memory, as it is now".to_owned()),
        (TreeSource::Memory, _) => ("await tree", format!("from memory, {ago} ago")),
        (TreeSource::Traced, 0) => ("traced futures", "as they are now".to_owned()),
        (TreeSource::Traced, _) => ("traced futures", format!("taken {ago} ago")),
    };
    if area.height == 0 {
        return;
    }
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
    let nothing = if tree.lines.is_empty() && tree.source == TreeSource::Traced {
        Some("No traced future: add #[taskscope::trace] or .trace(\"…\"), or enable taskdump")
    } else {
        None
    };
    let note = tree.problem.as_deref().or(nothing);
    if tree.source == TreeSource::Nothing {
        let room = Rect {
            x: area.x + 1,
            y,
            width: area.width.saturating_sub(1),
            height: area.bottom().saturating_sub(y).min(MAX_REASON_LINES),
        };
        canvas.wrapped(room, note.unwrap_or_default(), Slot::Dim);
        return;
    }
    notes(canvas, Rect { y, height: area.bottom().saturating_sub(y), ..area }, more, note);
}

fn head(canvas: &mut Canvas<'_>, area: Rect, title: &str, aside: &str) {
    let aside = format!("  {aside}");
    let pieces: [Piece<'_>; 2] = [(title.into(), Slot::Head), (aside.as_str().into(), Slot::Dim)];
    canvas.rule(Rect { height: 1, ..area }, &pieces);
}

/// What is left out, and why there is not more.
fn notes(canvas: &mut Canvas<'_>, area: Rect, more: usize, problem: Option<&str>) {
    let more = (more > 0).then(|| format!("and {more} more"));
    for (y, words) in (area.y..area.bottom()).zip(more.as_deref().into_iter().chain(problem)) {
        canvas.text(area.x + 1, y, area.width.saturating_sub(1), words, Slot::Dim);
    }
}
