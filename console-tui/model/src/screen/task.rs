//! One task, whole.

use crate::{
    id::TaskKey,
    lints::LintKind,
    nav::Screen,
    screen::{
        io::IoUse,
        lock::HoldView,
        resource::OpView,
        runtime::{AwaitTreeView, StackView},
        table::Cell,
    },
    severity::{Confidence, Severity},
};

/// Everything known of one task.
#[expect(clippy::struct_excessive_bools, reason = "each stands for what is known or not")]
#[derive(Debug, Clone, PartialEq)]
pub struct TaskView {
    /// Which.
    pub key: TaskKey,
    /// `#88` or `s5`.
    pub id: String,
    /// Its name, or `–`.
    pub title: String,
    /// `idle for 41.2 s`
    pub state: Cell,
    /// It has ended, or is no longer known: what is shown is the last that was known.
    pub gone: bool,
    /// What it is: kind, place, size, fields, spawner.
    pub about: Vec<Fact>,
    /// Its life: age, polls, busy, scheduled, idle, longest.
    pub life: Vec<Fact>,
    /// Its wakes: count, self-wakes, wakers alive, clones, last wake and by whom.
    pub wakes: Vec<Fact>,
    /// The operations under way in it, the one polled last first; one that is a part of another stands below it.
    pub ops: Vec<OpView>,
    /// Further operations.
    pub more_ops: usize,
    /// The locks that it holds, the longest held first.
    pub holds: Vec<HoldView>,
    /// Further ones.
    pub more_holds: usize,
    /// The sockets, pipes and files that it waits on or was the last to wait on.
    pub io: Vec<IoUse>,
    /// Further ones.
    pub more_io: usize,
    /// It is idle: what it waits for is among [`Self::ops`], if it is known.
    pub waits: bool,
    /// Findings, each with what to do next.
    pub findings: Vec<TaskFinding>,
    /// Lengths of its polls; `None` until the server has sent them.
    pub poll_times: Option<Distribution>,
    /// Waits between wake and poll.
    pub schedule_delays: Option<Distribution>,
    /// The server sends sums only: who woke it, and its timeline, are unknown for good.
    pub sums_alone: bool,
    /// It is read from memory: nothing of its polls will ever come.
    pub looks_alone: bool,
    /// Who woke it how often, most first; `None` until the server has sent it.
    pub wakers: Option<Wakers>,
    /// Tasks it spawned that are still known, at most [`MAX_CHILDREN`].
    pub children: Vec<Link>,
    /// Further children.
    pub more_children: usize,
    /// The stack of its poll that is, or was last, stuck.
    pub stuck: Option<StackView>,
    /// Which of its futures await each other, from the surest source on; where it should have one and has none, why.
    pub await_trees: Vec<AwaitTreeView>,
    /// Its polls and wakes since it is watched.
    pub timeline: Option<Timeline>,
    /// Everything on this screen that can be opened, in the order of the screen; up and down choose one.
    pub links: Vec<Link>,
    /// The chosen one.
    pub selected_link: Option<usize>,
}

/// Children listed for a task.
pub const MAX_CHILDREN: usize = 64;

/// A label and a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// `longest poll`
    pub label: &'static str,
    /// `312 µs`
    pub value: Cell,
    /// Leads to a task or a resource: index into [`TaskView::links`].
    pub link: Option<usize>,
}

/// A name that can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// `transfer #88`
    pub text: String,
    /// Where it leads: a task or a resource.
    pub to: Screen,
}

/// A finding about one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFinding {
    /// The lint.
    pub lint: LintKind,
    /// How serious.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// What was seen: a sentence.
    pub message: String,
    /// What to do next: a sentence.
    pub advice: String,
}

/// A histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Values counted.
    pub count: u64,
    /// Largest value, exact.
    pub max_ns: u64,
    /// Percentile and value, ascending. Interpolated within a bucket; never above the largest value.
    pub percentiles: Vec<(u8, u64)>,
    /// How wrong a percentile can be: half the width of the widest bucket, relative to its middle. As percent.
    pub error_percent: u8,
    /// The buckets that have a count, ascending.
    pub buckets: Vec<Bucket>,
}

/// A bucket of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Least value.
    pub lower_ns: u64,
    /// Exclusive upper bound.
    pub upper_ns: u64,
    /// Values in it.
    pub count: u64,
}

/// Who woke a task how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wakers {
    /// Most first.
    pub counts: Vec<WakerLine>,
    /// Wakes by others than those listed.
    pub other: u64,
    /// Counted since so long ago.
    pub watched_ns: u64,
}

/// One waker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WakerLine {
    /// `accept #117`, `itself`, `thread tokio-runtime-worker (outside any task)`
    pub text: String,
    /// How often.
    pub count: u64,
    /// Index into [`TaskView::links`].
    pub link: Option<usize>,
}

/// The polls and wakes of a watched task.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// Start of what is known, as time before the moment shown.
    pub from_ago_ns: u64,
    /// Oldest first.
    pub events: Vec<TimelineEvent>,
    /// Where events may be missing, from and to, as times before the moment shown; oldest first.
    pub gaps: Vec<(u64, u64)>,
    /// Events lost since the task is watched.
    pub lost: u64,
}

/// One event of a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimelineEvent {
    /// A poll.
    Poll {
        /// Start, as time before the moment shown.
        start_ago_ns: u64,
        /// End; `None`: still running. As its start: not known.
        end_ago_ns: Option<u64>,
    },
    /// A wake.
    Wake {
        /// Time before the moment shown.
        ago_ns: u64,
        /// By the task itself.
        by_itself: bool,
    },
}
