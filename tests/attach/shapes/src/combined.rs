//! Several futures in one: `select!`, `join!`, sets, streams and the combinators of `futures`.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::{
    FutureExt, future,
    stream::{self, FuturesUnordered, StreamExt},
};
use tokio::{
    sync::{Mutex, Notify, Semaphore, mpsc, oneshot},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    LONG, keep,
    nested::{second, third},
    silent,
};

pub fn spawn() {
    let lock = Arc::new(Mutex::new(0));
    keep(lock.clone().try_lock_owned().expect("the lock is new"));
    let (sender, receiver) = mpsc::channel(4);
    keep(sender);
    tokio::spawn(select_in_a_loop(receiver, lock));
    tokio::spawn(join_three(Arc::new(Semaphore::new(1)), silent()));
    tokio::spawn(try_join_two());
    tokio::spawn(futures_unordered(silent()));
    let (sender, receiver) = oneshot::channel();
    keep(sender);
    tokio::spawn(timeout_around(receiver));
    tokio::spawn(combinators(silent()));
    tokio::spawn(join_set());
    tokio::spawn(unfolded_stream());
    tokio::spawn(buffered_stream(silent()));
    tokio::spawn(join_all());
    tokio::spawn(select_all());
}

async fn select_in_a_loop(mut receiver: mpsc::Receiver<u32>, lock: Arc<Mutex<u32>>) {
    loop {
        tokio::select! {
            () = sleep(LONG) => {}
            Some(_number) = receiver.recv() => {}
            guard = lock.lock() => drop(guard),
        }
    }
}

async fn join_three(semaphore: Arc<Semaphore>, notify: Arc<Notify>) {
    let permits = async {
        let _permits = semaphore.acquire_many(3).await;
    };
    tokio::join!(third(7), notify.notified(), permits);
}

async fn try_join_two() -> Result<(), ()> {
    async fn fails_after(duration: Duration) -> Result<(), ()> {
        sleep(duration).await;
        Err(())
    }
    tokio::try_join!(fails_after(LONG), fails_after(LONG))?;
    Ok(())
}

async fn one_of_many(number: u64, notify: Arc<Notify>) -> u64 {
    if number == 0 {
        return 0;
    }
    notify.notified().await;
    number
}

/// One of its four futures has ended.
async fn futures_unordered(notify: Arc<Notify>) {
    let mut set: FuturesUnordered<_> = (0..4).map(|number| one_of_many(number, notify.clone())).collect();
    while set.next().await.is_some() {}
}

async fn timeout_around(receiver: oneshot::Receiver<u32>) {
    let _ = timeout(LONG, receiver).await;
}

async fn combinators(notify: Arc<Notify>) {
    let left = async {
        notify.notified().await;
        1u8
    };
    let left = left.map(|number| number + 1).then(|number| async move {
        sleep(LONG).await;
        number
    });
    let right = pin!(second(1, "right"));
    future::select(Box::pin(left), right).await;
}

async fn join_set() {
    let mut set = JoinSet::new();
    for number in 0..3u64 {
        set.spawn(member_of_set(number));
    }
    while set.join_next().await.is_some() {}
}

async fn member_of_set(number: u64) -> u64 {
    sleep(LONG).await;
    number
}

async fn unfolded_stream() {
    let numbers = stream::unfold(0u32, |number| async move {
        sleep(LONG).await;
        Some((number, number + 1))
    });
    let mut numbers = Box::pin(numbers);
    while numbers.next().await.is_some() {}
}

async fn buffered_stream(notify: Arc<Notify>) {
    let mut results = stream::iter(1..6).map(|number| one_of_many(number, notify.clone())).buffered(2);
    while results.next().await.is_some() {}
}

async fn join_all() {
    future::join_all((0..3).map(third)).await;
}

async fn select_all() {
    let futures: Vec<_> = (0..3).map(|number| Box::pin(third(number))).collect();
    future::select_all(futures).await;
}
