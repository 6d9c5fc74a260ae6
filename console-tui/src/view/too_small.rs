//! ```text
//!   too small
//!   60x12 needed
//! ```

use ratatui::layout::Rect;

use super::{Look, MIN_HEIGHT, MIN_WIDTH, canvas::Canvas};
use crate::theme::Slot;

pub(super) fn render(_look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect) {
    let y = area.y + area.height.saturating_sub(3) / 2;
    canvas.text_centred(area.x, y, area.width, "taskscope needs more room", Slot::Strong);
    let sizes = format!("{}x{} here, {MIN_WIDTH}x{MIN_HEIGHT} at least", area.width, area.height);
    canvas.text_centred(area.x, y + 1, area.width, &sizes, Slot::Text);
    canvas.text_centred(area.x, y + 2, area.width, "q: quit", Slot::Dim);
}
