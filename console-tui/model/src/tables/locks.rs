//! The locks: who holds what, who waits for it, and what it costs.
//!
//! Invariant: a sum of which a part is unknown is unknown; a percentile of several is the worst of theirs.

use super::made::{self, OfResources, both};
use crate::{
    analysis::{Analysis, ops::Waits},
    format::count,
    screen::Tone,
    store::{
        locks::{Lock, LockSums},
        resources::Resource,
    },
    table::{
        Context, Table,
        column::{Column, columns},
        listing::{At, Summary, longest_wait},
        value::Value,
    },
    tables::TableId,
};

/// The list of locks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Locks;

type Row<'a> = At<'a, Locks>;

/// What is known of a lock, or of several that were made at one place.
#[derive(Debug, Clone)]
pub(crate) struct LockSummary {
    /// How many hold it.
    holders: Option<u64>,
    held_since_ns: Option<u64>,
    sums: Option<LockSums>,
    acquired_per_s: Option<f64>,
    /// Seconds waited, a second.
    waited_per_s: f64,
    wait_p99_ns: Option<u64>,
    hold_p99_ns: Option<u64>,
}

impl Summary for LockSummary {
    fn add(&mut self, other: &Self) {
        self.holders = both(self.holders, other.holders, u64::saturating_add);
        self.held_since_ns = self.held_since_ns.into_iter().chain(other.held_since_ns).min();
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
    }
}

impl LockSummary {
    fn contended_percent(&self) -> Option<f64> {
        let sums = self.sums.filter(|sums| sums.acquisitions > 0)?;
        Some((sums.contended as f64 / sums.acquisitions as f64).min(1.0) * 100.0)
    }

    /// A number that only acquisitions change; before the first it is unknown.
    fn once_acquired<T: Into<Value<'static>>>(&self, number: Option<T>) -> Value<'static> {
        match number {
            Some(number) => number.into(),
            None if self.sums.is_some() => Value::Nothing,
            None => Value::Unknown,
        }
    }
}

/// The most suspicious is the greatest: what the lints say, then what is in the way of others now, then what was.
fn suspicion<'a>(row: &Row<'a>) -> Value<'a> {
    let longest_ns = row.waits.longest_ns(row.store.now_ns).unwrap_or(0);
    let waited_us = (row.sum.waited_per_s * 1e6) as u64;
    let acquired = row.sum.acquired_per_s.map_or(0, |per_s| (per_s * 1e3) as u64);
    Value::Mark(row.severity, [longest_ns, waited_us, acquired])
}

fn holder<'a>(row: &Row<'a>) -> Value<'a> {
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

fn held_for<'a>(row: &Row<'a>) -> Value<'a> {
    match row.since(row.sum.held_since_ns) {
        Some(ns) => ns.into(),
        None if row.sum.holders.is_some() => Value::Nothing,
        None => Value::Unknown,
    }
}

impl OfResources for Locks {
    const ID: TableId = TableId::Locks;
    const COLUMNS: &'static [Column<Self>] = columns! { Self, row;
        warn "suspicion" => suspicion(row);
        column made::kind_column();
        column made::name_column();
        text      "holder"    "HOLDER"   17 "Who holds it" { grows: true } => holder(row);
        Time      "held"      "HELD FOR"  8 "Time since the longest of its holders took it" { words: "time held", priority: 1 } => held_for(row);
        Count     "waiters"   "WAITERS"   8 "Tasks that wait for it now" => row.waits.tasks;
        column longest_wait!(Self, "longest" "LONGEST" 8 "How long the longest of them waits" "longest wait");
        Percent   "contended" "CONTENDED" 9 "Share of the acquisitions that had to wait" { words: "contention", priority: 2 }
            => row.sum.once_acquired(row.sum.contended_percent());
        PerSecond "acq"       "ACQ/s"     6 "Acquisitions a second" { words: "acquisitions a second", priority: 3 } => row.sum.acquired_per_s;
        PerSecond "trend"     ""          8 "Acquisitions over the last seconds" { words: "acquisitions a second", priority: 9 }
            => row.sum.acquired_per_s, spark: row.store.lock_spark(row.one()?);
        Time      "wait-p99"  "WAIT p99"  8 "99th percentile of the waits" { words: "99th percentile of the waits", priority: 4 }
            => row.sum.once_acquired(row.sum.wait_p99_ns);
        Time      "hold-p99"  "HOLD p99"  8 "99th percentile of the holds" { words: "99th percentile of the holds", priority: 5 }
            => row.sum.once_acquired(row.sum.hold_p99_ns);
    };

    type Summary = LockSummary;

    fn lists(store: Analysis<'_>, of: &Resource) -> bool {
        store.is_lock(of)
    }

    fn summary(store: Analysis<'_>, of: &Resource, _waits: &Waits) -> LockSummary {
        let lock = store.lock(of.key);
        let rates = store.lock_rates(of.key);
        LockSummary {
            holders: lock.and_then(Lock::holder_count),
            held_since_ns: lock.and_then(|lock| lock.holders.iter().map(|holder| holder.since_ns).min()),
            sums: lock.filter(|lock| lock.knows.times).map(|lock| lock.sums),
            acquired_per_s: rates.map(|rates| rates.acquisitions),
            waited_per_s: rates.map_or(0.0, |rates| rates.wait),
            wait_p99_ns: lock.and_then(|lock| lock.wait_p99_ns),
            hold_p99_ns: lock.and_then(|lock| lock.hold_p99_ns),
        }
    }

    fn why_empty(_table: &Table<Self>, at: Context<'_>) -> String {
        if at.store.hello.sources.contains(&"resources") {
            "No lock is alive.".to_owned()
        } else {
            "No locks reported. Use taskscope::sync, or build with --cfg tokio_unstable.".to_owned()
        }
    }
}
