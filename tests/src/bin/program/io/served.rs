//! A server of axum's on a listener that is on record, with a count of its own around each connection.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use axum::{Router, routing::get, serve::Listener};
use serde_json::json;
use taskscope::net::{TcpListener, TcpStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::stage::{Stage, answer, commands};

/// Bytes and connections, as they pass through this module.
#[derive(Debug, Default)]
struct Counts {
    in_bytes: AtomicU64,
    out_bytes: AtomicU64,
    accepted: AtomicU64,
    requests: AtomicU64,
}

struct Counting {
    listener: TcpListener,
    counts: Arc<Counts>,
}

impl Listener for Counting {
    type Io = Counted;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Counted, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        self.counts.accepted.fetch_add(1, Relaxed);
        (Counted { stream, counts: Arc::clone(&self.counts) }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Listener::local_addr(&self.listener)
    }
}

/// What the server reads and writes through: a second count of the same bytes.
struct Counted {
    stream: TcpStream,
    counts: Arc<Counts>,
}

impl Counted {
    fn written(&self, bytes: usize) -> usize {
        self.counts.out_bytes.fetch_add(bytes as u64, Relaxed);
        bytes
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.counts.in_bytes.fetch_add((buffer.filled().len() - before) as u64, Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let bytes = ready!(Pin::new(&mut self.stream).poll_write(context, data))?;
        Poll::Ready(Ok(self.written(bytes)))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, parts))?;
        Poll::Ready(Ok(self.written(bytes)))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Any command: its port, connections, requests and bytes.
pub(crate) fn axum(stage: &Stage) {
    let counts = Arc::new(Counts::default());
    let listener = stage.runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let counted = Arc::clone(&counts);
    let hello = move || {
        counted.requests.fetch_add(1, Relaxed);
        std::future::ready("hello")
    };
    let router = Router::new().route("/", get(hello));
    let listener = Counting { listener, counts: Arc::clone(&counts) };
    stage.spawn_named("axum", async move { axum::serve(listener, router).await });
    for _ in commands() {
        let count = |of: &AtomicU64| of.load(Relaxed);
        answer(&json!({
            "port": port,
            "accepted": count(&counts.accepted),
            "requests": count(&counts.requests),
            "in_bytes": count(&counts.in_bytes),
            "out_bytes": count(&counts.out_bytes),
        }));
    }
}
