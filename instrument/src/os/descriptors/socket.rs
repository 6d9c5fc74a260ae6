//! A socket's kind, addresses, state and queues.

use std::os::fd::BorrowedFd;

use socket2::{Domain, Protocol, SockAddr, SockRef, Type};
use taskscope_proto::v1::{Descriptor, DescriptorKind, TcpInfo};

use super::cut;
use crate::os::sys;

/// Bytes of Linux's `struct tcp_info` that are read: up to `tcpi_delivery_rate`.
const TCP_INFO_BYTES: usize = 168;
/// Index of the drops among the words of `SO_MEMINFO` (`SK_MEMINFO_DROPS` of `linux/sock_diag.h`).
const MEMINFO_DROPS: usize = 8;
const MEMINFO_WORDS: usize = 9;

/// Fills in the kernel's figures of a socket. Returns its cookie; `None`: the kernel has none, or this is no socket any more.
pub(super) fn describe(fd: BorrowedFd<'_>, descriptor: &mut Descriptor) -> Option<u64> {
    let socket = SockRef::from(&fd);
    let before = socket.cookie().ok();
    let listens = socket.is_listener().unwrap_or(false);
    let kind = kind(socket.domain().ok()?, socket.r#type().ok()?, socket.protocol().ok()?, listens);
    descriptor.set_kind(kind);
    descriptor.local = socket.local_addr().map_or_else(|_| String::new(), |address| words(&address));
    descriptor.peer = socket.peer_addr().map_or_else(|_| String::new(), |address| words(&address));
    if matches!(kind, DescriptorKind::Unix) {
        descriptor.peer_pid = peer_pid(fd).unwrap_or(0);
    }
    match kind {
        DescriptorKind::Tcp | DescriptorKind::TcpListener => tcp(fd, kind, descriptor),
        DescriptorKind::UnixListener => "listen".clone_into(&mut descriptor.state),
        DescriptorKind::Unix | DescriptorKind::Udp if !descriptor.peer.is_empty() => {
            "connected".clone_into(&mut descriptor.state);
        }
        _ => {}
    }
    if !listens {
        descriptor.recv_queue_bytes = rustix::io::ioctl_fionread(fd).ok();
        descriptor.send_queue_bytes = sys::unsent_bytes(fd);
    }
    descriptor.drops = drops(fd);
    // Another cookie: the number changed hands in the middle. The caller drops what was read, as the link differs then, too.
    before.filter(|cookie| socket.cookie().ok() == Some(*cookie))
}

fn kind(domain: Domain, kind: Type, protocol: Option<Protocol>, listens: bool) -> DescriptorKind {
    let internet = domain == Domain::IPV4 || domain == Domain::IPV6;
    match (kind, protocol) {
        (Type::STREAM, Some(Protocol::TCP)) if internet && listens => DescriptorKind::TcpListener,
        (Type::STREAM, Some(Protocol::TCP)) if internet => DescriptorKind::Tcp,
        (Type::DGRAM, _) if internet => DescriptorKind::Udp,
        _ if domain == Domain::UNIX && listens => DescriptorKind::UnixListener,
        _ if domain == Domain::UNIX => DescriptorKind::Unix,
        _ => DescriptorKind::Other,
    }
}

/// `127.0.0.1:8080`, `/run/app.sock`, `@abstract`; empty: unnamed.
fn words(address: &SockAddr) -> String {
    if let Some(address) = address.as_socket() {
        return address.to_string();
    }
    if let Some(path) = address.as_pathname() {
        return cut(&path.to_string_lossy());
    }
    let name = address.as_abstract_namespace().map(String::from_utf8_lossy);
    name.map_or_else(String::new, |name| cut(&format!("@{name}")))
}

/// Who was on the other end when the connection was made.
fn peer_pid(fd: BorrowedFd<'_>) -> Option<u32> {
    let (credentials, length) = sys::socket_option::<12>(fd, libc::SOL_SOCKET, libc::SO_PEERCRED)?;
    let pid = (length >= 4)
        .then(|| u32::from_ne_bytes([credentials[0], credentials[1], credentials[2], credentials[3]]));
    pid.filter(|pid| i32::try_from(*pid).is_ok())
}

/// What the socket dropped: datagrams that found its queue full, or connections that found the listener's backlog full.
fn drops(fd: BorrowedFd<'_>) -> Option<u64> {
    const BYTES: usize = MEMINFO_WORDS * 4;
    let (memory, length) = sys::socket_option::<BYTES>(fd, libc::SOL_SOCKET, libc::SO_MEMINFO)?;
    (length == BYTES).then(|| u64::from(Words(&memory).u32(MEMINFO_DROPS * 4)))
}

/// TCP_INFO, by the layout of `linux/tcp.h`: it only ever grew at its end, and an older kernel writes less.
fn tcp(fd: BorrowedFd<'_>, kind: DescriptorKind, descriptor: &mut Descriptor) {
    let Some((info, length)) = sys::socket_option::<TCP_INFO_BYTES>(fd, libc::IPPROTO_TCP, libc::TCP_INFO)
    else {
        return;
    };
    if length < 104 {
        return;
    }
    let words = Words(&info);
    state(info[0]).clone_into(&mut descriptor.state);
    if kind == DescriptorKind::TcpListener {
        // Of a listener these two are its queue and the queue's limit (`tcp_get_info` in `net/ipv4/tcp.c`).
        descriptor.backlog = Some(words.u32(24).into());
        descriptor.max_backlog = Some(words.u32(28).into());
        return;
    }
    let us = |at| u64::from(words.u32(at)) * 1_000;
    let ms = |at| u64::from(words.u32(at)) * 1_000_000;
    let if_written = |at, read: &dyn Fn(usize) -> u64, bytes: usize| (length >= at + bytes).then(|| read(at));
    descriptor.tcp = Some(TcpInfo {
        retransmits: info[2].into(),
        unacked: words.u32(24).into(),
        last_sent_ago_ns: ms(44),
        last_received_ago_ns: ms(52),
        rtt_ns: us(68),
        rtt_var_ns: us(72),
        congestion_window: words.u32(80),
        total_retransmits: words.u32(100).into(),
        acked_bytes: if_written(120, &|at| words.u64(at), 8),
        received_bytes: if_written(128, &|at| words.u64(at), 8),
        unsent_bytes: if_written(144, &|at| words.u32(at).into(), 4),
        delivery_rate_bytes: if_written(160, &|at| words.u64(at), 8),
    });
}

fn state(number: u8) -> &'static str {
    match number {
        1 => "established",
        2 => "syn-sent",
        3 => "syn-recv",
        4 => "fin-wait-1",
        5 => "fin-wait-2",
        6 => "time-wait",
        7 => "close",
        8 => "close-wait",
        9 => "last-ack",
        10 => "listen",
        11 => "closing",
        _ => "",
    }
}

/// Numbers in the machine's byte order.
struct Words<'a>(&'a [u8]);

impl Words<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        std::array::from_fn(|i| self.0.get(at + i).copied().unwrap_or(0))
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.bytes(at))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_ne_bytes(self.bytes(at))
    }
}
