//! Two actors with small inboxes that send to each other.

use tokio::sync::mpsc::{self, Receiver, Sender};

/// Each handles a message by sending two.
pub(crate) async fn cycle() {
    let (to_worker, jobs) = mpsc::channel(2);
    let (to_dispatcher, wishes) = mpsc::channel(2);
    to_dispatcher.send(0).await.expect("there is room");
    tokio::spawn(dispatcher(wishes, to_worker));
    tokio::spawn(worker(jobs, to_dispatcher));
    crate::healthy::settle().await;
}

async fn dispatcher(mut wishes: Receiver<u64>, to_worker: Sender<u64>) {
    while let Some(wish) = wishes.recv().await {
        for job in 0..2 {
            if to_worker.send(wish + job).await.is_err() {
                return;
            }
        }
    }
}

async fn worker(mut jobs: Receiver<u64>, to_dispatcher: Sender<u64>) {
    while let Some(job) = jobs.recv().await {
        for _ in 0..2 {
            if to_dispatcher.send(job).await.is_err() {
                return;
            }
        }
    }
}
