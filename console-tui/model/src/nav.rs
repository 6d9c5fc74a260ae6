//! Where the user is: a screen, the way back, and what lies over it.

use crate::id::{DescriptorId, ResourceKey, TaskKey, WorkerKey};

macro_rules! tabs {
    ($($variant:ident $number:literal $title:literal $help:literal;)*) => {
        /// A screen that a number key leads to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Tab {
            $(#[doc = $help] $variant,)*
        }

        impl Tab {
            /// From left to right.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its title.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }

            /// What stands before its title; the keymap binds the same key. A number whose screen does not exist yet is left
            /// out.
            pub fn number(self) -> usize {
                match self {
                    $(Self::$variant => $number,)*
                }
            }

            /// The screen that it leads to.
            pub fn screen(self) -> Screen {
                match self {
                    $(Self::$variant => Screen::$variant,)*
                }
            }
        }
    };
}

// One line a tab: the screen of the same name, its number, its title, what it shows.
tabs! {
    Tasks 1 "Tasks" "The tasks.";
    Runtime 2 "Runtime" "The runtimes: workers, queues, and who waits for a worker.";
    Locks 3 "Locks" "The locks and the channels.";
    Io 4 "I/O" "Sockets, files, timers, signals and children.";
    Findings 5 "Findings" "The findings.";
    Resources 6 "Resources" "The resources: all of them, as they are told.";
}

/// What fills the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Screen {
    /// The table of tasks.
    Tasks,
    /// One task.
    Task(TaskKey),
    /// The runtimes and their workers.
    Runtime,
    /// One worker.
    Worker(WorkerKey),
    /// The table of locks, or of channels.
    Locks,
    /// The table of resources.
    Resources,
    /// One resource.
    Resource(ResourceKey),
    /// The tables of I/O.
    Io,
    /// One descriptor that no wrapper is around.
    Descriptor(DescriptorId),
    /// The findings of the lints.
    Findings,
    /// Who waits for whom, as a tree.
    Waits(WaitsOf),
}

/// What a tree of waits begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaitsOf {
    /// What a task waits for.
    Task(TaskKey),
    /// Who holds a lock, and who waits for it.
    Resource(ResourceKey),
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
