//! The types of tokio and of the standard library that a walk knows by name: futures that wait by themselves, guards, and ends of channels. One line each.

use crate::{
    roles::Keeps,
    tree::{ChannelKind, LockKind},
};

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

/// Guards by full name without arguments, the field that leads to the lock, and the lock's kind.
pub(crate) const GUARDS: &[(&str, &str, LockKind)] = &[
    ("tokio::sync::mutex::MutexGuard", "lock", LockKind::Mutex),
    ("tokio::sync::mutex::OwnedMutexGuard", "lock", LockKind::Mutex),
    ("tokio::sync::mutex::MappedMutexGuard", "s", LockKind::Mutex),
    ("tokio::sync::mutex::OwnedMappedMutexGuard", "lock", LockKind::Mutex),
    ("tokio::sync::rwlock::read_guard::RwLockReadGuard", "s", LockKind::Read),
    ("tokio::sync::rwlock::owned_read_guard::OwnedRwLockReadGuard", "lock", LockKind::Read),
    ("tokio::sync::rwlock::write_guard::RwLockWriteGuard", "s", LockKind::Write),
    ("tokio::sync::rwlock::owned_write_guard::OwnedRwLockWriteGuard", "lock", LockKind::Write),
    ("tokio::sync::semaphore::SemaphorePermit", "sem", LockKind::Semaphore),
    ("tokio::sync::semaphore::OwnedSemaphorePermit", "sem", LockKind::Semaphore),
    ("std::sync::poison::mutex::MutexGuard", "lock", LockKind::Blocking),
    ("std::sync::poison::rwlock::RwLockReadGuard", "inner_lock", LockKind::Blocking),
    ("std::sync::poison::rwlock::RwLockWriteGuard", "lock", LockKind::Blocking),
    ("std::sync::mutex::MutexGuard", "lock", LockKind::Blocking),
    ("lock_api::mutex::MutexGuard", "mutex", LockKind::Blocking),
    ("lock_api::rwlock::RwLockReadGuard", "rwlock", LockKind::Blocking),
    ("lock_api::rwlock::RwLockWriteGuard", "rwlock", LockKind::Blocking),
];

/// Ends of channels by full name without arguments, the field that leads to what the ends share, the channel's kind, and whether the end sends.
const ENDS: &[(&str, &str, ChannelKind, bool)] = &[
    ("tokio::sync::mpsc::bounded::Sender", "chan", ChannelKind::Mpsc, true),
    ("tokio::sync::mpsc::bounded::Receiver", "chan", ChannelKind::Mpsc, false),
    ("tokio::sync::mpsc::unbounded::UnboundedSender", "chan", ChannelKind::Mpsc, true),
    ("tokio::sync::mpsc::unbounded::UnboundedReceiver", "chan", ChannelKind::Mpsc, false),
    ("tokio::sync::oneshot::Sender", "inner", ChannelKind::Oneshot, true),
    ("tokio::sync::oneshot::Receiver", "inner", ChannelKind::Oneshot, false),
];

pub(crate) fn keeps(base: &str) -> Option<Keeps> {
    let guard = GUARDS.iter().position(|(name, ..)| *name == base).map(Keeps::Guard);
    let end = ENDS.iter().find(|(name, ..)| *name == base);
    guard.or_else(|| end.map(|(_, field, kind, sends)| Keeps::End { field, kind: *kind, sends: *sends }))
}
