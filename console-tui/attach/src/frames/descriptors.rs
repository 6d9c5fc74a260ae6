//! The descriptors of another process, as `/proc` lists them.
//!
//! Limit: no TCP_INFO, which only the process itself can ask for; where it was first seen, and whether an epoll watches it, are not known either.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Instant,
};

use rustc_hash::FxHashMap;
use taskscope_proto::{
    cut,
    limits::{MAX_DESCRIPTORS, MAX_PATH_BYTES},
    v1,
};

use taskscope_observe::Source;

/// Lines of a table of sockets that are read.
const MAX_SOCKETS: usize = 1 << 18;

/// States of TCP by their numbers in `/proc/net/tcp`, as Linux's `include/net/tcp_states.h` has them.
const STATES: [&str; 13] = [
    "",
    "established",
    "syn-sent",
    "syn-recv",
    "fin-wait-1",
    "fin-wait-2",
    "time-wait",
    "close",
    "close-wait",
    "last-ack",
    "listen",
    "closing",
    "new-syn-recv",
];

/// A socket of a table.
#[derive(Debug, Clone, Default)]
struct Socket {
    kind: v1::DescriptorKind,
    local: String,
    peer: String,
    state: String,
    recv_queue_bytes: Option<u64>,
    send_queue_bytes: Option<u64>,
}

/// All of them now.
pub(super) fn read(source: &Source, now_ns: u64) -> v1::Descriptors {
    let started = Instant::now();
    let Source::Live(process) = source else {
        let problem = "a core file does not have the descriptors of its process".to_owned();
        return v1::Descriptors { problem, ..v1::Descriptors::default() };
    };
    let folder = format!("/proc/{}/fd", process.pid());
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) => {
            let problem = format!("{folder} can't be read: {error}");
            return v1::Descriptors { problem, ..v1::Descriptors::default() };
        }
    };
    let sockets = sockets(process.pid());
    let mut fds: Vec<(u32, String)> = entries
        .flatten()
        .filter_map(|entry| {
            let fd = entry.file_name().to_str()?.parse().ok()?;
            Some((fd, fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned()))
        })
        .collect();
    fds.sort_unstable();
    let open = fds.len();
    let descriptors = fds.into_iter().take(MAX_DESCRIPTORS);
    let descriptors: Vec<v1::Descriptor> =
        descriptors.map(|(fd, target)| descriptor(fd, &target, &sockets, now_ns)).collect();
    v1::Descriptors {
        more: (open - descriptors.len()) as u64,
        descriptors,
        reading_ns: u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX),
        open: open as u64,
        limit: limit(process.pid()).unwrap_or(0),
        ..v1::Descriptors::default()
    }
}

/// How many it may have open.
fn limit(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn descriptor(fd: u32, target: &str, sockets: &FxHashMap<u64, Socket>, now_ns: u64) -> v1::Descriptor {
    let number = |prefix: &str| target.strip_prefix(prefix)?.strip_suffix(']')?.parse::<u64>().ok();
    let mut out = v1::Descriptor { fd, first_seen_ago_ns: now_ns, ..v1::Descriptor::default() };
    if let Some(inode) = number("socket:[") {
        out.inode = inode;
        out.identity = inode;
        let socket = sockets.get(&inode).cloned().unwrap_or_default();
        let kind = if socket.kind == v1::DescriptorKind::Unspecified {
            v1::DescriptorKind::Other
        } else {
            socket.kind
        };
        out.kind = kind as i32;
        (out.local, out.peer, out.state) = (socket.local, socket.peer, socket.state);
        (out.recv_queue_bytes, out.send_queue_bytes) = (socket.recv_queue_bytes, socket.send_queue_bytes);
        return out;
    }
    if let Some(inode) = number("pipe:[") {
        (out.inode, out.identity, out.kind) = (inode, inode, v1::DescriptorKind::Pipe as i32);
        return out;
    }
    let kind = match target.strip_prefix("anon_inode:") {
        Some("[eventfd]") => v1::DescriptorKind::Eventfd,
        Some("[timerfd]") => v1::DescriptorKind::Timerfd,
        Some("[signalfd]") => v1::DescriptorKind::Signalfd,
        Some("[eventpoll]") => v1::DescriptorKind::Epoll,
        Some("inotify" | "[inotify]") => v1::DescriptorKind::Inotify,
        Some("[pidfd]") => v1::DescriptorKind::Pidfd,
        Some(_) => v1::DescriptorKind::Other,
        None => v1::DescriptorKind::File,
    };
    // Nothing else distinguishes a file from the next one with this number.
    out.identity = u64::from(fd) << 32;
    out.kind = kind as i32;
    cut::end(target, MAX_PATH_BYTES).clone_into(&mut out.local);
    out
}

/// All sockets of the process's network namespace by inode.
fn sockets(pid: u32) -> FxHashMap<u64, Socket> {
    let mut sockets = FxHashMap::default();
    let tables = [("tcp", true), ("tcp6", true), ("udp", false), ("udp6", false)];
    for (table, is_tcp) in tables {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        sockets.extend(text.lines().skip(1).take(MAX_SOCKETS).filter_map(|line| internet(line, is_tcp)));
    }
    let text = fs::read_to_string(format!("/proc/{pid}/net/unix")).unwrap_or_default();
    sockets.extend(text.lines().skip(1).take(MAX_SOCKETS).filter_map(unix));
    sockets
}

/// A line of `/proc/net/tcp` or `udp`, proc_pid_net(5).
fn internet(line: &str, is_tcp: bool) -> Option<(u64, Socket)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, peer) = (address(fields.get(1)?)?, address(fields.get(2)?)?);
    let state = usize::from_str_radix(fields.get(3)?, 16).ok()?;
    let (send, recv) = fields.get(4)?.split_once(':')?;
    let inode = fields.get(9)?.parse().ok()?;
    let is_listener = is_tcp && STATES.get(state) == Some(&"listen");
    let queue = |text: &str| u64::from_str_radix(text, 16).ok().filter(|_| !is_listener);
    let kind = match (is_tcp, is_listener) {
        (true, true) => v1::DescriptorKind::TcpListener,
        (true, false) => v1::DescriptorKind::Tcp,
        (false, _) => v1::DescriptorKind::Udp,
    };
    let socket = Socket {
        kind,
        local: local.to_string(),
        peer: if peer.port() == 0 { String::new() } else { peer.to_string() },
        state: if is_tcp { STATES.get(state).copied().unwrap_or_default().to_owned() } else { String::new() },
        recv_queue_bytes: queue(recv),
        send_queue_bytes: queue(send),
    };
    Some((inode, socket))
}

/// `0100007F:1F90`: words of the address as they lie in memory, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let words = address
        .as_bytes()
        .chunks(8)
        .map(|word| u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok());
    let bytes: Vec<u8> =
        words.collect::<Option<Vec<u32>>>()?.into_iter().flat_map(u32::to_ne_bytes).collect();
    let ip = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok().map(Ipv4Addr::from)?),
        16 => IpAddr::from(<[u8; 16]>::try_from(bytes).ok().map(Ipv6Addr::from)?),
        _ => return None,
    };
    Some(SocketAddr::new(ip.to_canonical(), u16::from_str_radix(port, 16).ok()?))
}

/// A line of `/proc/net/unix`.
fn unix(line: &str) -> Option<(u64, Socket)> {
    /// The bit that says that it listens, `__SO_ACCEPTCON`.
    const LISTENS: u32 = 0x10000;
    let fields: Vec<&str> = line.split_whitespace().collect();
    let flags = u32::from_str_radix(fields.get(3)?, 16).ok()?;
    let inode = fields.get(6)?.parse().ok()?;
    let kind = if flags & LISTENS != 0 { v1::DescriptorKind::UnixListener } else { v1::DescriptorKind::Unix };
    let local = cut::end(fields.get(7).copied().unwrap_or_default(), MAX_PATH_BYTES).to_owned();
    Some((inode, Socket { kind, local, ..Socket::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernels_tables_are_read() {
        let line = "   0: 0100007F:1F90 0200007F:D431 01 00000005:00000003 00:00000000 00000000  1000        0 4242 1 0";
        let (inode, socket) = internet(line, true).unwrap();
        assert_eq!((inode, &*socket.local, &*socket.peer), (4242, "127.0.0.1:8080", "127.0.0.2:54321"));
        assert_eq!((socket.send_queue_bytes, socket.recv_queue_bytes), (Some(5), Some(3)));
        assert_eq!(socket.state, "established");
        let listener = line.replace(" 01 ", " 0A ").replace("0200007F:D431", "00000000:0000");
        let (_, socket) = internet(&listener, true).unwrap();
        assert_eq!((socket.kind, &*socket.peer), (v1::DescriptorKind::TcpListener, ""));
        assert_eq!(address("00000000000000000000000001000000:0050").unwrap().to_string(), "[::1]:80");
        let (inode, socket) = unix("ffff: 00000002 00000000 00010000 0001 01 77 /run/a.sock").unwrap();
        assert_eq!(
            (inode, socket.kind, &*socket.local),
            (77, v1::DescriptorKind::UnixListener, "/run/a.sock")
        );
        assert!(internet("nonsense", true).is_none() && unix("").is_none());
    }
}
