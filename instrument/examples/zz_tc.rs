#![allow(missing_docs, clippy::unwrap_used)]
use std::{sync::Arc, time::Duration};
#[tokio::main]
async fn main() {
    taskscope::init();
    let n: usize = std::env::args().nth(1).map_or(10_000, |n| n.parse().unwrap());
    let lock = Arc::new(tokio::sync::Mutex::new(0));
    for i in 0..n {
        tokio::task::Builder::new().name(&format!("sleeper-{i}")).spawn(async move {
            loop { tokio::time::sleep(Duration::from_secs(5 + (i % 50) as u64)).await; }
        }).unwrap();
    }
    for i in 0..5 {
        let lock = lock.clone();
        tokio::task::Builder::new().name(&format!("locker-{i}")).spawn(async move {
            loop { let mut g = lock.lock().await; *g += 1; tokio::time::sleep(Duration::from_millis(300)).await; }
        }).unwrap();
    }
    tokio::task::Builder::new().name("spinner").spawn(async move {
        loop { tokio::task::yield_now().await; let t = std::time::Instant::now(); while t.elapsed() < Duration::from_micros(300) {} tokio::time::sleep(Duration::from_millis(2)).await; }
    }).unwrap();
    loop {
        tokio::spawn(async { tokio::time::sleep(Duration::from_millis(700)).await; });
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
