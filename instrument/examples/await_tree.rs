//! Where inside a task does it wait? Futures that are traced are a tree of awaits: open a task and press `a`.
//!
//! `cargo run --example await_tree`, and `taskscope` in another terminal.

use std::time::Duration;

use taskscope::FutureExt as _;
use tokio::time::sleep;

#[tokio::main]
async fn main() {
    taskscope::init();

    let crawler = taskscope::task::Builder::new().name("crawler").spawn(async {
        for page in 1_u64.. {
            crawl(page).await;
        }
    });
    crawler.await.expect("it ends with the program");
}

#[taskscope::trace]
async fn crawl(page: u64) {
    // Two branches of one frame.
    tokio::join!(fetch(page), sleep(Duration::from_millis(500)).trace("be polite"));
}

#[taskscope::trace("fetch a page")]
async fn fetch(page: u64) {
    connect().await;
    sleep(Duration::from_millis(300 + page % 5 * 300)).trace("read the body").await;
}

#[taskscope::trace]
async fn connect() {
    sleep(Duration::from_millis(200)).await;
}
