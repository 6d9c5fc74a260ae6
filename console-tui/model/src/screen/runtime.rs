//! The runtimes: workers, queues, who waits for a worker and who holds it, and the last minutes as maps. And one worker.

use crate::{
    columns::ColumnId,
    screen::{
        table::{Cell, Row},
        task::{Fact, Link, TaskFinding},
    },
};

/// Columns of a heat map at most: seconds.
pub const MAX_HEAT_COLUMNS: usize = crate::store::scheduler::heat::COLUMNS;

/// The screen of the runtimes.
#[derive(Debug, Clone, PartialEq)]
pub struct RuntimesView {
    /// Why there is nothing to show, as a sentence; `None`: there is something.
    pub empty: Option<String>,
    /// The columns of the workers that are shown.
    pub columns: Vec<ColumnId>,
    /// In the order of their start; threads that poll tasks outside of any known runtime last.
    pub runtimes: Vec<RuntimeBlock>,
    /// Tasks that wait for a worker now, the longest first; of each place the one that waits longest.
    pub starving: Vec<StarvingLine>,
    /// How many more wait.
    pub more_starving: u64,
    /// There are several: to which one a task belongs is unknown, and the polls of all are looked at.
    pub several: bool,
    /// The worst waits of the last minutes that are over.
    pub starved: Vec<StarvingLine>,
    /// What runs on the blocking pool, the longest first.
    pub closures: Vec<ClosureLine>,
    /// Places that are left out.
    pub more_closures: usize,
    /// Waits between wake and poll.
    pub delays: HeatView,
    /// Polls.
    pub polls: HeatView,
    /// What can be opened, in the order of the screen.
    pub links: Vec<Link>,
    /// The chosen one.
    pub selected_link: Option<usize>,
}

impl RuntimesView {
    /// The cell of a worker in a column; `None`: it is not shown.
    pub fn cell<'a>(&self, worker: &'a WorkerRow, column: &str) -> Option<&'a Cell> {
        worker.row.cells.get(self.columns.iter().position(|shown| *shown == column)?)
    }
}

/// A runtime with its workers.
#[derive(Debug, Clone, PartialEq)]
pub struct RuntimeBlock {
    /// `runtime main`
    pub title: String,
    /// `multi_thread`, `4 workers`; what is unknown is left out.
    pub kind: String,
    /// Labels and values, the most wanted first.
    pub facts: Vec<(&'static str, Cell)>,
    /// In the order of their table, those that match its filter.
    pub workers: Vec<WorkerRow>,
}

/// A worker as a row.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerRow {
    /// The row, with a cell for each of [`RuntimesView::columns`].
    pub row: Row,
    /// Leads to the worker.
    pub link: Option<usize>,
    /// Leads to the task that it polls.
    pub task_link: Option<usize>,
}

/// The column that leads to the worker.
pub const WORKER_COLUMN: ColumnId = "worker";
/// The column that leads to the task that it polls.
pub const TASK_COLUMN: ColumnId = "task";

/// A wait for a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct StarvingLine {
    /// The task.
    pub task: Cell,
    /// Leads to it.
    pub link: Option<usize>,
    /// Where it was spawned.
    pub place: Cell,
    /// How long it waits, or waited.
    pub length: Cell,
    /// When that ended; nothing for one that goes on.
    pub ago: Cell,
    /// Who held the workers meanwhile, the longest first.
    pub blame: Vec<BlameLine>,
}

/// Who held a worker while a task waited.
#[derive(Debug, Clone, PartialEq)]
pub struct BlameLine {
    /// Leads to the task.
    pub link: Option<usize>,
    /// `render-pdf #102 held worker 0`
    pub text: String,
    /// Of the wait.
    pub share: Cell,
    /// Where it was spawned.
    pub place: Cell,
}

/// The closures of one place on the blocking pool.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosureLine {
    /// Where they were spawned.
    pub place: Cell,
    /// Leads to the one that has run, or waited, longest.
    pub link: Option<usize>,
    /// How many run.
    pub running: Cell,
    /// How long the oldest of them has.
    pub oldest: Cell,
    /// How many are in line.
    pub queued: Cell,
    /// How long the first of them has waited.
    pub first: Cell,
}

/// A heat map: seconds from left to right, lengths from bottom to top.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct HeatView {
    /// Oldest first; counts by row, the shortest first. Rows are decades: below 1 µs, 1 to 10 µs, …, from 10 s on.
    pub columns: Vec<Vec<u32>>,
    /// Age of the oldest column.
    pub reaches_ns: u64,
}

/// The screen of a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerView {
    /// `polling for 3.20 s`
    pub state: Cell,
    /// What the lints say of it.
    pub findings: Vec<TaskFinding>,
    /// The poll that is, or was last, stuck on its thread.
    pub stuck: Option<StackView>,
    /// What it is.
    pub about: Vec<Fact>,
    /// What it did, of the last seconds.
    pub rates: Vec<Fact>,
    /// Its thread, as the operating system knows it.
    pub thread: Vec<Fact>,
    /// Long polls on its thread, the newest first.
    pub long_polls: Vec<LongPollLine>,
    /// How many more there were in the last minutes.
    pub more_long_polls: usize,
    /// Long polls of all threads that the process lost to a full ring: they are in no list.
    pub lost_long_polls: u64,
    /// What can be opened.
    pub links: Vec<Link>,
    /// The chosen one.
    pub selected_link: Option<usize>,
}

/// A poll over a millisecond.
#[derive(Debug, Clone, PartialEq)]
pub struct LongPollLine {
    /// What was polled.
    pub task: Cell,
    /// Leads to it.
    pub link: Option<usize>,
    /// How long it took.
    pub length: Cell,
    /// When it ended.
    pub ago: Cell,
    /// Where the task was spawned.
    pub place: Cell,
}

/// The stack of a poll that is, or was, stuck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackView {
    /// `taken 1.20 s ago, 2.20 s into the poll`
    pub when: String,
    /// It goes on.
    pub goes_on: bool,
    /// What the kernel said of the thread then.
    pub kernel: Option<String>,
    /// Innermost first; runs of frames that are not the program's own are one line.
    pub lines: Vec<StackLine>,
    /// Why there is none, or not all.
    pub problem: Option<String>,
}

/// A line of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackLine {
    /// A function, or `… 12 frames of tokio and std`
    pub text: String,
    /// `file:line`
    pub place: String,
    /// The program's own.
    pub own: bool,
}

/// Where an await tree is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeSource {
    /// The program's memory: it has every future.
    Memory,
    /// Futures that are traced, and tokio's task dump.
    Traced,
    /// There is none.
    Nothing,
}

/// The await tree of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitTreeView {
    /// Where it is from.
    pub source: TreeSource,
    /// How long ago it was taken.
    pub taken_ago_ns: u64,
    /// Depth first.
    pub lines: Vec<AwaitLine>,
    /// Why there is none, or not all.
    pub problem: Option<String>,
}

/// A future in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitLine {
    /// 0 is the outermost.
    pub depth: u16,
    /// A function's name, or the text that was given.
    pub text: String,
    /// `file:line`
    pub place: String,
    /// Since when it is awaited; empty: unknown.
    pub age: String,
    /// Variables, guards, what it waits for; empty: nothing known.
    pub detail: String,
    /// The frame above does not poll it now.
    pub not_polled: bool,
}
