//! The columns of streams and the descriptors of the process: checked once, then read without a way to fail.

use taskscope_proto::{
    columns::{Column, slots},
    limits::{MAX_DESCRIPTORS, MAX_TEXT_BYTES},
    v1,
};

use super::{WireError, at_most, resources::Strings, rows::since, text};
use crate::{
    id::{DescriptorId, TaskKey},
    losses::Losses,
    store::{
        Store,
        descriptors::{Descriptor, Events, Past, Reading, Tcp},
        io::{IoKind, Stream},
    },
    text::Texts,
};

/// Checks all that [`apply`] relies on.
pub(super) fn check(frame: &v1::Frame) -> Result<(), WireError> {
    if let Some(wire) = &frame.io {
        StreamReader::new(wire)?;
    }
    if let Some(wire) = &frame.descriptors {
        at_most("descriptors", wire.descriptors.len(), MAX_DESCRIPTORS)?;
    }
    Ok(())
}

/// Comes before anything of the frame is freed: a wrapper that goes takes its descriptor along. The reading that was made before still has
/// it, and a bare socket would come back for as long as that is the last.
pub(super) fn apply_reading(store: &mut Store, frame: &v1::Frame, losses: &mut Losses) {
    if let Some(wire) = &frame.descriptors {
        let reading = reading(wire, frame.now_ns, losses);
        store.descriptors.set(reading);
    }
    if store.descriptors.reading().is_some_and(|reading| reading.at_ns < store.now_ns) {
        let slots = frame.freed_resources.iter();
        let closed = slots.filter_map(|slot| store.descriptor_in_slot(*slot)).collect();
        store.descriptors.forget(&closed);
    }
}

/// Applies what [`check`] has passed, without the descriptors. Returns how many rows named a resource that nobody had told of.
pub(super) fn apply(store: &mut Store, frame: &v1::Frame, losses: &mut Losses) -> u64 {
    let Some(wire) = &frame.io else { return 0 };
    let (Ok(reader), Ok(slots)) = (StreamReader::new(wire), slots(&wire.slot_delta)) else { return 0 };
    let (is_news, texts) = (!store.filling, &mut store.texts);
    let mut strings = Strings::new(&wire.strings, MAX_TEXT_BYTES);
    let mut orphans = 0;
    for (row, slot) in slots.enumerate() {
        let Some(key) = store.resources.in_slot(slot).map(|resource| resource.key) else {
            orphans += 1;
            continue;
        };
        let stream = reader.stream(row, frame.now_ns, &mut strings, texts, losses);
        store.resources.streams.set(slot, stream, is_news, texts, losses);
        // Operations come before the stream that they are on.
        let users: Vec<TaskKey> = store.resources.ops_on(key).filter_map(|op| op.stats.task).collect();
        for task in users {
            store.resources.streams.note_user(slot, task);
        }
    }
    strings.finish(texts);
    orphans
}

struct StreamReader<'a> {
    fd_plus1: Column<'a, u32>,
    in_bytes: Column<'a, u64>,
    out_bytes: Column<'a, u64>,
    reads: Column<'a, u64>,
    writes: Column<'a, u64>,
    read_wait_ns: Column<'a, u64>,
    write_wait_ns: Column<'a, u64>,
    errors: Column<'a, u64>,
    uncounted_reads: Column<'a, u64>,
    uncounted_writes: Column<'a, u64>,
    last_in_ago_ns_plus1: Column<'a, u64>,
    last_out_ago_ns_plus1: Column<'a, u64>,
    local: Column<'a, u32>,
    peer: Column<'a, u32>,
    last_error: Column<'a, u32>,
}

impl<'a> StreamReader<'a> {
    fn new(wire: &'a v1::IoColumns) -> Result<Self, WireError> {
        let rows = slots(&wire.slot_delta)?.len();
        Ok(Self {
            fd_plus1: Column::new("fd_plus1", &wire.fd_plus1, rows)?,
            in_bytes: Column::new("in_bytes", &wire.in_bytes, rows)?,
            out_bytes: Column::new("out_bytes", &wire.out_bytes, rows)?,
            reads: Column::new("reads", &wire.reads, rows)?,
            writes: Column::new("writes", &wire.writes, rows)?,
            read_wait_ns: Column::new("read_wait_ns", &wire.read_wait_ns, rows)?,
            write_wait_ns: Column::new("write_wait_ns", &wire.write_wait_ns, rows)?,
            errors: Column::new("errors", &wire.errors, rows)?,
            uncounted_reads: Column::new("uncounted_reads", &wire.uncounted_reads, rows)?,
            uncounted_writes: Column::new("uncounted_writes", &wire.uncounted_writes, rows)?,
            last_in_ago_ns_plus1: Column::new("last_in_ago_ns_plus1", &wire.last_in_ago_ns_plus1, rows)?,
            last_out_ago_ns_plus1: Column::new("last_out_ago_ns_plus1", &wire.last_out_ago_ns_plus1, rows)?,
            local: Column::new("local", &wire.local, rows)?,
            peer: Column::new("peer", &wire.peer, rows)?,
            last_error: Column::new("last_error", &wire.last_error, rows)?,
        })
    }

    fn stream(
        &self,
        row: usize,
        now_ns: u64,
        strings: &mut Strings,
        texts: &mut Texts,
        losses: &mut Losses,
    ) -> Stream {
        let mut text = |number: u32| strings.hold(u64::from(number), texts, losses);
        Stream {
            fd: self.fd_plus1.at(row).checked_sub(1),
            in_bytes: self.in_bytes.at(row),
            out_bytes: self.out_bytes.at(row),
            reads: self.reads.at(row),
            writes: self.writes.at(row),
            read_wait_ns: self.read_wait_ns.at(row),
            write_wait_ns: self.write_wait_ns.at(row),
            errors: self.errors.at(row),
            uncounted_reads: self.uncounted_reads.at(row),
            uncounted_writes: self.uncounted_writes.at(row),
            last_in_ns: since(self.last_in_ago_ns_plus1.at(row), now_ns),
            last_out_ns: since(self.last_out_ago_ns_plus1.at(row), now_ns),
            local: text(self.local.at(row)),
            peer: text(self.peer.at(row)),
            last_error: text(self.last_error.at(row)),
        }
    }
}

fn reading(wire: &v1::Descriptors, now_ns: u64, losses: &mut Losses) -> Reading {
    let at_ns = now_ns.saturating_sub(wire.read_ago_ns);
    let known = |number: u64| (number > 0).then_some(number);
    Reading {
        list: wire.descriptors.iter().map(|of| descriptor(of, at_ns, losses)).collect(),
        more: wire.more,
        at_ns,
        took_ns: wire.reading_ns,
        problem: text(&wire.problem, MAX_TEXT_BYTES, losses),
        open: known(wire.open),
        limit: known(wire.limit),
    }
}

/// All times of a reading count back from when it was made.
fn descriptor(wire: &v1::Descriptor, at_ns: u64, losses: &mut Losses) -> Descriptor {
    let mut text = |raw: &str| text(raw, MAX_TEXT_BYTES, losses);
    Descriptor {
        id: DescriptorId(wire.identity),
        fd: wire.fd,
        kind: kind(wire.kind),
        inode: (wire.inode > 0).then_some(wire.inode),
        local: text(&wire.local),
        peer: text(&wire.peer),
        state: text(&wire.state),
        interest: wire.watched.then_some(Events(wire.interest)),
        ready: Events(wire.ready),
        first_seen_ns: at_ns.saturating_sub(wire.first_seen_ago_ns),
        recv_queue_bytes: wire.recv_queue_bytes,
        send_queue_bytes: wire.send_queue_bytes,
        backlog: wire.backlog,
        max_backlog: wire.max_backlog,
        drops: wire.drops,
        tcp: wire.tcp.as_ref().map(|tcp| self::tcp(tcp, at_ns, wire.send_queue_bytes)),
        peer_pid: (wire.peer_pid > 0).then_some(wire.peer_pid),
        past: Past::default(),
    }
}

/// The kernel counts how long ago data went from the handshake on: where none did, that says nothing.
fn tcp(wire: &v1::TcpInfo, at_ns: u64, queued: Option<u64>) -> Tcp {
    // The handshake itself is acknowledged as one byte.
    let sent_none = wire.acked_bytes.is_some_and(|bytes| bytes <= 1)
        && [queued, wire.unsent_bytes, Some(wire.unacked)].into_iter().flatten().all(|bytes| bytes == 0);
    let received_none = wire.received_bytes == Some(0);
    Tcp {
        rtt_ns: wire.rtt_ns,
        rtt_var_ns: wire.rtt_var_ns,
        retransmits: wire.retransmits,
        total_retransmits: wire.total_retransmits,
        congestion_window: wire.congestion_window,
        unacked: wire.unacked,
        last_sent_ns: (!sent_none).then(|| at_ns.saturating_sub(wire.last_sent_ago_ns)),
        last_received_ns: (!received_none).then(|| at_ns.saturating_sub(wire.last_received_ago_ns)),
        delivery_rate_bytes: wire.delivery_rate_bytes,
        acked_bytes: wire.acked_bytes,
        received_bytes: wire.received_bytes,
        unsent_bytes: wire.unsent_bytes,
    }
}

fn kind(wire: i32) -> IoKind {
    use v1::DescriptorKind as Wire;
    match Wire::try_from(wire) {
        Ok(Wire::File) => IoKind::File,
        Ok(Wire::Pipe) => IoKind::Pipe,
        Ok(Wire::Tcp) => IoKind::Tcp,
        Ok(Wire::TcpListener) => IoKind::TcpListener,
        Ok(Wire::Udp) => IoKind::Udp,
        Ok(Wire::Unix) => IoKind::Unix,
        Ok(Wire::UnixListener) => IoKind::UnixListener,
        Ok(Wire::Eventfd) => IoKind::Eventfd,
        Ok(Wire::Timerfd) => IoKind::Timerfd,
        Ok(Wire::Signalfd) => IoKind::Signalfd,
        Ok(Wire::Epoll) => IoKind::Epoll,
        Ok(Wire::Inotify) => IoKind::Inotify,
        Ok(Wire::Pidfd) => IoKind::Pidfd,
        Ok(Wire::Other | Wire::Unspecified) | Err(_) => IoKind::Other,
    }
}
