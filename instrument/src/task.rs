//! Tasks without `tokio_unstable`: spawn wrappers and named futures.
//!
//! They count polls, wakes and times by themselves where tokio says nothing, and step aside where tokio's spans arrive: then they only
//! add the name. A wrapped task costs about 75 ns a poll, and one allocation when it is first polled (its counting waker).
//!
//! Without a recorder ([`crate::init`] not called) everything here only passes through.

mod tracked;
mod waker;

use std::{future::Future, panic::Location};

use taskscope_recorder::{Knows, Place, Spawn, TaskKind};
use tokio::task::JoinHandle;

pub use self::tracked::Tracked;
use crate::handle::Handle;

/// Spawns a task as `tokio::spawn` does, and records it.
///
/// # Panics
/// Outside a tokio runtime, as `tokio::spawn` does.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Builder::new().spawn(future)
}

/// Spawns a task with a name.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let answer = taskscope::task::Builder::new().name("compute").spawn(async { 42 });
/// assert_eq!(answer.await.unwrap(), 42);
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Builder<'a> {
    name: &'a str,
    handle: Option<&'a Handle>,
}

impl<'a> Builder<'a> {
    /// No name, the default recorder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the task; at most 256 bytes are kept.
    pub fn name(mut self, name: &'a str) -> Self {
        self.name = name;
        self
    }

    /// Records into this recorder instead of the default one.
    pub fn handle(mut self, handle: &'a Handle) -> Self {
        self.handle = Some(handle);
        self
    }

    /// Spawns on the current runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_with(TaskKind::Task, future, |tracked| tokio::spawn(tracked))
    }

    /// Spawns on this runtime.
    #[track_caller]
    pub fn spawn_on<F>(self, future: F, runtime: &tokio::runtime::Handle) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_with(TaskKind::Task, future, |tracked| runtime.spawn(tracked))
    }

    /// Spawns on the current `LocalSet` or local runtime.
    ///
    /// # Panics
    /// Outside of one.
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.spawn_with(TaskKind::Local, future, |tracked| tokio::task::spawn_local(tracked))
    }

    #[track_caller]
    fn spawn_with<F: Future, R>(self, kind: TaskKind, future: F, spawn: impl FnOnce(Tracked<F>) -> R) -> R {
        let Some(handle) = self.handle.or(Handle::default_handle()).filter(|handle| handle.is_recording())
        else {
            return spawn(Tracked::passive(future));
        };
        let size_bytes = size_of::<F>() as u64;
        let task = handle.recorder().spawn(&wrapped(kind, self.name, size_bytes, Location::caller()));
        crate::runtime::spawning();
        handle.sources().wrappers.store(true, std::sync::atomic::Ordering::Relaxed);
        let tracked = Tracked::spawned(handle.clone(), task, future);
        crate::source::hand_over(task, || spawn(tracked))
    }
}

/// Names futures in place: `join_set.spawn(work().instrument_task("work"))`.
pub trait FutureExt: Future + Sized {
    /// Records this future under a name, in the default recorder, from its first poll on. Spawned as a task it *is* that task; polled inside
    /// another task it is shown as a future of its own.
    #[track_caller]
    fn instrument_task(self, name: &'static str) -> Tracked<Self> {
        match Handle::recording() {
            Some(handle) => self.instrument_task_in(handle, name),
            None => Tracked::passive(self),
        }
    }

    /// The same in a recorder of one's own.
    #[track_caller]
    fn instrument_task_in(self, handle: &Handle, name: &'static str) -> Tracked<Self> {
        Tracked::named(handle.clone(), name, Location::caller(), self)
    }

    /// Makes this future a frame of its task's await tree, in the default recorder, from its first poll on: what a console shows on demand, with
    /// the time since then. Costs 128 bytes and some 60 ns, and 10 ns a poll. `#[taskscope::trace]` does it for an async function.
    ///
    /// ```
    /// use taskscope::FutureExt as _;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let sum = async { 40 + 2 }.trace("add up").await;
    /// assert_eq!(sum, 42);
    /// # }
    /// ```
    #[track_caller]
    fn trace(self, text: &'static str) -> crate::await_tree::Traced<Self> {
        crate::await_tree::Traced::new(self, text, Location::caller())
    }
}

impl<F: Future> FutureExt for F {}

/// What a wrapper knows when it makes a task.
fn wrapped<'a>(kind: TaskKind, name: &'a str, size_bytes: u64, at: &'a Location<'a>) -> Spawn<'a> {
    Spawn {
        kind,
        name,
        size_bytes,
        place: Some(Place { file: at.file(), line: at.line(), column: at.column() }),
        knows: Knows { wakes: true, scheduled: true, wakers: true, waker_clones: false, no_polls: false },
        ..Spawn::default()
    }
}
