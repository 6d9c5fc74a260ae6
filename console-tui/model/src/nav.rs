//! Where the user is: a screen, the way back, and what lies over it.

use crate::{
    action::Action,
    id::{DescriptorId, ResourceKey, TaskKey, WorkerKey},
    tables::TableId,
};

macro_rules! tabs {
    ($($variant:ident $number:literal $title:literal [$($table:ident)*] $strip:ident $help:literal;)*) => {
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

            /// The tables on its screen, of which one is shown.
            pub fn tables(self) -> &'static [TableId] {
                match self {
                    $(Self::$variant => &[$(TableId::$table),*],)*
                }
            }

            /// When the most serious finding stands above its screen.
            pub fn strip(self) -> ShowStrip {
                match self {
                    $(Self::$variant => ShowStrip::$strip,)*
                }
            }

            /// The tab that an action opens.
            pub fn of_action(action: Action) -> Option<Self> {
                match action {
                    $(Action::$variant => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl Screen {
            /// The tab whose screen it is; `None`: one leads to it from another screen.
            pub fn tab(self) -> Option<Tab> {
                match self {
                    $(Self::$variant => Some(Tab::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

// One line a tab: the screen and the action of the same name, its number, its title, its tables, when the most serious finding
// stands above it, what it shows.
tabs! {
    Overview 0 "Overview" [] Never "How the process is.";
    Tasks 1 "Tasks" [Tasks] Always "The tasks.";
    Runtime 2 "Runtime" [Workers] Roomy "The runtimes: workers, queues, and who waits for a worker.";
    Locks 3 "Locks" [Locks Channels] Roomy "The locks and the channels.";
    Io 4 "I/O" [Sockets Timers Signals] Roomy "Sockets, files, timers, signals and children.";
    Findings 5 "Findings" [Findings] Never "The findings.";
    Resources 6 "Resources" [Resources] Roomy "The resources: all of them, as the process reports them.";
}

impl Tab {
    /// The tab on whose screen a table is, and which of its tables that is.
    pub(crate) fn of_table(id: TableId) -> Option<(Self, usize)> {
        Self::ALL.iter().find_map(|tab| Some((*tab, tab.tables().iter().position(|table| *table == id)?)))
    }
}

/// When the most serious finding stands above a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowStrip {
    /// On every terminal.
    Always,
    /// Where there is room.
    Roomy,
    /// It is the first thing there anyway.
    Never,
}

/// What fills the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Screen {
    /// How the process is.
    Overview,
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
