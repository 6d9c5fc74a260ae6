//! The sockets, files, signals and children of the report.
//!
//! Limit: [`MAX_WAITING`] of those who wait on each.

use std::collections::BTreeMap;

use crate::{
    analysis::{Analysis, locks::Waiter, things::Thing},
    report::{Child, Descriptors, Io, IoWait, Signal},
    store::{descriptors::Descriptor, io::IoKind, task::Task},
};

/// Waiters listed of each.
const MAX_WAITING: usize = 100;

/// Signals by their number on Linux (signal(7)).
const NUMBERS: [(&str, u32); 11] = [
    ("SIGHUP", 1),
    ("SIGINT", 2),
    ("SIGQUIT", 3),
    ("SIGUSR1", 10),
    ("SIGUSR2", 12),
    ("SIGPIPE", 13),
    ("SIGALRM", 14),
    ("SIGTERM", 15),
    ("SIGCHLD", 17),
    ("SIGWINCH", 28),
    ("SIGIO", 29),
];

/// All sockets, pipes and files: those with a wrapper in the order of their slots, then the other descriptors.
pub(super) fn io(store: Analysis<'_>) -> Vec<Io> {
    store.things().iter().map(|thing| one(store, thing)).collect()
}

fn one(store: Analysis<'_>, thing: &Thing) -> Io {
    let (stream, descriptor) = (thing.stream, thing.descriptor);
    let tcp = descriptor.and_then(|of| of.tcp.as_ref());
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let ago = |at_ns: u64| store.now_ns.saturating_sub(at_ns);
    let (in_bytes_per_s, out_bytes_per_s) = store.io_rates(thing);
    let last =
        |of_stream: Option<u64>, of_tcp: Option<u64>| if stream.is_some() { of_stream } else { of_tcp };
    let resource = thing.resource;
    Io {
        id: thing.key().id(),
        resource: resource.map(|resource| resource.key.id()),
        fd: thing.fd(),
        kind: thing.kind.word().to_owned(),
        concrete_type: resource.and_then(|of| store.texts.text(of.concrete_type)).map(str::to_owned),
        name: resource.and_then(|of| store.resource_name(of)).map(str::to_owned),
        place: store.place(thing.site()),
        local: store.io_local(thing).map(str::to_owned),
        peer: store.io_peer(thing).map(str::to_owned),
        accepted: store.is_accepted(thing),
        state: descriptor.and_then(|of| text(&of.state)),
        in_bytes: thing.in_bytes(),
        out_bytes: thing.out_bytes(),
        in_bytes_per_s,
        out_bytes_per_s,
        bytes_problem: thing.why_no_bytes().map(str::to_owned),
        reads: stream.map(|of| of.reads),
        writes: stream.map(|of| of.writes),
        read_wait_ns: stream.map(|of| of.read_wait_ns),
        write_wait_ns: stream.map(|of| of.write_wait_ns),
        errors: stream.map(|of| of.errors),
        last_error: stream.and_then(|of| store.texts.text(of.last_error)).map(str::to_owned),
        last_in_ns: last(stream.and_then(|of| of.last_in_ns), tcp.and_then(|tcp| tcp.last_received_ns))
            .map(ago),
        last_out_ns: last(stream.and_then(|of| of.last_out_ns), tcp.and_then(|tcp| tcp.last_sent_ns))
            .map(ago),
        interest: descriptor.and_then(|of| of.interest).map(|events| events.wanted().words()),
        ready: descriptor.and_then(Descriptor::ready_words),
        recv_queue_bytes: descriptor.and_then(|of| of.recv_queue_bytes),
        send_queue_bytes: descriptor.and_then(|of| of.send_queue_bytes),
        backlog: descriptor.and_then(|of| of.backlog),
        max_backlog: descriptor.and_then(|of| of.max_backlog),
        drops: descriptor.and_then(|of| of.drops),
        rtt_ns: tcp.map(|tcp| tcp.rtt_ns).filter(|ns| *ns > 0),
        total_retransmits: tcp.map(|tcp| tcp.total_retransmits),
        unacked: tcp.map(|tcp| tcp.unacked),
        unsent_bytes: tcp.and_then(|tcp| tcp.unsent_bytes),
        inode: descriptor.and_then(|of| of.inode),
        peer_pid: descriptor.and_then(|of| of.peer_pid),
        waiting: waiting(store, thing),
    }
}

fn waiting(store: Analysis<'_>, thing: &Thing) -> Vec<IoWait> {
    let wait = |waiter: &Waiter| IoWait {
        task: waiter.task().and_then(|key| store.task(key)).map(Task::id),
        who: store.who_words(waiter.who()),
        op: store.texts.text(waiter.op.source).map(str::to_owned),
        for_ns: store.now_ns.saturating_sub(waiter.since_ns),
        place: store.place(waiter.op.site),
    };
    store.io_waiters(thing).iter().take(MAX_WAITING).map(wait).collect()
}

/// Each signal once, however many listen.
pub(super) fn signals(store: Analysis<'_>) -> Vec<Signal> {
    let mut signals: BTreeMap<String, Signal> = BTreeMap::new();
    let ago = |at_ns: Option<u64>| at_ns.map(|at_ns| store.now_ns.saturating_sub(at_ns));
    let of_linux = store.hello.os.as_deref() == Some("linux");
    for thing in store.signals_and_children().iter().filter(|thing| thing.kind == IoKind::Signal) {
        let (Some(name), Some(stream)) = (store.io_local(thing), thing.stream) else { continue };
        let signal = signals.entry(name.to_owned()).or_default();
        signal.number = number(name).filter(|_| of_linux);
        signal.received = signal.received.max(stream.reads);
        signal.last_ns = signal.last_ns.into_iter().chain(ago(stream.last_in_ns)).min();
        signal.listeners.push(thing.key().id());
        signal.waiting.extend(waiting(store, thing));
    }
    signals.into_iter().map(|(name, signal)| Signal { name, ..signal }).collect()
}

fn number(name: &str) -> Option<u32> {
    let known = NUMBERS.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
    known.or_else(|| name.strip_prefix("signal ")?.parse().ok())
}

/// The child processes that a wrapper started and that are not dropped yet.
pub(super) fn children(store: Analysis<'_>) -> Vec<Child> {
    let things = store.signals_and_children();
    let children = things.iter().filter(|thing| thing.kind == IoKind::Child);
    children
        .map(|thing| Child {
            id: thing.key().id(),
            program: store.io_local(thing).map(str::to_owned),
            state: store.io_peer(thing).map(str::to_owned),
            place: store.place(thing.site()),
            waiting: waiting(store, thing),
        })
        .collect()
}

/// `None`: they were not read yet.
pub(super) fn descriptors(store: Analysis<'_>) -> Option<Descriptors> {
    let reading = store.descriptors.reading()?;
    Some(Descriptors {
        open: reading.open,
        limit: reading.limit,
        more: reading.more,
        read_ns: store.now_ns.saturating_sub(reading.at_ns),
        reading_ns: reading.took_ns,
        problem: (!reading.problem.is_empty()).then(|| reading.problem.clone()),
    })
}
