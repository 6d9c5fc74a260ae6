//! Streams whose other end reads no more, resets, or is not read here.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream as StdStream},
    thread,
    time::Duration,
};

use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{Book, LONG, listener};
use crate::stage::{Stage, commands};

/// A write's size.
const CHUNK_BYTES: usize = 16 * 1024;
/// What a peer sends to a program that does not read it.
const SENT_BYTES: usize = 1000;
/// What the peer reads before it stops.
const READ_BYTES: usize = 100_000;

/// Writes until it is stopped, and counts what was taken.
async fn write_on(mut stream: impl AsyncWrite + Unpin, book: &Book, key: &str) -> std::io::Error {
    let chunk = vec![7; CHUNK_BYTES];
    loop {
        match stream.write(&chunk).await {
            Ok(bytes) => book.add(key, bytes),
            Err(error) => return error,
        }
    }
}

/// A peer that reads some and then no more, but stays.
fn lazy_peer(book: &Book) -> SocketAddr {
    let (listener, address) = listener();
    let book = book.clone();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a peer connects");
        let mut buffer = vec![0; READ_BYTES];
        stream.read_exact(&mut buffer).expect("that much is written");
        book.set("peer_fd", std::os::fd::AsRawFd::as_raw_fd(&stream));
        book.set("read_by_peer", READ_BYTES);
        thread::sleep(LONG);
    });
    address
}

/// A task that writes to a peer which stopped reading: it fills both sockets' buffers, and waits.
pub(crate) fn slow_consumer(stage: &Stage) {
    let book = Book::default();
    let (address, own) = (lazy_peer(&book), book.clone());
    stage.spawn_named("feed", async move {
        let stream = taskscope::net::TcpStream::connect(address).await.expect("it listens");
        own.socket(&stream, stream.local_addr().expect("it is connected"));
        write_on(stream, &own, "written").await;
    });
    book.answer_all();
}

/// The same on a socket of tokio's own, which only the kernel knows.
pub(crate) fn slow_consumer_plain(stage: &Stage) {
    let book = Book::default();
    let (address, own) = (lazy_peer(&book), book.clone());
    stage.spawn_named("feed", async move {
        let stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
        own.socket(&stream, stream.local_addr().expect("it is connected"));
        write_on(stream, &own, "written").await;
    });
    book.answer_all();
}

/// A peer that reads some, and then resets the connection: it has nothing to linger for.
pub(crate) fn reset(stage: &Stage) {
    let book = Book::default();
    let (listener, address) = listener();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a peer connects");
        stream.read_exact(&mut [0; CHUNK_BYTES]).expect("that much is written");
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("it is a socket");
    });
    let own = book.clone();
    stage.spawn_named("upload", async move {
        let mut stream = taskscope::net::TcpStream::connect(address).await.expect("it listens");
        own.socket(&stream, stream.local_addr().expect("it is connected"));
        let error = write_on(&mut stream, &own, "written").await;
        own.set("error", error.to_string());
        // The stream stays, so that what happened to it can be seen.
        std::future::pending::<()>().await;
        drop(stream);
    });
    book.answer_all();
}

/// Bytes that have come, for a task that waits for something else.
pub(crate) fn unread(stage: &Stage) {
    let book = Book::default();
    let (listener, address) = listener();
    let own = book.clone();
    stage.spawn_named("distracted", async move {
        let stream = taskscope::net::TcpStream::connect(address).await.expect("it listens");
        own.socket(&stream, stream.local_addr().expect("it is connected"));
        // It wants to read once: from then on the runtime watches the socket.
        tokio::select! {
            biased;
            _ = stream.readable() => {}
            () = tokio::task::yield_now() => {}
        }
        own.set("looked", true);
        std::future::pending::<()>().await;
        drop(stream);
    });
    send_and_stay(&listener, &book);
}

/// The same, but the read is under way: its future was polled once and is kept, and never polled again.
pub(crate) fn forgotten(stage: &Stage) {
    let book = Book::default();
    let (listener, address) = listener();
    let own = book.clone();
    stage.spawn_named("forgetful", async move {
        let mut stream = taskscope::net::TcpStream::connect(address).await.expect("it listens");
        own.socket(&stream, stream.local_addr().expect("it is connected"));
        let mut buffer = [0; 64];
        let mut reading = std::pin::pin!(stream.read(&mut buffer));
        tokio::select! {
            biased;
            _ = &mut reading => {}
            () = tokio::task::yield_now() => {}
        }
        own.set("looked", true);
        std::future::pending::<()>().await;
    });
    send_and_stay(&listener, &book);
}

/// The other end: it writes once the task here has looked for something to read and found nothing, and stays.
fn send_and_stay(listener: &TcpListener, book: &Book) {
    let (mut peer, _): (StdStream, _) = listener.accept().expect("it connects");
    let mut sent = false;
    for _ in commands() {
        if !sent && book.has("looked") {
            peer.write_all(&[7; SENT_BYTES]).expect("there is room");
            book.set("sent_by_peer", SENT_BYTES);
            sent = true;
        }
        book.answer();
    }
}
