//! The sockets of the made-up service: a listener with its connections, one whose client does not read, and a card network that does
//! not answer.
//!
//! Invariant: as for the tasks, everything follows from the time alone.

use taskscope_proto::{
    rows::{FrameRows, IoRow, ResourceRow},
    v1::{Descriptor, DescriptorKind, Descriptors, TcpInfo},
};

use crate::{
    locks::{self, Wait},
    service::{PICTURE_NS, SECOND, slot},
};

const MILLI: u64 = 1_000_000;

/// Operations on sockets are numbered from here on: the others are few.
const FIRST_OP: u32 = 1_000;

/// Connections with a row of their own, and those that are folded.
const NAMED: u32 = 9;
const FOLDED: u32 = 384;

/// When the client stopped reading, and when the card network was asked.
const STALLED_NS: u64 = PICTURE_NS - 31_200 * MILLI;
const ASKED_NS: u64 = PICTURE_NS - 12_700 * MILLI;

/// Places, numbered as in [`crate::service::SITES`].
const LISTEN: u32 = 1;
const CONN: u32 = 2;
const CARD: u32 = 21;

struct Socket {
    concrete_type: &'static str,
    fd: u32,
    local: String,
    peer: String,
    site: u32,
    /// Bytes a second, in and out.
    flow: (f64, f64),
    /// Since when nothing moves.
    until_ns: u64,
    /// Who waits, in what, and since when.
    wait: Option<(u32, &'static str, u64)>,
}

fn sockets() -> Vec<Socket> {
    let new = |concrete_type, fd, local: &str, peer: String, site, flow| Socket {
        concrete_type,
        fd,
        local: local.to_owned(),
        peer,
        site,
        flow,
        until_ns: u64::MAX,
        wait: None,
    };
    let server = "10.0.0.4:8080";
    let mut all = vec![
        Socket {
            wait: Some((1, "TcpListener::accept", PICTURE_NS - 700 * SECOND)),
            ..new("TcpListener", 9, "0.0.0.0:8080", String::new(), LISTEN, (0.0, 0.0))
        },
        Socket {
            until_ns: STALLED_NS,
            wait: Some((slot::CONN + 2, "write", STALLED_NS)),
            ..new("TcpStream", 31, server, "10.0.0.7:40100".to_owned(), CONN, (900.0, 210_000.0))
        },
        Socket {
            until_ns: ASKED_NS,
            wait: Some((slot::CONN + 4, "read", ASKED_NS)),
            ..new("TcpStream", 17, "10.0.0.4:41888", "203.0.113.20:443".to_owned(), CARD, (600.0, 640.0))
        },
    ];
    all.extend((0..NAMED).map(|n| {
        let flow = (f64::from(NAMED - n) * 138_000.0, 14_000.0 + f64::from(n) * 2_100.0);
        let waits = (slot::CONN + 5 + n * 3, "read", PICTURE_NS - (2 + u64::from(n) * 3) * SECOND);
        let peer = format!("10.0.{}.{}:{}", 4 + n % 3, 9 + n * 7, 51_522 - n * 311);
        Socket {
            wait: Some(waits).filter(|_| n % 2 == 1),
            ..new("TcpStream", 40 + n, server, peer, CONN, flow)
        }
    }));
    all
}

/// Adds all of them to the first frame, and what changes to the others. The locks and channels come first.
pub(crate) fn add(rows: &mut FrameRows, first: bool, now_ns: u64) {
    for (number, socket) in (0..).zip(sockets()) {
        let slot = locks::count() + number;
        if first {
            let row = ResourceRow {
                generation: 1,
                concrete_type: rows.resources.text(socket.concrete_type),
                kind: rows.resources.text("I/O"),
                site: socket.site,
                created_ago_ns: 300 * SECOND,
                ..ResourceRow::default()
            };
            rows.resources.push(slot, row);
        }
        if let Some((task, source, since_ns)) = socket.wait.filter(|(_, _, since_ns)| *since_ns <= now_ns) {
            let wait = Wait { source, resource: slot, task, since_ns, site: socket.site };
            wait.add(rows, FIRST_OP + number, first, now_ns);
        }
        let (into, out) = moved(&socket, now_ns);
        let last_ago_ns = last_ago_ns(&socket, now_ns);
        let row = IoRow {
            fd: Some(socket.fd),
            in_bytes: into,
            out_bytes: out,
            reads: into / 1_460 + 1,
            writes: out / 1_460 + 1,
            read_wait_ns: 88 * SECOND,
            write_wait_ns: 40 * MILLI,
            last_in_ago_ns: Some(last_ago_ns + 40 * MILLI - 1),
            last_out_ago_ns: Some(last_ago_ns),
            local: rows.io.text(&socket.local),
            peer: rows.io.text(&socket.peer),
            ..IoRow::default()
        };
        rows.io.push(slot, row);
    }
}

/// Bytes by then, in waves.
fn moved(socket: &Socket, now_ns: u64) -> (u64, u64) {
    let age = now_ns.min(socket.until_ns) as f64 / SECOND as f64;
    let wave = age + 0.5 * (age * 0.9 + f64::from(socket.fd)).sin();
    ((socket.flow.0 * wave) as u64, (socket.flow.1 * wave) as u64)
}

fn last_ago_ns(socket: &Socket, now_ns: u64) -> u64 {
    if socket.until_ns < now_ns { now_ns - socket.until_ns } else { 3 * MILLI }
}

/// All that the process has open.
pub(crate) fn descriptors(now_ns: u64) -> Descriptors {
    let named = sockets().into_iter().map(|socket| descriptor(&socket, now_ns));
    let folded = (0..FOLDED).map(|n| {
        let peer = format!("10.0.{}.{}:{}", 8 + n % 3, 1 + n % 250, 20_000 + n * 13);
        let socket = Socket {
            concrete_type: "TcpStream",
            fd: 100 + n,
            local: "10.0.0.4:8080".to_owned(),
            peer,
            site: 0,
            flow: (210.0, 640.0),
            until_ns: u64::MAX,
            wait: None,
        };
        descriptor(&socket, now_ns)
    });
    let inner = [(3, DescriptorKind::Epoll), (4, DescriptorKind::Eventfd), (5, DescriptorKind::Eventfd)];
    let inner = inner.into_iter().map(|(fd, kind)| Descriptor {
        fd,
        identity: u64::from(fd),
        kind: kind.into(),
        first_seen_ago_ns: 700 * SECOND,
        ..Descriptor::default()
    });
    let descriptors: Vec<Descriptor> = named.chain(folded).chain(inner).collect();
    Descriptors {
        open: descriptors.len() as u64,
        limit: 1_024,
        reading_ns: 4_100_000,
        read_ago_ns: 300 * MILLI,
        descriptors,
        ..Descriptors::default()
    }
}

fn descriptor(socket: &Socket, now_ns: u64) -> Descriptor {
    let (into, out) = moved(socket, now_ns);
    let (listens, stalled, silent) =
        (socket.concrete_type == "TcpListener", socket.until_ns == STALLED_NS, socket.until_ns == ASKED_NS);
    let gone = |stands: bool| stands && socket.until_ns <= now_ns;
    let last_ago_ns = last_ago_ns(socket, now_ns);
    let tcp = TcpInfo {
        rtt_ns: if stalled { 90 * MILLI } else { (180 + u64::from(socket.fd) * 7) * 1_000 },
        rtt_var_ns: 40_000,
        retransmits: if gone(silent) { 6 } else { 0 },
        total_retransmits: if gone(silent) { 8 } else { u64::from(socket.fd % 5 == 1) * 2 },
        congestion_window: 10,
        unacked: u64::from(gone(silent)),
        last_sent_ago_ns: last_ago_ns,
        last_received_ago_ns: last_ago_ns + 40 * MILLI,
        acked_bytes: Some(out),
        received_bytes: Some(into),
        unsent_bytes: Some(if gone(stalled) { 1_900_000 } else { 0 }),
        ..TcpInfo::default()
    };
    let send_queue_bytes = match (gone(stalled), gone(silent)) {
        (true, _) => 2_100_000,
        (false, true) => 640,
        (false, false) => 0,
    };
    let kind = if listens { DescriptorKind::TcpListener } else { DescriptorKind::Tcp };
    Descriptor {
        fd: socket.fd,
        identity: u64::from(socket.fd),
        kind: kind.into(),
        local: socket.local.clone(),
        peer: socket.peer.clone(),
        state: if listens { "listen" } else { "established" }.to_owned(),
        watched: true,
        interest: 0x2005,
        ready: if listens || gone(stalled) { 0 } else { 4 },
        first_seen_ago_ns: 300 * SECOND,
        recv_queue_bytes: (!listens).then_some(0),
        send_queue_bytes: (!listens).then_some(send_queue_bytes),
        backlog: listens.then_some(3),
        max_backlog: listens.then_some(1_024),
        drops: Some(0),
        tcp: (!listens).then_some(tcp),
        ..Descriptor::default()
    }
}
