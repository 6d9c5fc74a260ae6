//! The tasks table: rows on the screen, cells, counts, sort, filter.

use crate::{
    columns::{Column, SPARK_WIDTH},
    id::{SiteId, TaskKey},
    lint::Severity,
    screen::Tone,
};

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Its text, never wider than it must be; the view cuts it to the column.
    pub text: String,
    /// What it means.
    pub tone: Tone,
    /// Heights 0 to 8, oldest first, relative to the row's own largest; 0 means "nothing happened".
    pub spark: Option<[u8; SPARK_WIDTH as usize]>,
}

/// What a row stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowKey {
    /// One task.
    Task(TaskKey),
    /// The tasks of a spawn site.
    Group(SiteId),
}

/// A row on the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it stands for.
    pub key: RowKey,
    /// Place in the whole list, from 0; what [`crate::Target::Row`] wants.
    pub index: usize,
    /// It is selected.
    pub selected: bool,
    /// 1 for the tasks of an unfolded group.
    pub depth: u8,
    /// For groups: its tasks are shown below it.
    pub unfolded: bool,
    /// The worst finding about it.
    pub severity: Option<Severity>,
    /// The task has ended: draw it greyed.
    pub done: bool,
    /// A cell for each of the columns that were asked for.
    pub cells: Vec<Cell>,
}

/// What stands above and below the table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableInfo {
    /// Rows in the whole list (groups count as one).
    pub rows: usize,
    /// The first row on the screen.
    pub offset: usize,
    /// The selected row, if it is in the list.
    pub selected: Option<usize>,
    /// Tasks that match the filter.
    pub matching: usize,
    /// Tasks there are.
    pub tasks: usize,
    /// The order.
    pub sort: Sort,
    /// The order in words: `suspicion, then busy/s`.
    pub sort_words: String,
    /// The filter that is in force; empty: none.
    pub filter: String,
    /// Why the list is empty, as a sentence; `None` when it is not.
    pub empty: Option<String>,
}

impl TableInfo {
    /// `12/340`, or `340` without a filter.
    pub fn counts(&self) -> String {
        use crate::format::exact;
        if self.filter.is_empty() {
            exact(self.tasks as u64)
        } else {
            format!("{}/{}", exact(self.matching as u64), exact(self.tasks as u64))
        }
    }
}

/// The order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By which column.
    pub column: Column,
    /// Largest first.
    pub descending: bool,
    /// By its change over the last seconds; only for columns that have one.
    pub by_change: bool,
}
