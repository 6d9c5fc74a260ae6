//! A buffer of cells as an SVG picture of a terminal window.
//!
//! Invariant: every character has its own place on the grid, so that box drawing joins and columns align whatever font
//! the viewer has; the dots of graphs are drawn as such, as few fonts have them; the same buffer gives the same bytes.
//!
//! Limit: bold, dim, underline and reverse; italics, blinking and crossed-out text are drawn plain.

use std::fmt::Write as _;

use ratatui::{
    buffer::{Buffer, Cell},
    style::Modifier,
};
use unicode_width::UnicodeWidthStr;

use crate::palette::{Palette, Rgb, dimmed};

/// A cell of JetBrains Mono at [`FONT_SIZE`]: 0.6 em wide, 1.32 em high. Rounded down, so that lines of neighbouring
/// rows overlap rather than leave a gap.
const CELL_WIDTH: u32 = 12;
const CELL_HEIGHT: u32 = 26;
const FONT_SIZE: u32 = 20;
/// From the top of a cell to the foot of its letters.
const BASELINE: u32 = 20;
const MARGIN: u32 = 18;
/// The characters of dots.
const BRAILLE: std::ops::RangeInclusive<char> = '\u{2800}'..='\u{28ff}';
/// Where the dots of a cell are, by their bit, and how large.
const DOTS: [(u32, u32); 8] = [(1, 1), (1, 8), (1, 14), (7, 1), (7, 8), (7, 14), (1, 21), (7, 21)];
const DOT: u32 = 4;

/// Draws the buffer as an SVG document with this title.
pub fn svg(buffer: &Buffer, palette: &Palette, title: &str) -> String {
    let width = u32::from(buffer.area.width) * CELL_WIDTH + 2 * MARGIN;
    let height = u32::from(buffer.area.height) * CELL_HEIGHT + 2 * MARGIN;
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing to a string can't fail.
        let _ = out.write_fmt(text);
        out.push('\n');
    };
    line(format_args!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">"#
    ));
    line(format_args!("<title>{}</title>", escape(title)));
    line(format_args!(
        "<style>text{{font:{FONT_SIZE}px 'JetBrains Mono','DejaVu Sans Mono',monospace;white-space:pre}}.b{{font-weight:700}}</style>"
    ));
    let (edge, background) = (hex(palette.edge), hex(palette.background));
    line(format_args!(
        r#"<rect x="0.5" y="0.5" width="{}" height="{}" rx="9" fill="{background}" stroke="{edge}"/>"#,
        width - 1,
        height - 1
    ));
    for row in 0..buffer.area.height {
        let runs = runs(buffer, row, palette);
        let y = MARGIN + u32::from(row) * CELL_HEIGHT;
        for run in &runs {
            if run.look.background != palette.background {
                line(format_args!(
                    r#"<rect x="{}" y="{y}" width="{}" height="{CELL_HEIGHT}" fill="{}"/>"#,
                    run.x(),
                    u32::from(run.cells) * CELL_WIDTH,
                    hex(run.look.background)
                ));
            }
        }
        for run in &runs {
            if let Some(text) = run.text() {
                line(format_args!("{}", text.at(y + BASELINE)));
            }
            if !run.dots.is_empty() {
                line(format_args!(r#"<path d="{}" fill="{}"/>"#, run.dots_at(y), hex(run.look.foreground)));
            }
            if run.look.underlined {
                line(format_args!(
                    r#"<rect x="{}" y="{}" width="{}" height="1" fill="{}"/>"#,
                    run.x(),
                    y + BASELINE + 3,
                    u32::from(run.cells) * CELL_WIDTH,
                    hex(run.look.foreground)
                ));
            }
        }
    }
    line(format_args!("</svg>"));
    out
}

/// How a cell looks, with reverse and dim worked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    foreground: Rgb,
    background: Rgb,
    bold: bool,
    underlined: bool,
}

impl Look {
    fn of(cell: &Cell, palette: &Palette) -> Self {
        let mut foreground = palette.rgb(cell.fg, palette.foreground);
        let mut background = palette.rgb(cell.bg, palette.background);
        if cell.modifier.contains(Modifier::REVERSED) {
            std::mem::swap(&mut foreground, &mut background);
        }
        if cell.modifier.contains(Modifier::DIM) {
            foreground = dimmed(foreground, background);
        }
        let bold = cell.modifier.contains(Modifier::BOLD);
        Self { foreground, background, bold, underlined: cell.modifier.contains(Modifier::UNDERLINED) }
    }
}

/// Neighbouring cells that look the same.
struct Run {
    column: u16,
    cells: u16,
    look: Look,
    /// What is not blank, with its column.
    symbols: Vec<(u16, String)>,
    /// Of those the dots, as bits.
    dots: Vec<(u16, u32)>,
}

impl Run {
    fn x(&self) -> u32 {
        place(self.column)
    }

    fn dots_at(&self, y: u32) -> String {
        let dots = self.dots.iter().flat_map(|(column, bits)| {
            let set = DOTS.iter().enumerate().filter(move |(bit, _)| bits >> bit & 1 == 1);
            set.map(move |(_, (right, down))| {
                format!("M{} {}h{DOT}v{DOT}h-{DOT}z", place(*column) + right, y + down)
            })
        });
        dots.collect()
    }

    fn text(&self) -> Option<Text<'_>> {
        (!self.symbols.is_empty()).then_some(Text(self))
    }
}

struct Text<'a>(&'a Run);

impl Text<'_> {
    fn at(&self, y: u32) -> String {
        let Self(run) = self;
        let places: Vec<String> = run.symbols.iter().map(|(column, _)| place(*column).to_string()).collect();
        let symbols: String = run.symbols.iter().map(|(_, symbol)| escape(symbol)).collect();
        let class = if run.look.bold { r#" class="b""# } else { "" };
        format!(
            r#"<text{class} x="{}" y="{y}" fill="{}">{symbols}</text>"#,
            places.join(" "),
            hex(run.look.foreground)
        )
    }
}

fn runs(buffer: &Buffer, row: u16, palette: &Palette) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for column in 0..buffer.area.width {
        let cell = &buffer[(buffer.area.x + column, buffer.area.y + row)];
        let look = Look::of(cell, palette);
        match runs.last_mut() {
            Some(run) if run.look == look => run.cells += 1,
            _ => runs.push(Run { column, cells: 1, look, symbols: Vec::new(), dots: Vec::new() }),
        }
        let symbol = cell.symbol();
        let Some(run) = runs.last_mut() else { continue };
        let dots = symbol.chars().next().filter(|c| BRAILLE.contains(c));
        if let Some(dots) = dots {
            let bits = u32::from(dots) & 0xff;
            run.dots.extend((bits > 0).then_some((column, bits)));
        } else if symbol.width() > 0 && symbol != " " {
            // One character a place: marks that combine would shift the places of all that follow.
            run.symbols.push((column, symbol.chars().take(1).collect()));
        }
    }
    runs
}

fn place(column: u16) -> u32 {
    MARGIN + u32::from(column) * CELL_WIDTH
}

fn hex((r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no way to write them.
            c if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::{layout::Rect, style::Style};

    fn drawn(paint: impl FnOnce(&mut Buffer)) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 2));
        paint(&mut buffer);
        svg(&buffer, &Palette::DARK, "a test")
    }

    #[test]
    fn each_character_has_its_place() {
        let out = drawn(|buffer| {
            buffer.set_string(1, 1, "a <b", Style::new());
        });
        let text = r##"<text x="30 54 66" y="64" fill="#d6dce6">a&lt;b</text>"##;
        assert!(out.contains(text), "{out}");
    }

    #[test]
    fn reverse_swaps_and_bold_is_bold() {
        let out = drawn(|buffer| {
            buffer.set_string(0, 0, "x", Style::new().bold().reversed());
        });
        assert!(out.contains(r##"<rect x="18" y="18" width="12" height="26" fill="#d6dce6"/>"##), "{out}");
        assert!(out.contains(r##"<text class="b" x="18" y="38" fill="#11141a">x</text>"##), "{out}");
    }

    #[test]
    fn dots_are_drawn() {
        let out = drawn(|buffer| {
            buffer.set_string(1, 0, "⠁⠀⣀", Style::new());
        });
        let path = r##"<path d="M31 19h4v4h-4zM55 39h4v4h-4zM61 39h4v4h-4z" fill="#d6dce6"/>"##;
        assert!(out.contains(path), "{out}");
    }

    #[test]
    fn underline_and_dim_are_seen() {
        let out = drawn(|buffer| {
            buffer.set_string(2, 0, "ab", Style::new().underlined());
        });
        assert!(out.contains(r##"<rect x="42" y="41" width="24" height="1" fill="#d6dce6"/>"##), "{out}");
        let plain = drawn(|buffer| {
            buffer.set_string(0, 0, "a", Style::new());
        });
        let dim = drawn(|buffer| {
            buffer.set_string(0, 0, "a", Style::new().dim());
        });
        assert_ne!(plain, dim);
    }

    #[test]
    fn hostile_text_stays_text() {
        let out = drawn(|buffer| {
            buffer[(0, 0)].set_symbol("\u{1b}");
            buffer[(1, 0)].set_symbol("&");
        });
        assert!(!out.contains('\u{1b}'));
        assert!(out.contains("&amp;"), "{out}");
    }
}
