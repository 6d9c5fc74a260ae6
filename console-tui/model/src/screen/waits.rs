//! Who waits for whom: the way from a task or a lock to whoever is at the root, as a tree.

use crate::screen::{table::Cell, task::Link};

/// The tree.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitsView {
    /// From the top; the first line is what the tree is about.
    pub lines: Vec<WaitLine>,
    /// Everything that can be opened, in the order of the screen; a line has at most one.
    pub links: Vec<Link>,
    /// The chosen one.
    pub selected_link: Option<usize>,
}

/// A line of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitLine {
    /// Levels below the first line.
    pub depth: u8,
    /// `held by transfer #91`
    pub text: String,
    /// Leads to the task or the lock that it is about.
    pub link: Option<usize>,
    /// What it is beside its words.
    pub kind: WaitLineKind,
    /// For how long: empty where that says nothing.
    pub age: String,
    /// Where: empty where nothing is known.
    pub place: String,
}

/// What a line is beside its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitLineKind {
    /// What the tree is about.
    Subject,
    /// A wait.
    Waits,
    /// A task or thread is in the way.
    InTheWay,
    /// It stands further up already: a cycle.
    Cycle,
    /// The end of what is known, or a count of what is left out.
    End,
}

impl WaitsView {
    /// The state for the top of the screen.
    pub fn state(&self) -> Cell {
        use crate::screen::Tone;
        let cycles = self.lines.iter().filter(|line| line.kind == WaitLineKind::Cycle).count();
        match cycles {
            _ if self.lines.len() < 2 => Cell::new("waits for nothing known", Tone::Dim),
            0 => Cell::new("no cycle", Tone::Dim),
            // Whether they can go on is a finding's to say.
            _ => Cell::new("waits in a cycle", Tone::Warning),
        }
    }
}
