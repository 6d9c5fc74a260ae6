//! Sockets, signals and children with one fault each, on loopback alone.
//!
//! A scenario starts with its first command; every command is answered with the scenario's [`Book`]: what it counted itself, the truth
//! that a console is held against. Loops are bounded by [`LONG`] and by what a socket's buffers take.

mod peers;
mod served;
mod sockets;
mod streams;
mod system;

use std::{
    net::{SocketAddr, TcpListener},
    os::fd::AsRawFd,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Map, Value};

pub(crate) use peers::{dead_peer, silent_peer};
pub(crate) use served::axum;
pub(crate) use sockets::{backlog, leak, reuse};
pub(crate) use streams::{forgotten, reset, slow_consumer, slow_consumer_plain, unread};
pub(crate) use system::{children, signals, timers};

use crate::stage::{answer, commands};

/// Longer than any test looks.
const LONG: Duration = Duration::from_secs(600);

/// What a scenario knows of itself.
#[derive(Debug, Default, Clone)]
struct Book(Arc<Mutex<Map<String, Value>>>);

impl Book {
    fn set(&self, key: &str, value: impl Into<Value>) {
        self.with(|book| _ = book.insert(key.to_owned(), value.into()));
    }

    /// Counts up.
    fn add(&self, key: &str, more: usize) {
        self.with(|book| {
            let before = book.get(key).and_then(Value::as_u64).unwrap_or(0);
            book.insert(key.to_owned(), (before + more as u64).into());
        });
    }

    /// A socket's number and addresses.
    fn socket(&self, socket: &impl AsRawFd, local: SocketAddr) {
        self.set("fd", socket.as_raw_fd());
        self.set("local", local.to_string());
    }

    fn with(&self, change: impl FnOnce(&mut Map<String, Value>)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn has(&self, key: &str) -> bool {
        let mut has = false;
        self.with(|book| has = book.contains_key(key));
        has
    }

    /// Answers a command.
    fn answer(&self) {
        self.with(|book| answer(&Value::Object(book.clone())));
    }

    /// Answers the commands until the test is over.
    fn answer_all(&self) {
        for _ in commands() {
            self.answer();
        }
    }
}

/// A listener of the standard library, and where it listens.
fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}
