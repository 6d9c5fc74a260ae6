//! A web server on taskscope's listener: each connection is a task, and its socket shows bytes, waits and its peer under `4 I/O`.
//!
//! `RUSTFLAGS="--cfg tokio_unstable" cargo run --example axum --features axum`, and `taskscope` in another terminal.
//! Then `curl localhost:3000/work`, or `curl localhost:3000/slow`, which blocks its worker: the console names the function.

use std::time::Duration;

use axum::{Router, routing::get};
use taskscope::net::TcpListener;

#[taskscope::main]
async fn main() -> std::io::Result<()> {
    let app = Router::new().route("/work", get(work)).route("/slow", get(slow));
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://127.0.0.1:3000");
    axum::serve(listener, app).await
}

async fn work() -> &'static str {
    tokio::time::sleep(Duration::from_millis(200)).await;
    "done\n"
}

/// A mistake that many programs have: a blocking call in an async function.
async fn slow() -> &'static str {
    std::thread::sleep(Duration::from_secs(2));
    "blocked a worker for two seconds\n"
}
