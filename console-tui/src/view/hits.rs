//! What lies where, by meaning: the answer to "what did that click hit?", made while drawing.

use ratatui::layout::{Position, Rect};
use taskscope_model::{Target, event::Extent};

/// The targets of one frame, and what the frame found out about its size.
#[derive(Debug, Default, Clone)]
pub struct HitMap {
    targets: Vec<(Rect, Target)>,
    page_rows: u16,
    extent: Option<Extent>,
}

impl HitMap {
    /// What is at this cell; what was drawn later lies above what was drawn before.
    pub fn hit(&self, x: u16, y: u16) -> Option<Target> {
        let at = Position { x, y };
        self.targets.iter().rev().find(|(area, _)| area.contains(at)).map(|(_, target)| *target)
    }

    /// Rows that a page of the list on the screen has.
    pub fn page_rows(&self) -> u16 {
        self.page_rows
    }

    /// What the screen of a task or a resource was found to be like; `None`: another one is shown.
    pub fn extent(&self) -> Option<&Extent> {
        self.extent.as_ref()
    }

    pub(super) fn add(&mut self, area: Rect, target: Target) {
        self.targets.push((area, target));
    }

    pub(super) fn set_extent(&mut self, extent: Extent) {
        self.extent = Some(extent);
    }

    pub(super) fn set_page_rows(&mut self, rows: u16) {
        self.page_rows = rows;
    }
}
