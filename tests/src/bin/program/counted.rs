//! A future that counts its own polls and wakes: the truth.

use std::{
    cell::Cell,
    future::Future,
    panic::Location,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use serde_json::{Value, json};
use taskscope::FutureExt as _;
use tokio::task::{JoinHandle, JoinSet};

use crate::stage::Spawner;

thread_local! {
    /// The counted task that this thread polls.
    static POLLED: Cell<u64> = const { Cell::new(0) };
}

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// What the tasks of one line of the source did.
#[derive(Debug)]
pub(crate) struct Tally {
    line: AtomicU32,
    spawned: AtomicU64,
    finished: AtomicU64,
    polls: AtomicU64,
    wakes: AtomicU64,
    self_wakes: AtomicU64,
}

impl Tally {
    pub(crate) const fn new() -> Self {
        Self {
            line: AtomicU32::new(0),
            spawned: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            polls: AtomicU64::new(0),
            wakes: AtomicU64::new(0),
            self_wakes: AtomicU64::new(0),
        }
    }

    pub(crate) fn alive(&self) -> u64 {
        let finished = self.finished.load(SeqCst);
        self.spawned.load(SeqCst) - finished
    }

    /// Spawns one more task.
    #[track_caller]
    pub(crate) fn spawn<F>(&'static self, spawner: &Spawner, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.begin();
        spawner.spawn(self.count(future))
    }

    /// Spawns one more task the way that `JoinSet` allows.
    #[track_caller]
    pub(crate) fn spawn_in<F>(&'static self, set: &mut JoinSet<F::Output>, name: &'static str, future: F)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.begin();
        set.spawn(self.count(future).instrument_task(name));
    }

    fn count<F>(&'static self, future: F) -> Counted<F> {
        let number = NUMBERS.fetch_add(1, SeqCst);
        Counted { future: Box::pin(future), number, tally: self, waker: None }
    }

    /// Spawns a blocking task: one poll, and no waker.
    #[track_caller]
    pub(crate) fn spawn_blocking(&'static self, spawner: &Spawner) -> JoinHandle<()> {
        self.begin();
        spawner.spawn_blocking(|| {
            self.polls.fetch_add(1, SeqCst);
            self.finished.fetch_add(1, SeqCst);
        })
    }

    #[track_caller]
    fn begin(&self) {
        self.line.store(Location::caller().line(), SeqCst);
        self.spawned.fetch_add(1, SeqCst);
    }

    pub(crate) fn report(&self) -> Value {
        json!({
            "line": self.line.load(SeqCst),
            "spawned": self.spawned.load(SeqCst),
            "finished": self.finished.load(SeqCst),
            "polls": self.polls.load(SeqCst),
            "wakes": self.wakes.load(SeqCst),
            "self_wakes": self.self_wakes.load(SeqCst),
        })
    }
}

/// Counts the polls and wakes of the future inside.
struct Counted<F> {
    future: Pin<Box<F>>,
    number: u64,
    tally: &'static Tally,
    waker: Option<Arc<CountingWaker>>,
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.tally.polls.fetch_add(1, SeqCst);
        let counting = match self.waker.take() {
            Some(counting) if counting.inner.will_wake(context.waker()) => counting,
            _ => Arc::new(CountingWaker {
                inner: context.waker().clone(),
                number: self.number,
                tally: self.tally,
            }),
        };
        self.waker = Some(Arc::clone(&counting));
        let _polled = Polled(POLLED.replace(self.number));
        self.future.as_mut().poll(&mut Context::from_waker(&Waker::from(counting)))
    }
}

/// Restored also when the poll panics.
struct Polled(u64);

impl Drop for Polled {
    fn drop(&mut self) {
        POLLED.set(self.0);
    }
}

impl<F> Drop for Counted<F> {
    fn drop(&mut self) {
        self.tally.finished.fetch_add(1, SeqCst);
    }
}

struct CountingWaker {
    inner: Waker,
    number: u64,
    tally: &'static Tally,
}

impl CountingWaker {
    fn count(&self) {
        self.tally.wakes.fetch_add(1, SeqCst);
        if POLLED.get() == self.number {
            self.tally.self_wakes.fetch_add(1, SeqCst);
        }
    }
}

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.count();
        // By value, as the caller did.
        let inner = self.inner.clone();
        inner.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.count();
        self.inner.wake_by_ref();
    }
}
