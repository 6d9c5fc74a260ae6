//! tokio's sockets, on record: `use taskscope::net` in place of `use tokio::net` is the whole migration.
//!
//! Each shows the bytes and operations each way, who waits to read, write or accept and since when, and which errors it met. On Linux the
//! console joins that with the kernel's figures of the socket. The types are [`Instrumented`](crate::io::Instrumented) around tokio's own: methods that are
//! not written out here (`set_nodelay`, `local_addr`, …) are those of the socket inside.
//!
//! A server of axum's takes the listener as it is (feature `axum`); for hyper an accepted stream is `AsyncRead + AsyncWrite`; for tonic
//! there is `TcpListener::incoming` (feature `tonic`).

mod raw;
mod stream;
mod tcp;
mod udp;
#[cfg(unix)]
mod unix_stream;

#[cfg(feature = "server")]
pub use self::tcp::Incoming;
/// Halves of a [`TcpStream`].
pub use self::tcp::halves as tcp_halves;
/// Halves of a [`UnixStream`].
#[cfg(unix)]
pub use self::unix_stream::halves as unix_halves;
#[cfg(unix)]
pub use self::unix_stream::{UnixListener, UnixStream};
pub use self::{
    tcp::{TcpListener, TcpStream},
    udp::UdpSocket,
};
#[cfg(unix)]
pub use tokio::net::UnixDatagram;
pub use tokio::net::{TcpSocket, ToSocketAddrs, lookup_host};
