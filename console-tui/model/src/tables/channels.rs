//! The channels: what is sent through, how full they are, who waits at which end.
//!
//! Invariant: a sum of which a part is unknown is unknown.

use super::made::{self, OfResources, both};
use crate::{
    analysis::{Analysis, locks::End, ops::Waits},
    columns::Align,
    format::count,
    screen::Tone,
    store::{locks::Channel, resources::Resource},
    table::{
        Context, Table,
        column::{Column, columns},
        listing::{At, Summary, longest_wait},
        value::Value,
    },
    tables::TableId,
};

/// Cells of the bar that shows how full a channel is, and the blank before it.
const BAR: u16 = 7;

/// The list of channels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channels;

type Row<'a> = At<'a, Channels>;

/// What is known of a channel, or of several that were made at one place.
#[derive(Debug, Clone)]
pub(crate) struct ChannelSummary {
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

impl Summary for ChannelSummary {
    fn add(&mut self, other: &Self) {
        self.senders = both(self.senders, other.senders, u64::saturating_add);
        self.receivers = both(self.receivers, other.receivers, u64::saturating_add);
        self.depth = both(self.depth, other.depth, u64::saturating_add);
        self.capacity = both(self.capacity, other.capacity, u64::saturating_add);
        self.full += other.full;
        self.traffic = both(self.traffic, other.traffic, |one, other| (one.0 + other.0, one.1 + other.1));
        self.sums = both(self.sums, other.sums, |one, other| Sums {
            lagged: one.lagged.saturating_add(other.lagged),
            full_ns: one.full_ns.saturating_add(other.full_ns),
            empty_ns: one.empty_ns.saturating_add(other.empty_ns),
        });
        self.waiting_to_send += other.waiting_to_send;
        self.waiting_to_receive += other.waiting_to_receive;
    }
}

/// The most suspicious is the greatest. A receiver that waits for a value is as it should be.
fn suspicion<'a>(row: &Row<'a>) -> Value<'a> {
    let sum = row.sum;
    let filled = match (sum.depth, sum.capacity) {
        (Some(depth), Some(capacity)) if capacity > 0 => {
            (depth as f64 / capacity as f64 * 100.0).clamp(0.0, 100.0) as u64
        }
        _ => 0,
    };
    let longest_ns = row.waits.longest_ns(row.store.now_ns).unwrap_or(0);
    let stuck_ns = if sum.waiting_to_send > 0 { longest_ns } else { 0 };
    Value::Mark(row.severity, [stuck_ns, sum.full.max(filled), sum.depth.unwrap_or(0)])
}

fn depth<'a>(row: &Row<'a>) -> Value<'a> {
    match (row.sum.depth, row.sum.capacity) {
        (Some(depth), Some(capacity)) => {
            Value::Filled { filled: depth as f64, of: capacity as f64, is_full: row.sum.full > 0 }
        }
        (depth, _) => depth.into(),
    }
}

fn waiting<'a>(row: &Row<'a>) -> Value<'a> {
    let tasks = row.waits.tasks;
    let (words, tone) = match (row.sum.waiting_to_send, row.sum.waiting_to_receive) {
        (0, 0) if tasks > 0 => (count(tasks), Tone::Idle),
        (0, 0) => (String::new(), Tone::Dim),
        (0, receivers) => (format!("{} to recv", count(receivers)), Tone::Dim),
        (senders, 0) => (format!("{} to send", count(senders)), Tone::Idle),
        (senders, receivers) => (format!("{}+{}", count(senders), count(receivers)), Tone::Idle),
    };
    Value::Worded(Some(tasks as f64), words.into(), tone)
}

impl OfResources for Channels {
    const ID: TableId = TableId::Channels;
    const COLUMNS: &'static [Column<Self>] = columns! { Self, row;
        warn "suspicion" => suspicion(row);
        column made::kind_column();
        column made::name_column();
        Count     "senders"   "SENDERS"    8 "Senders alive" { priority: 5 } => row.sum.senders;
        Count     "receivers" "RECEIVERS" 10 "Receivers alive" { priority: 6 } => row.sum.receivers;
        Count     "depth"     "DEPTH"     18 "Values in it, of so many that fit" { aside_width: BAR } => depth(row);
        Count     "waiting"   "WAITING"   11 "Who waits now, and for what" { words: "waiters", align: Align::Left } => waiting(row);
        column longest_wait!(Self, "longest" "LONGEST" 8 "How long the longest of them waits" "longest wait");
        PerSecond "sent"      "SENT/s"     7 "Values sent a second" { words: "values sent a second", priority: 1 }
            => row.sum.traffic.map(|(sent, _)| sent);
        PerSecond "trend"     ""           8 "Values sent over the last seconds" { words: "values a second", priority: 9 }
            => row.sum.traffic.map(|(sent, _)| sent), spark: row.store.lock_spark(row.one()?);
        PerSecond "received"  "RECV/s"     7 "Values received a second" { words: "values received a second", priority: 2 }
            => row.sum.traffic.map(|(_, received)| received);
        Count     "lagged"    "LAGGED"     7 "Values that slow receivers missed" { words: "values missed", priority: 7 }
            => row.sum.sums.map(|sums| sums.lagged);
        Time      "on-full"   "ON FULL"    8 "Time that senders waited for room" { words: "time blocked on full", priority: 3 }
            => row.sum.sums.map(|sums| sums.full_ns);
        Time      "on-empty"  "ON EMPTY"   9 "Time that receivers waited for a value" { words: "time blocked on empty", priority: 4 }
            => row.sum.sums.map(|sums| sums.empty_ns);
    };

    type Summary = ChannelSummary;

    fn lists(store: Analysis<'_>, of: &Resource) -> bool {
        store.is_channel(of)
    }

    fn summary(store: Analysis<'_>, of: &Resource, waits: &Waits) -> ChannelSummary {
        let channel = store.channel(of.key);
        let waiters = if channel.is_some() && waits.tasks > 0 { store.waiters(of.key) } else { Vec::new() };
        let waiting_at = |end: End| {
            let at_end = waiters.iter().filter(|waiter| store.channel_end(waiter.op) == Some(end));
            at_end.count() as u64
        };
        ChannelSummary {
            senders: channel.and_then(|channel| channel.senders).map(u64::from),
            receivers: channel.and_then(|channel| channel.receivers).map(u64::from),
            depth: channel.and_then(|channel| channel.depth),
            capacity: channel.and_then(|channel| channel.capacity),
            full: u64::from(channel.is_some_and(Channel::is_full)),
            traffic: store.channel_rates(of.key),
            sums: channel.filter(|channel| !channel.room_alone).map(|channel| Sums {
                lagged: channel.lagged,
                full_ns: channel.blocked_full_ns,
                empty_ns: channel.blocked_empty_ns,
            }),
            waiting_to_send: waiting_at(End::Sender),
            waiting_to_receive: waiting_at(End::Receiver),
        }
    }

    fn why_empty(_table: &Table<Self>, _at: Context<'_>) -> String {
        "No channels reported. Use taskscope::sync, or build with --cfg tokio_unstable.".to_owned()
    }
}
