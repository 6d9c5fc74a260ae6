//! Locks kept over an await of a task that wants them.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, Notify},
    task::JoinSet,
    time::sleep,
};

/// The registry stays locked while its owner waits for children, each of which wants to take itself out of it.
pub(crate) async fn drain_locked() {
    let registry = Arc::new(Mutex::new(vec![0_u64; 4]));
    let go = Arc::new(Notify::new());
    tokio::spawn(stop(registry, go.clone()));
    crate::healthy::settle().await;
    go.notify_waiters();
    crate::healthy::settle().await;
}

async fn stop(registry: Arc<Mutex<Vec<u64>>>, go: Arc<Notify>) {
    let mut children = JoinSet::new();
    for _ in 0..4 {
        children.spawn(leave(registry.clone(), go.clone()));
    }
    let registry = registry.lock().await;
    while children.join_next().await.is_some() {}
    println!("{}", registry.len());
}

async fn leave(registry: Arc<Mutex<Vec<u64>>>, go: Arc<Notify>) {
    go.notified().await;
    registry.lock().await.pop();
}

/// A lock is given to a future that its task has put aside.
pub(crate) async fn futurelock() {
    let lock = Arc::new(Mutex::new(0_u64));
    let held = lock.clone().lock_owned().await;
    tokio::spawn(put_aside(lock.clone()));
    crate::healthy::settle().await;
    drop(held);
    crate::healthy::settle().await;
}

async fn put_aside(lock: Arc<Mutex<u64>>) {
    let mut first = Box::pin(add(lock.clone()));
    let _ = futures::poll!(first.as_mut());
    sleep(Duration::from_millis(1)).await;
    // It is first in the queue, and is not polled while this waits behind it.
    *lock.lock().await += 1;
    first.await;
}

async fn add(lock: Arc<Mutex<u64>>) {
    *lock.lock().await += 1;
}
