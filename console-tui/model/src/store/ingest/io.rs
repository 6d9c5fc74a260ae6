//! Streams of a frame, and the descriptors of the process.

use taskscope_proto::{limits::MAX_TEXT_BYTES, rows::IoRow, v1};

use super::{Applying, since, strings::Strings, text};
use crate::{
    id::{DescriptorId, TaskKey},
    losses::Losses,
    store::{
        descriptors::{Descriptor, Events, Past, Reading, Tcp},
        io::{IoKind, Stream},
    },
    text::TextId,
};

/// Comes before anything of the frame is freed: a wrapper that goes takes its descriptor along. The reading that was made before still has
/// it, and a bare socket would come back for as long as that is the last.
pub(super) fn apply_reading(of: &mut Applying<'_>) {
    let (store, frame) = (&mut *of.store, &of.frame.rest);
    if let Some(wire) = &frame.descriptors {
        let reading = reading(wire, frame.now_ns, of.losses);
        store.descriptors.set(reading);
    }
    if store.descriptors.reading().is_some_and(|reading| reading.at_ns < store.now_ns) {
        let slots = frame.freed_resources.iter();
        let closed = slots.filter_map(|slot| store.descriptor_in_slot(*slot)).collect();
        store.descriptors.forget(&closed);
    }
}

/// Applies the streams.
pub(super) fn apply(of: &mut Applying<'_>) {
    let Some(io) = &of.frame.io else { return };
    let (now_ns, is_news) = (of.now_ns(), !of.store.filling);
    let (resources, texts, losses) = (&mut of.store.resources, &mut of.store.texts, &mut *of.losses);
    let mut strings = Strings::new(io.strings(), MAX_TEXT_BYTES);
    for (slot, row) in io.rows() {
        let Some(key) = resources.in_slot(slot).map(|resource| resource.key) else {
            of.orphan_resources += 1;
            continue;
        };
        let stream = stream(row, now_ns, |number| strings.hold(number, texts, losses));
        resources.streams.set(slot, stream, is_news, texts, losses);
        // Operations come before the stream that they are on.
        let users: Vec<TaskKey> = resources.ops_on(key).filter_map(|op| op.stats.task).collect();
        for task in users {
            resources.streams.note_user(slot, task);
        }
    }
    strings.finish(texts);
}

fn stream(row: IoRow, now_ns: u64, mut text: impl FnMut(u32) -> TextId) -> Stream {
    Stream {
        fd: row.fd,
        in_bytes: row.in_bytes,
        out_bytes: row.out_bytes,
        reads: row.reads,
        writes: row.writes,
        read_wait_ns: row.read_wait_ns,
        write_wait_ns: row.write_wait_ns,
        errors: row.errors,
        uncounted_reads: row.uncounted_reads,
        uncounted_writes: row.uncounted_writes,
        last_in_ns: since(row.last_in_ago_ns, now_ns),
        last_out_ns: since(row.last_out_ago_ns, now_ns),
        local: text(row.local),
        peer: text(row.peer),
        last_error: text(row.last_error),
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
