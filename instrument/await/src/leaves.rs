//! The futures of tokio that wait by themselves: one line each.

/// What kind of leaf a type is; [`crate::walk`] knows where in it the facts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf {
    Acquire,
    Notified,
    Sleep,
    Readiness,
    JoinHandle,
    JoinSet,
    /// The receiving half of a channel, by the field with what the halves share.
    Mpsc(&'static str),
    Oneshot,
    Broadcast,
    /// A socket or pipe, by the name of its type.
    Descriptor(&'static str),
    Yield,
    /// It is ready.
    Ready,
}

/// By full name without generic arguments.
const LEAVES: &[(&str, Leaf)] = &[
    ("tokio::sync::batch_semaphore::Acquire", Leaf::Acquire),
    ("tokio::sync::notify::Notified", Leaf::Notified),
    ("tokio::sync::notify::OwnedNotified", Leaf::Notified),
    ("tokio::time::sleep::Sleep", Leaf::Sleep),
    ("tokio::runtime::io::scheduled_io::Readiness", Leaf::Readiness),
    ("tokio::runtime::task::join::JoinHandle", Leaf::JoinHandle),
    ("tokio::task::join_set::JoinSet", Leaf::JoinSet),
    ("tokio::sync::mpsc::bounded::Receiver", Leaf::Mpsc("chan")),
    ("tokio::sync::mpsc::unbounded::UnboundedReceiver", Leaf::Mpsc("chan")),
    ("tokio::sync::mpsc::chan::Rx", Leaf::Mpsc("inner")),
    ("tokio::sync::oneshot::Receiver", Leaf::Oneshot),
    ("tokio::sync::broadcast::Recv", Leaf::Broadcast),
    ("tokio::net::tcp::stream::TcpStream", Leaf::Descriptor("TcpStream")),
    ("tokio::net::tcp::listener::TcpListener", Leaf::Descriptor("TcpListener")),
    ("tokio::net::udp::UdpSocket", Leaf::Descriptor("UdpSocket")),
    ("tokio::net::unix::stream::UnixStream", Leaf::Descriptor("UnixStream")),
    ("tokio::net::unix::listener::UnixListener", Leaf::Descriptor("UnixListener")),
    ("tokio::net::unix::datagram::socket::UnixDatagram", Leaf::Descriptor("UnixDatagram")),
    ("tokio::net::unix::pipe::Sender", Leaf::Descriptor("PipeSender")),
    ("tokio::net::unix::pipe::Receiver", Leaf::Descriptor("PipeReceiver")),
    ("tokio::net::tcp::split_owned::OwnedReadHalf", Leaf::Descriptor("TcpStream")),
    ("tokio::net::tcp::split_owned::OwnedWriteHalf", Leaf::Descriptor("TcpStream")),
    ("tokio::net::unix::split_owned::OwnedReadHalf", Leaf::Descriptor("UnixStream")),
    ("tokio::net::unix::split_owned::OwnedWriteHalf", Leaf::Descriptor("UnixStream")),
    ("tokio::io::async_fd::AsyncFd", Leaf::Descriptor("AsyncFd")),
    ("tokio::task::yield_now::yield_now::{async_fn#0}::YieldNow", Leaf::Yield),
    ("core::future::ready::Ready", Leaf::Ready),
];

pub(crate) fn leaf(base: &str) -> Option<Leaf> {
    LEAVES.iter().find(|(name, _)| *name == base).map(|(_, leaf)| *leaf)
}
