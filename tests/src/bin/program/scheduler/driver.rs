//! The I/O driver is lost: the worker that drove it has woken a task and is stuck in its poll, the other one sleeps elsewhere. Tokio hands the
//! driver on only when a worker has more than one task to run.

use std::{
    hint::black_box,
    io::Write as _,
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use serde_json::json;
use tokio::io::AsyncReadExt as _;

use super::LONG;
use crate::stage::{Stage, answer, commands};

/// Between two looks at whether a task has come as far as the script wants it.
const LOOK_EVERY: Duration = Duration::from_millis(2);

#[inline(never)]
fn parse_for_ever() {
    thread::sleep(LONG);
    black_box(LONG);
}

/// `go`: two tasks that wait for a byte. `lose`: `parser` gets its own, and blocks in that poll; then `reader`'s byte is there, and no
/// thread looks. A console must have seen a worker in the driver between the two: it learns there which one it is.
pub(crate) fn run(stage: &Stage) {
    let (mut to_parser, mut parser) = pair(stage);
    let (mut to_reader, mut reader) = pair(stage);
    let blocks = Arc::new(AtomicBool::new(false));
    let now_blocks = Arc::clone(&blocks);
    let tasks = || {
        // A worker that has polled nothing has no number yet, and no console sees what it does: each polls one of these.
        let all_poll = Arc::new(Barrier::new(stage.workers));
        for _ in 0..stage.workers {
            let all_poll = Arc::clone(&all_poll);
            stage.spawn_named("roll call", async move {
                all_poll.wait();
            });
        }
        stage.spawn_named("reader", async move {
            black_box(reader.read_u8().await.is_ok());
        });
        stage.spawn_named("parser", async move {
            black_box(parser.read_u8().await.is_ok());
            now_blocks.store(true, SeqCst);
            parse_for_ever();
        });
    };
    let mut tasks = Some(tasks);
    for command in commands() {
        if let Some(tasks) = tasks.take() {
            tasks();
        } else if command == "lose" {
            to_parser.write_all(b"1").expect("it reads");
            until(&blocks);
            to_reader.write_all(b"2").expect("there is room");
        }
        answer(&json!({}));
    }
}

fn until(flag: &AtomicBool) {
    while !flag.load(SeqCst) {
        thread::sleep(LOOK_EVERY);
    }
}

/// A connection: the end that writes, and the end of the runtime.
fn pair(stage: &Stage) -> (TcpStream, tokio::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let ours = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    let (theirs, _) = listener.accept().expect("the peer has connected");
    theirs.set_nonblocking(true).expect("a socket can be");
    let _entered = stage.runtime.enter();
    (ours, tokio::net::TcpStream::from_std(theirs).expect("it is non-blocking"))
}
