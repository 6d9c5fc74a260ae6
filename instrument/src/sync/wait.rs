//! Taking a lock: at once when it is free, else by tokio's own future, on record as an operation while it waits.
//!
//! An attempt never overtakes the queue: tokio hands released permits to those who wait, and an attempt fails while there are none left
//! (`batch_semaphore.rs` of tokio 1.54). A task whose cooperative budget is used up yields before the attempt; tokio's own future takes the
//! lock first and yields with it in hand.
//!
//! Nothing is allocated: tokio's futures have no name, but a type parameter needs none.

use std::{
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use taskscope_recorder::{Recorder, ResourceId, Ticks};
use tokio::task::coop;

use crate::{
    handle::Handle,
    recorded::{self, Book, Waits},
    source::unrecorded,
    tracked::Pending,
};

/// A call that takes something, as the console shows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// `Mutex::lock`.
    pub(super) method: &'static str,
    pub(super) at: &'static Location<'static>,
}

impl Call {
    #[track_caller]
    pub(super) fn here(method: &'static str) -> Self {
        Self { method, at: Location::caller() }
    }
}

/// What is known at the moment that a lock was taken; only with a recorder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) recorder: &'static Recorder,
    pub(super) at: &'static Location<'static>,
    pub(super) now: Ticks,
    /// How long it took, when it had to wait.
    pub(super) waited: Option<Ticks>,
}

impl Taken {
    /// Taken without a wait; `None` without a recorder.
    #[inline]
    pub(super) fn now(at: &'static Location<'static>) -> Option<Self> {
        let recorder = recorder()?;
        Some(Self { recorder, at, now: recorder.clock().ticks(), waited: None })
    }

    fn after(call: Call, recorder: &'static Recorder, begun: Option<Ticks>) -> Self {
        let now = recorder.clock().ticks();
        Self { recorder, at: call.at, now, waited: begun.map(|begun| now.saturating_sub(begun)) }
    }
}

#[inline]
pub(super) fn recorder() -> Option<&'static Recorder> {
    Handle::recording().map(Handle::recorder)
}

/// The future of a `lock().await`.
///
/// `attempt` tries once, `wait` makes tokio's future and names the resource, `finish` makes the guard of what either gave; all on `lock`,
/// a reference or an `Arc`.
pub(super) fn acquire<L, R, G, A, W, D, F>(
    call: Call,
    lock: L,
    attempt: A,
    wait: W,
    finish: D,
) -> Acquire<L, A, W, D, F>
where
    A: FnOnce(&L) -> Option<R>,
    W: FnOnce(&L) -> (Option<ResourceId>, F),
    D: FnOnce(L, R, Option<Taken>) -> G,
    F: Future<Output = R>,
{
    Acquire { call, state: Some((lock, finish)), start: Some((attempt, wait)), waiting: None }
}

pin_project! {
    /// See [`acquire`].
    pub(super) struct Acquire<L, A, W, D, F> {
        call: Call,
        // Until it is taken.
        state: Option<(L, D)>,
        // Until the first poll that is within the budget.
        start: Option<(A, W)>,
        #[pin]
        waiting: Option<Waiting<F>>,
    }
}

impl<L, R, G, A, W, D, F> Future for Acquire<L, A, W, D, F>
where
    A: FnOnce(&L) -> Option<R>,
    W: FnOnce(&L) -> (Option<ResourceId>, F),
    D: FnOnce(L, R, Option<Taken>) -> G,
    F: Future<Output = R>,
{
    type Output = G;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<G> {
        let mut this = self.project();
        let Some((lock, _)) = this.state.as_ref() else { unreachable!("polled after it was ready") };
        let (result, taken) = if this.start.is_some() {
            let recorder = recorder();
            // Without a recorder the whole is tokio's.
            let budget = if recorder.is_some() { Some(ready!(coop::poll_proceed(context))) } else { None };
            let Some((attempt, wait)) = this.start.take() else {
                unreachable!("it is there, as the line above saw")
            };
            let at_once = recorder.and_then(|recorder| Some((unrecorded(|| attempt(lock))?, recorder)));
            if let Some((result, recorder)) = at_once {
                budget.inspect(coop::RestoreOnPending::made_progress);
                (result, Some(Taken::after(*this.call, recorder, None)))
            } else {
                drop(budget);
                let (resource, future) = wait(lock);
                this.waiting.set(Some(Waiting::begun(*this.call, resource, future)));
                ready!(poll_waiting(this.waiting.as_mut(), context))
            }
        } else {
            ready!(poll_waiting(this.waiting.as_mut(), context))
        };
        this.waiting.set(None);
        let Some((lock, finish)) = this.state.take() else {
            unreachable!("it is there, as the first line saw")
        };
        Poll::Ready(finish(lock, result, taken))
    }
}

fn poll_waiting<F: Future>(
    waiting: Pin<&mut Option<Waiting<F>>>,
    context: &mut Context<'_>,
) -> Poll<(F::Output, Option<Taken>)> {
    match waiting.as_pin_mut() {
        Some(waiting) => waiting.poll(context),
        None => unreachable!("what is not at its start waits"),
    }
}

/// A future of tokio's that is an operation while it waits.
pub(super) type Waiting<F> = recorded::Waiting<F, LockWaits>;

impl<F> Waiting<F> {
    /// On record from its first fruitless poll on.
    pub(super) fn new(call: Call, resource: Option<ResourceId>, future: F) -> Self {
        Self::with(LockWaits::new(call, resource), None, future)
    }

    /// On record from now on, so that its first poll, too, is the operation's: what tokio reports of that poll is recorded in it.
    fn begun(call: Call, resource: Option<ResourceId>, future: F) -> Self {
        let mut waits = LockWaits::new(call, resource);
        waits.begun = waits.recorder.map_or(0, |recorder| recorder.clock().ticks());
        let wait = waits.begin();
        Self::with(waits, wait, future)
    }
}

/// The waits of a call.
#[derive(Debug)]
pub(super) struct LockWaits {
    call: Call,
    recorder: Option<&'static Recorder>,
    resource: Option<ResourceId>,
    /// When the first poll began.
    begun: Ticks,
    /// Some poll was not ready.
    fruitless: bool,
}

/// A wait on record; it ends when dropped. Without an operation past the recorder's limit, where it is counted.
#[derive(Debug)]
pub(super) struct Wait(Option<Pending>);

impl LockWaits {
    fn new(call: Call, resource: Option<ResourceId>) -> Self {
        Self { call, recorder: recorder(), resource, begun: 0, fruitless: false }
    }
}

impl Waits for LockWaits {
    type Wait = Wait;

    fn begin(&mut self) -> Option<Wait> {
        let recorder = self.recorder?;
        Some(Wait(Pending::begin(recorder, self.resource, self.call.method, self.call.at)))
    }

    fn op(wait: &Wait) -> Option<&Pending> {
        wait.0.as_ref()
    }

    /// Without a recorder the whole is tokio's.
    fn run<R>(&mut self, wait: Option<&Wait>, poll: impl FnOnce() -> R) -> R {
        let Some(recorder) = self.recorder else { return poll() };
        if wait.is_none() {
            self.begun = recorder.clock().ticks();
        }
        match wait.and_then(Self::op) {
            Some(op) => op.poll(|| unrecorded(poll)),
            None => unrecorded(poll),
        }
    }

    fn not_ready(&mut self) {
        self.fruitless = true;
    }
}

impl<R> Book<R> for LockWaits {
    type Output = (R, Option<Taken>);

    fn end(&mut self, result: R, wait: Option<Wait>) -> Self::Output {
        drop(wait);
        let begun = self.fruitless.then_some(self.begun);
        (result, self.recorder.map(|recorder| Taken::after(self.call, recorder, begun)))
    }
}

/// A `blocking_lock`: the same, with the thread blocked instead of the task.
///
/// # Panics
/// Where blocking is forbidden, as tokio's own does.
#[track_caller]
pub(super) fn block<R>(
    call: Call,
    attempt: impl FnOnce() -> Option<R>,
    resource: impl FnOnce() -> Option<ResourceId>,
    wait: impl FnOnce() -> R,
) -> (R, Option<Taken>) {
    let Some(recorder) = recorder() else { return (wait(), None) };
    panic_where_blocking_is_forbidden();
    if let Some(result) = unrecorded(attempt) {
        return (result, Some(Taken::after(call, recorder, None)));
    }
    let begun = recorder.clock().ticks();
    let result = match Pending::begin(recorder, resource(), call.method, call.at) {
        Some(op) => op.block(|| unrecorded(wait)),
        None => unrecorded(wait),
    };
    (result, Some(Taken::after(call, recorder, Some(begun))))
}

/// Tokio's own check, reached through a lock of its own: an attempt alone would not make it.
#[track_caller]
pub(super) fn panic_where_blocking_is_forbidden() {
    drop(tokio::sync::Mutex::const_new(()).blocking_lock());
}
