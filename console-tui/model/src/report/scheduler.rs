//! Runtimes, workers, stuck polls and those who wait for a worker, in the report.

use serde::{Deserialize, Serialize};

/// A runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    /// From 1 on, for the life of the process.
    pub index: u32,
    /// Its name; `null`: it has none.
    pub name: Option<String>,
    /// `multi_thread`, `current_thread`.
    pub flavor: Option<String>,
    /// Workers.
    pub workers: u32,
    /// Tasks alive on it.
    pub alive_tasks: Option<u64>,
    /// Tasks in the queue that all workers share.
    pub injection_queue: Option<u64>,
    /// Tasks scheduled from outside of its workers.
    pub remote_schedules: Option<u64>,
    /// Polls that ended as their budget was used up.
    pub budget_yields: Option<u64>,
    /// Threads of the blocking pool, and those of them that do nothing.
    pub blocking_threads: Option<u64>,
    /// Of those, without a closure.
    pub idle_blocking_threads: Option<u64>,
    /// Closures in line for a thread.
    pub blocking_queue: Option<u64>,
    /// Threads that the pool may have.
    pub max_blocking_threads: Option<u64>,
    /// Descriptors that its I/O driver watches.
    pub io_sources: Option<u64>,
    /// Events that its I/O driver has handed on.
    pub io_ready: Option<u64>,
    /// For how long descriptors have been ready without anybody driving the driver; `null`: it is driven, or that is unknown.
    pub driver_lost_ns: Option<u64>,
}

/// A worker of a runtime, or a thread that polls tasks outside of any known runtime.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// The runtime's index; `null`: none is known.
    pub runtime: Option<u32>,
    /// Its number in the runtime, or the thread's.
    pub worker: u32,
    /// The name of the thread that it is now.
    pub thread: Option<String>,
    /// `polling`, `parked`, `searching`, `driving I/O`.
    pub state: Option<String>,
    /// Time in that state.
    pub state_ns: Option<u64>,
    /// Its poll goes on for longer than the watchdog's threshold.
    pub stuck: bool,
    /// The id of the task that it polls.
    pub task: Option<String>,
    /// Finished polls.
    pub polls: Option<u64>,
    /// Time in them.
    pub poll_ns: Option<u64>,
    /// Share of the last seconds in polls, the running one included.
    pub busy_share: Option<f64>,
    /// Share of the last seconds that its thread had a processor.
    pub cpu_share: Option<f64>,
    /// Time that its thread waited for a processor.
    pub run_queue_wait_ns: Option<u64>,
    /// Tasks in its own queue.
    pub local_queue: Option<u64>,
    /// Times it went to sleep.
    pub parks: Option<u64>,
    /// Times it woke for nothing.
    pub noops: Option<u64>,
    /// Tasks that it stole.
    pub steals: Option<u64>,
    /// Times its queue overflowed.
    pub overflows: Option<u64>,
    /// Mean length of a poll, by tokio's count.
    pub mean_poll_ns: Option<u64>,
    /// `running`, or the system call that its thread sleeps in.
    pub kernel_state: Option<String>,
    /// The poll that it is in gave its worker's place away (`block_in_place`): it may block.
    #[serde(default)]
    pub in_place: bool,
}

/// A poll that goes on, or lately went on, for longer than the watchdog's threshold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckPoll {
    /// The id of the task; `null`: it is not known any more.
    pub task: Option<String>,
    /// Where the task was spawned: `file:line:column`.
    pub place: Option<String>,
    /// The name of the thread.
    pub thread: Option<String>,
    /// Time since it began.
    pub age_ns: u64,
    /// How long it took; `null`: it goes on.
    pub duration_ns: Option<u64>,
    /// Where its time went; `null`: unknown.
    #[serde(default)]
    pub spent: Option<PollTime>,
    /// What the kernel said of the thread when the stack was taken.
    pub kernel_state: Option<String>,
    /// Innermost first.
    pub stack: Vec<StackFrame>,
    /// Why there is no stack, or not all of it.
    pub problem: Option<String>,
}

/// Where the time of a poll went. Lower bounds: what they do not sum up to may be of any of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollTime {
    /// On a CPU.
    pub cpu_ns: u64,
    /// Ready to run, without a CPU.
    pub queued_ns: u64,
    /// Asleep in the kernel.
    pub asleep_ns: u64,
}

/// A finished poll over a millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorstPoll {
    /// How long it took.
    pub duration_ns: u64,
    /// When it ended.
    pub ended_ago_ns: u64,
    /// Where its time went; `null`: unknown.
    pub spent: Option<PollTime>,
}

/// A function on a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackFrame {
    /// Its name.
    pub function: Option<String>,
    /// `file:line`.
    pub place: Option<String>,
    /// The program's own: not of tokio, std or taskscope.
    pub own: bool,
    /// Of a function without a name: the file of code that it is in.
    pub code_file: Option<String>,
    /// And where in it, as `addr2line` takes it: `0x41f20`.
    pub address: Option<String>,
}

/// The tasks of a place that wait, or lately waited, for a worker: the one that waits longest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Starving {
    /// Its id; `null`: it is not known any more.
    pub task: Option<String>,
    /// Where it was spawned.
    pub place: Option<String>,
    /// Tasks of that place that wait, or waited, this one included.
    pub count: u64,
    /// How long it has waited, or waited.
    pub scheduled_ns: u64,
    /// When that ended; `null`: it goes on.
    pub ended_ago_ns: Option<u64>,
    /// Why it was so long: `held` (a poll held a worker), `busy` (the workers were busy), `machine` (a worker had no CPU), `idle` (none of these);
    /// `null`: unknown.
    #[serde(default)]
    pub why: Option<String>,
    /// Whose polls held a worker meanwhile, the longest first.
    pub blame: Vec<Blame>,
}

/// A task whose polls held a worker while another waited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blame {
    /// Its id; `null`: it is not known any more.
    pub task: Option<String>,
    /// Where it was spawned.
    pub place: Option<String>,
    /// The name of the thread that it held.
    pub thread: Option<String>,
    /// For so long.
    pub held_ns: u64,
    /// Of the wait: 0 to 1.
    pub share: f64,
}

/// What the blocking pool runs, by where it was spawned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closures {
    /// `file:line:column`.
    pub place: Option<String>,
    /// Closures that run.
    pub running: u64,
    /// How long the oldest of them has.
    pub oldest_ns: Option<u64>,
    /// Closures in line for a thread.
    pub queued: u64,
    /// How long the first of them has waited.
    pub longest_wait_ns: Option<u64>,
}
