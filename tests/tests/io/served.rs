//! A server with a thousand connections: each byte is counted three times, by the clients, by the server and on the wire.

use std::{sync::Arc, time::Instant};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
    task::JoinSet,
};

use crate::{Watched, number};

const CONNECTIONS: u64 = 1000;
/// Of those, so many are opened at a time: a listener's backlog is 1,024, and its overflow is not what is tested here.
const AT_ONCE: usize = 100;
/// Requests on each, one after the other.
const REQUESTS: u64 = 3;
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// Asks over one connection; returns it, still open, with the bytes that it sent and received.
async fn client(port: u16, turns: Arc<Semaphore>) -> (TcpStream, u64, u64) {
    let _turn = turns.acquire().await.expect("it is never closed");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    let (mut sent, mut received) = (0, 0);
    for _ in 0..REQUESTS {
        stream.write_all(REQUEST).await.expect("it reads");
        sent += REQUEST.len() as u64;
        let mut answer = Vec::new();
        while !answer.ends_with(b"hello") {
            let bytes = stream.read_buf(&mut answer).await.expect("it answers");
            assert!(bytes > 0, "it keeps the connection: {}", String::from_utf8_lossy(&answer));
            received += bytes as u64;
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"));
    }
    (stream, sent, received)
}

#[tokio::test]
async fn bytes_of_a_thousand_connections_are_the_programs_own() {
    let mut watched = Watched::start("axum-io").await;
    let port = number(&watched.program.ask("port"), "port").expect("a number") as u16;
    let (start, mut clients) = (Instant::now(), JoinSet::new());
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    for _ in 0..CONNECTIONS {
        clients.spawn(client(port, Arc::clone(&turns)));
    }
    let mut open = Vec::new();
    let (mut sent, mut received) = (0, 0);
    while let Some(client) = clients.join_next().await {
        let (stream, out_bytes, in_bytes) = client.expect("it was answered");
        (sent, received) = (sent + out_bytes, received + in_bytes);
        open.push(stream);
    }
    println!("{} requests in {:?}", CONNECTIONS * REQUESTS, start.elapsed());
    let book = watched
        .until("every byte", |fold, _| {
            let streams: Vec<_> = fold.of_type("TcpStream").collect();
            let sums = streams.iter().fold((0, 0), |(i, o), it| (i + it.in_bytes, o + it.out_bytes));
            streams.len() as u64 == CONNECTIONS && sums == (sent, received)
        })
        .await;
    assert_eq!((number(&book, "in_bytes"), number(&book, "out_bytes")), (Some(sent), Some(received)));
    assert_eq!(
        (number(&book, "accepted"), number(&book, "requests")),
        (Some(CONNECTIONS), Some(CONNECTIONS * REQUESTS))
    );
    let listener = watched.console.fold.of_type("TcpListener").next().expect("there is one");
    assert_eq!(listener.reads, CONNECTIONS, "each was accepted once");

    // All have a descriptor in the report, and none of them twice.
    watched
        .until("every descriptor", |fold, _| {
            let known = fold.of_type("TcpStream").filter(|stream| {
                let descriptor = stream.fd.and_then(|fd| fold.descriptor(fd));
                descriptor.is_some_and(|it| (&it.local, &it.peer) == (&stream.local, &stream.peer))
            });
            known.count() as u64 == CONNECTIONS
        })
        .await;
    open.truncate(CONNECTIONS as usize / 2);
    watched
        .until("half of them are gone", |fold, _| fold.of_type("TcpStream").count() as u64 == CONNECTIONS / 2)
        .await;
}
