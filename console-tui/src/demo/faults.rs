//! The sick part: one task (or place) for each kind of fault, named after what it pretends to do.
//!
//! Invariant: every fault is bounded, so that the demo can run all day. Limit: the deadlock and the stuck task stay as they
//! are; that is their point.

use std::{
    future::poll_fn,
    sync::Arc,
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Mutex, oneshot},
    time::{interval, sleep},
};

use super::service::Spawner;

/// Tasks that the leak stops at.
const MAX_LEAKED: usize = 3_000;

/// Time between two leaked tasks.
const LEAK_PERIOD: Duration = Duration::from_millis(250);

/// Wakes of itself that the self-waker does in a row.
const SELF_WAKES: u32 = 20_000;

/// Bytes that the large futures carry across an await.
const LARGE_BYTES: usize = 8 * 1024;
const HUGE_BYTES: usize = 48 * 1024;

pub(super) fn start(spawner: &Spawner) {
    spawner.spawn("poll-legacy-queue", wake_itself());
    spawner.spawn("render-invoice-pdf", block_the_worker());
    spawner.spawn("audit-log", leak(spawner.clone()));
    spawner.spawn("await-webhook", lose_the_waker());
    spawner.spawn("refund-worker", wait_without_answer());
    deadlock(spawner);
    spawner.spawn("export-report", carry::<LARGE_BYTES>());
    spawner.spawn("import-catalog", carry::<HUGE_BYTES>());
}

/// Asks to be polled again at once, instead of when there is something to do.
async fn wake_itself() {
    loop {
        let mut left = SELF_WAKES;
        poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        sleep(Duration::from_millis(20)).await;
    }
}

/// Does on a worker what belongs into `spawn_blocking`: sometimes it sleeps, sometimes it computes.
async fn block_the_worker() {
    let mut ticks = interval(Duration::from_secs(5));
    loop {
        ticks.tick().await;
        thread::sleep(Duration::from_millis(1_300));
        sleep(Duration::from_millis(1_500)).await;
        let until = Instant::now() + Duration::from_millis(350);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    }
}

/// Spawns a task for each entry; none of them ever ends.
async fn leak(spawner: Spawner) {
    let mut ticks = interval(LEAK_PERIOD);
    // Kept, so that the entries wait for ever: a dropped sender would end their wait.
    let mut waiting: Vec<oneshot::Sender<()>> = Vec::with_capacity(MAX_LEAKED);
    loop {
        ticks.tick().await;
        if waiting.len() < MAX_LEAKED {
            let (confirm, confirmed) = oneshot::channel();
            waiting.push(confirm);
            spawner.spawn("audit-entry", confirmed);
        }
    }
}

/// Waits without keeping a waker anywhere: nothing can ever wake it.
async fn lose_the_waker() {
    poll_fn(|_| Poll::<()>::Pending).await;
}

/// Waits for an answer that no task gives.
async fn wait_without_answer() {
    let (_kept, answer) = oneshot::channel::<()>();
    // Neither side of the channel ever does anything; the result never comes.
    let _ = answer.await;
}

/// Two transfers that take the same two locks in opposite order.
fn deadlock(spawner: &Spawner) {
    let accounts = Arc::new(Mutex::new(0_u64));
    let ledger = Arc::new(Mutex::new(0_u64));
    spawner.spawn("transfer-out", transfer(accounts.clone(), ledger.clone()));
    spawner.spawn("transfer-in", transfer(ledger, accounts));
}

/// Traced: `a` on the screen of such a task shows where in it it waits.
#[taskscope::trace]
async fn transfer(first: Arc<Mutex<u64>>, second: Arc<Mutex<u64>>) {
    lock_both(first, second).await;
}

#[taskscope::trace]
async fn lock_both(first: Arc<Mutex<u64>>, second: Arc<Mutex<u64>>) {
    let first = first.lock().await;
    sleep(Duration::from_millis(50)).await;
    let mut second = second.lock().await;
    *second += *first;
}

/// Keeps a buffer in the future itself, where a `Vec` would do.
async fn carry<const BYTES: usize>() {
    let mut buffer = [0_u8; BYTES];
    let mut ticks = interval(Duration::from_secs(2));
    loop {
        ticks.tick().await;
        buffer[0] = std::hint::black_box(&buffer).iter().fold(1, |sum, byte| sum.wrapping_add(*byte));
    }
}
