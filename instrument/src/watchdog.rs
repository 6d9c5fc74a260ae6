//! Looks for polls that outlive their threshold, and takes the stack of the thread while it is stuck.
//!
//! On a thread of its own: it must look on time while every worker of the program, and the server too, is busy. Of each such poll a stack is taken
//! when it is first seen, one second later and ten seconds later; the newest is kept. What was taken is for the newest [`MAX_CAPTURED`]
//! polls, and outlives them, so that a console which comes later sees it.
//!
//! Invariants: a stack is only kept when the same poll went on after it was taken; no lock is held while a stack is taken or an event is logged, so
//! a thread that is stuck in the program's own logger stops this thread at worst, never the server. It makes no task and no span.
//!
//! Cost: while a console is connected, or polls are logged, it wakes twice per threshold and reads 50 ns a thread; else it sleeps. A capture costs a
//! thread that sleeps nothing, one that computes some 30 µs, and this one some ms; with the feature `symbols` the first one takes as long as the program's names
//! take to look up. The CPU time is part of the cost that the console shows.

mod captured;
mod log;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use taskscope_proto::limits;
use taskscope_recorder::{TaskId, TaskKind, Ticks, threads};

pub(crate) use self::captured::{Captured, CodeFile, Frame};
use crate::{aggregate::cost, handle::Handle, os};

/// Polls whose stacks are kept: all that a frame has room for.
const MAX_CAPTURED: usize = limits::MAX_STUCK_POLLS;
/// Captures in a second, over all threads.
const MAX_CAPTURES_A_SECOND: u32 = 10;
/// When the stack of a poll is taken, counted from the first time.
const CAPTURES_AT: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(10)];
/// Between two looks, whatever the threshold.
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);
const LONGEST_PERIOD: Duration = Duration::from_secs(1);
/// Without a capture for this long, the names of functions are given back.
#[cfg(feature = "stacks")]
const NAMES_KEPT: Duration = Duration::from_secs(30);

/// A poll: which thread, which task, since when. No two are the same.
pub(crate) type PollKey = (u32, TaskId, Ticks);

/// The watchdog; it stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    captured: Mutex<VecDeque<(PollKey, Captured)>>,
    cpu_ns: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Consoles, and one more where stuck polls are logged.
    wanted_by: u32,
    stopped: bool,
}

impl Watchdog {
    /// Starts it; `log` has each stuck poll logged. Without a thread to be had there are no stacks.
    pub(crate) fn start(handle: Handle, log: bool) -> Self {
        let shared = Arc::new(Shared::default());
        lock(&shared.state).wanted_by = u32::from(log);
        let own = Arc::clone(&shared);
        let watch = move || Watch::new(handle, own, log).run();
        if let Err(error) = thread::Builder::new().name("taskscope-watch".to_owned()).spawn(watch) {
            crate::say::say(format_args!("no thread to watch for stuck polls: {error}"));
        }
        Self { shared }
    }

    /// A console came.
    pub(crate) fn add_console(&self) {
        lock(&self.shared.state).wanted_by += 1;
        self.shared.changed.notify_all();
    }

    /// A console left.
    pub(crate) fn remove_console(&self) {
        lock(&self.shared.state).wanted_by -= 1;
    }

    /// What was seen of a poll, if its stack was taken.
    pub(crate) fn captured(&self, poll: PollKey) -> Option<Captured> {
        let captured = lock(&self.shared.captured);
        captured.iter().find(|(key, _)| *key == poll).map(|(_, captured)| captured.clone())
    }

    /// Bytes of the stacks that are kept, and of what finds their names.
    pub(crate) fn memory_bytes(&self) -> usize {
        let captured = lock(&self.shared.captured);
        let stacks = captured.iter().map(|(_, captured)| captured.heap_bytes());
        captured.capacity() * size_of::<(PollKey, Captured)>() + stacks.sum::<usize>() + names_bytes()
    }

    /// CPU time of its thread.
    pub(crate) fn cpu_ns(&self) -> u64 {
        self.shared.cpu_ns.load(Relaxed)
    }
}

/// What the stacks' names and unwind tables take.
#[cfg(feature = "stacks")]
fn names_bytes() -> usize {
    taskscope_stack::memory_bytes()
}

#[cfg(not(feature = "stacks"))]
fn names_bytes() -> usize {
    0
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        lock(&self.shared.state).stopped = true;
        self.shared.changed.notify_all();
    }
}

/// The thread's own side.
struct Watch {
    handle: Handle,
    shared: Arc<Shared>,
    log: bool,
    /// The polls that are stuck now: one a thread at most.
    stuck: Vec<Stuck>,
    stacks: Stacks,
    second: Instant,
    captures_in_second: u32,
}

/// A poll that goes on.
struct Stuck {
    key: PollKey,
    first: Instant,
    captures: usize,
    /// The stack of a `block_in_place`: others took over the worker's place, so it is allowed to block.
    allowed: bool,
}

impl Watch {
    fn new(handle: Handle, shared: Arc<Shared>, log: bool) -> Self {
        Self {
            handle,
            shared,
            log,
            stuck: Vec::new(),
            stacks: Stacks::default(),
            second: Instant::now(),
            captures_in_second: 0,
        }
    }

    fn run(mut self) {
        let threshold = Duration::from_nanos(self.handle.stuck_after_ns());
        let period = (threshold / 2).clamp(SHORTEST_PERIOD, LONGEST_PERIOD);
        while self.wait(period) {
            self.look();
            self.stacks.rest();
            self.shared.cpu_ns.store(cost::thread_cpu_ns().unwrap_or(0), Relaxed);
        }
    }

    /// Waits for the next look; false: stop.
    fn wait(&self, period: Duration) -> bool {
        let changed = &self.shared.changed;
        let state = lock(&self.shared.state);
        let idle = |state: &mut State| state.wanted_by == 0 && !state.stopped;
        let state = changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        let going_on = |state: &mut State| !state.stopped;
        let waited = changed.wait_timeout_while(state, period, going_on);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !state.stopped
    }

    fn look(&mut self) {
        let recorder = self.handle.recorder();
        let clock = recorder.clock();
        let now = clock.ticks();
        let too_long = |started| clock.between_ns(started, now) >= self.handle.stuck_after_ns();
        let stuck = recorder.workers().filter_map(|worker| {
            let (task, started) = worker.polling.filter(|(_, started)| too_long(*started))?;
            Some((worker.thread, task, started))
        });
        let keys: Vec<PollKey> = stuck.filter(|key| !self.is_blocking(key.1)).collect();
        self.stuck.retain(|stuck| keys.contains(&stuck.key));
        for key in keys {
            if !self.stuck.iter().any(|stuck| stuck.key == key) {
                self.stuck.push(Stuck { key, first: Instant::now(), captures: 0, allowed: false });
            }
        }
        let mut stuck = std::mem::take(&mut self.stuck);
        for stuck in &mut stuck {
            self.attend(stuck);
        }
        self.stuck = stuck;
    }

    /// A closure of the blocking pool may block.
    fn is_blocking(&self, task: TaskId) -> bool {
        let description =
            self.handle.recorder().tasks.get(task).and_then(taskscope_recorder::Task::description);
        description.is_some_and(|description| description.kind == TaskKind::Blocking)
    }

    /// Takes a stack if it is time to.
    fn attend(&mut self, stuck: &mut Stuck) {
        let is_due = CAPTURES_AT.get(stuck.captures).is_some_and(|after| stuck.first.elapsed() >= *after);
        if !is_due || !self.may_capture() {
            return;
        }
        let is_first = stuck.captures == 0;
        stuck.captures += 1;
        let Some(captured) = self.capture(stuck.key) else { return };
        let is_in_place = self.handle.recorder().worker(stuck.key.0).is_some_and(|worker| worker.in_place);
        stuck.allowed |= is_in_place || captured.shows_block_in_place();
        if self.log && is_first && !stuck.allowed {
            log::stuck(&self.handle, stuck.key, &captured);
        }
        let mut kept = lock(&self.shared.captured);
        match kept.iter_mut().find(|(key, _)| *key == stuck.key) {
            // A stack is worth more than the reason why there is no newer one.
            Some((_, known)) if captured.frames.is_empty() && !known.frames.is_empty() => {}
            Some((_, known)) => *known = captured,
            None => {
                kept.push_front((stuck.key, captured));
                kept.truncate(MAX_CAPTURED);
            }
        }
    }

    fn may_capture(&mut self) -> bool {
        if self.second.elapsed() >= Duration::from_secs(1) {
            self.second = Instant::now();
            self.captures_in_second = 0;
        }
        self.captures_in_second += 1;
        self.captures_in_second <= MAX_CAPTURES_A_SECOND
    }

    /// `None`: the poll ended meanwhile, and what was seen is of something else.
    fn capture(&mut self, key: PollKey) -> Option<Captured> {
        let (thread, task, started) = key;
        let at = self.handle.recorder().clock().ticks();
        let os_id = threads().into_iter().find(|info| info.number == thread).and_then(|info| info.os_id);
        let mut captured = Captured { at, ..Captured::default() };
        if let Some(os_id) = os_id {
            captured.kernel_state = os::thread::read(os_id).kernel.text();
            self.stacks.capture(self.handle.stacks(), os_id, &mut captured);
        } else {
            "The operating system's number of the thread is not known.".clone_into(&mut captured.problem);
        }
        let reading = self.handle.recorder().worker(thread)?;
        (reading.polling == Some((task, started))).then_some(captured)
    }
}

/// What takes the stacks.
#[cfg(feature = "stacks")]
#[derive(Default)]
struct Stacks {
    /// Made at the first capture: until then no signal is taken.
    sampler: Option<Result<taskscope_stack::Sampler, String>>,
    last: Option<Instant>,
}

#[cfg(feature = "stacks")]
impl Stacks {
    fn capture(&mut self, of: crate::Stacks, os_id: u32, into: &mut Captured) {
        let make = || match of {
            crate::Stacks::Never => Err("Stacks are switched off (TASKSCOPE_STACKS).".to_owned()),
            crate::Stacks::OfSleepers => {
                taskscope_stack::Sampler::without_signals().map_err(|error| error.to_string())
            }
            crate::Stacks::Always => taskscope_stack::Sampler::new().map_err(|error| error.to_string()),
        };
        // The console finds names, where the program has none.
        #[cfg(feature = "symbols")]
        let make = || make().map(taskscope_stack::Sampler::named);
        let sampler = match self.sampler.get_or_insert_with(make) {
            Ok(sampler) => sampler,
            Err(error) => {
                error.clone_into(&mut into.problem);
                return;
            }
        };
        self.last = Some(Instant::now());
        match sampler.capture(os_id) {
            Ok(stack) => into.set_stack(stack),
            Err(error) => into.problem = error.to_string(),
        }
    }

    fn rest(&mut self) {
        if let (Some(last), Some(Ok(sampler))) = (self.last, &mut self.sampler)
            && last.elapsed() >= NAMES_KEPT
        {
            sampler.rest();
            self.last = None;
        }
    }
}

#[cfg(not(feature = "stacks"))]
#[derive(Default)]
struct Stacks {}

#[cfg(not(feature = "stacks"))]
#[expect(clippy::unused_self, reason = "as with the feature `stacks`")]
impl Stacks {
    fn capture(&self, _of: crate::Stacks, _os_id: u32, into: &mut Captured) {
        "Built without taskscope's feature `stacks`.".clone_into(&mut into.problem);
    }

    fn rest(&self) {}
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
