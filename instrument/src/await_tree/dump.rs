//! Tokio's task dump, for tasks that a console asks about.
//!
//! A dump stops all workers of a runtime at a barrier and polls each task once more. A worker that is blocked does not come to the barrier, and the
//! others then wait for it again and again, each time for 250 ms. So: no dump while a poll of any thread has gone on for [`LONGEST_POLL`],
//! one dump at a time, and after [`LIMIT`] a console gets no result; a dump that is under way can't be cancelled.
//!
//! A runtime on one thread is not dumped: while it is, a task that wakes another, or itself, makes tokio panic (tokio#8391), and with
//! `panic = "abort"` that ends the program.
//!
//! What the compiler inlined into tokio's own poll of the task is missing: tokio cuts the stack there. In optimised programs that can be the task's
//! outermost function.
//!
//! Tokio's and our own functions are trimmed, but for the one of tokio's that the program awaits.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{
        atomic::{AtomicBool, Ordering::AcqRel, Ordering::Acquire, Ordering::Release},
        mpsc::{self, TryRecvError},
    },
    thread,
    time::{Duration, Instant},
};

use taskscope_recorder::{Recorder, TaskId, TaskKind};
use taskscope_stack::{Origin, StackFrame};
use tokio::runtime::{
    Handle, RuntimeFlavor,
    dump::{Backtrace, BacktraceFrame},
};

/// How long a console waits for a dump.
const LIMIT: Duration = Duration::from_secs(2);
/// With a poll that has gone on for longer no dump is begun.
const LONGEST_POLL: Duration = Duration::from_millis(50);
/// Paths of a task that are kept: one for each leaf that it waits in.
const MAX_PATHS: usize = 64;

/// Why there is no dump of a runtime on one thread.
pub(crate) const ON_ONE_THREAD: &str = "No task dump: the task's runtime is a current_thread runtime, and a dump of one can make the program panic \
     (tokio#8391). Trace the futures that interest you: .trace(), #[taskscope::trace].";

/// Stands for a name that debug information does not have.
const UNNAMED: &str = "unnamed function";

static UNDER_WAY: AtomicBool = AtomicBool::new(false);

/// What tasks wait in, by tokio's number of the task: paths, each from the outermost function to the leaf.
pub(crate) type Paths = HashMap<u64, Vec<Vec<StackFrame>>>;

/// The paths, and when they were taken: names are looked up for a while after that.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) paths: Paths,
    pub(crate) at: Instant,
}

/// A dump that was asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    since: Instant,
    result: mpsc::Receiver<Taken>,
}

/// Whether a task was last polled on a runtime that is not dumped.
pub(crate) fn is_refused(recorder: &Recorder, task: TaskId) -> bool {
    let Some(counters) = recorder.tasks.get(task).and_then(taskscope_recorder::Task::counters) else {
        return false;
    };
    let runtimes = crate::runtime::known(recorder);
    runtimes.iter().any(|runtime| runtime.is_driven_by(counters.thread) && is_on_one_thread(&runtime.handle))
}

fn is_on_one_thread(runtime: &Handle) -> bool {
    runtime.runtime_flavor() == RuntimeFlavor::CurrentThread
}

/// Asks for the paths of these tasks, by tokio's numbers. The error is a sentence.
pub(crate) fn ask(recorder: &Recorder, wanted: &[(TaskId, u64)]) -> Result<Asked, String> {
    if let Some(long_ms) = longest_poll_ms(recorder) {
        return Err(format!(
            "No task dump: a poll has gone on for {long_ms} ms, and tokio would hold up all other workers until it ends."
        ));
    }
    let runtimes = runtimes(recorder, wanted);
    if runtimes.is_empty() {
        return Err("No task dump: no runtime is known that can be dumped.".to_owned());
    }
    if UNDER_WAY.compare_exchange(false, true, AcqRel, Acquire).is_err() {
        return Err("No task dump: another one is under way.".to_owned());
    }
    let (sender, result) = mpsc::channel();
    let numbers: Vec<u64> = wanted.iter().map(|(_, number)| *number).collect();
    let take = move || {
        crate::source::mark_own_thread();
        let taken = take(runtimes, &numbers);
        UNDER_WAY.store(false, Release);
        // The console may have left.
        let _sent = sender.send(taken);
    };
    if let Err(error) = thread::Builder::new().name("taskscope-dump".to_owned()).spawn(take) {
        UNDER_WAY.store(false, Release);
        return Err(format!("No task dump: no thread to take it ({error})."));
    }
    Ok(Asked { since: Instant::now(), result })
}

impl Asked {
    /// The paths, when they are there or never will be in time; then the error is a sentence.
    pub(crate) fn ready(&self) -> Option<Result<Taken, String>> {
        match self.result.try_recv() {
            Ok(taken) => Some(Ok(taken)),
            Err(TryRecvError::Disconnected) => Some(Err("No task dump: taking it failed.".to_owned())),
            Err(TryRecvError::Empty) if self.since.elapsed() > LIMIT => Some(Err(format!(
                "No task dump within {} s: a worker is blocked, or nothing drives the runtime.",
                LIMIT.as_secs()
            ))),
            Err(TryRecvError::Empty) => None,
        }
    }
}

/// The longest poll of a task that is under way, when it is too long.
fn longest_poll_ms(recorder: &Recorder) -> Option<u128> {
    let clock = recorder.clock();
    let now = clock.ticks();
    let may_block = |task: TaskId| {
        let description = recorder.tasks.get(task).and_then(taskscope_recorder::Task::description);
        description.is_some_and(|description| description.kind == TaskKind::Blocking)
    };
    let polls = recorder.workers().filter_map(|worker| worker.polling).filter(|(task, _)| !may_block(*task));
    let lengths = polls.map(|(_, started)| Duration::from_nanos(clock.between_ns(started, now)));
    lengths.max().filter(|length| *length >= LONGEST_POLL).map(|length| length.as_millis())
}

/// The runtimes that are dumped, first those whose threads polled the tasks last.
fn runtimes(recorder: &Recorder, wanted: &[(TaskId, u64)]) -> Vec<Handle> {
    let mut known = crate::runtime::known(recorder);
    let threads: Vec<u32> =
        wanted.iter().filter_map(|(task, _)| Some(recorder.tasks.get(*task)?.counters()?.thread)).collect();
    known.sort_by_key(|runtime| !threads.iter().any(|thread| runtime.is_driven_by(*thread)));
    known.into_iter().map(|runtime| runtime.handle).filter(|runtime| !is_on_one_thread(runtime)).collect()
}

/// Goes through the runtimes until every task is found. On a thread of its own.
fn take(runtimes: Vec<Handle>, wanted: &[u64]) -> Taken {
    let (mut paths, mut at) = (Paths::new(), Instant::now());
    // Drives nothing: what it waits for is done by other threads.
    let Ok(own) = tokio::runtime::Builder::new_current_thread().build() else {
        return Taken { paths, at };
    };
    for runtime in runtimes {
        if wanted.iter().all(|number| paths.contains_key(number)) {
            break;
        }
        let dump = own.block_on(runtime.dump());
        at = Instant::now();
        for task in dump.tasks().iter() {
            let number = number(task.id());
            if wanted.contains(&number) {
                let leaves = task.trace().resolve_backtraces();
                paths.insert(number, leaves.iter().take(MAX_PATHS).map(path).collect());
            }
        }
    }
    Taken { paths, at }
}

/// The number of tokio's task id: only its text has it.
fn number(id: tokio::task::Id) -> u64 {
    let mut text = String::new();
    let _to_text = write!(text, "{id}");
    text.parse().unwrap_or(0)
}

/// From the outermost function to the leaf, trimmed.
fn path(leaf: &Backtrace) -> Vec<StackFrame> {
    let symbols = leaf.frames().flat_map(BacktraceFrame::symbols);
    let frames = symbols.map(|symbol| {
        let name = symbol.name_raw().map(String::from_utf8_lossy).unwrap_or_default();
        let file = symbol.filename().map(|file| file.to_string_lossy()).unwrap_or_default();
        // With tables of lines alone, a function that is not inlined has a place and no name.
        let name = if name.is_empty() && !file.is_empty() { UNNAMED.into() } else { name };
        StackFrame::new(&name, &file, symbol.lineno().unwrap_or(0))
    });
    // Innermost first. The function that the program awaits is the last of tokio's before the program's own.
    let frames: Vec<StackFrame> = frames.filter(|frame| !frame.function.is_empty()).collect();
    let inner = frames.iter().position(is_shown).unwrap_or(frames.len());
    let awaited = frames[..inner].iter().rposition(|frame| frame.origin == Origin::Tokio);
    let kept = frames.iter().enumerate().filter(|(at, frame)| is_shown(frame) || Some(*at) == awaited);
    let mut path: Vec<StackFrame> = kept.map(|(_, frame)| frame.clone()).collect();
    path.reverse();
    path
}

/// Crates of a registry are shown too: what they await explains the program. Those that only poll others are not.
fn is_shown(frame: &StackFrame) -> bool {
    let only_polls = ["futures-", "pin-project"].iter().any(|krate| frame.file.starts_with(krate));
    match frame.origin {
        Origin::Program => true,
        Origin::Crate => !only_polls,
        _ => false,
    }
}
