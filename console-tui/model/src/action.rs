//! Every action of the user, once: keymap, help, palette and configuration all read this table.

use std::borrow::Cow;

use crate::{
    columns::{ColumnId, ColumnSpec},
    tables::TableId,
};

/// Heading of an action in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Moving around.
    Move,
    /// Which screen.
    Screen,
    /// What the table shows and how.
    Table,
    /// The program itself.
    General,
}

impl Group {
    /// In the order of the help.
    pub const ALL: [Self; 4] = [Self::Move, Self::Screen, Self::Table, Self::General];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Move => "Moving",
            Self::Screen => "Screens",
            Self::Table => "Table",
            Self::General => "General",
        }
    }
}

macro_rules! actions {
    ($($variant:ident $name:literal $group:ident $help:literal;)*) => {
        /// What the user can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $(#[doc = $help] $variant,)*
            /// Sort by the column of this name; again: the other way round.
            SortBy(ColumnId),
            /// Show or hide the column of this name.
            ToggleColumn(ColumnId),
        }

        impl Action {
            const PLAIN: &'static [Self] = &[$(Self::$variant),*];

            /// Stable name, in kebab-case: what a configuration binds a key to.
            pub fn name(self) -> Cow<'static, str> {
                match self {
                    $(Self::$variant => $name.into(),)*
                    Self::SortBy(column) => format!("sort-by-{column}").into(),
                    Self::ToggleColumn(column) => format!("toggle-column-{column}").into(),
                }
            }

            /// One line for the help and the palette.
            pub fn help(self) -> &'static str {
                match self {
                    $(Self::$variant => $help,)*
                    Self::SortBy(_) => "Sort by this column; again: the other way round",
                    Self::ToggleColumn(_) => "Show or hide this column",
                }
            }

            /// Where the help lists it.
            pub fn group(self) -> Group {
                match self {
                    $(Self::$variant => Group::$group,)*
                    Self::SortBy(_) | Self::ToggleColumn(_) => Group::Table,
                }
            }
        }
    };
}

actions! {
    NextRow "next-row" Move "One row down";
    PrevRow "prev-row" Move "One row up";
    PageDown "page-down" Move "One page down";
    PageUp "page-up" Move "One page up";
    First "first" Move "To the first row";
    Last "last" Move "To the last row";
    Open "open" Move "Open what is selected";
    Back "back" Move "Back to exactly where you were; close what is open";
    OpenTopFinding "open-top-finding" Move "Go to the most serious finding";
    OpenParent "open-parent" Move "Open the task that spawned this one";
    Waits "waits" Move "Who waits for whom, from here down to the root, as a tree";
    OpenLastWaker "open-last-waker" Move "Open the task that woke this one last";
    NextTab "next-tab" Screen "The next screen";
    PrevTab "prev-tab" Screen "The screen before";
    Overview "overview" Screen "How the process is: a verdict, graphs, what changed";
    Tasks "tasks" Screen "The tasks";
    Runtime "runtime" Screen "The runtimes: their workers, and who waits for one";
    Locks "locks" Screen "The locks and the channels: who holds them, who waits for them";
    Io "io" Screen "Sockets, timers, signals, children, and who waits for them";
    Findings "findings" Screen "The findings of the lints";
    Resources "resources" Screen "All resources, timers too, and who waits on them";
    Help "help" Screen "All keys";
    Palette "command-palette" Screen "Find an action by its name and run it";
    SortNext "sort-next" Table "Sort by the next column";
    SortPrev "sort-prev" Table "Sort by the column before";
    InvertSort "invert-sort" Table "Sort the other way round";
    SortByChange "sort-by-change" Table "Sort by the column's change a second, or by its value again";
    ToggleFold "toggle-fold" Table "Fold or unfold what comes from the place of this row";
    Fold "fold" Table "Fold what comes from the place of this row into one row";
    Unfold "unfold" Table "Unfold this row into its tasks or resources";
    FoldAll "fold-all" Table "Fold every place that has several tasks or resources";
    UnfoldAll "unfold-all" Table "Unfold everything";
    Filter "filter" Table "Show only the rows that match";
    ClearFilter "clear-filter" Table "Show all rows again";
    ToggleChannels "toggle-channels" Table "The other list: channels or locks; sockets, timers, signals";
    ToggleParts "toggle-parts" Table "Show or hide the parts inside of tokio's resources";
    AwaitTree "await-tree" Table "The traced futures of this task, and a task dump of it";
    Columns "columns" Table "Choose the columns";
    Freeze "freeze" General "Freeze the screen, or let it go on; recording goes on behind";
    CopyId "copy-id" General "Copy the id of what is selected";
    CopyPlace "copy-place" General "Copy the place (file:line:column) of what is selected";
    ToggleMouse "toggle-mouse" General "Mouse on or off; off lets the terminal select text";
    Suspend "suspend" General "Stop, and go back to the shell";
    Quit "quit" General "Quit";
}

impl Action {
    /// Every action there is, those about columns once for each name of a column.
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Self::PLAIN.to_vec();
        for action in TableId::ALL.iter().flat_map(|table| Self::of_columns(&table.columns())) {
            if !all.contains(&action) {
                all.push(action);
            }
        }
        all
    }

    /// Every action that makes sense while a table with these columns is shown.
    pub(crate) fn beside(columns: &[&ColumnSpec]) -> Vec<Self> {
        let mut all: Vec<Self> = Self::PLAIN.to_vec();
        all.extend(Self::of_columns(columns));
        all
    }

    fn of_columns(columns: &[&ColumnSpec]) -> Vec<Self> {
        let sorts = columns.iter().map(|column| Self::SortBy(column.id));
        let toggles = columns.iter().filter(|column| column.priority > 0);
        sorts.chain(toggles.map(|column| Self::ToggleColumn(column.id))).collect()
    }

    /// The action with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|action| action.name() == name)
    }

    /// Moves the selection: the order of the rows stays as it is for a moment after it.
    pub fn is_navigation(self) -> bool {
        matches!(
            self,
            Self::NextRow | Self::PrevRow | Self::PageDown | Self::PageUp | Self::First | Self::Last
        )
    }
}
