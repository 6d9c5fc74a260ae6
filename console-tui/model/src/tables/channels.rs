//! The channels: what is sent through, how full they are, who waits at which end.
//!
//! Invariant: a sum of which a part is unknown is unknown.

use super::made::{self, OfResources, both, listed, of_resources};
use crate::{
    analysis::{Analysis, locks::End, ops::Waits},
    columns::Unit,
    format::count,
    id::ResourceKey,
    screen::Tone,
    severity::Severity,
    store::locks::Channel,
    table::{
        Context, List, Table,
        column::Column,
        listing::{At, Listing, Lookup},
        value::Value,
    },
    tables::TableId,
};

/// Cells of the bar that shows how full a channel is, and the blank before it.
const BAR: u16 = 7;

/// The list of channels.
#[derive(Debug)]
pub(crate) struct Channels;

type Col = Column<Channels>;

/// What is known of a channel, or of several that were made at one place.
#[derive(Debug, Clone)]
pub(crate) struct ChannelSummary {
    severity: Option<Severity>,
    waits: Waits,
    senders: Option<u64>,
    receivers: Option<u64>,
    depth: Option<u64>,
    capacity: Option<u64>,
    /// Channels that are full.
    full: u64,
    traffic: Option<(f64, f64)>,
    sums: Option<Sums>,
    waiting_to_send: u64,
    waiting_to_receive: u64,
}

#[derive(Debug, Clone, Copy)]
struct Sums {
    lagged: u64,
    full_ns: u64,
    empty_ns: u64,
}

impl ChannelSummary {
    fn of(store: Analysis<'_>, lookup: &Lookup<ResourceKey>, key: ResourceKey) -> Self {
        let channel = store.channel(key);
        let mut sum = Self {
            severity: lookup.severities.get(&key).copied(),
            waits: lookup.waits.get(&key).copied().unwrap_or_default(),
            senders: channel.and_then(|channel| channel.senders).map(u64::from),
            receivers: channel.and_then(|channel| channel.receivers).map(u64::from),
            depth: channel.and_then(|channel| channel.depth),
            capacity: channel.and_then(|channel| channel.capacity),
            full: u64::from(channel.is_some_and(Channel::is_full)),
            traffic: store.channel_rates(key),
            sums: channel.map(|channel| Sums {
                lagged: channel.lagged,
                full_ns: channel.blocked_full_ns,
                empty_ns: channel.blocked_empty_ns,
            }),
            waiting_to_send: 0,
            waiting_to_receive: 0,
        };
        if channel.is_some() && sum.waits.tasks > 0 {
            for waiter in store.waiters(key) {
                match store.channel_end(waiter.op) {
                    Some(End::Sender) => sum.waiting_to_send += 1,
                    Some(End::Receiver) => sum.waiting_to_receive += 1,
                    None => {}
                }
            }
        }
        sum
    }

    /// The most suspicious is the greatest. A receiver that waits for a value is as it should be.
    fn suspicion(&self, at: u64) -> Value<'static> {
        let filled = match (self.depth, self.capacity) {
            (Some(depth), Some(capacity)) if capacity > 0 => {
                (depth as f64 / capacity as f64 * 100.0).clamp(0.0, 100.0) as u64
            }
            _ => 0,
        };
        let longest_ns = self.waits.longest_ns(at).unwrap_or(0);
        let stuck_ns = if self.waiting_to_send > 0 { longest_ns } else { 0 };
        Value::Mark(self.severity, [stuck_ns, self.full.max(filled), self.depth.unwrap_or(0)])
    }

    fn depth(&self) -> Value<'static> {
        match (self.depth, self.capacity) {
            (Some(depth), Some(capacity)) => {
                Value::Filled { filled: depth as f64, of: capacity as f64, is_full: self.full > 0 }
            }
            (depth, _) => Value::number(depth),
        }
    }

    fn waiting(&self) -> Value<'static> {
        let tasks = Some(self.waits.tasks as f64);
        let words = match (self.waiting_to_send, self.waiting_to_receive) {
            (0, 0) if self.waits.tasks > 0 => count(self.waits.tasks),
            (0, 0) => return Value::Worded(tasks, "".into(), Tone::Dim),
            (0, receivers) => {
                return Value::Worded(tasks, format!("{} to recv", count(receivers)).into(), Tone::Dim);
            }
            (senders, 0) => format!("{} to send", count(senders)),
            (senders, receivers) => format!("{}+{}", count(senders), count(receivers)),
        };
        Value::Worded(tasks, words.into(), Tone::Idle)
    }
}

fn sum<'a>(row: &At<'a, Channels>, of: impl Fn(Sums) -> u64) -> Value<'a> {
    Value::number(row.sum.sums.map(of))
}

impl List for Channels {
    const ID: TableId = TableId::Channels;
    const COLUMNS: &'static [Column<Self>] = &[
        Col::warn("suspicion", |row| row.sum.suspicion(row.store.now_ns)),
        made::kind_column(),
        made::name_column(),
        Col::number(Unit::Count, "senders", "SENDERS", 8, "Senders alive", |row| {
            Value::number(row.sum.senders)
        })
        .priority(5),
        Col::number(Unit::Count, "receivers", "RECEIVERS", 10, "Receivers alive", |row| {
            Value::number(row.sum.receivers)
        })
        .priority(6),
        Col::number(Unit::Count, "depth", "DEPTH", 18, "Values in it, of so many that fit", |row| {
            row.sum.depth()
        })
        .aside(BAR),
        Col::number(Unit::Count, "waiting", "WAITING", 11, "Who waits now, and for what", |row| {
            row.sum.waiting()
        })
        .words("waiters")
        .left(),
        made::longest_column(8),
        Col::number(Unit::PerSecond, "sent", "SENT/s", 7, "Values sent a second", |row| {
            Value::float(row.sum.traffic.map(|(sent, _)| sent))
        })
        .words("values sent a second")
        .priority(1),
        Col::trend(
            Unit::PerSecond,
            "values a second",
            "Values sent over the last seconds",
            |row| Value::float(row.sum.traffic.map(|(sent, _)| sent)),
            |row| row.store.lock_spark(row.one()?),
        )
        .priority(9),
        Col::number(Unit::PerSecond, "received", "RECV/s", 7, "Values received a second", |row| {
            Value::float(row.sum.traffic.map(|(_, received)| received))
        })
        .words("values received a second")
        .priority(2),
        Col::number(Unit::Count, "lagged", "LAGGED", 7, "Values that slow receivers missed", |row| {
            sum(row, |sums| sums.lagged)
        })
        .words("values missed")
        .priority(7),
        Col::number(Unit::Time, "on-full", "ON FULL", 8, "Time that senders waited for room", |row| {
            sum(row, |sums| sums.full_ns)
        })
        .words("time blocked on full")
        .priority(3),
        Col::number(Unit::Time, "on-empty", "ON EMPTY", 9, "Time that receivers waited for a value", |row| {
            sum(row, |sums| sums.empty_ns)
        })
        .words("time blocked on empty")
        .priority(4),
    ];
    of_resources!();

    fn count(at: Context<'_>) -> Option<usize> {
        Some(at.store.channel_list().len())
    }

    fn why_empty(_table: &Table<Self>, _at: Context<'_>) -> String {
        "No channels reported. Use taskscope::sync, or build with --cfg tokio_unstable.".to_owned()
    }
}

impl Listing for Channels {
    listed!(channel_list, ChannelSummary);

    fn add(sum: &mut ChannelSummary, other: &ChannelSummary) {
        sum.severity = sum.severity.max(other.severity);
        sum.waits.add(&other.waits);
        sum.senders = both(sum.senders, other.senders, u64::saturating_add);
        sum.receivers = both(sum.receivers, other.receivers, u64::saturating_add);
        sum.depth = both(sum.depth, other.depth, u64::saturating_add);
        sum.capacity = both(sum.capacity, other.capacity, u64::saturating_add);
        sum.full += other.full;
        sum.traffic = both(sum.traffic, other.traffic, |one, other| (one.0 + other.0, one.1 + other.1));
        sum.sums = both(sum.sums, other.sums, |one, other| Sums {
            lagged: one.lagged.saturating_add(other.lagged),
            full_ns: one.full_ns.saturating_add(other.full_ns),
            empty_ns: one.empty_ns.saturating_add(other.empty_ns),
        });
        sum.waiting_to_send += other.waiting_to_send;
        sum.waiting_to_receive += other.waiting_to_receive;
    }
}

impl OfResources for Channels {
    fn waits(sum: &ChannelSummary) -> &Waits {
        &sum.waits
    }
}
