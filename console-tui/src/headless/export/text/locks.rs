//! Who waits for which lock, and who holds it, as text: for a report that people read.
//!
//! Limit: [`MAX_LOCKS`] locks and [`MAX_CHAINS`] chains; the rest is counted.

use std::io::{self, Write};

use super::names::Names;
use taskscope_model::{
    format::{self, duration_ns},
    report::{Chain, Lock, Report},
};

/// Locks listed: those with waiters, the longest wait first.
const MAX_LOCKS: usize = 20;
/// Holders named of a lock; the others are counted.
const NAMED: usize = 8;
/// Chains listed: those in which a task or a thread is in the way, the longest wait first.
const MAX_CHAINS: usize = 20;

/// Writes nothing when no lock has waiters.
///
/// # Errors
/// When `out` can't be written.
pub(super) fn write(report: &Report, names: &Names<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut wanted: Vec<&Lock> = report.locks.iter().filter(|lock| !lock.waiters.is_empty()).collect();
    wanted.sort_by_key(|lock| std::cmp::Reverse(lock.waiters.first().map(|waiter| waiter.wait_ns)));
    if !wanted.is_empty() {
        writeln!(out, "\nlocks with waiters")?;
    }
    for lock in wanted.iter().take(MAX_LOCKS) {
        writeln!(out, "  {}", words(lock))?;
    }
    more(wanted.len(), MAX_LOCKS, out)?;
    let chains: Vec<&Chain> = report.chains.iter().filter(|chain| chain.lines.len() > 1).collect();
    if !chains.is_empty() {
        writeln!(out, "\nwho waits for whom")?;
    }
    for chain in chains.iter().take(MAX_CHAINS) {
        writeln!(out, "  {}", names.task(Some(&chain.task)))?;
        for line in &chain.lines {
            let indent = "  ".repeat(usize::try_from(line.depth).unwrap_or(0) + 2);
            let age = line.age_ns.map_or_else(String::new, |ns| format!(", {}", duration_ns(ns)));
            let place = line.place.as_ref().map_or_else(String::new, |place| format!("  {place}"));
            let cycle = if line.cycle { "  (a cycle)" } else { "" };
            writeln!(out, "{indent}{}{age}{place}{cycle}", line.text)?;
        }
    }
    more(chains.len(), MAX_CHAINS, out)
}

fn more(all: usize, shown: usize, out: &mut dyn Write) -> io::Result<()> {
    if all > shown { writeln!(out, "  and {} more", all - shown) } else { Ok(()) }
}

/// `Mutex ledger (src/state.rs:12:5), held by transfer #88 for 41.2 s; 3 waiting, the first for 40.1 s`
fn words(lock: &Lock) -> String {
    let unknown = || format::UNKNOWN.to_owned();
    let kind = lock.concrete_type.as_deref().unwrap_or(format::UNKNOWN);
    let name = lock.name.as_deref().unwrap_or(&lock.id);
    let place = lock.place.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
    let holders = match lock.holders.as_deref() {
        None => format!("held by {}", format::UNKNOWN),
        Some([]) => "free".to_owned(),
        Some(holders) => {
            let one = |holder: &taskscope_model::report::Holder| {
                format!("{} for {}", holder.who.clone().unwrap_or_else(unknown), duration_ns(holder.held_ns))
            };
            let named = holders.iter().take(NAMED).map(one).collect::<Vec<_>>().join(", ");
            match holders.len().saturating_sub(NAMED) as u64 + lock.more_holders {
                0 => format!("held by {named}"),
                more => format!("held by {named} and {} more", format::count(more)),
            }
        }
    };
    let waiters = lock.waiters.len() as u64 + lock.more_waiters;
    let first = lock.waiters.first().map_or_else(unknown, |waiter| duration_ns(waiter.wait_ns));
    format!("{kind} {name}{place}, {holders}; {waiters} waiting, the first for {first}")
}
