//! The usual way: one line, and the console sees every task.
//!
//! `RUSTFLAGS="--cfg tokio_unstable" cargo run --example quickstart`, and `taskscope` in another terminal.

use std::time::Duration;

use tokio::{sync::mpsc, time::sleep};

#[tokio::main]
async fn main() {
    taskscope::init();

    let (jobs, mut queue) = mpsc::channel(8);
    tokio::spawn(async move {
        for job in 0_u64.. {
            sleep(Duration::from_millis(job % 5 * 50)).await;
            if jobs.send(job).await.is_err() {
                return;
            }
        }
    });
    while let Some(job) = queue.recv().await {
        tokio::spawn(async move { sleep(Duration::from_millis(100 + job % 7 * 100)).await });
    }
}
