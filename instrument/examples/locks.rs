//! Locks and channels on record: two tasks that take two locks in different order, and a consumer that is too slow.
//!
//! `cargo run --example locks`, and `taskscope` in another terminal. Press `3` for the locks, `w` for who waits for whom: the console proves the
//! deadlock and names the four places.

use std::{sync::Arc, time::Duration};

use taskscope::sync::{Mutex, mpsc};
use tokio::time::sleep;

#[tokio::main]
async fn main() {
    taskscope::init();

    let (accounts, audit) = (Arc::new(Mutex::new(100_u64)), Arc::new(Mutex::new(Vec::new())));
    let transfer = {
        let (accounts, audit) = (accounts.clone(), audit.clone());
        async move {
            let mut balance = accounts.lock().await;
            sleep(Duration::from_millis(100)).await;
            audit.lock().await.push(*balance);
            *balance -= 1;
        }
    };
    let report = async move {
        let mut lines = audit.lock().await;
        sleep(Duration::from_millis(100)).await;
        lines.push(*accounts.lock().await);
    };
    taskscope::task::Builder::new().name("transfer").spawn(transfer);
    taskscope::task::Builder::new().name("report").spawn(report);

    let (jobs, mut queue) = mpsc::channel::<u64>(4);
    taskscope::task::Builder::new().name("producer").spawn(async move {
        for job in 0.. {
            if jobs.send(job).await.is_err() {
                return;
            }
        }
    });
    while queue.recv().await.is_some() {
        sleep(Duration::from_secs(1)).await;
    }
}
