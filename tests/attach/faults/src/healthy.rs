//! A program that does its work: nothing in it is a fault.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, Semaphore, mpsc, oneshot},
    task::JoinSet,
    time::{interval, sleep},
};

/// Long enough for tasks that can go on to do so; what they wait for then is for good, or for a timer.
pub(crate) async fn settle() {
    sleep(Duration::from_millis(300)).await;
}

/// Locks that change hands, an actor that answers, permits that come back, children that end.
pub(crate) fn run() {
    let lock = Arc::new(Mutex::new(0_u64));
    for _ in 0..4 {
        tokio::spawn(count(lock.clone()));
    }
    let (to_actor, inbox) = mpsc::channel(4);
    tokio::spawn(actor(inbox));
    tokio::spawn(ask(to_actor));
    tokio::spawn(bounded(Arc::new(Semaphore::new(2))));
    tokio::spawn(wait(lock));
}

async fn count(lock: Arc<Mutex<u64>>) {
    let mut ticks = interval(Duration::from_millis(10));
    loop {
        ticks.tick().await;
        let mut count = lock.lock().await;
        *count += 1;
        sleep(Duration::from_millis(1)).await;
    }
}

async fn actor(mut inbox: mpsc::Receiver<oneshot::Sender<u64>>) {
    while let Some(reply) = inbox.recv().await {
        sleep(Duration::from_millis(2)).await;
        let _ = reply.send(1);
    }
}

async fn ask(actor: mpsc::Sender<oneshot::Sender<u64>>) {
    loop {
        let (reply, answer) = oneshot::channel();
        if actor.send(reply).await.is_err() || answer.await.is_err() {
            return;
        }
    }
}

async fn bounded(permits: Arc<Semaphore>) {
    loop {
        let mut children = JoinSet::new();
        for _ in 0..4 {
            children.spawn(work(permits.clone()));
        }
        while children.join_next().await.is_some() {}
    }
}

async fn work(permits: Arc<Semaphore>) {
    let permit = permits.acquire().await;
    sleep(Duration::from_millis(5)).await;
    drop(permit);
}

async fn wait(lock: Arc<Mutex<u64>>) {
    loop {
        sleep(Duration::from_secs(crate::LONG.as_secs())).await;
        *lock.lock().await = 0;
    }
}
