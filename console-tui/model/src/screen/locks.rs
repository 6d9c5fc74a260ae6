//! The tables of locks and of channels: their columns, the rows on the screen, counts, sort, filter.

use crate::{
    columns::{Align, Fixed, SPARK_WIDTH, fit_by},
    lint::Severity,
    screen::table::Cell,
};

/// Which of the two tables.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listed {
    /// What is held.
    #[default]
    Locks,
    /// What is sent through.
    Channels,
}

/// A column of the table of locks, or of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockColumn {
    /// The mark of the worst finding about it; sorts by suspicion.
    Warn,
    /// `Mutex`
    Kind,
    /// What the program calls it, and where it was made.
    Name,
    /// `transfer #88`, `2 readers`
    Holder,
    /// Since when the longest of its holders has it.
    HeldFor,
    /// Tasks that wait for it now.
    Waiters,
    /// How long the longest of them waits.
    Longest,
    /// Share of the acquisitions that had to wait.
    Contended,
    /// Acquisitions a second.
    AcquireRate,
    /// Acquisitions, or values sent, over the last seconds.
    Trend,
    /// 99th percentile of the waits.
    WaitP99,
    /// 99th percentile of the holds.
    HoldP99,
    /// Senders alive.
    Senders,
    /// Receivers alive.
    Receivers,
    /// Values in it, of so many that fit.
    Depth,
    /// Values sent a second.
    SendRate,
    /// Values received a second.
    ReceiveRate,
    /// Values that slow receivers missed.
    Lagged,
    /// Time that senders waited for room.
    OnFull,
    /// Time that receivers waited for a value.
    OnEmpty,
    /// Who waits now: `2 to send`.
    Waiting,
}

/// A column's fixed properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockColumnSpec {
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

impl LockColumn {
    /// The columns of a table, from left to right.
    pub fn all(listed: Listed) -> &'static [Self] {
        match listed {
            Listed::Locks => &[
                Self::Warn,
                Self::Kind,
                Self::Name,
                Self::Holder,
                Self::HeldFor,
                Self::Waiters,
                Self::Longest,
                Self::Contended,
                Self::AcquireRate,
                Self::Trend,
                Self::WaitP99,
                Self::HoldP99,
            ],
            Listed::Channels => &[
                Self::Warn,
                Self::Kind,
                Self::Name,
                Self::Senders,
                Self::Receivers,
                Self::Depth,
                Self::Waiting,
                Self::Longest,
                Self::SendRate,
                Self::Trend,
                Self::ReceiveRate,
                Self::Lagged,
                Self::OnFull,
                Self::OnEmpty,
            ],
        }
    }

    /// Its fixed properties.
    pub fn spec(self) -> LockColumnSpec {
        let left = |title, words, width, grows, priority| LockColumnSpec {
            title,
            words,
            width,
            grows,
            align: Align::Left,
            priority,
            descending: false,
        };
        let right = |title, words, width, priority| LockColumnSpec {
            align: Align::Right,
            descending: true,
            ..left(title, words, width, false, priority)
        };
        match self {
            Self::Warn => LockColumnSpec { descending: true, ..left("", "suspicion", 1, false, 0) },
            Self::Kind => left("KIND", "kind", 9, false, 0),
            Self::Name => left("NAME  MADE AT", "name", 23, true, 0),
            Self::Holder => left("HOLDER", "holder", 17, true, 0),
            Self::HeldFor => right("HELD FOR", "time held", 8, 1),
            Self::Waiters => right("WAITERS", "waiters", 8, 0),
            Self::Longest => right("LONGEST", "longest wait", 8, 0),
            Self::Contended => right("CONTENDED", "contention", 9, 2),
            Self::AcquireRate => right("ACQ/s", "acquisitions a second", 6, 3),
            Self::Trend => LockColumnSpec {
                descending: true,
                ..left("", "acquisitions or values a second", SPARK_WIDTH, false, 9)
            },
            Self::WaitP99 => right("WAIT p99", "99th percentile of the waits", 8, 4),
            Self::HoldP99 => right("HOLD p99", "99th percentile of the holds", 8, 5),
            Self::Senders => right("SENDERS", "senders", 8, 5),
            Self::Receivers => right("RECEIVERS", "receivers", 10, 6),
            Self::Depth => right("DEPTH", "depth", 18, 0),
            Self::SendRate => right("SENT/s", "values sent a second", 7, 1),
            Self::ReceiveRate => right("RECV/s", "values received a second", 7, 2),
            Self::Lagged => right("LAGGED", "values missed", 7, 7),
            Self::OnFull => right("ON FULL", "time blocked on full", 8, 3),
            Self::OnEmpty => right("ON EMPTY", "time blocked on empty", 9, 4),
            Self::Waiting => left("WAITING", "waiters", 11, false, 0),
        }
    }

    /// The columns that fit `width` cells, with their widths; the one that sorts goes last.
    pub fn fit(listed: Listed, sort: Self, width: u16) -> Vec<(Self, u16)> {
        let fixed = |column: Self| {
            let LockColumnSpec { width, grows, priority, .. } = column.spec();
            Fixed { width, grows, priority }
        };
        fit_by(Self::all(listed), fixed, Some(sort), width)
    }
}

/// A cell of the two tables.
#[derive(Debug, Clone, PartialEq)]
pub enum LockCell {
    /// Most of them.
    Plain(Cell),
    /// What it is called, if it is, and where it was made.
    Name {
        /// `ledger`
        name: Option<String>,
        /// `src/state.rs:12`
        place: Cell,
    },
    /// A number, and how much of what fits that is, in percent.
    Filled {
        /// `512/1.0k`
        text: Cell,
        /// `None`: nothing limits it, or unknown.
        percent: Option<u8>,
    },
}

/// A row on the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct LockRow {
    /// Place in the whole list, from 0; what [`crate::Target::Row`] wants.
    pub index: usize,
    /// It is selected.
    pub selected: bool,
    /// 1 for those of an unfolded group.
    pub depth: u8,
    /// It stands for all of its type made at its place; `Some(true)`: they are shown below it.
    pub group: Option<bool>,
    /// The worst finding about it.
    pub severity: Option<Severity>,
    /// A cell for each of the columns that were asked for.
    pub cells: Vec<LockCell>,
}

/// What stands above and below the table.
#[derive(Debug, Clone, PartialEq)]
pub struct LocksInfo {
    /// Which table it is.
    pub listed: Listed,
    /// Locks there are, and channels.
    pub totals: (usize, usize),
    /// Rows in the whole list (groups count as one).
    pub rows: usize,
    /// The first row on the screen.
    pub offset: usize,
    /// The selected row, if it is in the list.
    pub selected: Option<usize>,
    /// Those that match the filter.
    pub matching: usize,
    /// Rows of unfolded places that are not in the list, for want of room.
    pub not_listed: usize,
    /// By which column.
    pub sort: LockColumn,
    /// Largest first.
    pub descending: bool,
    /// The order in words.
    pub sort_words: String,
    /// The filter that is in force; empty: none.
    pub filter: String,
    /// Why the list is empty, as a sentence; `None` when it is not.
    pub empty: Option<String>,
}

impl LocksInfo {
    /// `12/340`, or `340` without a filter.
    pub fn counts(&self) -> String {
        use crate::format::exact;
        let all = match self.listed {
            Listed::Locks => self.totals.0,
            Listed::Channels => self.totals.1,
        };
        if self.filter.is_empty() {
            exact(all as u64)
        } else {
            format!("{}/{}", exact(self.matching as u64), exact(all as u64))
        }
    }
}
