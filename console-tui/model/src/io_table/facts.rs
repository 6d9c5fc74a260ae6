//! What a row of the tables of I/O says, and what it is sorted by.
//!
//! Invariant: a sum is over those of which something is known, as a connection has no rate before it is a second old; where nothing is known of
//! any, the sum is unknown. A time of several is the worst of theirs.

use crate::{
    format::{count, duration_ns, exact, size},
    lint::Severity,
    row_list::SortKey,
    screen::{Tone, io::IoColumn, table::Cell},
    store::{
        Store,
        io::{IoKind, Stream, things::Thing, timers::Due},
        waits::Waits,
    },
};

/// What is known of a thing, or of several of one kind.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) severity: Option<Severity>,
    pub(super) count: u64,
    pub(super) kind: IoKind,
    pub(super) waits: Waits,
    in_per_s: Option<f64>,
    out_per_s: Option<f64>,
    recv_queue_bytes: Option<u64>,
    send_queue_bytes: Option<u64>,
    rtt_ns: Option<u64>,
    retransmits: Option<u64>,
    length_ns: Option<u64>,
    due: Due,
    created_ns: Option<u64>,
    received: Option<u64>,
    last_ns: Option<u64>,
}

fn sum<T>(one: Option<T>, other: Option<T>, add: impl Fn(T, T) -> T) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(add(one, other)),
        (one, other) => one.or(other),
    }
}

impl Facts {
    pub(super) fn of(
        store: &Store,
        thing: &Thing,
        waits: Option<&Waits>,
        severity: Option<Severity>,
    ) -> Self {
        let descriptor = thing.descriptor;
        let tcp = descriptor.and_then(|of| of.tcp.as_ref());
        let (in_per_s, out_per_s) = store.io_rates(thing);
        let timer = thing.resource.filter(|_| thing.kind == IoKind::Timer);
        let due = timer.map_or(Due::Unknown, |timer| {
            store.timer_due(timer, store.waiters(timer.key).first().map(|waiter| waiter.op))
        });
        Self {
            severity,
            count: 1,
            kind: thing.kind,
            waits: waits.copied().unwrap_or_default(),
            in_per_s,
            out_per_s,
            recv_queue_bytes: descriptor.and_then(|of| of.recv_queue_bytes),
            send_queue_bytes: descriptor.and_then(|of| of.send_queue_bytes),
            rtt_ns: tcp.map(|tcp| tcp.rtt_ns).filter(|ns| *ns > 0),
            retransmits: tcp.map(|tcp| tcp.total_retransmits),
            length_ns: timer.and_then(|timer| store.timer_length_ns(timer)),
            due,
            created_ns: thing.resource.map(|resource| resource.created_ns),
            received: thing.stream.filter(|_| thing.kind == IoKind::Signal).map(|stream| stream.reads),
            last_ns: thing.stream.and_then(Stream::last_ns),
        }
    }

    /// Another one of the same kind.
    pub(super) fn add(&mut self, other: &Self) {
        self.severity = self.severity.max(other.severity);
        self.count += other.count;
        self.waits.add(&other.waits);
        self.in_per_s = sum(self.in_per_s, other.in_per_s, |one, other| one + other);
        self.out_per_s = sum(self.out_per_s, other.out_per_s, |one, other| one + other);
        self.recv_queue_bytes = sum(self.recv_queue_bytes, other.recv_queue_bytes, u64::saturating_add);
        self.send_queue_bytes = sum(self.send_queue_bytes, other.send_queue_bytes, u64::saturating_add);
        self.rtt_ns = self.rtt_ns.max(other.rtt_ns);
        self.retransmits = sum(self.retransmits, other.retransmits, u64::saturating_add);
        self.length_ns = self.length_ns.filter(|_| self.length_ns == other.length_ns);
        self.due = match (self.due, other.due) {
            (Due::Late(one), Due::Late(other)) => Due::Late(one.max(other)),
            (Due::Late(late), _) | (_, Due::Late(late)) => Due::Late(late),
            (Due::In(one), Due::In(other)) => Due::In(one.min(other)),
            (Due::In(left), _) | (_, Due::In(left)) => Due::In(left),
            (Due::Unknown, Due::Unknown) => Due::Unknown,
        };
        self.created_ns = sum(self.created_ns, other.created_ns, u64::min);
        self.received = sum(self.received, other.received, u64::saturating_add);
        self.last_ns = self.last_ns.max(other.last_ns);
    }

    /// The most suspicious is the greatest: what the lints say, then what connects the program with others, by what moves.
    fn suspicion(&self) -> [u64; 4] {
        let severity = self.severity.map_or(0, |severity| severity as u64 + 1);
        let late_ns = self.due.late_ns().unwrap_or(0);
        let moved = self.in_per_s.unwrap_or(0.0) + self.out_per_s.unwrap_or(0.0);
        // What listens stands above what is idle; of timers, where there are many.
        let rank = if self.kind == IoKind::Timer { self.count } else { u64::from(self.kind.listens()) };
        [severity, u64::from(self.kind.connects()).max(late_ns), moved as u64, rank]
    }

    /// `None`: by the text of the cell.
    pub(super) fn sort_key(&self, column: IoColumn, at: u64) -> Option<SortKey> {
        let number = |number: Option<u64>| (number.is_none(), [number.unwrap_or(0), 0, 0, 0], String::new());
        let scaled = |value: Option<f64>| number(value.map(|value| (value * 1000.0) as u64));
        Some(match column {
            IoColumn::Warn => (false, self.suspicion(), String::new()),
            IoColumn::InRate => scaled(self.in_per_s),
            IoColumn::OutRate => scaled(self.out_per_s),
            IoColumn::Trend => scaled(sum(self.in_per_s, self.out_per_s, |into, out| into + out)),
            IoColumn::RecvQueue => number(self.recv_queue_bytes),
            IoColumn::SendQueue => number(self.send_queue_bytes),
            IoColumn::Rtt => number(self.rtt_ns),
            IoColumn::Retransmits => number(self.retransmits),
            IoColumn::WaitedFor => number(self.waits.longest_ns(at)),
            IoColumn::Length => number(self.length_ns),
            IoColumn::Due => match self.due {
                // What is late comes before what is due.
                Due::Late(ns) => (false, [0, u64::MAX - ns, 0, 0], String::new()),
                Due::In(ns) => (false, [1, ns, 0, 0], String::new()),
                Due::Unknown => number(None),
            },
            IoColumn::Age => number(self.created_ns.map(|created_ns| at.saturating_sub(created_ns))),
            IoColumn::Received => number(self.received),
            IoColumn::Last => number(self.last_ns.map(|last_ns| at.saturating_sub(last_ns))),
            IoColumn::Fd
            | IoColumn::Kind
            | IoColumn::Address
            | IoColumn::State
            | IoColumn::Waiter
            | IoColumn::Place
            | IoColumn::Name
            | IoColumn::Ended => return None,
        })
    }

    /// The cell of a column of numbers; the others are the row's own.
    pub(super) fn cell(&self, column: IoColumn, at: u64) -> Cell {
        let nothing = || Cell::new("", Tone::Dim);
        let ago = |since_ns: u64| at.saturating_sub(since_ns);
        let bytes_per_s = |per_s: f64| size(per_s.round() as u64);
        match column {
            IoColumn::InRate => Cell::value(self.in_per_s, bytes_per_s),
            IoColumn::OutRate => Cell::value(self.out_per_s, bytes_per_s),
            IoColumn::RecvQueue => Cell::value(self.recv_queue_bytes, size),
            IoColumn::SendQueue => Cell::value(self.send_queue_bytes, size),
            IoColumn::Rtt => Cell::value(self.rtt_ns, duration_ns),
            IoColumn::Retransmits => Cell::value(self.retransmits, count),
            IoColumn::WaitedFor => match self.waits.longest_ns(at) {
                Some(ns) => Cell::new(duration_ns(ns), Tone::Idle),
                None => nothing(),
            },
            IoColumn::Length => Cell::value(self.length_ns, duration_ns),
            IoColumn::Due => match (self.due, self.due.late_ns()) {
                (Due::In(ns), _) => Cell::normal(duration_ns(ns)),
                (_, Some(ns)) => Cell::new(format!("late {}", duration_ns(ns)), Tone::Warning),
                (Due::Late(_), None) => Cell::normal("now"),
                (Due::Unknown, None) => Cell::unknown(),
            },
            IoColumn::Age => Cell::value(self.created_ns.map(ago), duration_ns),
            IoColumn::Received if self.kind != IoKind::Signal => nothing(),
            IoColumn::Received => Cell::value(self.received, exact),
            IoColumn::Last if self.kind == IoKind::Child => nothing(),
            IoColumn::Last => match self.last_ns {
                Some(last_ns) => Cell::normal(format!("{} ago", duration_ns(ago(last_ns)))),
                None if self.kind == IoKind::Signal => Cell::new("never", Tone::Dim),
                None => nothing(),
            },
            _ => nothing(),
        }
    }

    /// How many wait, for a group.
    pub(super) fn waiting_cell(&self) -> Cell {
        match self.waits.tasks {
            0 => Cell::new("", Tone::Dim),
            tasks => Cell::new(format!("{} wait", count(tasks)), Tone::Idle),
        }
    }
}
