//! What things look like, by meaning: a view asks for a [`Slot`] and never names a colour.
//!
//! Invariant: a slot that carries state or severity differs from plain text without colour too (by its glyph or
//! word in the view, and by bold, dim or reverse here), so that `NO_COLOR` loses nothing.
//! Limit: one look for light and one for dark, each in 16, 256 and true colours.

pub mod capabilities;
pub mod glyphs;
mod palette;

use ratatui::style::{Modifier, Style};

pub use self::{
    capabilities::{Background, Depth},
    glyphs::Glyphs,
};

/// What a piece of the screen means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Values and names.
    Text,
    /// Labels, units, unknowns, what recedes.
    Dim,
    /// What a screen is about: the program's name, a heading.
    Strong,
    /// Lines that part regions.
    Border,
    /// The heads of columns.
    Head,
    /// The head of the column that sorts.
    HeadSorted,
    /// The selected row.
    Selected,
    /// The tab that is open.
    TabOpen,
    /// A key in a hint.
    Key,
    /// A task being polled.
    Running,
    /// A task waiting for a worker.
    Scheduled,
    /// A task waiting for something else.
    Idle,
    /// A task that has ended.
    Done,
    /// Something is wrong.
    Critical,
    /// Something is probably wrong.
    Warning,
    /// Something worth knowing.
    Info,
    /// The connection is up and the data is fresh.
    Live,
    /// The screen is frozen, or its data is old.
    Held,
    /// Bars that are what a block is about.
    Trend,
    /// Sparklines: beside numbers, never louder than they are.
    Spark,
    /// Everything, while the data is out of date.
    Stale,
}

/// A look: colours and glyphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    depth: Depth,
    background: Background,
    /// The characters that draw.
    pub glyphs: &'static Glyphs,
}

impl Theme {
    /// A look for a terminal with these capabilities.
    pub const fn new(depth: Depth, background: Background, ascii: bool) -> Self {
        Self { depth, background, glyphs: if ascii { &Glyphs::ASCII } else { &Glyphs::UNICODE } }
    }

    /// The style of a slot.
    pub fn style(&self, slot: Slot) -> Style {
        let style = Style::new().add_modifier(modifier(slot, self.depth));
        palette::color(slot, self.depth, self.background).map_or(style, |color| style.fg(color))
    }
}

fn modifier(slot: Slot, depth: Depth) -> Modifier {
    match slot {
        Slot::Strong | Slot::HeadSorted | Slot::Key | Slot::Critical | Slot::Held => Modifier::BOLD,
        Slot::Selected => Modifier::REVERSED,
        Slot::TabOpen => Modifier::BOLD.union(Modifier::REVERSED),
        Slot::Running | Slot::Warning if depth == Depth::None => Modifier::BOLD,
        Slot::Dim | Slot::Border | Slot::Done | Slot::Stale | Slot::Head if depth == Depth::None => {
            Modifier::DIM
        }
        _ => Modifier::empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_means_no_color() {
        let theme = Theme::new(Depth::None, Background::Dark, false);
        for slot in [Slot::Critical, Slot::Running, Slot::Dim, Slot::Selected, Slot::Trend] {
            let style = theme.style(slot);
            assert_eq!((style.fg, style.bg), (None, None), "{slot:?}");
        }
    }

    #[test]
    fn severities_stay_apart_without_color() {
        let theme = Theme::new(Depth::None, Background::Dark, true);
        assert_ne!(theme.style(Slot::Critical), theme.style(Slot::Text));
        assert_ne!(theme.style(Slot::Selected), theme.style(Slot::Text));
        let glyphs = theme.glyphs;
        assert_ne!(glyphs.critical, glyphs.warning);
        assert_ne!(glyphs.warning, glyphs.info);
    }
}
