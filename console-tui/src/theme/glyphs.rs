//! The characters that draw, in Unicode and in ASCII.
//!
//! Invariant: every glyph is one cell wide, so that no column moves when the set changes; [`to_ascii`] keeps the
//! width of what it replaces. Limit: text that has no ASCII likeness becomes `?`.

use ratatui::symbols::border;

/// A set of glyphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// Marks an error.
    pub critical: &'static str,
    /// Marks a warning.
    pub warning: &'static str,
    /// Marks a notice.
    pub info: &'static str,
    /// The connection is up.
    pub live: &'static str,
    /// The connection is down.
    pub down: &'static str,
    /// Parts the steps of a path through screens.
    pub step: &'static str,
    /// The way back.
    pub back: &'static str,
    /// A group that can be unfolded.
    pub folded: &'static str,
    /// A group that can be folded.
    pub unfolded: &'static str,
    /// Text goes on.
    pub ellipsis: char,
    /// Sorted with the greatest first.
    pub descending: &'static str,
    /// Sorted with the least first.
    pub ascending: &'static str,
    /// A rule.
    pub rule: &'static str,
    /// Points at a choice.
    pub pointer: &'static str,
    /// A box that is ticked, and one that is not.
    pub ticked: [&'static str; 2],
    /// Events of this column are lost.
    pub gap: &'static str,
    /// A wake on a timeline.
    pub wake: &'static str,
    /// The part of the scroll bar that can be dragged, and its rail.
    pub scroll: [&'static str; 2],
    /// Heights of a bar, from nothing to full.
    pub bars: [&'static str; 9],
    /// A bar of how full something is: its full part, and the rest.
    pub filled: [&'static str; 2],
    /// How much there is, from nothing to most.
    pub shades: [&'static str; 5],
    /// It goes round in a cycle.
    pub cycle: &'static str,
    /// Before a line that belongs to one above it: the last such, one with others below, one that passes by; two cells each.
    pub branch: [&'static str; 3],
    /// The lines of a box.
    pub border: border::Set<'static>,
    ascii: bool,
}

impl Glyphs {
    /// For terminals that draw Unicode.
    pub const UNICODE: Self = Self {
        critical: "▲",
        warning: "●",
        info: "◦",
        live: "●",
        down: "○",
        step: "▸",
        back: "‹",
        folded: "▸",
        unfolded: "▾",
        ellipsis: '…',
        descending: "▼",
        ascending: "▲",
        rule: "─",
        pointer: "❯",
        ticked: ["✓", "·"],
        gap: "·",
        wake: "↑",
        scroll: ["┃", "│"],
        bars: [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
        filled: ["━", "─"],
        shades: [" ", "░", "▒", "▓", "█"],
        cycle: "↺",
        branch: ["└ ", "├ ", "│ "],
        border: border::PLAIN,
        ascii: false,
    };

    /// For the others.
    pub const ASCII: Self = Self {
        critical: "!",
        warning: "*",
        info: ".",
        live: "*",
        down: "o",
        step: ">",
        back: "<",
        folded: "+",
        unfolded: "-",
        ellipsis: '~',
        descending: "v",
        ascending: "^",
        rule: "-",
        pointer: ">",
        ticked: ["x", " "],
        gap: "?",
        wake: "^",
        scroll: ["#", "|"],
        bars: [" ", "_", ".", ",", "-", "=", "+", "*", "#"],
        filled: ["=", "-"],
        shades: [" ", ".", ":", "+", "#"],
        cycle: "@",
        branch: ["` ", "+ ", "| "],
        border: border::Set {
            top_left: "+",
            top_right: "+",
            bottom_left: "+",
            bottom_right: "+",
            vertical_left: "|",
            vertical_right: "|",
            horizontal_top: "-",
            horizontal_bottom: "-",
        },
        ascii: true,
    };

    /// Whether only ASCII may reach the terminal.
    pub const fn is_ascii(&self) -> bool {
        self.ascii
    }
}

/// The ASCII likeness of one cell's symbol, of the same width.
pub fn to_ascii(symbol: &str) -> Option<&'static str> {
    if symbol.is_ascii() {
        return None;
    }
    Some(match symbol {
        "–" | "—" | "─" | "‐" | "↔" => "-",
        "…" => "~",
        "µ" | "μ" => "u",
        "·" | "•" | "◦" => ".",
        "×" => "x",
        "▸" | "›" | "→" | "❯" | "▶" | "≥" => ">",
        "‹" | "←" | "◂" | "≤" => "<",
        "↑" | "▲" => "^",
        "↓" | "▼" | "▾" => "v",
        "│" | "┃" => "|",
        "└" | "├" => "`",
        "“" | "”" => "\"",
        "‘" | "’" => "'",
        _ => "?",
    })
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    #[test]
    fn every_glyph_is_one_cell() {
        for set in [Glyphs::UNICODE, Glyphs::ASCII] {
            let border = set.border;
            let mut all = vec![
                set.critical,
                set.warning,
                set.info,
                set.live,
                set.down,
                set.step,
                set.back,
                set.folded,
                set.unfolded,
                set.descending,
                set.ascending,
                set.rule,
                set.pointer,
                set.wake,
                set.cycle,
                border.top_left,
                border.top_right,
                border.bottom_left,
                border.bottom_right,
                border.vertical_left,
                border.horizontal_top,
            ];
            all.extend(set.filled);
            all.extend(set.ticked);
            all.extend(set.scroll);
            all.extend(set.bars);
            all.extend(set.shades);
            for glyph in all {
                assert_eq!(glyph.width(), 1, "{glyph:?}");
                assert!(!set.is_ascii() || glyph.is_ascii(), "{glyph:?}");
            }
        }
    }
}
