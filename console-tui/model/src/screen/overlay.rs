//! What lies over the screen: help, palette, column chooser; and the line that is being typed.

pub use crate::query::InputError;
use crate::{
    action::{Action, Group},
    columns::ColumnSpec,
    nav::{InputKind, OverlayKind},
};

/// What lies over the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlay {
    /// Which.
    pub kind: OverlayKind,
    /// Its rows, all of them.
    pub rows: Vec<OverlayRow>,
    /// The selected row (for the help: the first row to show).
    pub selected: usize,
}

/// A row of an overlay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OverlayRow {
    /// A heading of the help.
    Heading(Group),
    /// An action; the view adds its keys.
    Action(Action),
    /// A column, and whether it is shown.
    Column(&'static ColumnSpec, bool),
}

/// The line that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What for.
    pub kind: InputKind,
    /// The text.
    pub text: String,
    /// The cursor, as a count of characters before it.
    pub cursor: usize,
    /// What is wrong with it.
    pub error: Option<InputError>,
    /// What could be typed next, best first; [`crate::Edit::Complete`] takes the first.
    pub completions: Vec<String>,
    /// `12/340`
    pub counts: Option<String>,
}
