//! What waits for long and is healthy: permits that are used up until they are refilled, an answer that takes its time. And a
//! pool whose every permit is held by a task that waits for one more, which looks nearly the same.

use std::sync::Arc;

use serde_json::json;

use super::Steps;
use crate::stage::{Stage, answer, commands};

/// Permits of each semaphore here.
const PERMITS: usize = 4;

macro_rules! patient {
    ($patient:ident, $pool:ident, $sync:path) => {
        /// Everything waits. Each command lets all of it go on once, and is answered with how often that happened.
        pub(crate) fn $patient(stage: &Stage) {
            use $sync as sync;
            let done = Arc::new(Steps::default());

            // A token for each task, and all of them used up: none was given back yet.
            let bucket = Arc::new(sync::Semaphore::new(PERMITS));
            for _ in 0..PERMITS {
                let (bucket, done) = (Arc::clone(&bucket), Arc::clone(&done));
                stage.spawn_named("sender", async move {
                    while let Ok(token) = bucket.acquire().await {
                        token.forget();
                        done.done();
                    }
                });
            }

            // One task takes the permits, another gives them back: the first waits for them in turn.
            let places = Arc::new(sync::Semaphore::new(PERMITS));
            let (taken, mut to_leave) = sync::mpsc::unbounded_channel();
            let (entry, counted) = (Arc::clone(&places), Arc::clone(&done));
            stage.spawn_named("gate", async move {
                while let Ok(place) = Arc::clone(&entry).acquire_owned().await {
                    let _is_open = taken.send(place);
                    counted.done();
                }
            });

            // The same with the guard of a mutex.
            let record = Arc::new(sync::Mutex::new(()));
            let (pass, mut to_drop) = sync::mpsc::unbounded_channel();
            let (taken, counted) = (Arc::clone(&record), Arc::clone(&done));
            stage.spawn_named("writer", async move {
                loop {
                    let _is_open = pass.send(Arc::clone(&taken).lock_owned().await);
                    counted.done();
                }
            });

            // A session is locked while another task works on an answer, whose sender it got.
            let session = Arc::new(sync::Mutex::new(0_u64));
            let (ask, mut asked) = sync::mpsc::channel::<sync::oneshot::Sender<u64>>(4);
            for _ in 0..2 {
                let (session, ask, done) = (Arc::clone(&session), ask.clone(), Arc::clone(&done));
                stage.spawn_named("handler", async move {
                    loop {
                        let mut session = session.lock().await;
                        let (reply, value) = sync::oneshot::channel();
                        if ask.send(reply).await.is_err() {
                            return;
                        }
                        *session += value.await.unwrap_or(0);
                        done.done();
                    }
                });
            }
            let go = Arc::new(tokio::sync::Notify::new());
            let work = Arc::clone(&go);
            stage.spawn_named("actor", async move {
                while let Some(reply) = asked.recv().await {
                    work.notified().await;
                    let _is_gone = reply.send(1);
                }
            });

            for _ in commands() {
                bucket.add_permits(PERMITS);
                while let Ok(place) = to_leave.try_recv() {
                    drop(place);
                }
                while let Ok(guard) = to_drop.try_recv() {
                    drop(guard);
                }
                go.notify_one();
                answer(&json!({ "done": done.count() }));
            }
        }

        /// Each task has a connection for its transaction, and wants a second one for its log.
        pub(crate) fn $pool(stage: &Stage) {
            use $sync as sync;
            let pool = Arc::new(sync::Semaphore::new(PERMITS));
            let steps = Arc::new(Steps::default());
            super::on_go(|| {
                for _ in 0..PERMITS {
                    let (pool, steps) = (Arc::clone(&pool), Arc::clone(&steps));
                    stage.spawn_named("request", async move {
                        // A first request that went well: permits come back here.
                        drop(pool.acquire().await);
                        steps.done();
                        steps.wait_for(PERMITS).await;
                        let _transaction = pool.acquire().await;
                        steps.done();
                        steps.wait_for(2 * PERMITS).await;
                        let _log = pool.acquire().await;
                    });
                }
            });
        }
    };
}

patient!(plain, pool_plain, tokio::sync);
patient!(wrapped, pool_wrapped, taskscope::sync);
