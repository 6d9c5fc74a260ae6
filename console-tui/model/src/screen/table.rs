//! A table: the rows on the screen, their cells, counts, order, filter.

use crate::{
    columns::ColumnId,
    format::{SPARK_WIDTH, UNKNOWN, exact},
    screen::Tone,
    severity::Severity,
    tables::TableId,
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
    /// After a name, as far as there is room: where it was made.
    pub place: Option<String>,
    /// How much of what fits the number is, in percent: a bar.
    pub percent: Option<u8>,
}

/// A row on the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Place in the whole list, from 0; what [`crate::Target::Row`] wants.
    pub index: usize,
    /// It is selected.
    pub selected: bool,
    /// 1 for the rows of an unfolded group.
    pub depth: u8,
    /// It stands for a group; `Some(true)`: its rows are shown below it.
    pub group: Option<bool>,
    /// The worst finding about it.
    pub severity: Option<Severity>,
    /// It is over: draw it greyed.
    pub done: bool,
    /// A cell for each of the columns that were asked for.
    pub cells: Vec<Cell>,
}

/// What stands above and below a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableInfo {
    /// Which one.
    pub id: TableId,
    /// What is known of all there is: right of the names of the screen's tables.
    pub head: Vec<Cell>,
    /// Rows in the whole list (groups count as one).
    pub rows: usize,
    /// The first row on the screen.
    pub offset: usize,
    /// The selected row, if it is in the list.
    pub selected: Option<usize>,
    /// Those that match the filter.
    pub matching: usize,
    /// Those there are; `None`: not counted yet.
    pub total: Option<usize>,
    /// What is not in the list, each as a count and words.
    pub left_out: Vec<(usize, &'static str)>,
    /// The order.
    pub sort: Sort,
    /// The order in words: `suspicion, then busy/s`.
    pub sort_words: String,
    /// The filter that is in force; empty: none.
    pub filter: String,
    /// Why the list is empty, as a sentence; `None` when it is not.
    pub empty: Option<String>,
    /// Something was found of some row: room is kept for [`Self::note`], so that rows don't move with the selection.
    pub has_notes: bool,
    /// The worst finding about the selected row, as a sentence.
    pub note: Option<(Severity, String)>,
}

impl TableInfo {
    /// `12/340`, or `340` without a filter.
    pub fn counts(&self) -> String {
        let all = self.total.map_or_else(|| UNKNOWN.to_owned(), |total| exact(total as u64));
        if self.filter.is_empty() { all } else { format!("{}/{all}", exact(self.matching as u64)) }
    }
}

/// The order of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By which column.
    pub column: ColumnId,
    /// Largest first.
    pub descending: bool,
    /// By its change over the last seconds.
    pub by_change: bool,
}

/// One of the tables of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableTab {
    /// Which one.
    pub id: TableId,
    /// How many rows' worth there is; `None`: not counted yet.
    pub total: Option<usize>,
    /// It is shown.
    pub open: bool,
}
