//! Real servers, with nothing of this project in them but the set-up.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use axum::{Router, routing::get};
use serde_json::json;
use tokio::net::TcpListener;

use crate::stage::{Stage, answer, commands};

/// A mini-redis server. Any command: its port.
pub(crate) fn redis(stage: &Stage) {
    let listener = stage.runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    stage.spawn_named("redis", mini_redis::server::run(listener, std::future::pending::<()>()));
    for _ in commands() {
        answer(&json!({ "port": port }));
    }
}

static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// An axum server. Any command: its port, and the requests that it has answered.
pub(crate) fn axum(stage: &Stage) {
    let listener = stage.runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let router = Router::new().route(
        "/",
        get(|| async {
            tokio::task::yield_now().await;
            REQUESTS.fetch_add(1, SeqCst);
            "hello"
        }),
    );
    stage.spawn_named("axum", async move { axum::serve(listener, router).await });
    for _ in commands() {
        answer(&json!({ "port": port, "requests": REQUESTS.load(SeqCst) }));
    }
}
