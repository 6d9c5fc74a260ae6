//! The runtimes of the process that are known, with the handles that their metrics come from.
//!
//! Process-wide, as threads are: several recorders see the same runtimes. Limit: [`MAX_RUNTIMES`] at a time; one more takes the place of one
//! that has ended, else it is counted and not shown.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    thread::ThreadId,
};

use taskscope_recorder::{TaskId, ThreadInfo, threads};
use tokio::runtime::{Handle, Id, RuntimeFlavor};

/// Runtimes known at a time.
pub(crate) const MAX_RUNTIMES: usize = 32;
/// Bytes of a runtime's name that are kept.
const MAX_NAME_BYTES: usize = 64;

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { runtimes: Vec::new(), made: 0, unlisted: 0 });

struct Registry {
    runtimes: Vec<Known>,
    made: u32,
    unlisted: u64,
}

/// A runtime.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// 1-based, for the life of the process.
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) handle: Handle,
    /// As far as our builder knows.
    pub(crate) max_blocking_threads: Option<u64>,
    /// The threads that were seen to drive it, by their first poll.
    placed: Vec<Placed>,
    /// There was a thread that drives it.
    was_driven: bool,
    /// The task that was polled first on the thread that drives it last: of a runtime on one thread, the future of `block_on`.
    root: Option<TaskId>,
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
        registry().see(&handle, None, Some(Placed::here(thread)), Some(task));
    }
}

/// A hook of a runtime found that the calling thread drives it, or drives it as another worker than before.
pub(crate) fn driven(thread: u32) {
    if let Ok(handle) = Handle::try_current() {
        registry().see(&handle, None, Some(Placed::here(thread)), None);
    }
}

/// A runtime that our builder made.
pub(super) fn built(handle: &Handle, max_blocking_threads: Option<u64>) {
    registry().see(handle, max_blocking_threads, None, None);
}

/// The runtimes that live. `root_ended` says whether a task is known to have ended.
pub(crate) fn known(root_ended: impl Fn(TaskId) -> bool) -> Vec<Known> {
    let mut registry = registry();
    registry.release(&threads(), root_ended);
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
            known.was_driven = true;
            known.root = root.or(known.root);
        }
    }

    fn entry(&mut self, handle: &Handle, placed: Option<Placed>) -> Option<&mut Known> {
        let id: Id = handle.id();
        if let Some(at) = self.runtimes.iter().position(|known| known.handle.id() == id) {
            return self.runtimes.get_mut(at);
        }
        self.release(&threads(), |_| false);
        if let Some(placed) = placed {
            // A thread that drives a runtime on one thread drives no other such one.
            self.runtimes
                .retain(|known| !(known.is_on_one_thread() && known.is_idle() && known.is_on(placed.thread)));
        }
        if self.runtimes.len() == MAX_RUNTIMES {
            self.unlisted += 1;
            return None;
        }
        self.made += 1;
        let name = match handle.name() {
            Some(name) => cut(name),
            None => format!("runtime {}", self.made),
        };
        self.runtimes.push(Known {
            index: self.made,
            name,
            handle: handle.clone(),
            max_blocking_threads: None,
            placed: Vec::new(),
            was_driven: false,
            root: None,
        });
        self.runtimes.last_mut()
    }

    /// Drops the handles of runtimes that have ended.
    fn release(&mut self, alive: &[ThreadInfo], root_ended: impl Fn(TaskId) -> bool) {
        self.runtimes.retain_mut(|known| {
            known.placed.retain(|placed| alive.iter().any(|thread| thread.id == placed.id));
            // One whose threads were never seen may not have started.
            let left = known.was_driven && known.placed.is_empty();
            let returned = known.is_on_one_thread() && known.root.is_some_and(&root_ended);
            !(known.is_idle() && (left || returned))
        });
    }
}

impl Known {
    fn is_on_one_thread(&self) -> bool {
        self.handle.runtime_flavor() == RuntimeFlavor::CurrentThread
    }

    /// It has no task.
    fn is_idle(&self) -> bool {
        self.handle.metrics().num_alive_tasks() == 0
    }

    fn is_on(&self, thread: u32) -> bool {
        self.placed.iter().any(|placed| placed.thread == thread)
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
