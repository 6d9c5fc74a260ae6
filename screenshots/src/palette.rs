//! The RGB values of a terminal's colours: the picture stands for a terminal with one of these schemes.
//!
//! Invariant: every ratatui colour has an RGB value here.

use ratatui::style::Color;

/// Red, green, blue.
pub type Rgb = (u8, u8, u8);

/// The scheme of a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    /// Text without a colour.
    pub foreground: Rgb,
    /// Cells without a colour.
    pub background: Rgb,
    /// The line around the window.
    pub edge: Rgb,
    ansi: [Rgb; 16],
}

impl Palette {
    /// Dark.
    pub const DARK: Self = Self {
        foreground: (214, 220, 230),
        background: (17, 20, 26),
        edge: (46, 52, 64),
        ansi: [
            (40, 44, 52),
            (224, 92, 80),
            (60, 184, 130),
            (226, 178, 70),
            (84, 150, 240),
            (190, 120, 220),
            (80, 178, 196),
            (176, 182, 192),
            (96, 104, 118),
            (255, 122, 100),
            (96, 214, 160),
            (250, 208, 100),
            (120, 178, 255),
            (214, 150, 240),
            (120, 210, 226),
            (240, 244, 250),
        ],
    };

    /// Light.
    pub const LIGHT: Self = Self {
        foreground: (36, 41, 50),
        background: (252, 252, 250),
        edge: (206, 210, 216),
        ansi: [
            (36, 41, 50),
            (190, 50, 30),
            (0, 120, 88),
            (150, 104, 0),
            (0, 92, 190),
            (140, 60, 160),
            (0, 116, 136),
            (150, 156, 164),
            (104, 110, 118),
            (214, 74, 50),
            (20, 146, 108),
            (176, 126, 0),
            (30, 116, 214),
            (166, 84, 186),
            (10, 138, 158),
            (240, 240, 238),
        ],
    };

    /// The value of a colour; `Reset` is `default`.
    pub fn rgb(&self, color: Color, default: Rgb) -> Rgb {
        let index = match color {
            Color::Reset => return default,
            Color::Rgb(r, g, b) => return (r, g, b),
            Color::Indexed(index) => index,
            Color::Black => 0,
            Color::Red => 1,
            Color::Green => 2,
            Color::Yellow => 3,
            Color::Blue => 4,
            Color::Magenta => 5,
            Color::Cyan => 6,
            Color::Gray => 7,
            Color::DarkGray => 8,
            Color::LightRed => 9,
            Color::LightGreen => 10,
            Color::LightYellow => 11,
            Color::LightBlue => 12,
            Color::LightMagenta => 13,
            Color::LightCyan => 14,
            Color::White => 15,
        };
        self.indexed(index)
    }

    /// The 256 colours as xterm lays them out: 16 of the scheme, a cube of 6 x 6 x 6, 24 greys.
    fn indexed(&self, index: u8) -> Rgb {
        let level = |step: u8| if step == 0 { 0 } else { 55 + step * 40 };
        match index {
            0..16 => self.ansi[usize::from(index)],
            16..232 => {
                let cube = index - 16;
                (level(cube / 36), level(cube / 6 % 6), level(cube % 6))
            }
            232.. => {
                let grey = 8 + (index - 232) * 10;
                (grey, grey, grey)
            }
        }
    }
}

/// Half way between two colours and a little towards the first: how terminals dim.
pub(crate) fn dimmed(color: Rgb, background: Rgb) -> Rgb {
    let mix = |a: u8, b: u8| ((u16::from(a) * 3 + u16::from(b) * 2) / 5) as u8;
    (mix(color.0, background.0), mix(color.1, background.1), mix(color.2, background.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_256_colours_are_where_xterm_has_them() {
        let palette = Palette::DARK;
        assert_eq!(palette.rgb(Color::Indexed(16), (0, 0, 0)), (0, 0, 0));
        assert_eq!(palette.rgb(Color::Indexed(196), (0, 0, 0)), (255, 0, 0));
        assert_eq!(palette.rgb(Color::Indexed(231), (0, 0, 0)), (255, 255, 255));
        assert_eq!(palette.rgb(Color::Indexed(255), (0, 0, 0)), (238, 238, 238));
        assert_eq!(palette.rgb(Color::Reset, (1, 2, 3)), (1, 2, 3));
    }
}
