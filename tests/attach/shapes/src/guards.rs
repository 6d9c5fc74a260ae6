//! Locks that are held across an await, were held once, or are waited for by a future that is not polled.

use std::sync::Arc;

use futures::poll;
use tokio::{
    sync::{Mutex, Semaphore},
    task::yield_now,
    time::sleep,
};

use crate::LONG;

pub async fn spawn() {
    let lock = Arc::new(Mutex::new(0));
    tokio::spawn(hold_mutex(lock.clone()));
    while lock.try_lock().is_ok() {
        yield_now().await;
    }
    tokio::spawn(wait_for_holder(lock.clone()));
    tokio::spawn(futurelock(lock.clone()));
    tokio::spawn(moved_future(lock));
    tokio::spawn(hold_permit(Arc::new(Semaphore::new(1))));
    for is_dropped in [false, true] {
        tokio::spawn(maybe_dropped(Arc::default(), is_dropped));
    }
    tokio::spawn(surely_dropped(Arc::default()));
    tokio::spawn(used_then_dropped(Arc::default()));
    tokio::spawn(dropped_by_scope(Arc::default()));
}

async fn hold_mutex(lock: Arc<Mutex<u32>>) {
    let _guard = lock.lock().await;
    sleep(LONG).await;
}

async fn wait_for_holder(lock: Arc<Mutex<u32>>) {
    add_one(lock).await;
}

async fn add_one(lock: Arc<Mutex<u32>>) {
    let mut guard = lock.lock().await;
    *guard += 1;
}

/// Its waiter stands in the queue of the lock, and is polled no more.
async fn futurelock(lock: Arc<Mutex<u32>>) {
    let mut waiter = Box::pin(add_one(lock));
    tokio::select! {
        biased;
        () = &mut waiter => {}
        () = yield_now() => {}
    }
    sleep(LONG).await;
    waiter.await;
}

/// The future it polled once belongs to another task by now.
async fn moved_future(lock: Arc<Mutex<u32>>) {
    let mut waiter = Box::pin(add_one(lock));
    let _ = poll!(&mut waiter);
    let task = tokio::spawn(waiter);
    sleep(LONG).await;
    drop(task);
}

async fn hold_permit(semaphore: Arc<Semaphore>) {
    let _permit = semaphore.acquire().await;
    sleep(LONG).await;
}

async fn maybe_dropped(lock: Arc<Mutex<u32>>, is_dropped: bool) {
    let guard = lock.lock().await;
    if is_dropped {
        drop(guard);
    }
    sleep(LONG).await;
}

async fn surely_dropped(lock: Arc<Mutex<u32>>) {
    let guard = lock.lock().await;
    drop(guard);
    sleep(LONG).await;
}

async fn used_then_dropped(lock: Arc<Mutex<u32>>) {
    let mut guard = lock.lock().await;
    *guard += 1;
    drop(guard);
    sleep(LONG).await;
}

async fn dropped_by_scope(lock: Arc<Mutex<u32>>) {
    {
        let mut guard = lock.lock().await;
        *guard += 1;
    }
    sleep(LONG).await;
}
