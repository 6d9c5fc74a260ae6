//! The stable, versioned JSON of `taskscope --once --json`. `docs/JSON.md` describes it for its readers.
//!
//! Invariants: within a `schema_version` fields are only added; what is not known is `null`, never 0; a task is
//! named by the id that the screen shows.

mod io;
mod locks;
mod overview;
mod scheduler;

use serde::{Deserialize, Serialize};

pub use io::{Child, Descriptors, Io, IoWait, Signal};
pub use locks::{Chain, ChainLine, Channel, Holder, Lock, Waiter};
pub use overview::{Changed, LongWait, Overview, TrendPoint, Verdict};
pub use scheduler::{Blame, Closures, PollTime, Runtime, StackFrame, Starving, StuckPoll, Worker, WorstPoll};

use crate::{
    lints::LintKind,
    severity::{Confidence, Severity},
};

/// The version of everything in this module.
pub const SCHEMA_VERSION: u32 = 1;

/// A lint that can't be judged by what this process reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotJudged {
    /// Which.
    pub lint: LintKind,
    /// It sees some of what it should look at.
    pub partly: bool,
    /// Why: a sentence without its full stop.
    pub why: String,
}

/// The whole report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Who it is about; `null` when no process answered.
    pub process: Option<Process>,
    /// How it is, in a sentence, and the last minutes; `null`: written by an older version.
    #[serde(default)]
    pub overview: Option<Overview>,
    /// The process as a whole.
    pub totals: Totals,
    /// Every task known, in the order of their slots.
    pub tasks: Vec<Task>,
    /// Every spawn site known.
    pub sites: Vec<Site>,
    /// Every finding, the most serious first.
    pub lints: Vec<Lint>,
    /// Lints whose silence means nothing here, or not much.
    #[serde(default)]
    pub not_judged: Vec<NotJudged>,
    /// Every lock, channel and timer of tokio that is known, in the order of their slots.
    #[serde(default)]
    pub resources: Vec<Resource>,
    /// Every operation on them that is known, in the order of their slots.
    #[serde(default)]
    pub ops: Vec<Op>,
    /// Of the resources, those that are locks: who holds them, who waits, what it cost.
    #[serde(default)]
    pub locks: Vec<Lock>,
    /// Of the resources, those that are channels.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// What those tasks wait for that wait longest for a lock or a channel, down to the root; at most 100.
    #[serde(default)]
    pub chains: Vec<Chain>,
    /// The runtimes of the process.
    #[serde(default)]
    pub runtimes: Vec<Runtime>,
    /// Their workers.
    #[serde(default)]
    pub workers: Vec<Worker>,
    /// Polls that are, or lately were, stuck; the newest first.
    #[serde(default)]
    pub stuck_polls: Vec<StuckPoll>,
    /// Places whose tasks wait for a worker, the longest wait first; then the worst waits of the last two minutes; at most 16 of each.
    #[serde(default)]
    pub starving: Vec<Starving>,
    /// What the blocking pool runs, by place; at most 16.
    #[serde(default)]
    pub closures: Vec<Closures>,
    /// Every socket, pipe and file: wrappers with their descriptors, and the other descriptors of the process.
    #[serde(default)]
    pub io: Vec<Io>,
    /// The signals that the program listens for with taskscope::signal.
    #[serde(default)]
    pub signals: Vec<Signal>,
    /// The children that were started with taskscope::process.
    #[serde(default)]
    pub children: Vec<Child>,
    /// The descriptors as a whole; `null`: they were not read.
    #[serde(default)]
    pub descriptors: Option<Descriptors>,
}

/// A lock, a channel, a timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// As on the screen: `r` and the slot.
    pub id: String,
    /// Where the recorder keeps it.
    pub slot: u32,
    /// How often that slot was used before.
    pub generation: u32,
    /// `Mutex`, `Semaphore`, `Sleep`.
    #[serde(rename = "type")]
    pub concrete_type: Option<String>,
    /// What it is for: `Sync`, `timer`.
    pub kind: Option<String>,
    /// Where it was made: `file:line:column`.
    pub place: Option<String>,
    /// The id of the resource that it is a part of.
    pub parent: Option<String>,
    /// A part of another one that the program never sees.
    pub internal: bool,
    /// Time since it was made.
    pub age_ns: u64,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// Tasks that wait on it or on a part of it.
    pub waiters: u64,
    /// How long the longest of them waits; `null`: none does.
    pub longest_wait_ns: Option<u64>,
    /// What the program calls it.
    #[serde(default)]
    pub name: Option<String>,
}

/// An attribute of a resource or an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// `locked`, `permits`, `duration`.
    pub name: Option<String>,
    /// Its value.
    pub value: Option<AttributeValue>,
    /// `ms`
    pub unit: Option<String>,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AttributeValue {
    /// Yes or no.
    Bool(bool),
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
}

/// An operation on a resource: a `lock().await`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Op {
    /// Where the recorder keeps it.
    pub slot: u32,
    /// How often that slot was used before.
    pub generation: u32,
    /// The method that made it: `Mutex::lock`.
    pub source: Option<String>,
    /// The id of the resource that it is on.
    pub resource: Option<String>,
    /// The slot of the operation that it is a part of.
    pub parent: Option<u32>,
    /// The id of the task that polled it last.
    pub task: Option<String>,
    /// `idle` (it was polled and is not ready), `running`.
    pub state: Option<String>,
    /// Time in that state.
    pub state_ns: u64,
    /// Time since it was begun.
    pub age_ns: u64,
    /// Polls started.
    pub polls: u64,
    /// Time in polls, the running one included.
    pub busy_ns: u64,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// Where it was begun: `file:line:column`.
    #[serde(default)]
    pub place: Option<String>,
    /// What it waits for is its own for so long, and it was not polled to take it; `null`: it is not, or unknown.
    #[serde(default)]
    pub granted_ns: Option<u64>,
    /// The thread that it blocks, in words; `null`: none.
    #[serde(default)]
    pub thread: Option<String>,
}

/// The process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its name.
    pub name: String,
    /// Its process id.
    pub pid: Option<u32>,
    /// A random number made when its recorder started, as 16 hexadecimal digits: another one is another process.
    pub instance: String,
    /// When the recorder started, Unix time.
    pub started_unix_ns: Option<u64>,
    /// Time from then to the moment of the report.
    pub uptime_ns: u64,
    /// Operating system.
    pub os: Option<String>,
    /// Version of taskscope in it.
    pub taskscope_version: Option<String>,
    /// Version of tokio in it.
    pub tokio_version: Option<String>,
    /// What feeds the recorder: `tracing`, `hooks`, `wrappers`, `resources`.
    pub sources: Vec<String>,
    /// Sentences about what blinds the recorder.
    pub problems: Vec<String>,
}

/// Sums over the process, live tasks and finished ones together.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Tasks alive.
    pub alive: u64,
    /// Tasks ever spawned.
    pub spawned: u64,
    /// Tasks that ended.
    pub finished: u64,
    /// Of the live ones, in a poll.
    pub running: u64,
    /// Of the live ones, woken and waiting.
    pub scheduled: u64,
    /// Of the live ones, waiting to be woken.
    pub idle: u64,
    /// Polls started; `null`, as are the other sums over polls and wakes: the process is read from memory, which does not show them.
    pub polls: Option<u64>,
    /// Wakes, self-wakes and late ones included.
    pub wakes: Option<u64>,
    /// Wakes of tasks by themselves.
    pub self_wakes: Option<u64>,
    /// Wakes of tasks that had ended already; in `wakes`, in no task's count.
    pub late_wakes: u64,
    /// Time in polls, the running ones included.
    pub busy_ns: Option<u64>,
    /// Time between wake and poll, present waits included.
    pub scheduled_ns: Option<u64>,
    /// Tasks beyond the recorder's limit: in `spawned` and `alive`; their polls and wakes are in no count.
    pub untracked: u64,
    /// Of those, alive: `alive` is `running`, `scheduled`, `idle` and these.
    #[serde(default)]
    pub untracked_alive: u64,
    /// Tasks that ended and left between two rounds: what they did last is in the sums of their site alone.
    #[serde(default)]
    pub ended_unseen: u64,
    /// Resources and operations beyond the recorder's limit: not in `resources` and `ops`.
    #[serde(default)]
    pub untracked_resources: u64,
    /// Timeline events lost.
    pub lost_events: u64,
    /// CPU time that the tool takes, as a share of one processor: 1 is all of it.
    pub own_cost: Option<f64>,
    /// Memory that the recorder holds.
    pub own_memory_bytes: Option<u64>,
    /// What the client itself could not keep or understand (0: the report is whole).
    pub client_losses: u64,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// As on the screen: tokio's id in decimal, or `s` and the slot where that is unknown. Unique among live tasks of one
    /// runtime; `slot` and `generation` are unique for the process's life.
    pub id: String,
    /// tokio's `task::Id`.
    pub tokio_id: Option<u64>,
    /// Where the recorder keeps it.
    pub slot: u32,
    /// How often that slot was used before.
    pub generation: u32,
    /// Its name.
    pub name: Option<String>,
    /// `task`, `local`, `blocking`, `block_on`, `future`.
    pub kind: Option<String>,
    /// `running`, `scheduled`, `idle`, `done`; null: unknown, it counts as idle.
    pub state: Option<String>,
    /// Time in that state; `null`: it ended and left between two rounds, so neither its end nor what it did last is known. The same holds
    /// for all that is `null` below.
    pub state_ns: Option<u64>,
    /// Where it was spawned: `file:line:column`.
    pub place: Option<String>,
    /// Further fields of its span: `key=value key=value`.
    pub fields: Option<String>,
    /// The id of the task that spawned it, while that is known.
    pub parent: Option<String>,
    /// Time since it was spawned.
    pub age_ns: Option<u64>,
    /// Polls started; null too: it began before taskscope.
    pub polls: Option<u64>,
    /// Time in polls, the running one included.
    pub busy_ns: Option<u64>,
    /// Time between wake and poll, the present wait included.
    pub scheduled_ns: Option<u64>,
    /// The rest of its life.
    pub idle_ns: Option<u64>,
    /// Wakes, self-wakes included.
    pub wakes: Option<u64>,
    /// Wakes by itself.
    pub self_wakes: Option<u64>,
    /// Wakers alive.
    pub wakers: Option<u32>,
    /// Wakers cloned.
    pub waker_clones: Option<u64>,
    /// Wakers dropped.
    pub waker_drops: Option<u64>,
    /// Time since the last wake; `null`: never woken, or unknown.
    pub last_wake_ns: Option<u64>,
    /// Who woke it last, in words.
    pub last_waker: Option<String>,
    /// Longest poll, the running one included.
    pub longest_poll_ns: Option<u64>,
    /// Of the finished polls of the last minute the one with the most time of its own; `null`: none took a millisecond, or unknown.
    #[serde(default)]
    pub worst_poll: Option<WorstPoll>,
    /// Longest wait between wake and poll, the present one included.
    pub longest_scheduled_ns: Option<u64>,
    /// Size of its future.
    pub size_bytes: Option<u32>,
    /// Size before tokio boxed it.
    pub original_size_bytes: Option<u32>,
    /// What it waits for, and who is in the way, in words: `Mutex ledger ◂ transfer #91`; `null`: nothing, or unknown.
    #[serde(default)]
    pub waits_for: Option<String>,
    /// Ids of the locks that it holds, the longest held first.
    #[serde(default)]
    pub holds: Vec<String>,
    /// What it awaits, to the last, depth first; empty: unknown. It is there where it costs the process nothing: in reports of a process that
    /// is read from memory.
    #[serde(default)]
    pub await_tree: Vec<AwaitFrame>,
    /// `memory`: every future, read from the program's memory; `traced`: those that are traced, with what a task dump added. `None`: there is no tree.
    #[serde(default)]
    pub await_tree_source: Option<String>,
}

/// A future of an await tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitFrame {
    /// 0: the outermost.
    pub depth: u32,
    /// A function's or a type's name.
    pub name: String,
    /// Where it is parked: `file:line`.
    pub place: Option<String>,
    /// What else is known of it: variables, guards, what it waits for.
    pub detail: Option<String>,
    /// The frame above has it and does not poll it now.
    pub not_polled: bool,
}

/// A spawn site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// `file:line:column`; `null`: the tasks whose place is unknown.
    pub place: Option<String>,
    /// Tasks ever spawned there.
    pub spawned: u64,
    /// Of those, ended.
    pub finished: u64,
    /// Tasks alive there that are in `tasks`.
    pub alive: u64,
    /// Polls, live and finished tasks together; `null`, as are the other sums: unknown.
    pub polls: Option<u64>,
    /// Wakes, live and finished tasks together.
    pub wakes: Option<u64>,
    /// Self-wakes, live and finished tasks together.
    pub self_wakes: Option<u64>,
    /// Time in polls, live and finished tasks together.
    pub busy_ns: Option<u64>,
    /// Time between wake and poll, live and finished tasks together.
    pub scheduled_ns: Option<u64>,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lint {
    /// Its name, in kebab-case.
    pub lint: LintKind,
    /// `info`, `warning`, `critical`.
    pub severity: Severity,
    /// `proven`: it was measured, or follows from that; `suspected`: it fits what was measured; `null`: written by an older version.
    #[serde(default)]
    pub confidence: Option<Confidence>,
    /// What was seen: sentences.
    pub message: String,
    /// What to do next: a sentence.
    pub advice: String,
    /// How many tasks it is about.
    pub count: u64,
    /// Ids of those tasks, as in `tasks[].id`; at most 1,000, of a finding about locks 256.
    pub tasks: Vec<String>,
    /// Where they were spawned; of a finding about a lock or a channel, where that was made: `file:line:column`.
    pub places: Vec<String>,
    /// The id of the lock or the channel that it is about; `null`: it is about tasks.
    #[serde(default)]
    pub resource: Option<String>,
}
