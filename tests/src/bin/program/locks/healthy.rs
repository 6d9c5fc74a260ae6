//! What looks like a deadlock and is none: everything here goes on, and proves it by counting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::json;
use tokio::time::sleep;

use crate::stage::{Stage, answer, commands};

/// Tasks in the long queue.
const QUEUE: usize = 40;

macro_rules! healthy {
    ($name:ident, $sync:path) => {
        /// Starts all of it; each command is answered with what was done so far.
        pub(crate) fn $name(stage: &Stage) {
            use $sync as sync;
            let done: Arc<[AtomicU64; 5]> = Arc::default();

            // Two locks in opposite order, that never meet: a gate lets one in at a time.
            let gate = Arc::new(sync::Semaphore::new(1));
            let (left, right) = (Arc::new(sync::Mutex::new(())), Arc::new(sync::Mutex::new(())));
            for (name, one, other) in
                [("left-right", &left, &right), ("right-left", &right, &left)]
            {
                let (one, other) = (Arc::clone(one), Arc::clone(other));
                let (gate, done) = (Arc::clone(&gate), Arc::clone(&done));
                stage.spawn_named(name, async move {
                    loop {
                        let _gate = gate.acquire().await;
                        let _one = one.lock().await;
                        sleep(Duration::from_millis(2)).await;
                        let _other = other.lock().await;
                        done[0].fetch_add(1, Relaxed);
                    }
                });
            }

            // A long queue that moves on.
            let counter = Arc::new(sync::Mutex::new(0_u64));
            for _ in 0..QUEUE {
                let (counter, done) = (Arc::clone(&counter), Arc::clone(&done));
                stage.spawn_named("in-queue", async move {
                    loop {
                        let mut counter = counter.lock().await;
                        sleep(Duration::from_millis(5)).await;
                        *counter += 1;
                        done[1].fetch_add(1, Relaxed);
                    }
                });
            }

            // A select! that drops the loser, who stands in the queue of a lock.
            let lock = Arc::new(sync::Mutex::new(()));
            let (held, total) = (Arc::clone(&lock), Arc::clone(&done));
            stage.spawn_named("keeper", async move {
                loop {
                    let _guard = held.lock().await;
                    sleep(Duration::from_millis(30)).await;
                    total[2].fetch_add(1, Relaxed);
                }
            });
            let total = Arc::clone(&done);
            stage.spawn_named("impatient", async move {
                loop {
                    tokio::select! {
                        _guard = lock.lock() => {}
                        () = sleep(Duration::from_millis(3)) => {}
                    }
                    total[2].fetch_add(1, Relaxed);
                    sleep(Duration::from_millis(1)).await;
                }
            });

            // A channel that is always full, whose receiver is slow, but receives.
            let (sender, mut receiver) = sync::mpsc::channel::<u64>(4);
            stage.spawn_named("eager", async move { while sender.send(1).await.is_ok() {} });
            let total = Arc::clone(&done);
            stage.spawn_named("slow", async move {
                while let Some(value) = receiver.recv().await {
                    sleep(Duration::from_millis(5)).await;
                    total[3].fetch_add(value, Relaxed);
                }
            });

            // Readers that come and go, and a writer that gets its turn.
            let config = Arc::new(sync::RwLock::new(0_u64));
            for _ in 0..4 {
                let config = Arc::clone(&config);
                stage.spawn_named("reader", async move {
                    loop {
                        let _config = config.read().await;
                        sleep(Duration::from_millis(3)).await;
                    }
                });
            }
            let total = Arc::clone(&done);
            stage.spawn_named("writer", async move {
                loop {
                    *config.write().await += 1;
                    total[4].fetch_add(1, Relaxed);
                    sleep(Duration::from_millis(10)).await;
                }
            });

            for _ in commands() {
                let done: Vec<u64> = done.iter().map(|count| count.load(Relaxed)).collect();
                answer(&json!({ "done": done }));
            }
        }
    };
}

healthy!(plain, tokio::sync);
healthy!(wrapped, taskscope::sync);
