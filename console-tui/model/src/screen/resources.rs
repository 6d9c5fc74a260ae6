//! The table of resources: its columns, the rows on the screen, counts, sort, filter.

use crate::{
    columns::{Align, Fixed, fit_by},
    screen::table::Cell,
};

/// A column of the table of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceColumn {
    /// `Mutex`
    Type,
    /// `Sync`
    Kind,
    /// Where it was made.
    Place,
    /// `locked yes`
    Attributes,
    /// Tasks that wait on it now.
    Waiters,
    /// How long the longest of them waits.
    Longest,
    /// Who that is.
    Waiter,
    /// Time since it was made.
    Age,
    /// `r12`
    Id,
}

/// A column's fixed properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceColumnSpec {
    /// Shown above the column.
    pub title: &'static str,
    /// What it is sorted by, in words.
    pub words: &'static str,
    /// Cells wide, without the gap to the next column.
    pub width: u16,
    /// Takes a share of the room that is left.
    pub grows: bool,
    /// Where the text stands.
    pub align: Align,
    /// 0 is always shown; the highest number goes first on a narrow screen.
    pub priority: u8,
    /// Sorting by it starts with the largest value.
    pub descending: bool,
}

impl ResourceColumn {
    /// From left to right.
    pub const ALL: [Self; 9] = [
        Self::Type,
        Self::Kind,
        Self::Place,
        Self::Attributes,
        Self::Waiters,
        Self::Longest,
        Self::Waiter,
        Self::Age,
        Self::Id,
    ];

    /// Its fixed properties.
    pub fn spec(self) -> ResourceColumnSpec {
        let left = |title, words, width, grows, priority| ResourceColumnSpec {
            title,
            words,
            width,
            grows,
            align: Align::Left,
            priority,
            descending: false,
        };
        let right = |title, words, width, priority, descending| ResourceColumnSpec {
            align: Align::Right,
            descending,
            ..left(title, words, width, false, priority)
        };
        match self {
            Self::Type => left("TYPE", "type", 15, false, 0),
            Self::Kind => left("KIND", "kind", 6, false, 4),
            Self::Place => left("MADE AT", "place", 17, true, 0),
            Self::Attributes => left("ATTRIBUTES", "attributes", 12, true, 1),
            Self::Waiters => right("WAITERS", "waiters", 7, 0, true),
            Self::Longest => right("LONGEST", "longest wait", 7, 0, true),
            Self::Waiter => left("LONGEST WAITER", "longest waiter", 20, true, 3),
            Self::Age => right("AGE", "age", 7, 2, true),
            Self::Id => right("ID", "id", 6, 0, false),
        }
    }

    /// The columns that fit `width` cells, with their widths.
    pub fn fit(width: u16) -> Vec<(Self, u16)> {
        let fixed = |column: Self| {
            let ResourceColumnSpec { width, grows, priority, .. } = column.spec();
            Fixed { width, grows, priority }
        };
        fit_by(&Self::ALL, fixed, None, width)
    }
}

/// A row on the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceRow {
    /// Place in the whole list, from 0; what [`crate::Target::Row`] wants.
    pub index: usize,
    /// It is selected.
    pub selected: bool,
    /// 1 for the resources of an unfolded group.
    pub depth: u8,
    /// It stands for all resources of its type made at its place; `Some(true)`: they are shown below it.
    pub group: Option<bool>,
    /// A cell for each of the columns that were asked for.
    pub cells: Vec<Cell>,
}

/// What stands above and below the table.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourcesInfo {
    /// Rows in the whole list (groups count as one).
    pub rows: usize,
    /// The first row on the screen.
    pub offset: usize,
    /// The selected row, if it is in the list.
    pub selected: Option<usize>,
    /// Resources that match the filter.
    pub matching: usize,
    /// Resources there are, internal parts included only where they are shown.
    pub resources: usize,
    /// Internal parts that are not shown.
    pub hidden_parts: usize,
    /// Resources of unfolded places that are not in the list, for want of room.
    pub not_listed: usize,
    /// By which column.
    pub sort: ResourceColumn,
    /// Largest first.
    pub descending: bool,
    /// The order in words.
    pub sort_words: String,
    /// The filter that is in force; empty: none.
    pub filter: String,
    /// Why the list is empty, as a sentence; `None` when it is not.
    pub empty: Option<String>,
}

impl ResourcesInfo {
    /// `12/340`, or `340` without a filter.
    pub fn counts(&self) -> String {
        use crate::format::exact;
        if self.filter.is_empty() {
            exact(self.resources as u64)
        } else {
            format!("{}/{}", exact(self.matching as u64), exact(self.resources as u64))
        }
    }
}
