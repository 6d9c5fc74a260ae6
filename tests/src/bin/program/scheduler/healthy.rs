//! What looks like trouble of the scheduler and is none: everything here goes on, and proves it by counting.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    sync::Notify,
    task::{block_in_place, spawn_blocking},
    time::sleep,
};

use super::LONG;
use crate::stage::{Stage, answer, commands};

/// A poll of this length is over a millisecond, and far from a threshold.
const LONG_POLL: Duration = Duration::from_millis(5);
/// What may block does so for longer than any threshold of a poll.
const BLOCKS: Duration = Duration::from_millis(1500);
/// Tasks that are woken together.
const CROWD: usize = 200;

type Done = Arc<[AtomicU64; 5]>;

/// Starts all of it; each command is answered with what was done so far.
pub(crate) fn run(stage: &Stage) {
    let done = Done::default();
    long_polls(stage, &done);
    what_may_block(stage, &done);
    crowd(stage, &done);
    chatter(stage, &done);
    for _ in commands() {
        let done: Vec<u64> = done.iter().map(|count| count.load(Relaxed)).collect();
        answer(&json!({ "done": done }));
    }
}

fn compute(length: Duration) {
    let end = Instant::now() + length;
    let mut sum = 0_u64;
    while Instant::now() < end {
        sum = black_box(sum.wrapping_mul(31) + 1);
    }
    black_box(sum);
}

/// Polls of some milliseconds, with pauses in between; and work that is cut into tasks.
fn long_polls(stage: &Stage, done: &Done) {
    let total = Arc::clone(done);
    stage.spawn_named("steady", async move {
        loop {
            compute(LONG_POLL);
            total[0].fetch_add(1, Relaxed);
            sleep(LONG_POLL * 4).await;
        }
    });
    let (total, spawner) = (Arc::clone(done), stage.spawner.clone());
    stage.spawn_named("batches", async move {
        loop {
            let part = spawner.spawn(async { compute(Duration::from_millis(1)) });
            if part.await.is_err() {
                return;
            }
            total[1].fetch_add(1, Relaxed);
            sleep(Duration::from_millis(2)).await;
        }
    });
}

/// Closures of the blocking pool, and a poll that gives its worker's place away.
fn what_may_block(stage: &Stage, done: &Done) {
    let total = Arc::clone(done);
    stage.spawn_named("archive", async move {
        while spawn_blocking(|| thread::sleep(BLOCKS)).await.is_ok() {
            total[2].fetch_add(1, Relaxed);
        }
    });
    let total = Arc::clone(done);
    stage.spawn_named("in-place", async move {
        loop {
            block_in_place(|| thread::sleep(BLOCKS));
            total[2].fetch_add(1, Relaxed);
            sleep(Duration::from_millis(50)).await;
        }
    });
}

/// Many tasks that are woken at once, and wait for each other's short polls.
fn crowd(stage: &Stage, done: &Done) {
    let all = Arc::new(Notify::new());
    for _ in 0..CROWD {
        let (all, total) = (Arc::clone(&all), Arc::clone(done));
        stage.spawn_named("crowd", async move {
            loop {
                all.notified().await;
                compute(Duration::from_micros(20));
                total[3].fetch_add(1, Relaxed);
            }
        });
    }
    stage.spawn_named("caller", async move {
        loop {
            sleep(Duration::from_millis(100)).await;
            all.notify_waiters();
        }
    });
}

/// A task that is woken often, and polled each time.
fn chatter(stage: &Stage, done: &Done) {
    let word = Arc::new(Notify::new());
    let (heard, total) = (Arc::clone(&word), Arc::clone(done));
    stage.spawn_named("chatter", async move {
        loop {
            heard.notified().await;
            total[4].fetch_add(1, Relaxed);
        }
    });
    thread::spawn(move || {
        let end = Instant::now() + LONG;
        while Instant::now() < end {
            word.notify_one();
            thread::sleep(Duration::from_millis(1));
        }
    });
}
