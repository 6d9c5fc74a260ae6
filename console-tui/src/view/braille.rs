//! Graphs of dots: two values in each cell, four heights in each line, filled from the bottom. In ASCII, one value a cell.
//!
//! Invariant: a value that is known has a dot at least, one that is unknown has none. What a place in the graph stands for is the largest of its
//! values: a moment that went wrong is not averaged away.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::theme::Slot;

/// The dots of a cell from the bottom up, in its left half and in its right one.
const DOTS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];
/// The cell without a dot.
const BLANK: u32 = 0x2800;

/// Draws values, oldest first, over the whole width. `full`: the value that fills the height; `None`: the largest.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    values: &[Option<f64>],
    full: Option<f64>,
    slot: Slot,
) {
    let glyphs = canvas.theme.glyphs;
    let (per_cell, steps) = if glyphs.is_ascii() { (1, 8) } else { (2, 4) };
    let places = largest(values, usize::from(area.width) * per_cell);
    let most = full.unwrap_or_else(|| values.iter().flatten().copied().fold(0.0, f64::max));
    let heights: Vec<u32> =
        places.iter().map(|value| height(*value, most, u32::from(area.height) * steps)).collect();
    for line in 0..area.height {
        // From the bottom up.
        let below = u32::from(line) * steps;
        let in_line = |height: &u32| height.saturating_sub(below).min(steps);
        let cells = heights.chunks(per_cell).map(|cell| {
            if glyphs.is_ascii() {
                return glyphs.bars[cell.first().map_or(0, in_line) as usize].to_owned();
            }
            let dots = cell.iter().zip(DOTS).map(|(height, dots)| {
                dots.iter().take(in_line(height) as usize).fold(0, |all, dot| all | dot)
            });
            char::from_u32(BLANK | dots.fold(0, |all, dots| all | dots)).unwrap_or(' ').to_string()
        });
        let text: String = cells.collect();
        canvas.text(area.x, area.bottom() - 1 - line, area.width, &text, slot);
    }
}

/// The largest value of each place, `None` where none is known.
fn largest(values: &[Option<f64>], places: usize) -> Vec<Option<f64>> {
    let place = |n: usize| {
        let from = n * values.len() / places;
        let to = ((n + 1) * values.len()).div_ceil(places).max(from + 1).min(values.len());
        values.get(from..to)?.iter().flatten().copied().reduce(f64::max)
    };
    (0..places).map(place).collect()
}

/// In dots.
fn height(value: Option<f64>, most: f64, room: u32) -> u32 {
    let Some(value) = value else { return 0 };
    let share = if most > 0.0 { (value / most).clamp(0.0, 1.0) } else { 0.0 };
    ((share * f64::from(room)).ceil() as u32).max(1)
}

#[cfg(test)]
mod tests {
    use ratatui::{buffer::Buffer, layout::Rect};

    use super::{Canvas, Slot, draw};
    use crate::theme::{Background, Depth, Theme};

    fn lines(values: &[Option<f64>], (width, height): (u16, u16), ascii: bool) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        let theme = Theme::new(Depth::None, Background::Dark, ascii);
        draw(&mut Canvas::new(&mut buffer, &theme), area, values, None, Slot::Trend);
        let line = |y: u16| (0..width).filter_map(|x| Some(buffer.cell((x, y))?.symbol())).collect();
        (0..height).map(line).collect()
    }

    #[test]
    fn two_values_a_cell_from_the_bottom_up() {
        let values = [Some(1.0), Some(2.0), Some(4.0), Some(8.0)];
        assert_eq!(lines(&values, (2, 2), false), ["⠀⢸", "⣠⣿"]);
        assert_eq!(lines(&values, (2, 1), false), ["⣀⣼"]);
    }

    #[test]
    fn what_is_unknown_has_no_dot_and_nothing_has_one() {
        assert_eq!(lines(&[None, None, Some(0.0), Some(0.0)], (2, 1), false), ["⠀⣀"]);
        assert_eq!(lines(&[None, Some(0.0), Some(8.0), Some(4.0)], (4, 1), true), [" _#-"]);
    }

    #[test]
    fn the_worst_of_a_place_is_seen() {
        let mut values = vec![Some(1.0); 120];
        values[61] = Some(100.0);
        let line = &lines(&values, (10, 1), false)[0];
        assert_eq!(line.chars().filter(|dots| *dots != '⣀').count(), 1, "{line}");
        assert_eq!(lines(&[], (3, 1), false), ["⠀⠀⠀"]);
    }
}
