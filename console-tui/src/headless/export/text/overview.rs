//! How the process is, in a sentence; and where nothing was found, what is waited for: the head of the report that people read.
//!
//! Limit: [`MAX_WAITS`] waits and [`MAX_CHANGES`] changes.

use std::io::{self, Write};

use taskscope_model::{
    format::{self, count, duration_ns, percent, rate},
    report::{Changed, LongWait, Overview, Report},
};

use super::names::Names;

/// Waits listed where nothing was found.
const MAX_WAITS: usize = 8;
/// Changes listed.
const MAX_CHANGES: usize = 5;

/// Writes the verdict, and the figures of the last second.
///
/// # Errors
/// When `out` can't be written.
pub(super) fn verdict(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Some(overview) = &report.overview else { return Ok(()) };
    let verdict = &overview.verdict;
    let mark = verdict.severity.map_or("", super::mark);
    let space = if mark.is_empty() { "" } else { " " };
    writeln!(out, "{mark}{space}{}: {}", verdict.health.word().to_uppercase(), verdict.sentence)?;
    if let Some(cause) = &verdict.cause {
        writeln!(out, "  {cause}")?;
    }
    figures(overview, out)
}

/// `polls/s 52.1k  busy 72 %  p99 delay 210 µs`
fn figures(overview: &Overview, out: &mut dyn Write) -> io::Result<()> {
    let Some(last) = overview.trend.last() else { return Ok(()) };
    let known = |words: Option<String>| words.unwrap_or_else(|| format::UNKNOWN.to_owned());
    writeln!(
        out,
        "  polls/s {}  busy {}  p99 delay {}",
        known(last.polls_per_s.map(rate)),
        known(last.busy_share.map(percent)),
        known(last.schedule_delay_p99_ns.map(|ns| if ns == 0 {
            "no wait".to_owned()
        } else {
            duration_ns(ns)
        })),
    )
}

/// Writes what changed; and where nothing was found, what tasks wait for.
///
/// # Errors
/// When `out` can't be written.
pub(super) fn rest(report: &Report, names: &Names<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Some(overview) = &report.overview else { return Ok(()) };
    if let Some(over_ns) = overview.changed_over_ns.filter(|_| !overview.changed.is_empty()) {
        writeln!(out, "\nwhat changed in {}", duration_ns(over_ns))?;
        for changed in overview.changed.iter().take(MAX_CHANGES) {
            writeln!(out, "  {}", change_words(changed))?;
        }
    }
    if !report.lints.is_empty() || overview.waits.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nwhat tasks wait for")?;
    for wait in overview.waits.iter().take(MAX_WAITS) {
        writeln!(out, "  {}", wait_words(wait, names))?;
    }
    for words in &overview.instrument {
        writeln!(out, "  {words}")?;
    }
    Ok(())
}

/// `src/main.rs:40 tasks: 10 → 1.2k`
fn change_words(changed: &Changed) -> String {
    let words = |value: f64| match changed.measure.as_str() {
        "polls/s" => rate(value),
        "p99 delay" => duration_ns(value as u64),
        "receive-queue" | "send-queue" => format::bytes(value as u64),
        _ => count(value as u64),
    };
    let of = changed.of.as_deref().unwrap_or("the process");
    format!("{of} {}: {} → {}", changed.measure, words(changed.before), words(changed.now))
}

/// `41.2 s  318 tasks  Mutex ledger (src/state.rs:12), the longest transfer #88`
fn wait_words(wait: &LongWait, names: &Names<'_>) -> String {
    let place = wait.place.as_deref().unwrap_or(format::UNKNOWN);
    let what = wait.waits_for.as_deref().unwrap_or("what nothing reports");
    let tasks = if wait.tasks == 1 { "1 task".to_owned() } else { format!("{} tasks", count(wait.tasks)) };
    let longest = names.task(wait.task.as_deref());
    format!("{:>7}  {tasks:>11}  {what} ({place}), the longest {longest}", duration_ns(wait.longest_ns))
}
