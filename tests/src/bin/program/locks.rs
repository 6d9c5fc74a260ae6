//! Locks and channels that get stuck, and healthy ones that look alike.
//!
//! Each scenario has two casts: `deadlock` uses tokio's own locks, seen through its spans; `deadlock-wrapped` the same through
//! `taskscope::sync`, seen without them. A scenario starts with the command `go`; tasks and locks are named after their part.

pub(crate) mod asks;
mod healthy;
mod patient;
mod truth;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use serde_json::json;
use tokio::time::sleep;

pub(crate) use healthy::{plain as peaceful, wrapped as peaceful_wrapped};
pub(crate) use patient::{plain as patient, pool_plain as pool, pool_wrapped, wrapped as patient_wrapped};
pub(crate) use truth::{plain as truth, wrapped as truth_wrapped};

use crate::stage::{Stage, answer, commands};

/// How far the cast has come: no task takes a second lock before all have their first, however slow the machine is.
#[derive(Default)]
struct Steps(AtomicUsize);

impl Steps {
    fn done(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn count(&self) -> usize {
        self.0.load(SeqCst)
    }

    async fn wait_for(&self, steps: usize) {
        while self.count() < steps {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Writes a scenario once for tokio's types and once for the wrappers of the same interface.
macro_rules! both {
    ($($item:item)*) => {
        pub(crate) mod plain {
            use super::*;
            use tokio::sync::{Mutex, Semaphore, mpsc};
            $($item)*
        }
        pub(crate) mod wrapped {
            use super::*;
            use taskscope::sync::{Mutex, Semaphore, mpsc};
            $($item)*
        }
    };
}

/// Waits for `go`, answers, and answers everything after it.
pub(super) fn on_go(start: impl FnOnce()) {
    let mut start = Some(start);
    for _ in commands() {
        if let Some(start) = start.take() {
            start();
        }
        answer(&json!({}));
    }
}

both! {
    /// Three tasks in a ring over two mutexes and a semaphore.
    pub(crate) fn deadlock(stage: &Stage) {
        let accounts = Arc::new(Mutex::new(()));
        let ledger = Arc::new(Mutex::new(()));
        let permits = Arc::new(Semaphore::new(2));
        let steps = Arc::new(Steps::default());
        on_go(|| {
            let (a, b, at) = (Arc::clone(&accounts), Arc::clone(&ledger), Arc::clone(&steps));
            stage.spawn_named("transfer", async move {
                let _accounts = a.lock().await;
                at.done();
                at.wait_for(3).await;
                let _ledger = b.lock().await;
            });
            let (b, c, at) = (Arc::clone(&ledger), Arc::clone(&permits), Arc::clone(&steps));
            stage.spawn_named("audit", async move {
                let _ledger = b.lock().await;
                at.done();
                at.wait_for(3).await;
                let _permits = c.acquire_many(2).await;
            });
            let (c, a, at) = (Arc::clone(&permits), Arc::clone(&accounts), Arc::clone(&steps));
            stage.spawn_named("report", async move {
                // Permits come back here: they aren't used up.
                drop(c.acquire().await);
                let _permit = c.acquire().await;
                at.done();
                at.wait_for(3).await;
                let _accounts = a.lock().await;
            });
            // A bystander behind the ring: it waits, but is no part of it.
            stage.spawn_named("bystander", async move {
                steps.wait_for(3).await;
                let _accounts = accounts.lock().await;
            });
        });
    }

    /// Oxide's RFD 609: the lock is given to a future that its own task does not poll any more.
    pub(crate) fn futurelock(stage: &Stage) {
        let lock = Arc::new(Mutex::new(()));
        let steps = Arc::new(Steps::default());
        on_go(|| {
            let (held, at) = (Arc::clone(&lock), Arc::clone(&steps));
            stage.spawn_named("holder", async move {
                let _guard = held.lock().await;
                at.done();
                at.wait_for(2).await;
            });
            stage.spawn_named("futurelocked", async move {
                steps.wait_for(1).await;
                let mut first = Box::pin(async {
                    let _guard = lock.lock().await;
                });
                tokio::select! {
                    () = &mut first => {}
                    () = sleep(Duration::from_millis(5)) => {
                        // `first` is alive and in the queue, but not polled.
                        steps.done();
                        let _guard = lock.lock().await;
                    }
                }
            });
        });
    }

    /// A blocking lock held over an await, and tasks that wait for it on every worker: the runtime stands still.
    pub(crate) fn mixed(stage: &Stage) {
        let registry = Arc::new(taskscope::lock::Mutex::new(()));
        let config = Arc::new(Mutex::new(()));
        let workers = stage.workers;
        let steps = Arc::new(Steps::default());
        on_go(|| {
            let (std_lock, tokio_lock, at) = (Arc::clone(&registry), Arc::clone(&config), Arc::clone(&steps));
            // Its guard can't change threads, so it is a local task.
            stage.spawner.spawn_on_own_thread("flush", async move || {
                let _registry = std_lock.lock();
                at.done();
                at.wait_for(2).await;
                let _config = tokio_lock.lock().await;
            });
            let (std_lock, tokio_lock, at) = (Arc::clone(&registry), Arc::clone(&config), Arc::clone(&steps));
            stage.spawn_named("reload", async move {
                let _config = tokio_lock.lock().await;
                at.wait_for(1).await;
                at.done();
                let _registry = std_lock.lock();
            });
            for worker in 1..workers {
                let (std_lock, at) = (Arc::clone(&registry), Arc::clone(&steps));
                // Only when `reload` is in its poll, and woken by a thread of its own: next in line on a worker that stands still, or with a timer
                // that no worker drives any more, it would never get there.
                let (go, comes) = tokio::sync::oneshot::channel();
                std::thread::spawn(move || {
                    while at.count() < 2 {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    go.send(())
                });
                stage.spawn_named(&format!("request {worker}"), async move {
                    if comes.await.is_ok() {
                        let _registry = std_lock.lock();
                    }
                });
            }
        });
    }

    /// A chain of full channels behind a receiver that has stopped receiving.
    pub(crate) fn full(stage: &Stage) {
        let (first, mut relay_in) = mpsc::channel::<u32>(4);
        let (second, mut store_in) = mpsc::channel::<u32>(4);
        let stuck = Arc::new(Mutex::new(()));
        let steps = Arc::new(Steps::default());
        on_go(|| {
            let (lock, at) = (Arc::clone(&stuck), Arc::clone(&steps));
            stage.spawn_named("lock-keeper", async move {
                let _guard = lock.lock().await;
                at.done();
                std::future::pending::<()>().await;
            });
            stage.spawn_named("producer", async move {
                while first.send(1).await.is_ok() {}
            });
            stage.spawn_named("relay", async move {
                while let Some(value) = relay_in.recv().await {
                    if second.send(value).await.is_err() {
                        break;
                    }
                }
            });
            stage.spawn_named("store", async move {
                steps.wait_for(1).await;
                let _first = store_in.recv().await;
                let _guard = stuck.lock().await;
                while store_in.recv().await.is_some() {}
            });
        });
    }
}
