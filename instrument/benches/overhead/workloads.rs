//! What the program does while it is watched.

use std::{future::Future, str::FromStr, sync::Arc, time::Instant};

use taskscope::Handle;
use tokio::{
    runtime::Runtime,
    sync::{Mutex, mpsc},
    task::JoinHandle,
};

use crate::{Outcome, http, modes::Setup};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    Poll,
    PollOneThread,
    Spawn,
    SpawnOneThread,
    MutexFree,
    MutexContended,
    Mpsc,
    Sleep,
    SleepAwaited,
    Http,
}

impl Workload {
    pub(crate) const ALL: [Self; 10] = [
        Self::Poll,
        Self::PollOneThread,
        Self::Spawn,
        Self::SpawnOneThread,
        Self::MutexFree,
        Self::MutexContended,
        Self::Mpsc,
        Self::Sleep,
        Self::SleepAwaited,
        Self::Http,
    ];

    /// On `current_thread`.
    pub(crate) fn is_on_one_thread(self) -> bool {
        matches!(self, Self::PollOneThread | Self::SpawnOneThread)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::PollOneThread => "poll-current-thread",
            Self::Spawn => "spawn",
            Self::SpawnOneThread => "spawn-current-thread",
            Self::MutexFree => "mutex-free",
            Self::MutexContended => "mutex-contended",
            Self::Mpsc => "mpsc",
            Self::Sleep => "sleep",
            Self::SleepAwaited => "sleep-awaited",
            Self::Http => "http",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Poll => "a poll with its wake (64 tasks, `yield_now`)",
            Self::PollOneThread => "a poll with its wake, current_thread",
            Self::Spawn => "spawn and join an empty task",
            Self::SpawnOneThread => "spawn and join an empty task, current_thread",
            Self::MutexFree => "lock and unlock a free tokio Mutex",
            Self::MutexContended => "lock a contended tokio Mutex across a `yield_now` (4 tasks)",
            Self::Mpsc => "send and receive on a bounded mpsc",
            Self::Sleep => "make, poll once and drop a `sleep`",
            Self::SleepAwaited => "await a `sleep` that is due at its second poll",
            Self::Http => "an axum request over loopback, closed loop, 16 connections",
        }
    }

    /// Nanoseconds an operation.
    pub(crate) fn run(self, runtime: &Runtime, setup: &Setup) -> Outcome<f64> {
        let spawner = Spawner(setup.wrappers.clone());
        if self == Self::Http {
            return http::serve_under_load(runtime, &spawner);
        }
        let work = async move {
            // Once without the clock: first-touch memory and lazily made parts are not the question.
            self.operations(&spawner, 10).await;
            let start = Instant::now();
            let operations = self.operations(&spawner, 1).await;
            start.elapsed().as_nanos() as f64 / operations as f64
        };
        Ok(runtime.block_on(runtime.spawn(work))?)
    }

    /// Runs a part of the workload and returns how many operations that was.
    async fn operations(self, spawner: &Spawner, part: usize) -> usize {
        match self {
            Self::Poll | Self::PollOneThread => polls(spawner, 64, 100_000 / part).await,
            Self::Spawn | Self::SpawnOneThread => spawns(spawner, 400 / part, 100).await,
            Self::MutexFree => mutex_free(spawner, 40_000 / part).await,
            Self::MutexContended => mutex_contended(spawner, 5_000 / part).await,
            Self::Mpsc => channel(spawner, 40_000 / part).await,
            Self::Sleep => sleeps(spawner, 20_000 / part).await,
            Self::SleepAwaited => sleeps_awaited(spawner, 200_000 / part).await,
            Self::Http => unreachable!("served, not looped"),
        }
    }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|workload| workload.name() == text)
            .ok_or_else(|| format!("no workload {text}"))
    }
}

/// Spawns as the mode wants: plainly, or by the wrapper.
#[derive(Clone)]
pub(crate) struct Spawner(Option<Handle>);

impl Spawner {
    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match &self.0 {
            Some(handle) => taskscope::task::Builder::new().handle(handle).spawn(future),
            None => tokio::spawn(future),
        }
    }
}

async fn polls(spawner: &Spawner, tasks: usize, yields: usize) -> usize {
    let yielding = move || async move {
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
    };
    join((0..tasks).map(|_| spawner.spawn(yielding())).collect()).await;
    tasks * yields
}

async fn spawns(spawner: &Spawner, batches: usize, tasks: usize) -> usize {
    for _ in 0..batches {
        join((0..tasks).map(|_| spawner.spawn(async {})).collect()).await;
    }
    batches * tasks
}

async fn mutex_free(spawner: &Spawner, locks: usize) -> usize {
    let mutex = Mutex::new(0_u64);
    let locking = async move {
        for _ in 0..locks {
            *mutex.lock().await += 1;
        }
    };
    join(vec![spawner.spawn(locking)]).await;
    locks
}

async fn mutex_contended(spawner: &Spawner, locks: usize) -> usize {
    const TASKS: usize = 4;
    let mutex = Arc::new(Mutex::new(0_u64));
    let locking = |mutex: Arc<Mutex<u64>>| async move {
        for _ in 0..locks {
            let mut count = mutex.lock().await;
            tokio::task::yield_now().await;
            *count += 1;
        }
    };
    join((0..TASKS).map(|_| spawner.spawn(locking(Arc::clone(&mutex)))).collect()).await;
    TASKS * locks
}

async fn channel(spawner: &Spawner, messages: usize) -> usize {
    let (sender, mut receiver) = mpsc::channel::<usize>(64);
    let sending = async move {
        for message in 0..messages {
            if sender.send(message).await.is_err() {
                return;
            }
        }
    };
    let receiving = async move { while receiver.recv().await.is_some() {} };
    join(vec![spawner.spawn(sending), spawner.spawn(receiving)]).await;
    messages
}

async fn sleeps(spawner: &Spawner, sleeps: usize) -> usize {
    let sleeping = async move {
        for _ in 0..sleeps {
            let sleep = tokio::time::sleep(std::time::Duration::from_secs(60));
            tokio::select! {
                biased;
                () = sleep => {}
                () = std::future::ready(()) => {}
            }
            tokio::task::consume_budget().await;
        }
    };
    join(vec![spawner.spawn(sleeping)]).await;
    sleeps
}

/// So many at a time that the workers never wait for the clock: what is measured is work.
async fn sleeps_awaited(spawner: &Spawner, sleeps: usize) -> usize {
    const TASKS: usize = 20_000;
    let each = sleeps / TASKS;
    let sleeping = move || async move {
        for _ in 0..each {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    join((0..TASKS).map(|_| spawner.spawn(sleeping())).collect()).await;
    TASKS * each
}

async fn join(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.await.expect("a benchmark's task does not panic");
    }
}
