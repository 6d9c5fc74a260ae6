//! A program that measures by itself how long it holds a lock and waits for it.
//!
//! The true hold lies between the time from "got it" to "about to drop it" and the time from "about to ask" to "dropped it"; the
//! true wait likewise. The sums of these bounds are the answer to any command.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::Poll,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::time::sleep;

use crate::stage::{Stage, answer, commands};

/// Times that the lock is uncontended, and times that it is contended.
const CALM: u64 = 50;
const FOUGHT: u64 = 20;

/// Least and most that it can have been, in nanoseconds.
#[derive(Default)]
struct Bounds([AtomicU64; 2]);

impl Bounds {
    fn add(&self, least: Duration, most: Duration) {
        for (sum, time) in self.0.iter().zip([least, most]) {
            sum.fetch_add(time.as_nanos() as u64, SeqCst);
        }
    }

    fn read(&self) -> [u64; 2] {
        [self.0[0].load(SeqCst), self.0[1].load(SeqCst)]
    }
}

/// Awaits, and says when the first poll of it was over.
async fn polled_at<F: Future>(future: F) -> (F::Output, Instant) {
    let mut future = pin!(future);
    let mut first = None;
    poll_fn(|context| {
        let polled = future.as_mut().poll(context);
        let at = *first.get_or_insert_with(Instant::now);
        match polled {
            Poll::Ready(output) => Poll::Ready((output, at)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

macro_rules! truth {
    ($name:ident, $mutex:path) => {
        /// Runs the measurement once; each command is answered with it, when it is over.
        pub(crate) fn $name(stage: &Stage) {
            use $mutex as Mutex;
            let lock = Arc::new(Mutex::new(()));
            let kept = Arc::clone(&lock);
            let measured = stage.spawn_named("measuring", async move {
                let (holds, waits) = (Bounds::default(), Bounds::default());
                for _ in 0..CALM {
                    let asked = Instant::now();
                    let guard = lock.lock().await;
                    let got = Instant::now();
                    sleep(Duration::from_millis(1)).await;
                    let leaving = Instant::now();
                    drop(guard);
                    holds.add(leaving - got, asked.elapsed());
                }
                for _ in 0..FOUGHT {
                    let asked = Instant::now();
                    let guard = lock.lock().await;
                    let got = Instant::now();
                    let other = async {
                        let asked = Instant::now();
                        let (guard, queued) = polled_at(lock.lock()).await;
                        let got = Instant::now();
                        drop(guard);
                        (asked, queued, got, Instant::now())
                    };
                    let release = async {
                        sleep(Duration::from_millis(3)).await;
                        let leaving = Instant::now();
                        drop(guard);
                        leaving
                    };
                    let ((other_asked, queued, other_got, other_left), leaving) = tokio::join!(other, release);
                    // Its own hold, and that of the other: from the release at the earliest.
                    holds.add(leaving - got, other_asked.max(leaving) - asked);
                    holds.add(Duration::ZERO, other_left - leaving);
                    waits.add(leaving - queued, other_got - other_asked);
                }
                json!({
                    "acquisitions": CALM + 2 * FOUGHT,
                    "contended": FOUGHT,
                    "hold_ns": holds.read(),
                    "wait_ns": waits.read(),
                })
            });
            let measured = stage.runtime.block_on(measured).expect("it does not panic");
            for _ in commands() {
                answer(&measured);
            }
            drop(kept);
        }
    };
}

truth!(plain, tokio::sync::Mutex);
truth!(wrapped, taskscope::sync::Mutex);
