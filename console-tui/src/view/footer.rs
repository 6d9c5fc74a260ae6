//! The order and the counts, and the keys that are useful now; or the line that the user types.
//!
//! ```text
//!  sorted by suspicion, then busy/s   1,204 tasks                 ↑↓ select  enter open  ←→ fold  s sort
//!  / state:idle nam█                                               12/340   name:  named:
//!             ^^^ there is no field `nam`; did you mean `name`?
//! ```

use ratatui::layout::Rect;
use taskscope_model::{
    Action, InputKind, format,
    screen::{header::Hint, overlay::Input},
};

use super::{
    Look,
    canvas::{Canvas, Piece},
    text,
};
use crate::theme::Slot;

/// The hints until the first data arrives.
const UNHEARD: [Hint; 2] =
    [Hint { actions: &[Action::Help], text: "help" }, Hint { actions: &[Action::Quit], text: "quit" }];

/// Lines that the footer takes.
pub(super) fn height(look: Look<'_>) -> u16 {
    match filter_input(look) {
        Some(input) if input.error.is_some() => 2,
        _ => 1,
    }
}

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect) {
    if let Some(input) = filter_input(look) {
        typing(canvas, area, &input);
        return;
    }
    let about = about(look);
    let used = canvas.pieces(area.x + 1, area.y, area.width.saturating_sub(2), &about);
    hints(look, canvas, Rect { x: area.x + used + 2, width: area.width.saturating_sub(used + 2), ..area });
}

fn filter_input(look: Look<'_>) -> Option<Input> {
    look.model.input().filter(|input| input.kind == InputKind::Filter)
}

/// What the list on the screen is.
fn about(look: Look<'_>) -> Vec<Piece<'static>> {
    if look.header.process.is_none() {
        return Vec::new();
    }
    let Some(table) = look.model.shown_table() else { return Vec::new() };
    let table = look.model.table(table);
    let mut about: Vec<Piece<'static>> = Vec::new();
    if !table.filter.is_empty() {
        about.push((format!("/{} ", table.filter).into(), Slot::Strong));
        about.push((format!("{}  ", table.counts()).into(), Slot::Text));
    }
    about.push((format!("by {}", table.sort_words).into(), Slot::Dim));
    for (count, words) in table.left_out.iter().filter(|(count, _)| *count > 0) {
        about.push((format!("  {} {words}", format::count(*count as u64)).into(), Slot::Dim));
    }
    about
}

/// As many hints as there is room for, the most useful first.
fn hints(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect) {
    let glyphs = look.theme.glyphs;
    let mut shown: Vec<(String, &str)> = Vec::new();
    let mut width = 0;
    let heard = look.header.process.is_some();
    for hint in if heard { look.model.hints() } else { UNHEARD.to_vec() } {
        let labels: Vec<String> =
            hint.actions.iter().filter_map(|action| look.keymap.label(*action, glyphs)).collect();
        if labels.is_empty() {
            continue;
        }
        let short = labels.iter().all(|label| label.chars().count() == 1);
        let keys = labels.join(if short { "" } else { "/" });
        let needed = text::width(&keys) + text::width(hint.text) + 3;
        if width + needed > area.width {
            break;
        }
        width += needed;
        shown.push((keys, hint.text));
    }
    let mut x = area.right().saturating_sub(width);
    for (keys, words) in shown {
        x += canvas.text(x, area.y, area.right() - x, &keys, Slot::Key) + 1;
        x += canvas.text(x, area.y, area.right() - x, words, Slot::Dim) + 2;
    }
}

fn typing(canvas: &mut Canvas<'_>, area: Rect, input: &Input) {
    let y = area.y;
    canvas.text(area.x + 1, y, 1, "/", Slot::Key);
    let line = Rect::new(area.x + 3, y, area.width.saturating_sub(4), 1);
    let end = line_with_cursor(canvas, line, input);
    let mut aside = String::new();
    if let Some(counts) = &input.counts {
        aside.push_str(counts);
    }
    for completion in &input.completions {
        if text::width(&aside) + text::width(completion) + end + 6 > line.width {
            break;
        }
        aside.push_str("  ");
        aside.push_str(completion);
    }
    canvas.text_right(line.x + end + 2, y, line.width.saturating_sub(end + 2), &aside, Slot::Dim);
    if let Some(error) = &input.error {
        let at = text::width(&input.text.chars().take(error.at).collect::<String>()).min(line.width / 2);
        let caret = "^".repeat(error.len.clamp(1, 32));
        let message: [Piece<'_>; 3] = [
            (caret.into(), Slot::Critical),
            (" ".into(), Slot::Text),
            (error.message.as_str().into(), Slot::Critical),
        ];
        canvas.pieces(line.x + at, y + 1, line.width.saturating_sub(at), &message);
    }
}

/// Draws the text of an input with the cursor in sight and returns the cells it takes.
pub(super) fn line_with_cursor(canvas: &mut Canvas<'_>, line: Rect, input: &Input) -> u16 {
    let before: String = input.text.chars().take(input.cursor).collect();
    let at = text::width(&before);
    let room = line.width.saturating_sub(1);
    let mut shown = input.text.clone();
    let mut cursor = at;
    if at > room {
        shown = text::cut_start(&before, room, canvas.theme.glyphs.ellipsis);
        cursor = text::width(&shown);
    }
    let used = canvas.text(line.x, line.y, line.width, &shown, Slot::Text);
    canvas.set_cursor(line.x + cursor, line.y);
    used.max(cursor)
}
