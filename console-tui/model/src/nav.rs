//! Where the user is: a screen, the way back, and what lies over it.

use crate::id::{ResourceKey, TaskKey};

/// A screen that a number key leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tab {
    /// The tasks.
    Tasks,
    /// The resources: locks, channels, timers.
    Resources,
    /// The findings.
    Findings,
}

impl Tab {
    /// From left to right.
    pub const ALL: &'static [Self] = &[Self::Tasks, Self::Resources, Self::Findings];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Tasks => "Tasks",
            Self::Resources => "Resources",
            Self::Findings => "Findings",
        }
    }
}

/// What fills the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Screen {
    /// The table of tasks.
    Tasks,
    /// One task.
    Task(TaskKey),
    /// The table of resources.
    Resources,
    /// One resource.
    Resource(ResourceKey),
    /// The findings of the lints.
    Findings,
}

/// What lies over the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OverlayKind {
    /// All keys.
    Help,
    /// Actions by name.
    Palette,
    /// The column chooser.
    Columns,
}

/// What the typed text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputKind {
    /// The filter of the table on the screen.
    Filter,
    /// The search in the palette.
    Palette,
}
