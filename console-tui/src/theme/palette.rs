//! The colours of the slots: one table, a row per slot, for light and dark in three depths.
//!
//! Invariant: people who can't distinguish red from green can distinguish states and severities: errors are vermilion,
//! warnings amber, running work blue-green, waiting work blue: they differ in brightness as well as in hue.
//! Limit: chrome takes the terminal's own foreground wherever it can, so that it fits any scheme.

use ratatui::style::Color;

use super::{Background, Depth, Slot};

/// A colour in the three depths.
struct Ink {
    ansi: Color,
    indexed: u8,
    rgb: (u8, u8, u8),
}

/// The colour of a slot; `None` is the terminal's own.
pub(super) fn color(slot: Slot, depth: Depth, background: Background) -> Option<Color> {
    let ink = match background {
        Background::Dark => dark(slot)?,
        Background::Light => light(slot)?,
    };
    match depth {
        Depth::None => None,
        Depth::Ansi16 => Some(ink.ansi),
        Depth::Ansi256 => Some(Color::Indexed(ink.indexed)),
        Depth::True => Some(Color::Rgb(ink.rgb.0, ink.rgb.1, ink.rgb.2)),
    }
}

fn dark(slot: Slot) -> Option<Ink> {
    match slot {
        Slot::Text | Slot::Strong | Slot::Idle | Slot::Selected => None,
        Slot::TabOpen | Slot::HeadSorted | Slot::Key => ink(Color::Cyan, 117, (125, 196, 228)),
        Slot::Dim | Slot::Head => ink(Color::Gray, 246, (148, 156, 170)),
        Slot::Border | Slot::Stale => ink(Color::DarkGray, 240, (88, 96, 110)),
        Slot::Done => ink(Color::DarkGray, 242, (108, 116, 130)),
        Slot::Running | Slot::Live => ink(Color::Green, 43, (38, 198, 162)),
        Slot::Scheduled | Slot::Info => ink(Color::LightBlue, 75, (95, 175, 255)),
        Slot::Critical => ink(Color::LightRed, 209, (255, 122, 82)),
        Slot::Warning | Slot::Held => ink(Color::Yellow, 220, (244, 200, 66)),
        Slot::Trend => ink(Color::Cyan, 73, (96, 170, 190)),
        Slot::Spark => ink(Color::DarkGray, 66, (72, 112, 128)),
    }
}

fn light(slot: Slot) -> Option<Ink> {
    match slot {
        Slot::Text | Slot::Strong | Slot::Idle | Slot::Selected => None,
        Slot::TabOpen | Slot::HeadSorted | Slot::Key => ink(Color::Blue, 25, (0, 84, 148)),
        Slot::Dim | Slot::Head => ink(Color::DarkGray, 241, (96, 100, 108)),
        Slot::Border | Slot::Stale => ink(Color::Gray, 248, (160, 166, 176)),
        Slot::Done => ink(Color::Gray, 245, (132, 138, 146)),
        Slot::Running | Slot::Live => ink(Color::Green, 29, (0, 120, 88)),
        Slot::Scheduled | Slot::Info => ink(Color::Blue, 26, (0, 92, 190)),
        Slot::Critical => ink(Color::Red, 160, (190, 50, 0)),
        Slot::Warning | Slot::Held => ink(Color::Magenta, 94, (140, 90, 0)),
        Slot::Trend => ink(Color::Cyan, 30, (0, 110, 130)),
        Slot::Spark => ink(Color::Gray, 109, (128, 170, 184)),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the rows of the two tables read as colours, not as options")]
fn ink(ansi: Color, indexed: u8, rgb: (u8, u8, u8)) -> Option<Ink> {
    Some(Ink { ansi, indexed, rgb })
}
