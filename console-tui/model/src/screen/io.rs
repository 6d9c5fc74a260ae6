//! The tables of I/O: sockets, timers, signals and children; their columns, the rows on the screen, counts, sort, filter.

use crate::{
    columns::{Align, Fixed, SPARK_WIDTH, fit_by},
    lint::Severity,
    screen::{
        table::Cell,
        task::{Door, Fact, TaskFinding},
    },
};

/// Which of the tables.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IoListed {
    /// Sockets, pipes, files, and the process's other descriptors.
    #[default]
    Sockets,
    /// Timers.
    Timers,
    /// Signals that somebody listens for, and child processes.
    Process,
}

impl IoListed {
    /// In the order in which one leads to the next.
    pub const ALL: [Self; 3] = [Self::Sockets, Self::Timers, Self::Process];

    /// In words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sockets => "sockets & files",
            Self::Timers => "timers",
            Self::Process => "signals & children",
        }
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Sockets => Self::Timers,
            Self::Timers => Self::Process,
            Self::Process => Self::Sockets,
        }
    }
}

/// A column of the tables of I/O.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IoColumn {
    /// The mark of the worst finding about it; sorts by suspicion.
    Warn,
    /// Its number in the process.
    Fd,
    /// `tcp`, `listener`, `Sleep`, `signal`
    Kind,
    /// `10.0.0.4:8080 ← 10.0.0.9:51522`
    Address,
    /// `established`
    State,
    /// Bytes a second that come in.
    InRate,
    /// Bytes a second that go out.
    OutRate,
    /// Bytes over the last seconds.
    Trend,
    /// Bytes received that nobody has read.
    RecvQueue,
    /// Bytes written that the peer has not acknowledged.
    SendQueue,
    /// Time there and back.
    Rtt,
    /// Segments that were sent again, in all.
    Retransmits,
    /// Who waits, and in what: `conn #1187 read`.
    Waiter,
    /// For how long.
    WaitedFor,
    /// Where it was made.
    Place,
    /// How long a timer was set to.
    Length,
    /// When it is due.
    Due,
    /// Time since it was made.
    Age,
    /// `SIGTERM`, `ffmpeg (pid 4242)`
    Name,
    /// How a child ended, or that it runs.
    Ended,
    /// Signals received.
    Received,
    /// When something last came.
    Last,
}

/// A column's fixed properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IoColumnSpec {
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

/// From this width on there is room for whole addresses of both ends.
const ROOMY: u16 = 100;

/// How early the time waited goes from a narrow table of sockets: after the rates, before the descriptor.
const WAITED_FOR_PRIORITY: u8 = 5;

/// Cells of two addresses of IPv4 with their ports, and the arrow between them, as they mostly are.
const WHOLE_ADDRESSES: u16 = 35;

impl IoColumn {
    /// The columns of a table, from left to right.
    pub fn all(listed: IoListed) -> &'static [Self] {
        match listed {
            IoListed::Sockets => &[
                Self::Warn,
                Self::Fd,
                Self::Kind,
                Self::Address,
                Self::State,
                Self::InRate,
                Self::OutRate,
                Self::Trend,
                Self::RecvQueue,
                Self::SendQueue,
                Self::Rtt,
                Self::Retransmits,
                Self::Waiter,
                Self::WaitedFor,
            ],
            IoListed::Timers => &[
                Self::Warn,
                Self::Kind,
                Self::Place,
                Self::Length,
                Self::Due,
                Self::Waiter,
                Self::WaitedFor,
                Self::Age,
            ],
            IoListed::Process => &[
                Self::Warn,
                Self::Kind,
                Self::Name,
                Self::Ended,
                Self::Received,
                Self::Last,
                Self::Waiter,
                Self::WaitedFor,
                Self::Place,
            ],
        }
    }

    /// Its fixed properties.
    pub fn spec(self) -> IoColumnSpec {
        let left = |title, words, width, grows, priority| IoColumnSpec {
            title,
            words,
            width,
            grows,
            align: Align::Left,
            priority,
            descending: false,
        };
        let right = |title, words, width, priority| IoColumnSpec {
            align: Align::Right,
            descending: true,
            ..left(title, words, width, false, priority)
        };
        match self {
            Self::Warn => {
                IoColumnSpec { descending: true, ..left("", "suspicion, then bytes/s", 1, false, 0) }
            }
            Self::Fd => IoColumnSpec { descending: false, ..right("FD", "descriptor", 4, 4) },
            Self::Kind => left("KIND", "kind", 8, false, 0),
            Self::Address => left("LOCAL  PEER", "address", 26, true, 0),
            Self::State => left("STATE", "state", 11, false, 3),
            Self::InRate => right("IN/s", "bytes in a second", 5, 6),
            Self::OutRate => right("OUT/s", "bytes out a second", 5, 7),
            Self::Trend => {
                IoColumnSpec { descending: true, ..left("", "bytes a second", SPARK_WIDTH, false, 10) }
            }
            Self::RecvQueue => right("RECVQ", "bytes not read", 5, 2),
            Self::SendQueue => right("SENDQ", "bytes not acknowledged", 5, 1),
            Self::Rtt => right("RTT", "time there and back", 7, 8),
            Self::Retransmits => right("RETR", "retransmits", 5, 9),
            Self::Waiter => left("WAITING TASK", "waiting task", 14, true, 0),
            Self::WaitedFor => right("FOR", "time waited", 7, 0),
            Self::Place => left("MADE AT", "place", 22, true, 6),
            Self::Length => right("SET TO", "length", 8, 1),
            Self::Due => IoColumnSpec { descending: false, ..right("DUE IN", "time left", 12, 0) },
            Self::Age => right("AGE", "age", 7, 3),
            Self::Name => left("NAME", "name", 24, true, 0),
            Self::Ended => left("STATE", "state", 16, true, 0),
            Self::Received => right("RECEIVED", "signals received", 8, 1),
            Self::Last => IoColumnSpec { descending: false, ..right("LAST", "time of the last", 11, 2) },
        }
    }

    /// The columns that fit `width` cells, with their widths; the one that sorts goes last.
    pub fn fit(listed: IoListed, sort: Self, width: u16) -> Vec<(Self, u16)> {
        let room = width;
        let fixed = |column: Self| {
            let IoColumnSpec { width, grows, priority, .. } = column.spec();
            let width = match column {
                // Whole addresses are worth more than a trend, where there is room at all.
                Self::Address if room >= ROOMY => WHOLE_ADDRESSES,
                _ => width,
            };
            let priority = match column {
                Self::WaitedFor if listed == IoListed::Sockets => WAITED_FOR_PRIORITY,
                _ => priority,
            };
            Fixed { width, grows, priority }
        };
        fit_by(Self::all(listed), fixed, Some(sort), width)
    }
}

/// A row on the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct IoRow {
    /// Place in the whole list, from 0; what [`crate::Target::Row`] wants.
    pub index: usize,
    /// It is selected.
    pub selected: bool,
    /// 1 for those of an unfolded group.
    pub depth: u8,
    /// It stands for several; `Some(true)`: they are shown below it.
    pub group: Option<bool>,
    /// The worst finding about it.
    pub severity: Option<Severity>,
    /// A cell for each of the columns that were asked for.
    pub cells: Vec<Cell>,
}

/// What stands above and below the table.
#[derive(Debug, Clone, PartialEq)]
pub struct IoInfo {
    /// Which table it is.
    pub listed: IoListed,
    /// How many there are in each, in the order of [`IoListed::ALL`]; `None`: nobody has looked yet.
    pub totals: Option<[usize; 3]>,
    /// Descriptors open and allowed, how old that is, what it cost: sentences for people. Empty: nothing is told yet.
    pub head: Vec<Cell>,
    /// Rows in the whole list (groups count as one).
    pub rows: usize,
    /// The first row on the screen.
    pub offset: usize,
    /// The selected row, if it is in the list.
    pub selected: Option<usize>,
    /// Those that match the filter.
    pub matching: usize,
    /// Rows of unfolded groups that are not in the list, for want of room.
    pub not_listed: usize,
    /// By which column.
    pub sort: IoColumn,
    /// Largest first.
    pub descending: bool,
    /// The order in words.
    pub sort_words: String,
    /// The filter that is in force; empty: none.
    pub filter: String,
    /// Why the list is empty, as a sentence; `None` when it is not.
    pub empty: Option<String>,
}

impl IoInfo {
    /// `12/340`, or `340` without a filter.
    pub fn counts(&self) -> String {
        use crate::format::{UNKNOWN, exact};
        let Some(totals) = self.totals else { return UNKNOWN.to_owned() };
        let all = exact(totals[self.listed as usize] as u64);
        if self.filter.is_empty() { all } else { format!("{}/{all}", exact(self.matching as u64)) }
    }
}

/// Something of I/O, whole: what it is, what went through it, what the kernel says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct IoView {
    /// Descriptor, kind, addresses, state, readiness.
    pub what: Vec<Fact>,
    /// Bytes, operations, waits, errors; empty: nothing is told.
    pub traffic: Vec<Fact>,
    /// Queues, and what TCP tells; empty: nothing is told.
    pub kernel: Vec<Fact>,
}

/// A descriptor that no wrapper is around.
#[derive(Debug, Clone, PartialEq)]
pub struct DescriptorView {
    /// `established, writable`
    pub state: Cell,
    /// Findings about it, each with what to do next.
    pub findings: Vec<TaskFinding>,
    /// All that is known of it.
    pub io: IoView,
    /// Everything on this screen that can be opened.
    pub doors: Vec<Door>,
    /// The chosen one.
    pub selected_door: Option<usize>,
}

/// A stream that a task waits on, or was the last to wait on.
#[derive(Debug, Clone, PartialEq)]
pub struct IoUse {
    /// `TcpStream 10.0.0.4:8080 ← 10.0.0.9:51522`
    pub name: Cell,
    /// Leads there.
    pub door: Option<usize>,
    /// How long the task has waited; empty: it does not.
    pub age: Cell,
    /// `read`, or when something last went through.
    pub how: String,
    /// `in 1.2M/s  out 14K/s  2.1M to be sent`
    pub flow: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(width: u16) -> Vec<IoColumn> {
        IoColumn::fit(IoListed::Sockets, IoColumn::Warn, width)
            .into_iter()
            .map(|(column, _)| column)
            .collect()
    }

    /// Cells that the screen's edges take.
    const EDGES: u16 = 4;

    #[test]
    fn a_narrow_table_keeps_what_tells_a_stuck_socket() {
        use IoColumn::*;
        let kept = [Warn, Kind, Address, State, RecvQueue, SendQueue, Waiter];
        assert_eq!(shown(80 - EDGES), kept);
        // The next ones to come back, as there is room.
        let after =
            |width: u16| shown(width).into_iter().filter(|column| !kept.contains(column)).collect::<Vec<_>>();
        assert_eq!(after(81), [Fd]);
        assert_eq!(after(89), [Fd, WaitedFor]);
        assert_eq!(after(120 - EDGES), [Fd, InRate, OutRate, WaitedFor]);
        assert_eq!(shown(200 - EDGES), IoColumn::all(IoListed::Sockets));
    }
}
