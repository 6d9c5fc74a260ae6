//! What a row of the tables of locks and channels says, and what it is sorted by.
//!
//! Invariant: a sum of which a part is unknown is unknown; a percentile of several is the worst of theirs.

use crate::{
    format::{count, duration_ns, percent, rate},
    lint::Severity,
    row_list::SortKey,
    screen::{
        Tone,
        locks::{LockCell, LockColumn},
        table::Cell,
    },
    store::{
        Store,
        locks::{Channel, Lock, LockSums, read::End},
        resources::Resource,
        waits::Waits,
    },
};

/// What is known of a lock, or of several that were made at one place.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) severity: Option<Severity>,
    /// Locks and channels it is about.
    pub(super) count: u64,
    /// How many hold it.
    holders: Option<u64>,
    held_since_ns: Option<u64>,
    waits: Waits,
    sums: Option<LockSums>,
    acquired_per_s: Option<f64>,
    /// Seconds waited, a second.
    waited_per_s: f64,
    wait_p99_ns: Option<u64>,
    hold_p99_ns: Option<u64>,
    senders: Option<u64>,
    receivers: Option<u64>,
    depth: Option<u64>,
    capacity: Option<u64>,
    /// Channels that are full.
    full: u64,
    traffic: Option<(f64, f64)>,
    channel: Option<Channeled>,
    waiting_to_send: u64,
    waiting_to_receive: u64,
}

/// The sums of a channel.
#[derive(Debug, Clone, Copy)]
struct Channeled {
    lagged: u64,
    full_ns: u64,
    empty_ns: u64,
}

fn both<T>(one: Option<T>, other: Option<T>, add: impl Fn(T, T) -> T) -> Option<T> {
    Some(add(one?, other?))
}

impl Facts {
    pub(super) fn of(
        store: &Store,
        resource: &Resource,
        waits: Option<&Waits>,
        severity: Option<Severity>,
    ) -> Self {
        let key = resource.key;
        let (lock, channel) = (store.lock(key), store.channel(key));
        let rates = store.lock_rates(key);
        let mut facts = Self {
            severity,
            count: 1,
            holders: lock.and_then(Lock::holder_count),
            held_since_ns: lock.and_then(|lock| lock.holders.iter().map(|holder| holder.since_ns).min()),
            waits: waits.copied().unwrap_or_default(),
            sums: lock.filter(|lock| lock.knows.times).map(|lock| lock.sums),
            acquired_per_s: rates.map(|rates| rates.acquisitions),
            waited_per_s: rates.map_or(0.0, |rates| rates.wait),
            wait_p99_ns: lock.and_then(|lock| lock.wait_p99_ns),
            hold_p99_ns: lock.and_then(|lock| lock.hold_p99_ns),
            senders: channel.and_then(|channel| channel.senders).map(u64::from),
            receivers: channel.and_then(|channel| channel.receivers).map(u64::from),
            depth: channel.and_then(|channel| channel.depth),
            capacity: channel.and_then(|channel| channel.capacity),
            full: u64::from(channel.is_some_and(Channel::is_full)),
            traffic: store.channel_rates(key),
            channel: channel.map(|channel| Channeled {
                lagged: channel.lagged,
                full_ns: channel.blocked_full_ns,
                empty_ns: channel.blocked_empty_ns,
            }),
            waiting_to_send: 0,
            waiting_to_receive: 0,
        };
        if channel.is_some() && facts.waits.tasks > 0 {
            for waiter in store.waiters(key) {
                match store.channel_end(waiter.op) {
                    Some(End::Sender) => facts.waiting_to_send += 1,
                    Some(End::Receiver) => facts.waiting_to_receive += 1,
                    None => {}
                }
            }
        }
        facts
    }

    /// Another one of the same place.
    pub(super) fn add(&mut self, other: &Self) {
        self.severity = self.severity.max(other.severity);
        self.count += other.count;
        self.holders = both(self.holders, other.holders, u64::saturating_add);
        self.held_since_ns = self.held_since_ns.into_iter().chain(other.held_since_ns).min();
        self.waits.add(&other.waits);
        self.sums = both(self.sums, other.sums, |one, other| LockSums {
            acquisitions: one.acquisitions.saturating_add(other.acquisitions),
            contended: one.contended.saturating_add(other.contended),
            hold_ns: one.hold_ns.saturating_add(other.hold_ns),
            wait_ns: one.wait_ns.saturating_add(other.wait_ns),
        });
        self.acquired_per_s = both(self.acquired_per_s, other.acquired_per_s, |one, other| one + other);
        self.waited_per_s += other.waited_per_s;
        self.wait_p99_ns = self.wait_p99_ns.max(other.wait_p99_ns);
        self.hold_p99_ns = self.hold_p99_ns.max(other.hold_p99_ns);
        self.senders = both(self.senders, other.senders, u64::saturating_add);
        self.receivers = both(self.receivers, other.receivers, u64::saturating_add);
        self.depth = both(self.depth, other.depth, u64::saturating_add);
        self.capacity = both(self.capacity, other.capacity, u64::saturating_add);
        self.full += other.full;
        self.traffic = both(self.traffic, other.traffic, |one, other| (one.0 + other.0, one.1 + other.1));
        self.channel = both(self.channel, other.channel, |one, other| Channeled {
            lagged: one.lagged.saturating_add(other.lagged),
            full_ns: one.full_ns.saturating_add(other.full_ns),
            empty_ns: one.empty_ns.saturating_add(other.empty_ns),
        });
        self.waiting_to_send += other.waiting_to_send;
        self.waiting_to_receive += other.waiting_to_receive;
    }

    fn contended_share(&self) -> Option<f64> {
        let sums = self.sums.filter(|sums| sums.acquisitions > 0)?;
        Some((sums.contended as f64 / sums.acquisitions as f64).min(1.0))
    }

    fn filled_percent(&self) -> Option<u8> {
        let (depth, capacity) = (self.depth?, self.capacity.filter(|capacity| *capacity > 0)?);
        Some((depth as f64 / capacity as f64 * 100.0).clamp(0.0, 100.0) as u8)
    }

    /// The most suspicious is the greatest: what the lints say, then what is in the way of others now, then what was.
    fn suspicion(&self, at: u64) -> [u64; 4] {
        let severity = self.severity.map_or(0, |severity| severity as u64 + 1);
        let longest_ns = self.waits.longest_ns(at).unwrap_or(0);
        if self.channel.is_some() {
            // A receiver that waits for a value is as it should be.
            let filled = self.filled_percent().map_or(0, u64::from);
            let stuck_ns = if self.waiting_to_send > 0 { longest_ns } else { 0 };
            return [severity, stuck_ns, self.full.max(filled), self.depth.unwrap_or(0)];
        }
        let waited_us = (self.waited_per_s * 1e6) as u64;
        [severity, longest_ns, waited_us, self.acquired_per_s.map_or(0, |per_s| (per_s * 1e3) as u64)]
    }

    /// `None`: by the text of the cell.
    pub(super) fn sort_key(&self, column: LockColumn, at: u64) -> Option<SortKey> {
        let number = |number: Option<u64>| (number.is_none(), [number.unwrap_or(0), 0, 0, 0], String::new());
        let scaled = |value: Option<f64>| number(value.map(|value| (value * 1000.0) as u64));
        Some(match column {
            LockColumn::Warn => (false, self.suspicion(at), String::new()),
            LockColumn::Kind | LockColumn::Name | LockColumn::Holder => return None,
            LockColumn::HeldFor => number(self.held_since_ns.map(|since_ns| at.saturating_sub(since_ns))),
            LockColumn::Waiters | LockColumn::Waiting => number(Some(self.waits.tasks)),
            LockColumn::Longest => number(self.waits.longest_ns(at)),
            LockColumn::Contended => scaled(self.contended_share()),
            LockColumn::AcquireRate => scaled(self.acquired_per_s),
            LockColumn::Trend => scaled(self.acquired_per_s.or(self.traffic.map(|(sent, _)| sent))),
            LockColumn::WaitP99 => number(self.wait_p99_ns),
            LockColumn::HoldP99 => number(self.hold_p99_ns),
            LockColumn::Senders => number(self.senders),
            LockColumn::Receivers => number(self.receivers),
            LockColumn::Depth => number(self.depth),
            LockColumn::SendRate => scaled(self.traffic.map(|(sent, _)| sent)),
            LockColumn::ReceiveRate => scaled(self.traffic.map(|(_, received)| received)),
            LockColumn::Lagged => number(self.channel.map(|channel| channel.lagged)),
            LockColumn::OnFull => number(self.channel.map(|channel| channel.full_ns)),
            LockColumn::OnEmpty => number(self.channel.map(|channel| channel.empty_ns)),
        })
    }

    /// The cell of a column of numbers; the others are the row's own.
    pub(super) fn cell(&self, column: LockColumn, at: u64) -> LockCell {
        let nothing = || Cell::new("", Tone::Dim);
        LockCell::Plain(match column {
            LockColumn::HeldFor => match self.held_since_ns {
                Some(since_ns) => Cell::normal(duration_ns(at.saturating_sub(since_ns))),
                None if self.holders.is_some() => nothing(),
                None => Cell::unknown(),
            },
            LockColumn::Waiters => Cell::value(Some(self.waits.tasks), count),
            LockColumn::Longest => match self.waits.longest_ns(at) {
                Some(ns) => Cell::new(duration_ns(ns), Tone::Idle),
                None => nothing(),
            },
            LockColumn::Contended => match self.contended_share() {
                Some(share) => Cell::value(Some(share), percent),
                None if self.sums.is_some() => nothing(),
                None => Cell::unknown(),
            },
            LockColumn::AcquireRate => Cell::value(self.acquired_per_s, rate),
            LockColumn::WaitP99 | LockColumn::HoldP99 => {
                let waits = column == LockColumn::WaitP99;
                match if waits { self.wait_p99_ns } else { self.hold_p99_ns } {
                    Some(ns) => Cell::normal(duration_ns(ns)),
                    None if self.sums.is_some() => nothing(),
                    None => Cell::unknown(),
                }
            }
            LockColumn::Senders => Cell::value(self.senders, count),
            LockColumn::Receivers => Cell::value(self.receivers, count),
            LockColumn::Depth => return self.depth_cell(),
            LockColumn::SendRate => Cell::value(self.traffic.map(|(sent, _)| sent), rate),
            LockColumn::ReceiveRate => Cell::value(self.traffic.map(|(_, received)| received), rate),
            LockColumn::Lagged => Cell::value(self.channel.map(|channel| channel.lagged), count),
            LockColumn::OnFull => Cell::value(self.channel.map(|channel| channel.full_ns), duration_ns),
            LockColumn::OnEmpty => Cell::value(self.channel.map(|channel| channel.empty_ns), duration_ns),
            LockColumn::Waiting => self.waiting_cell(),
            LockColumn::Warn
            | LockColumn::Kind
            | LockColumn::Name
            | LockColumn::Holder
            | LockColumn::Trend => nothing(),
        })
    }

    fn depth_cell(&self) -> LockCell {
        let text = match (self.depth, self.capacity) {
            (Some(depth), Some(capacity)) => {
                let tone = if self.full > 0 { Tone::Warning } else { Tone::Normal };
                Cell::new(format!("{}/{}", count(depth), count(capacity)), tone)
            }
            (depth, _) => Cell::value(depth, count),
        };
        LockCell::Filled { text, percent: self.filled_percent() }
    }

    fn waiting_cell(&self) -> Cell {
        let words = match (self.waiting_to_send, self.waiting_to_receive) {
            (0, 0) if self.waits.tasks > 0 => count(self.waits.tasks),
            (0, 0) => return Cell::new("", Tone::Dim),
            (0, receivers) => return Cell::new(format!("{} to recv", count(receivers)), Tone::Dim),
            (senders, 0) => format!("{} to send", count(senders)),
            (senders, receivers) => format!("{}+{}", count(senders), count(receivers)),
        };
        Cell::new(words, Tone::Idle)
    }

    /// Who holds the locks of a group.
    pub(super) fn held_words(&self) -> Cell {
        match self.holders {
            Some(0) => Cell::new("nobody", Tone::Dim),
            Some(holders) => Cell::normal(format!("{} held", count(holders))),
            None => Cell::unknown(),
        }
    }
}
