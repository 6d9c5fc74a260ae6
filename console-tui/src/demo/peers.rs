//! The sick connections: a client that does not read, and a backend that does not answer.
//!
//! Invariant: both stay as they are, and take no more memory than the kernel's buffers. Limit: loopback only; both ends live in this
//! process, the far ones without wrappers, as programs elsewhere would be.

use std::{io, net::SocketAddr, time::Duration};

use taskscope::net::{TcpListener, TcpStream};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::sleep,
};

use super::service::Spawner;

/// How often the client that does not read looks whether it wants to.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What is written at a time, until nothing more is taken.
const BLOCK: [u8; 16 * 1024] = [b'.'; 16 * 1024];

pub(super) async fn start(spawner: &Spawner) -> io::Result<()> {
    let feed = TcpListener::bind("127.0.0.1:0").await?;
    let backend = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let (feed_at, backend_at) = (feed.get_ref().local_addr()?, backend.local_addr()?);
    spawner.spawn("price-feed", feed_prices(spawner.clone(), feed));
    spawner.spawn("dashboard", subscribe_and_stall(feed_at));
    spawner.spawn("fraud-backend", take_and_say_nothing(backend));
    spawner.spawn("check-fraud", ask(backend_at));
    Ok(())
}

async fn feed_prices(spawner: Spawner, listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        spawner.spawn("stream-prices", stream_prices(stream));
    }
}

/// Writes without a timeout: one client that does not read stops it for good.
async fn stream_prices(mut stream: TcpStream) -> io::Result<()> {
    loop {
        stream.write_all(&BLOCK).await?;
    }
}

/// Keeps its connection open, and reads nothing.
async fn subscribe_and_stall(address: SocketAddr) -> io::Result<()> {
    let _kept = tokio::net::TcpStream::connect(address).await?;
    loop {
        sleep(LOOK_AGAIN).await;
    }
}

async fn take_and_say_nothing(listener: tokio::net::TcpListener) -> io::Result<()> {
    let (mut question, _) = listener.accept().await?;
    let mut buffer = [0_u8; 64];
    while question.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// Asks, and waits for the answer without a timeout.
async fn ask(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"CHECK order 4711\n").await?;
    let mut answer = [0_u8; 64];
    stream.read_exact(&mut answer).await.map(|_| ())
}
