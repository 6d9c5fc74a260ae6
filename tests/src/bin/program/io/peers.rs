//! Peers that are there and say nothing, or are gone without a word.

use std::{net::SocketAddr, thread, time::Duration};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Book, LONG, listener};
use crate::stage::{Stage, answer, commands};

/// Between two words to the peer.
const TALK_EVERY: Duration = Duration::from_millis(200);

/// A task that asks and waits for the answer, and one that only talks. The first command names the peer, `host:port`; `own`: one here, that
/// accepts and never answers.
pub(crate) fn dead_peer(stage: &Stage) {
    let book = Book::default();
    let Some(command) = commands().next() else { return };
    let address = if command == "own" {
        let (listener, address) = listener();
        thread::spawn(move || {
            let accepted: Vec<_> = listener.incoming().take(2).collect();
            thread::sleep(LONG);
            drop(accepted);
        });
        address
    } else {
        command.parse::<SocketAddr>().expect("an address")
    };
    let own = book.clone();
    stage.spawn_named("asks", async move {
        let mut stream = taskscope::net::TcpStream::connect(address).await.expect("it listens");
        own.socket(&stream, stream.local_addr().expect("it is connected"));
        let asked = stream.write_all(b"are you there?\n").await;
        own.set("asked", asked.is_ok());
        let answered = stream.read(&mut [0; 64]).await;
        own.set("answered", format!("{answered:?}"));
    });
    let own = book.clone();
    stage.spawn_named("talks", async move {
        let stream = taskscope::net::TcpStream::connect(address).await.expect("it listens");
        own.set("talks_local", stream.local_addr().expect("it is connected").to_string());
        let (_reader, mut writer) = stream.into_split();
        while writer.write_all(b"still here\n").await.is_ok() {
            own.add("talks_written", 11);
            tokio::time::sleep(TALK_EVERY).await;
        }
    });
    answer(&json!({}));
    book.answer_all();
}

/// A peer for another process: it accepts and says nothing. Each command is answered with its port, and how many have connected.
pub(crate) fn silent_peer(_stage: &Stage) {
    let listener = std::net::TcpListener::bind("0.0.0.0:0").expect("a free port");
    let book = Book::default();
    book.set("port", listener.local_addr().expect("it is bound").port());
    let own = book.clone();
    thread::spawn(move || {
        let mut accepted = Vec::new();
        for stream in listener.incoming().take(16) {
            accepted.push(stream);
            own.set("accepted", accepted.len());
        }
        thread::sleep(LONG);
    });
    book.answer_all();
}
