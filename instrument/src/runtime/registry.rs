//! The runtimes of the process that are known, with the handles that their metrics come from.
//!
//! Process-wide, as threads are: several recorders see the same runtimes. Limit: [`MAX_RUNTIMES`] at a time; one more takes the place of one
//! that has ended, else it is counted and not shown.

use std::{
    cell::Cell,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::ThreadId,
    time::{Duration, Instant},
};

use taskscope_recorder::{Recorder, TaskId, ThreadInfo, threads};
use tokio::runtime::{Handle, Id, RuntimeFlavor};

/// Runtimes known at a time.
pub(crate) const MAX_RUNTIMES: usize = 32;
/// Futures of `block_on` known of a runtime; of one on a single thread, others wait until the first has returned.
const MAX_ROOTS: usize = 8;
/// Bytes of a runtime's name that are kept.
const MAX_NAME_BYTES: usize = 64;

/// A runtime whose workers neither park nor unpark for this long, none being parked, and that has no task, has ended, or no thread drives it. It
/// comes back when a thread does.
const STILL_UNTIL_ENDED: Duration = Duration::from_secs(2);

/// Rises when a runtime is forgotten: a thread that drives it says so again.
static FORGOTTEN: AtomicU64 = AtomicU64::new(0);
static REGISTRY: Mutex<Registry> = Mutex::new(Registry { runtimes: Vec::new(), made: 0, unlisted: 0 });

struct Registry {
    runtimes: Vec<KnownRuntime>,
    made: u32,
    unlisted: u64,
}

/// A runtime.
#[derive(Debug, Clone)]
pub(crate) struct KnownRuntime {
    /// 1-based, for the life of the process.
    pub(crate) index: u32,
    /// Empty: it has none.
    pub(crate) name: String,
    pub(crate) handle: Handle,
    /// As far as our builder knows.
    pub(crate) max_blocking_threads: Option<u64>,
    /// The threads that were seen to drive it, by their first poll.
    placed: Vec<Placed>,
    /// There was a thread that is a worker.
    was_driven: bool,
    /// The futures of its `block_on` that are not known to have returned. Tasks are no sign of life: those of a `LocalSet` are not among the
    /// runtime's own.
    roots: Vec<TaskId>,
    /// There were some, and all have.
    returned: bool,
    /// Parks and unparks of all workers, and since when they are that many.
    parks: (u64, Instant),
}

/// A thread and the worker that it was when it was seen.
#[derive(Debug, Clone, Copy)]
struct Placed {
    thread: u32,
    id: ThreadId,
    /// `None`: it polls for the runtime, but is no worker (`block_on` on a runtime with several threads, the blocking pool).
    worker: Option<usize>,
}

impl Placed {
    fn here(thread: u32) -> Self {
        Self { thread, id: std::thread::current().id(), worker: tokio::runtime::worker_index() }
    }
}

/// For [`taskscope_recorder::on_first_poll`].
pub(crate) fn first_poll(thread: u32, task: TaskId) {
    if crate::source::is_own_thread() {
        return;
    }
    if let Ok(handle) = Handle::try_current() {
        // Any other task is the first here because the root was there before the recorder, or this is no thread that runs a root.
        let root = NEXT_ROOT.take().filter(|root| *root == task);
        registry().see(&handle, None, Some(Placed::here(thread)), root);
    }
}

/// The future of a `block_on` is made: its first poll comes next on this thread, on the runtime that it is to drive.
pub(crate) fn root_begins(task: TaskId) {
    NEXT_ROOT.set(Some(task));
    taskscope_recorder::expect_another_runtime();
}

/// The future of a `block_on` was found on the calling thread.
#[cfg(feature = "server")]
pub(super) fn root_found(handle: &Handle, task: TaskId) {
    registry().see(handle, None, Some(Placed::here(taskscope_recorder::thread_number())), Some(task));
}

/// For spans of tasks: after a runtime was forgotten, the thread's next poll registers its own again. About 2 ns.
pub(crate) fn forgotten_meanwhile() {
    let forgotten = FORGOTTEN.load(Relaxed);
    if SEEN_FORGOTTEN.replace(forgotten) != forgotten {
        taskscope_recorder::expect_another_runtime();
    }
}

thread_local! {
    /// The future of a `block_on` that this thread is about to poll for the first time.
    static NEXT_ROOT: Cell<Option<TaskId>> = const { Cell::new(None) };
    /// Of [`FORGOTTEN`], what this thread has heard of.
    static SEEN_FORGOTTEN: Cell<u64> = const { Cell::new(0) };
    /// What this thread last said: which runtime it is on, as which worker, and the number of runtimes forgotten until then.
    static SAID: Cell<Option<(Id, Option<usize>, u64)>> = const { Cell::new(None) };
}

/// For hooks, on a thread that drives a runtime: registers the runtime if that is news. About 10 ns.
pub(crate) fn driven() {
    if let Some(handle) = news() {
        registry().see(&handle, None, Some(Placed::here(taskscope_recorder::thread_number())), None);
    }
}

/// For wrappers, where a task is spawned on the runtime of the calling thread: if that is news, the thread's next poll registers it. About
/// 20 ns.
pub(crate) fn spawning() {
    if news().is_some() {
        taskscope_recorder::expect_another_runtime();
    }
}

/// The runtime of the calling thread, if this thread has not registered it yet.
fn news() -> Option<Handle> {
    let handle = Handle::try_current().ok()?;
    let now = Some((handle.id(), tokio::runtime::worker_index(), FORGOTTEN.load(Relaxed)));
    (SAID.replace(now) != now).then_some(handle)
}

/// A runtime that our builder made.
pub(super) fn built(handle: &Handle, max_blocking_threads: Option<u64>) {
    registry().see(handle, max_blocking_threads, None, None);
}

/// The runtimes that live, as far as this recorder knows.
pub(crate) fn known(recorder: &Recorder) -> Vec<KnownRuntime> {
    let polling: Vec<u32> =
        recorder.workers().filter(|worker| worker.polling.is_some()).map(|worker| worker.thread).collect();
    let mut registry = registry();
    registry.release(&threads(), |root| recorder.tasks.has_ended(root), |thread| polling.contains(&thread));
    registry.runtimes.clone()
}

/// Runtimes that found no place.
pub(crate) fn unlisted() -> u64 {
    registry().unlisted
}

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    fn see(
        &mut self,
        handle: &Handle,
        max_blocking: Option<u64>,
        placed: Option<Placed>,
        root: Option<TaskId>,
    ) {
        let Some(known) = self.entry(handle, placed) else { return };
        known.max_blocking_threads = max_blocking.or(known.max_blocking_threads);
        if let Some(placed) = placed {
            let same_worker = |other: &Placed| other.worker.is_some() && other.worker == placed.worker;
            known.placed.retain(|other| other.thread != placed.thread && !same_worker(other));
            known.placed.push(placed);
            known.was_driven |= placed.worker.is_some();
        }
        if let Some(root) = root
            && !known.roots.contains(&root)
        {
            if known.roots.len() == MAX_ROOTS {
                known.roots.remove(0);
            }
            known.roots.push(root);
            known.returned = false;
        }
    }

    fn entry(&mut self, handle: &Handle, placed: Option<Placed>) -> Option<&mut KnownRuntime> {
        let id: Id = handle.id();
        if let Some(at) = self.runtimes.iter().position(|known| known.handle.id() == id) {
            return self.runtimes.get_mut(at);
        }
        self.release(&threads(), |_| false, |_| true);
        if let Some(placed) = placed
            && placed.worker.is_some()
        {
            // A thread that drives a runtime on one thread drives no other such one. One that merely polls for it may do both.
            self.forget(|known, _| {
                !(known.is_on_one_thread() && known.is_idle() && known.is_driven_by(placed.thread))
            });
        }
        if self.runtimes.len() == MAX_RUNTIMES {
            // Rather one that was built and not used yet: it comes back with its first poll.
            let Some(unused) = self.runtimes.iter().position(|known| !known.was_driven && known.is_idle())
            else {
                self.unlisted += 1;
                return None;
            };
            self.forget(|_, at| at != unused);
        }
        self.made += 1;
        let name = handle.name().map_or_else(String::new, cut);
        self.runtimes.push(KnownRuntime {
            index: self.made,
            name,
            handle: handle.clone(),
            max_blocking_threads: None,
            placed: Vec::new(),
            was_driven: false,
            roots: Vec::new(),
            returned: false,
            parks: (0, Instant::now()),
        });
        self.runtimes.last_mut()
    }

    /// Drops the handles of runtimes that have ended. `polls` says whether a thread polls a task now.
    fn release(
        &mut self,
        alive: &[ThreadInfo],
        root_ended: impl Fn(TaskId) -> bool,
        polls: impl Fn(u32) -> bool,
    ) {
        self.forget(|known, _| {
            known.placed.retain(|placed| alive.iter().any(|thread| thread.id == placed.id));
            let drives = |placed: &Placed| placed.worker.is_some();
            // One whose threads were never seen may not have started.
            let left = known.was_driven && !known.placed.iter().any(drives);
            if !known.roots.is_empty() {
                known.roots.retain(|root| !root_ended(*root));
                known.returned = known.roots.is_empty();
            }
            let returned = known.is_on_one_thread() && known.returned;
            // A poll that goes on moves nothing either.
            let busy = known.placed.iter().any(|placed| drives(placed) && polls(placed.thread));
            let still = known.is_still() && known.roots.is_empty() && !busy;
            !(known.is_idle() && (left || returned || still))
        });
    }

    fn forget(&mut self, keep: impl Fn(&mut KnownRuntime, usize) -> bool) {
        let before = self.runtimes.len();
        let mut at = 0;
        self.runtimes.retain_mut(|known| {
            at += 1;
            keep(known, at - 1)
        });
        FORGOTTEN.fetch_add((before - self.runtimes.len()) as u64, Relaxed);
    }
}

impl KnownRuntime {
    fn is_on_one_thread(&self) -> bool {
        self.handle.runtime_flavor() == RuntimeFlavor::CurrentThread
    }

    /// It has no task.
    fn is_idle(&self) -> bool {
        self.handle.metrics().num_alive_tasks() == 0
    }

    /// Nothing has moved for a while, and no worker is parked: those that live park when they have nothing to do.
    fn is_still(&mut self) -> bool {
        #[cfg(not(target_has_atomic = "64"))]
        return false;
        #[cfg(target_has_atomic = "64")]
        {
            let metrics = self.handle.metrics();
            let parks = (0..metrics.num_workers()).map(|worker| metrics.worker_park_unpark_count(worker));
            let (sum, parked) =
                parks.fold((0, false), |(sum, parked), count| (sum + count, parked || count % 2 == 1));
            if parked || sum != self.parks.0 {
                self.parks = (sum, Instant::now());
            }
            self.parks.1.elapsed() >= STILL_UNTIL_ENDED
        }
    }

    /// Whether a thread was seen to drive it.
    pub(crate) fn is_driven_by(&self, thread: u32) -> bool {
        self.placed.iter().any(|placed| placed.thread == thread && placed.worker.is_some())
    }

    /// The thread that is this worker, as it was seen at its first poll; that is where `block_in_place` can make it another one.
    pub(crate) fn placed_thread(&self, worker: usize) -> Option<u32> {
        self.placed.iter().find(|placed| placed.worker == Some(worker)).map(|placed| placed.thread)
    }
}

fn cut(name: &str) -> String {
    let end = (0..=MAX_NAME_BYTES.min(name.len())).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    name[..end].to_owned()
}

#[cfg(all(test, tokio_unstable, feature = "server"))]
mod tests;
