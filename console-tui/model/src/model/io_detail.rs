//! Something of I/O, put together for its screen: the figures of its wrapper and those of the kernel.

use std::cmp::Reverse;

use crate::{
    analysis::{Analysis, things::Thing, timers::Due},
    format::{UNKNOWN, bytes, duration_ns, exact, size},
    id::{IoKey, TaskKey},
    model::detail::{Links, fact},
    screen::{
        Tone,
        io::{DescriptorView, IoUse, IoView},
        table::Cell,
        task::Fact,
    },
    store::{
        descriptors::{Descriptor, Tcp},
        io::{IoKind, Stream},
        resources::Op,
    },
};

/// Streams listed for a task.
const MAX_USES: usize = 16;

/// All that is known of it.
pub(super) fn io_view(store: Analysis<'_>, thing: &Thing) -> IoView {
    let mut kernel = thing.descriptor.map_or_else(Vec::new, |of| queues(store, of));
    kernel.extend(thing.descriptor.and_then(|of| of.tcp.as_ref()).into_iter().flat_map(|of| tcp(store, of)));
    IoView {
        what: what(store, thing),
        traffic: match thing.stream {
            Some(stream) => traffic(store, thing, stream),
            None => carried(store, thing),
        },
        kernel,
    }
}

/// The screen of a descriptor without a wrapper. It has no links: who waits is unknown.
pub(super) fn descriptor_view(store: Analysis<'_>, thing: &Thing) -> DescriptorView {
    let state = thing.descriptor.map(|of| of.state.as_str()).filter(|state| !state.is_empty());
    let ready = thing.descriptor.and_then(Descriptor::ready_words).map(|words| format!("ready to: {words}"));
    let words: Vec<String> = state.map(str::to_owned).into_iter().chain(ready).collect();
    DescriptorView {
        state: Cell::normal(words.join(", ")),
        findings: Vec::new(),
        io: io_view(store, thing),
        links: Vec::new(),
        selected_link: None,
    }
}

/// What a task waits on, the longest wait first, then what it was the last to wait on; and how many are left out.
pub(super) fn uses(store: Analysis<'_>, task: TaskKey, links: &mut Links) -> (Vec<IoUse>, usize) {
    let slots = store.resources.streams.used_by(task);
    let things = slots.filter_map(|slot| store.thing(IoKey::Resource(store.resources.in_slot(slot)?.key)));
    let mut uses: Vec<(Option<&Op>, Thing)> = things
        .map(|thing| {
            let waits = store.io_waiters(&thing).into_iter().find(|waiter| waiter.task() == Some(task));
            (waits.map(|waiter| waiter.op), thing)
        })
        .collect();
    uses.sort_by_key(|(op, thing)| {
        let last_ns = thing.stream.and_then(Stream::last_ns);
        (op.is_none(), op.map(|op| op.created_ns), Reverse(last_ns), thing.key())
    });
    let more = uses.len().saturating_sub(MAX_USES);
    let view = |(op, thing): &(Option<&Op>, Thing)| {
        let resource = thing.resource?;
        let last_ns = thing.stream.and_then(Stream::last_ns);
        let last = last_ns.map_or_else(
            || "nothing went through".to_owned(),
            |last_ns| format!("last used {} ago", duration_ns(store.now_ns.saturating_sub(last_ns))),
        );
        Some(IoUse {
            name: Cell::new(store.resource_words(resource), Tone::Link),
            link: links.resource(resource.key),
            age: match op {
                Some(op) => Cell::new(duration_ns(op.age_ns(store.now_ns)), Tone::Idle),
                None => Cell::new("", Tone::Dim),
            },
            how: op.map_or(last, |op| store.method(op).to_owned()),
            flow: flow(store, thing),
        })
    };
    (uses.iter().take(MAX_USES).filter_map(view).collect(), more)
}

/// `in 1.2M/s  out 14K/s  2.1M unacknowledged`; what is nothing is left out.
fn flow(store: Analysis<'_>, thing: &Thing) -> String {
    let (into, out) = store.io_rates(thing);
    let rate = |way: &str, per_s: Option<f64>| {
        per_s.filter(|per_s| *per_s >= 1.0).map(|per_s| format!("{way} {}/s", size(per_s.round() as u64)))
    };
    let queue = |bytes: Option<u64>, what: &str| {
        bytes.filter(|bytes| *bytes > 0).map(|bytes| format!("{} {what}", size(bytes)))
    };
    let unread = queue(thing.descriptor.and_then(|of| of.recv_queue_bytes), "to be read");
    let unacked = queue(thing.descriptor.and_then(|of| of.send_queue_bytes), "unacknowledged");
    [rate("in", into), rate("out", out), unread, unacked].into_iter().flatten().collect::<Vec<_>>().join("  ")
}

fn text(text: Option<&str>) -> Cell {
    text.map_or_else(Cell::unknown, Cell::normal)
}

fn ago(store: Analysis<'_>, at_ns: Option<u64>) -> Cell {
    match at_ns {
        Some(at_ns) => Cell::normal(format!("{} ago", duration_ns(store.now_ns.saturating_sub(at_ns)))),
        None => Cell::new("never", Tone::Dim),
    }
}

fn what(store: Analysis<'_>, thing: &Thing) -> Vec<Fact> {
    if thing.kind == IoKind::Timer {
        return timer(store, thing);
    }
    let mut facts = Vec::new();
    if thing.kind.is_of_the_process() {
        let label = if thing.kind == IoKind::Signal { "signal" } else { "program" };
        facts.push(fact(label, text(store.io_local(thing))));
        if thing.kind == IoKind::Child {
            facts.push(fact("state", text(store.io_peer(thing))));
        }
        return facts;
    }
    facts.extend([
        fact("descriptor", thing.fd().map_or_else(Cell::unknown, |fd| Cell::normal(fd.to_string()))),
        fact("kind", Cell::normal(thing.kind.word())),
        fact("local", text(store.io_local(thing))),
        fact("peer", text(store.io_peer(thing))),
    ]);
    let Some(descriptor) = thing.descriptor else {
        if thing.stream.is_some_and(|stream| stream.fd.is_some()) {
            facts.push(fact("kernel", Cell::new("not read yet", Tone::Dim)));
        }
        return facts;
    };
    if !descriptor.state.is_empty() {
        facts.push(fact("state", Cell::normal(descriptor.state.clone())));
    }
    let interest = descriptor.interest.map(|events| events.wanted().words());
    facts.extend([
        fact("watched to", interest.map_or_else(|| Cell::new("not watched", Tone::Dim), Cell::normal)),
        fact("ready to", text(descriptor.ready_words().as_deref())),
        fact("first seen", ago(store, Some(descriptor.first_seen_ns))),
    ]);
    if let Some(inode) = descriptor.inode {
        facts.push(fact("inode", Cell::new(inode.to_string(), Tone::Dim)));
    }
    if let Some(pid) = descriptor.peer_pid {
        facts.push(fact("peer process", Cell::normal(format!("pid {pid}"))));
    }
    facts
}

fn timer(store: Analysis<'_>, thing: &Thing) -> Vec<Fact> {
    let Some(timer) = thing.resource else { return Vec::new() };
    let label = if store.is_interval(timer) { "period" } else { "set to" };
    let due = store.timer_due(timer, store.waiters(timer.key).first().map(|waiter| waiter.op));
    let due = match (due, due.late_ns()) {
        (Due::In(ns), _) => Cell::normal(format!("in {}", duration_ns(ns))),
        (_, Some(ns)) => Cell::new(format!("{} ago", duration_ns(ns)), Tone::Warning),
        (Due::Late(_), None) => Cell::normal("now"),
        (Due::Unknown, None) => Cell::unknown(),
    };
    vec![fact(label, Cell::value(store.timer_length_ns(timer), duration_ns)), fact("due", due)]
}

fn with_rate(sum: u64, per_s: Option<f64>) -> Cell {
    match per_s {
        Some(per_s) => Cell::normal(format!("{}  ({}/s)", bytes(sum), bytes(per_s.round() as u64))),
        None => Cell::normal(bytes(sum)),
    }
}

fn sum_and_rate(sum: Option<u64>, per_s: Option<f64>) -> Cell {
    sum.map_or_else(Cell::unknown, |sum| with_rate(sum, per_s))
}

/// What a wrapper saw.
fn traffic(store: Analysis<'_>, thing: &Thing, stream: &Stream) -> Vec<Fact> {
    if thing.kind.is_of_the_process() {
        let last = fact("last", ago(store, stream.last_in_ns));
        let received = fact("received", Cell::value(Some(stream.reads), exact));
        return if thing.kind == IoKind::Signal { vec![received, last] } else { Vec::new() };
    }
    let (into, out) = store.io_rates(thing);
    let errors = match (stream.errors, store.texts.text(stream.last_error)) {
        (0, _) => Cell::new("none", Tone::Dim),
        (errors, Some(last)) => Cell::new(format!("{}, the last: {last}", exact(errors)), Tone::Warning),
        (errors, None) => Cell::new(exact(errors), Tone::Warning),
    };
    let reads = if thing.kind.listens() { "accepted" } else { "reads" };
    let mut facts = Vec::new();
    if !thing.kind.listens() {
        facts.extend([
            fact("bytes in", sum_and_rate(thing.in_bytes(), into)),
            fact("bytes out", sum_and_rate(thing.out_bytes(), out)),
        ]);
        facts.extend(thing.why_no_bytes().map(|why| fact("why unknown", Cell::new(why, Tone::Dim))));
    }
    facts.push(fact(reads, Cell::value(Some(stream.reads), exact)));
    if !thing.kind.listens() {
        facts.push(fact("writes", Cell::value(Some(stream.writes), exact)));
    }
    let waited = if thing.kind.listens() { "waited to accept" } else { "waited to read" };
    facts.push(fact(waited, Cell::value(Some(stream.read_wait_ns), duration_ns)));
    if !thing.kind.listens() {
        facts.push(fact("waited to write", Cell::value(Some(stream.write_wait_ns), duration_ns)));
    }
    facts.push(fact("last in", ago(store, stream.last_in_ns)));
    if !thing.kind.listens() {
        facts.push(fact("last out", ago(store, stream.last_out_ns)));
    }
    facts.push(fact("errors", errors));
    facts
}

/// What the kernel carried, of a socket that no wrapper is around.
fn carried(store: Analysis<'_>, thing: &Thing) -> Vec<Fact> {
    if let Some(why) = thing.why_no_bytes() {
        return vec![
            fact("bytes in", Cell::unknown()),
            fact("bytes out", Cell::unknown()),
            fact("why unknown", Cell::new(why, Tone::Dim)),
        ];
    }
    let (Some(tcp), (into, out)) = (thing.descriptor.and_then(|of| of.tcp.as_ref()), store.io_rates(thing))
    else {
        return Vec::new();
    };
    vec![
        fact("bytes in", sum_and_rate(tcp.received_bytes, into)),
        fact("bytes out", sum_and_rate(tcp.acked_bytes, out)),
        fact("last in", ago(store, tcp.last_received_ns)),
        fact("last out", ago(store, tcp.last_sent_ns)),
    ]
}

fn queues(store: Analysis<'_>, descriptor: &Descriptor) -> Vec<Fact> {
    let mut facts = Vec::new();
    let queued = |label, queue: u64, since_ns: Option<u64>, stands: &str| {
        // What was read says nothing of the time after it.
        let read_ns = store.descriptors.reading().map_or(0, |reading| reading.at_ns);
        let since = since_ns.filter(|_| queue > 0).map(|since_ns| read_ns.saturating_sub(since_ns));
        let words = match since {
            Some(ns) => format!("{}, {stands} for {}", bytes(queue), duration_ns(ns)),
            None => bytes(queue),
        };
        fact(label, if queue > 0 { Cell::normal(words) } else { Cell::new(words, Tone::Dim) })
    };
    if let Some(queue) = descriptor.recv_queue_bytes {
        facts.push(queued("receive queue", queue, descriptor.past.unread_since_ns, "unread"));
    }
    if let Some(queue) = descriptor.send_queue_bytes {
        facts.push(queued("send queue", queue, descriptor.past.unacked_since_ns, "none acknowledged"));
    }
    if let Some(backlog) = descriptor.backlog {
        let max = descriptor.max_backlog.map_or_else(|| UNKNOWN.to_owned(), exact);
        facts.push(fact("backlog", Cell::normal(format!("{} of {max}", exact(backlog)))));
    }
    if let Some(drops) = descriptor.drops {
        let tone = if drops > 0 { Tone::Warning } else { Tone::Dim };
        facts.push(fact("dropped", Cell::new(exact(drops), tone)));
    }
    facts
}

fn tcp(store: Analysis<'_>, tcp: &Tcp) -> Vec<Fact> {
    let rtt = format!("{} ± {}", duration_ns(tcp.rtt_ns), duration_ns(tcp.rtt_var_ns));
    let retransmits = match tcp.retransmits {
        0 => exact(tcp.total_retransmits),
        now => {
            format!("{}, {} of the segment in flight", exact(tcp.total_retransmits), exact(u64::from(now)))
        }
    };
    let tone = if tcp.total_retransmits > 0 { Tone::Normal } else { Tone::Dim };
    let mut facts = vec![
        fact("round trip", if tcp.rtt_ns > 0 { Cell::normal(rtt) } else { Cell::unknown() }),
        fact("retransmits", Cell::new(retransmits, tone)),
        fact("segments in flight", Cell::value(Some(tcp.unacked), exact)),
        fact("congestion window", Cell::normal(format!("{} segments", tcp.congestion_window))),
    ];
    if let Some(unsent) = tcp.unsent_bytes {
        facts.push(fact("not sent yet", Cell::value(Some(unsent), bytes)));
    }
    if let Some(per_s) = tcp.delivery_rate_bytes.filter(|per_s| *per_s > 0) {
        facts.push(fact("delivery rate", Cell::normal(format!("{}/s", bytes(per_s)))));
    }
    facts.push(fact("kernel sent", ago(store, tcp.last_sent_ns)));
    facts.push(fact("kernel received", ago(store, tcp.last_received_ns)));
    facts
}
