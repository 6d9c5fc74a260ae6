//! Sockets that are not accepted, not closed, or take the number of another one.

use std::{
    net::{Shutdown, SocketAddr, TcpStream as StdStream},
    os::fd::AsRawFd as _,
    thread,
    time::Duration,
};

use serde_json::json;
use socket2::{Domain, SockAddr, Socket, Type};
use taskscope::net::{TcpListener, TcpStream};
use tokio::io::AsyncWriteExt as _;

use super::{Book, listener};
use crate::stage::{Stage, answer, commands};

/// Connections that may wait for the listener.
const BACKLOG: i32 = 2;
/// Clients that want to connect.
const CLIENTS: usize = 8;
/// Sockets that the leak opens at most, and how fast.
const LEAKED: usize = 2000;
const LEAK_EVERY: Duration = Duration::from_millis(20);

/// A listener that accepts one connection and then no more, and clients that overflow its backlog.
pub(crate) fn backlog(stage: &Stage) {
    let book = Book::default();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    socket.bind(&SockAddr::from(any)).and_then(|()| socket.listen(BACKLOG)).expect("a free port");
    socket.set_nonblocking(true).expect("it is a socket");
    let listener: std::net::TcpListener = socket.into();
    let address = listener.local_addr().expect("it is bound");
    book.socket(&listener, address);
    let own = book.clone();
    let (accepted, is_accepted) = std::sync::mpsc::channel();
    stage.spawn_named("accepts", async move {
        let listener = TcpListener::from_std(listener).expect("it is non-blocking");
        let first = listener.accept().await.expect("a peer connects");
        own.set("accepted", 1);
        let _receiver_is_gone = accepted.send(());
        // It has lost itself in something else.
        std::future::pending::<()>().await;
        drop(first);
    });
    let own = book.clone();
    thread::spawn(move || {
        let first = StdStream::connect(address).expect("it is accepted");
        // From here on the backlog only fills: whom it has no place for gets no answer at all.
        is_accepted.recv().expect("the task lives");
        let clients: Vec<Socket> = (0..CLIENTS)
            .map(|_| {
                let client = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
                client.set_nonblocking(true).expect("it is a socket");
                // Under way; the kernel asks again and again.
                let _under_way = client.connect(&SockAddr::from(address));
                own.add("clients", 1);
                client
            })
            .collect();
        thread::sleep(super::LONG);
        drop((first, clients));
    });
    book.answer_all();
}

/// Connections that are opened at one place and never closed, although their peers have said goodbye.
pub(crate) fn leak(stage: &Stage) {
    let book = Book::default();
    let (listener, address) = listener();
    thread::spawn(move || {
        for stream in listener.incoming().take(LEAKED) {
            drop(stream);
        }
    });
    let own = book.clone();
    stage.spawn_named("leaky", async move {
        let mut kept = Vec::new();
        while kept.len() < LEAKED {
            own.set("line", line!() + 1);
            kept.push(TcpStream::connect(address).await.expect("it listens"));
            own.set("leaked", kept.len());
            tokio::time::sleep(LEAK_EVERY).await;
        }
        std::future::pending::<()>().await;
    });
    book.answer_all();
}

/// `next`: closes the connection and opens another, which gets its number; answers what that one is and wrote.
pub(crate) fn reuse(stage: &Stage) {
    let (listener, address) = listener();
    let mut open: Option<(TcpStream, StdStream)> = None;
    for (round, _) in commands().enumerate() {
        drop(open.take());
        let bytes = vec![7; 100 * (round + 1)];
        let stream = stage.runtime.block_on(async {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            stream.write_all(&bytes).await.expect("there is room");
            stream
        });
        let (peer, _) = listener.accept().expect("it has connected");
        peer.shutdown(Shutdown::Write).expect("it is connected");
        let local = stream.local_addr().expect("it is connected").to_string();
        answer(&json!({ "fd": stream.as_raw_fd(), "local": local, "written": bytes.len() }));
        open = Some((stream, peer));
    }
}
