//! The locks: who holds what, who waits for it, and what it costs.
//!
//! Invariant: a sum of which a part is unknown is unknown; a percentile of several is the worst of theirs.

use super::made::{self, OfResources, both, listed, of_resources};
use crate::{
    analysis::{Analysis, ops::Waits},
    columns::Unit,
    format::count,
    id::ResourceKey,
    screen::Tone,
    severity::Severity,
    store::locks::{Lock, LockSums},
    table::{
        Context, List, Table,
        column::Column,
        listing::{At, Listing, Lookup},
        value::Value,
    },
    tables::TableId,
};

/// The list of locks.
#[derive(Debug)]
pub(crate) struct Locks;

type Col = Column<Locks>;

/// What is known of a lock, or of several that were made at one place.
#[derive(Debug, Clone)]
pub(crate) struct LockSummary {
    severity: Option<Severity>,
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
}

impl LockSummary {
    fn of(store: Analysis<'_>, lookup: &Lookup<ResourceKey>, key: ResourceKey) -> Self {
        let lock = store.lock(key);
        let rates = store.lock_rates(key);
        Self {
            severity: lookup.severities.get(&key).copied(),
            holders: lock.and_then(Lock::holder_count),
            held_since_ns: lock.and_then(|lock| lock.holders.iter().map(|holder| holder.since_ns).min()),
            waits: lookup.waits.get(&key).copied().unwrap_or_default(),
            sums: lock.filter(|lock| lock.knows.times).map(|lock| lock.sums),
            acquired_per_s: rates.map(|rates| rates.acquisitions),
            waited_per_s: rates.map_or(0.0, |rates| rates.wait),
            wait_p99_ns: lock.and_then(|lock| lock.wait_p99_ns),
            hold_p99_ns: lock.and_then(|lock| lock.hold_p99_ns),
        }
    }

    fn contended_percent(&self) -> Option<f64> {
        let sums = self.sums.filter(|sums| sums.acquisitions > 0)?;
        Some((sums.contended as f64 / sums.acquisitions as f64).min(1.0) * 100.0)
    }

    /// A number that only acquisitions change; before the first it is unknown.
    fn once_acquired(&self, number: Option<f64>) -> Value<'static> {
        match number {
            Some(number) => Value::Number(number),
            None if self.sums.is_some() => Value::Nothing,
            None => Value::Unknown,
        }
    }

    /// The most suspicious is the greatest: what the lints say, then what is in the way of others now, then what was.
    fn suspicion(&self, at: u64) -> Value<'static> {
        let longest_ns = self.waits.longest_ns(at).unwrap_or(0);
        let waited_us = (self.waited_per_s * 1e6) as u64;
        let acquired = self.acquired_per_s.map_or(0, |per_s| (per_s * 1e3) as u64);
        Value::Mark(self.severity, [longest_ns, waited_us, acquired])
    }
}

fn holder<'a>(row: &At<'a, Locks>) -> Value<'a> {
    let Some(resource) = row.resource() else {
        return match row.sum.holders {
            Some(0) => Value::Text("free".into(), Tone::Dim),
            Some(holders) => Value::Text(format!("{} held", count(holders)).into(), Tone::Normal),
            None => Value::Unknown,
        };
    };
    let Some(lock) = row.store.lock(resource.key) else { return Value::Unknown };
    let tone = if lock.holders.is_empty() { Tone::Dim } else { Tone::Link };
    Value::toned(row.store.holders_words(row.store.lock_kind(resource), lock), tone)
}

fn held_for<'a>(row: &At<'a, Locks>) -> Value<'a> {
    match row.since(row.sum.held_since_ns) {
        Some(ns) => Value::Number(ns as f64),
        None if row.sum.holders.is_some() => Value::Nothing,
        None => Value::Unknown,
    }
}

impl List for Locks {
    const ID: TableId = TableId::Locks;
    const COLUMNS: &'static [Column<Self>] = &[
        Col::warn("suspicion", |row| row.sum.suspicion(row.store.now_ns)),
        made::kind_column(),
        made::name_column(),
        Col::text("holder", "HOLDER", 17, "Who holds it", holder).grows(),
        Col::number(
            Unit::Time,
            "held",
            "HELD FOR",
            8,
            "Time since the longest of its holders took it",
            held_for,
        )
        .words("time held")
        .priority(1),
        Col::number(Unit::Count, "waiters", "WAITERS", 8, "Tasks that wait for it now", |row| {
            Value::number(Some(row.sum.waits.tasks))
        }),
        made::longest_column(8),
        Col::number(
            Unit::Percent,
            "contended",
            "CONTENDED",
            9,
            "Share of the acquisitions that had to wait",
            |row| row.sum.once_acquired(row.sum.contended_percent()),
        )
        .words("contention")
        .priority(2),
        Col::number(Unit::PerSecond, "acq", "ACQ/s", 6, "Acquisitions a second", |row| {
            Value::float(row.sum.acquired_per_s)
        })
        .words("acquisitions a second")
        .priority(3),
        Col::trend(
            Unit::PerSecond,
            "acquisitions a second",
            "Acquisitions over the last seconds",
            |row| Value::float(row.sum.acquired_per_s),
            |row| row.store.lock_spark(row.one()?),
        )
        .priority(9),
        Col::number(Unit::Time, "wait-p99", "WAIT p99", 8, "99th percentile of the waits", |row| {
            row.sum.once_acquired(row.sum.wait_p99_ns.map(|ns| ns as f64))
        })
        .words("99th percentile of the waits")
        .priority(4),
        Col::number(Unit::Time, "hold-p99", "HOLD p99", 8, "99th percentile of the holds", |row| {
            row.sum.once_acquired(row.sum.hold_p99_ns.map(|ns| ns as f64))
        })
        .words("99th percentile of the holds")
        .priority(5),
    ];
    of_resources!();

    fn count(at: Context<'_>) -> Option<usize> {
        Some(at.store.lock_list().len())
    }

    fn why_empty(_table: &Table<Self>, at: Context<'_>) -> String {
        if at.store.hello.sources.contains(&"resources") {
            "No lock is alive.".to_owned()
        } else {
            "No locks reported. Use taskscope::sync, or build with --cfg tokio_unstable.".to_owned()
        }
    }
}

impl Listing for Locks {
    listed!(lock_list, LockSummary);

    fn add(sum: &mut LockSummary, other: &LockSummary) {
        sum.severity = sum.severity.max(other.severity);
        sum.holders = both(sum.holders, other.holders, u64::saturating_add);
        sum.held_since_ns = sum.held_since_ns.into_iter().chain(other.held_since_ns).min();
        sum.waits.add(&other.waits);
        sum.sums = both(sum.sums, other.sums, |one, other| LockSums {
            acquisitions: one.acquisitions.saturating_add(other.acquisitions),
            contended: one.contended.saturating_add(other.contended),
            hold_ns: one.hold_ns.saturating_add(other.hold_ns),
            wait_ns: one.wait_ns.saturating_add(other.wait_ns),
        });
        sum.acquired_per_s = both(sum.acquired_per_s, other.acquired_per_s, |one, other| one + other);
        sum.waited_per_s += other.waited_per_s;
        sum.wait_p99_ns = sum.wait_p99_ns.max(other.wait_p99_ns);
        sum.hold_p99_ns = sum.hold_p99_ns.max(other.hold_p99_ns);
    }
}

impl OfResources for Locks {
    fn waits(sum: &LockSummary) -> &Waits {
        &sum.waits
    }
}
