//! The buffer, drawn on by meaning: every text goes through here, cut to its place.
//!
//! Invariant: nothing is drawn outside of the buffer; after [`Canvas::finish`] in ASCII mode every cell is ASCII, and in no
//! mode does a cell hold a control character.

use std::borrow::Cow;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Color, Modifier, Style},
};
use taskscope_model::{Severity, Tone};

use super::text;
use crate::theme::{Slot, Theme, glyphs};

/// A piece of a line.
pub(super) type Piece<'a> = (Cow<'a, str>, Slot);

/// The buffer of a frame, and its theme.
pub(super) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    pub(super) theme: &'a Theme,
    cursor: Option<Position>,
    /// The links that were drawn, by their number, and where.
    pub(super) links: Vec<(usize, Rect)>,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, theme: &'a Theme) -> Self {
        Self { buffer, theme, cursor: None, links: Vec::new() }
    }

    /// Draws `text` in at most `width` cells and returns how many it took.
    pub(super) fn text(&mut self, x: u16, y: u16, width: u16, text: &str, slot: Slot) -> u16 {
        let room = self.room(x, y, width);
        if room == 0 {
            return 0;
        }
        let cut = text::cut(text, room, self.theme.glyphs.ellipsis);
        // What was there before leaves nothing behind, not even a colour.
        let style = Style::reset().patch(self.theme.style(slot));
        let (end, _) = self.buffer.set_stringn(x, y, cut, room as usize, style);
        end.saturating_sub(x)
    }

    /// As [`Self::text`], ending at the end of the `width` cells.
    pub(super) fn text_right(&mut self, x: u16, y: u16, width: u16, text: &str, slot: Slot) {
        let blank = width.saturating_sub(text::width(text));
        self.text(x.saturating_add(blank), y, width - blank, text, slot);
    }

    /// As [`Self::text`], in the middle of the `width` cells.
    pub(super) fn text_centred(&mut self, x: u16, y: u16, width: u16, text: &str, slot: Slot) {
        let blank = width.saturating_sub(text::width(text)) / 2;
        self.text(x.saturating_add(blank), y, width - blank, text, slot);
    }

    /// Draws pieces one after the other and returns how many cells they took.
    pub(super) fn pieces(&mut self, x: u16, y: u16, width: u16, pieces: &[Piece<'_>]) -> u16 {
        let mut used = 0;
        for (piece, slot) in pieces {
            used += self.text(x.saturating_add(used), y, width.saturating_sub(used), piece, *slot);
        }
        used
    }

    /// Draws `text` in lines from the top of `area` and returns how many it took.
    pub(super) fn wrapped(&mut self, area: Rect, text: &str, slot: Slot) -> u16 {
        let lines = text::wrap(text, area.width, area.height as usize, self.theme.glyphs.ellipsis);
        for (row, line) in lines.iter().enumerate() {
            self.text(area.x, area.y + row as u16, area.width, line, slot);
        }
        lines.len() as u16
    }

    /// A line from side to side with a title in it.
    pub(super) fn rule(&mut self, area: Rect, title: &[Piece<'_>]) {
        if area.height == 0 {
            return;
        }
        let line = self.theme.glyphs.rule.repeat(area.width as usize);
        self.text(area.x, area.y, area.width, &line, Slot::Border);
        if !title.is_empty() {
            self.text(area.x + 1, area.y, area.width.saturating_sub(1), " ", Slot::Border);
            let used = self.pieces(area.x + 2, area.y, area.width.saturating_sub(3), title);
            self.text(area.x + 2 + used, area.y, 1, " ", Slot::Border);
        }
    }

    /// An empty box above whatever was there; returns the room inside.
    pub(super) fn boxed(&mut self, area: Rect, title: &str) -> Rect {
        let area = area.intersection(self.buffer.area);
        self.clear(area);
        if area.width < 2 || area.height < 2 {
            return Rect::ZERO;
        }
        let set = self.theme.glyphs.border;
        let line = |left: &str, middle: &str, right: &str| {
            format!("{left}{}{right}", middle.repeat(usize::from(area.width) - 2))
        };
        let top = line(set.top_left, set.horizontal_top, set.top_right);
        let bottom = line(set.bottom_left, set.horizontal_bottom, set.bottom_right);
        self.text(area.x, area.y, area.width, &top, Slot::Border);
        self.text(area.x, area.bottom() - 1, area.width, &bottom, Slot::Border);
        for y in area.y + 1..area.bottom() - 1 {
            self.text(area.x, y, 1, set.vertical_left, Slot::Border);
            self.text(area.right() - 1, y, 1, set.vertical_right, Slot::Border);
        }
        self.text(area.x + 2, area.y, area.width.saturating_sub(4), &format!(" {title} "), Slot::Strong);
        Rect::new(area.x + 2, area.y + 1, area.width.saturating_sub(4), area.height - 2)
    }

    pub(super) fn clear(&mut self, area: Rect) {
        for y in area.y..area.bottom() {
            for x in area.x..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                }
            }
        }
    }

    /// Marks an area as the chosen one: reversed, in the terminal's own colours, so that it reads the same whatever the
    /// cells in it mean.
    pub(super) fn select(&mut self, area: Rect) {
        let style = Style::new().fg(Color::Reset).bg(Color::Reset).add_modifier(Modifier::REVERSED);
        self.buffer.set_style(area.intersection(self.buffer.area), style.remove_modifier(Modifier::DIM));
    }

    /// Draws the whole area in the colour of one meaning.
    pub(super) fn tint(&mut self, area: Rect, slot: Slot) {
        self.buffer.set_style(area.intersection(self.buffer.area), self.theme.style(slot));
    }

    /// Fills `area` with the cells of another buffer, from its line `top` on.
    pub(super) fn copy(&mut self, from: &Buffer, top: u16, area: Rect) {
        for y in area.y..area.bottom() {
            for x in area.x..area.right() {
                if let (Some(cell), Some(source)) =
                    (self.buffer.cell_mut((x, y)), from.cell((x, y.saturating_add(top))))
                {
                    cell.clone_from(source);
                }
            }
        }
    }

    /// Where the terminal's cursor stands.
    pub(super) fn set_cursor(&mut self, x: u16, y: u16) {
        self.cursor = Some(Position { x, y });
    }

    /// The last look at every cell before it leaves. Returns the cursor's place.
    pub(super) fn finish(self) -> Option<Position> {
        let ascii = self.theme.glyphs.is_ascii();
        for cell in &mut self.buffer.content {
            if cell.symbol().contains(char::is_control) {
                cell.set_symbol("?");
            } else if ascii && let Some(likeness) = glyphs::to_ascii(cell.symbol()) {
                cell.set_symbol(likeness);
            }
        }
        self.cursor
    }

    /// The mark of a severity.
    pub(super) fn mark(&self, severity: Severity) -> &'static str {
        let glyphs = self.theme.glyphs;
        match severity {
            Severity::Critical => glyphs.critical,
            Severity::Warning => glyphs.warning,
            Severity::Info => glyphs.info,
        }
    }

    fn room(&self, x: u16, y: u16, width: u16) -> u16 {
        let area = self.buffer.area;
        if y < area.y || y >= area.bottom() || x < area.x {
            return 0;
        }
        width.min(area.right().saturating_sub(x))
    }
}

/// How a severity looks.
pub(super) fn severity_slot(severity: Severity) -> Slot {
    match severity {
        Severity::Critical => Slot::Critical,
        Severity::Warning => Slot::Warning,
        Severity::Info => Slot::Info,
    }
}

/// How a tone of the model looks.
pub(super) fn tone_slot(tone: Tone) -> Slot {
    match tone {
        Tone::Normal => Slot::Text,
        Tone::Dim | Tone::Unknown => Slot::Dim,
        Tone::Link => Slot::Strong,
        Tone::Running => Slot::Running,
        Tone::Scheduled => Slot::Scheduled,
        Tone::Idle => Slot::Idle,
        Tone::Done => Slot::Done,
        Tone::Good => Slot::Live,
        Tone::Info => Slot::Info,
        Tone::Warning => Slot::Warning,
        Tone::Critical => Slot::Critical,
    }
}
