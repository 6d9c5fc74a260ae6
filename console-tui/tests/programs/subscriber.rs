//! A program with console-subscriber in it, and no taskscope: `subscriber PORT [IDLE_TASKS]`.
//!
//! Named tasks, each with one habit that a test can recognise; a lock with a waiter; and as many idle tasks as asked for.

use std::{
    error::Error,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Mutex, Semaphore},
    task::{Builder, yield_now},
    time::{interval, sleep},
};

const FOREVER: Duration = Duration::from_secs(3600);

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let port: u16 = args.next().ok_or("which port?")?.parse()?;
    let idle: usize = args.next().map_or(Ok(0), |count| count.parse())?;
    console_subscriber::ConsoleLayer::builder()
        .with_default_env()
        .server_addr(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .init();

    let lock = Arc::new(Mutex::new(0_u64));
    let held = Arc::clone(&lock);
    Builder::new().name("holder").spawn(async move {
        let _guard = held.lock().await;
        sleep(FOREVER).await;
    })?;
    // The lock is taken by the time the others want it.
    while lock.try_lock().is_ok() {
        yield_now().await;
    }
    Builder::new().name("waiter").spawn(async move {
        *lock.lock().await += 1;
    })?;
    Builder::new().name("yields-100").spawn(async {
        for _ in 0..100 {
            yield_now().await;
        }
        sleep(FOREVER).await;
    })?;
    Builder::new().name("ticker").spawn(async {
        let mut ticks = interval(Duration::from_millis(50));
        loop {
            ticks.tick().await;
        }
    })?;
    let permits = Arc::new(Semaphore::new(3));
    Builder::new().name("worker").spawn(async move {
        loop {
            let _permit = permits.acquire().await;
            sleep(Duration::from_millis(20)).await;
            tokio::spawn(async { yield_now().await });
        }
    })?;
    Builder::new().name("hogger").spawn(async {
        loop {
            std::thread::sleep(Duration::from_millis(150));
            sleep(Duration::from_millis(200)).await;
        }
    })?;
    for _ in 0..idle {
        tokio::spawn(sleep(FOREVER));
    }
    tokio::task::spawn_blocking(|| std::thread::sleep(FOREVER)).await?;
    Ok(())
}
