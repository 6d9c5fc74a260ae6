//! The sockets of the made-up service: a listener with its connections, one whose client does not read, and a card network that does
//! not answer.
//!
//! Invariant: as for the tasks, everything follows from the time alone.

use taskscope_proto::v1::{Descriptor, DescriptorKind, Descriptors, Frame, IoColumns, TaskState, TcpInfo};

use crate::service::{PICTURE_NS, SECOND, slot};

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

/// Adds all of them to the first frame, and what changes to the others. The resources that are in it already come
/// first.
pub(crate) fn add(frame: &mut Frame, first: bool, first_slot: u32) {
    let now_ns = frame.now_ns;
    if first {
        resources(frame);
    }
    for (number, socket) in (0..).zip(sockets()) {
        if let Some(wait) = socket.wait.filter(|(_, _, since_ns)| *since_ns <= now_ns) {
            op(frame, first, FIRST_OP + number, (first_slot + number, socket.site), wait);
        }
    }
    frame.io = Some(columns(first_slot, now_ns));
    frame.descriptors = Some(descriptors(now_ns));
}

fn resources(frame: &mut Frame) {
    let Some(columns) = &mut frame.resources else { return };
    for socket in sockets() {
        columns.slot_delta.push(1);
        columns.generation.push(1);
        for (column, text) in [(&mut columns.concrete_type, socket.concrete_type), (&mut columns.kind, "I/O")]
        {
            columns.strings.push(text.to_owned());
            column.push(columns.strings.len() as u32);
        }
        columns.name.push(0);
        columns.site.push(socket.site);
        columns.created_ago_ns.push(300 * SECOND);
    }
}

fn op(
    frame: &mut Frame,
    first: bool,
    number: u32,
    (resource, site): (u32, u32),
    (task, source, since_ns): (u32, &str, u64),
) {
    let ago_ns = frame.now_ns - since_ns;
    let (Some(ops), Some(stats)) = (&mut frame.ops, &mut frame.op_stats) else { return };
    let step = |deltas: &[u32]| number - deltas.iter().sum::<u32>();
    if first || ago_ns < SECOND / 2 {
        ops.slot_delta.push(step(&ops.slot_delta));
        ops.generation.push(1);
        ops.strings.push(source.to_owned());
        ops.source.push(ops.strings.len() as u32);
        ops.resource_slot_plus1.push(resource + 1);
        ops.resource_generation.push(1);
        ops.created_ago_ns.push(ago_ns);
        ops.site.push(site);
    }
    stats.slot_delta.push(step(&stats.slot_delta));
    stats.task_slot_plus1.push(task + 1);
    stats.task_generation.push(1);
    stats.state.push(TaskState::Idle.into());
    stats.state_ago_ns.push(ago_ns);
    stats.polls.push(1);
    stats.busy_ns.push(4_000);
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

fn columns(first_slot: u32, now_ns: u64) -> IoColumns {
    let mut columns = IoColumns::default();
    for (number, socket) in (0..).zip(sockets()) {
        let (into, out) = moved(&socket, now_ns);
        let last_ago_ns = last_ago_ns(&socket, now_ns);
        columns.slot_delta.push(if number == 0 { first_slot } else { 1 });
        columns.fd_plus1.push(socket.fd + 1);
        columns.in_bytes.push(into);
        columns.out_bytes.push(out);
        columns.reads.push(into / 1_460 + 1);
        columns.writes.push(out / 1_460 + 1);
        columns.read_wait_ns.push(88 * SECOND);
        columns.write_wait_ns.push(40 * MILLI);
        columns.last_in_ago_ns_plus1.push(last_ago_ns + 40 * MILLI);
        columns.last_out_ago_ns_plus1.push(last_ago_ns + 1);
        for (column, text) in [(&mut columns.local, &socket.local), (&mut columns.peer, &socket.peer)] {
            columns.strings.push(text.clone());
            column.push(if text.is_empty() { 0 } else { columns.strings.len() as u32 });
        }
    }
    columns
}

fn descriptors(now_ns: u64) -> Descriptors {
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
