//! An HTTP server whose handlers lock two accounts, each in the order of its request.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    sync::{Barrier, Mutex},
};

/// Two accounts, and what makes two requests meet.
struct Accounts {
    alice: Mutex<i64>,
    bob: Mutex<i64>,
    both: Barrier,
}

/// Two transfers that cross, and a request that comes after them.
pub(crate) async fn transfers() {
    let ledger = Arc::new(Accounts { alice: Mutex::new(100), bob: Mutex::new(100), both: Barrier::new(2) });
    let app = Router::new()
        .route("/transfer/{from}", get(transfer))
        .route("/balance", get(balance))
        .with_state(ledger.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    for path in ["/transfer/alice", "/transfer/bob"] {
        tokio::spawn(ask(address, path));
    }
    // Both locks are taken for good when the transfers wait for each other.
    while ledger.alice.try_lock().is_ok() || ledger.bob.try_lock().is_ok() {
        tokio::task::yield_now().await;
    }
    tokio::spawn(ask(address, "/balance"));
    crate::healthy::settle().await;
}

async fn transfer(State(ledger): State<Arc<Accounts>>, Path(from): Path<String>) -> String {
    let (from, to) =
        if from == "alice" { (&ledger.alice, &ledger.bob) } else { (&ledger.bob, &ledger.alice) };
    let mut from = from.lock().await;
    ledger.both.wait().await;
    let mut to = to.lock().await;
    *from -= 1;
    *to += 1;
    format!("{from} {to}")
}

async fn balance(State(ledger): State<Arc<Accounts>>) -> String {
    let alice = ledger.alice.lock().await;
    format!("{alice}")
}

async fn ask(address: std::net::SocketAddr, path: &'static str) {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    stream.readable().await.expect("the server answers");
}
