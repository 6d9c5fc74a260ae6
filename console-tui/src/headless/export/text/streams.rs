//! What the program is connected with, as text: for a report that people read.
//!
//! Limit: [`MAX_LISTED`] sockets, those with the longest wait first; the rest is counted.

use std::{
    cmp::Reverse,
    io::{self, Write},
};

use taskscope_model::{
    format::{self, bytes, duration_ns, exact},
    report::{Descriptors, Io, Report, Signal},
};

/// Sockets listed.
const MAX_LISTED: usize = 20;
/// Kinds without another end: they are counted.
const INNER: [&str; 8] = ["file", "eventfd", "timerfd", "signalfd", "epoll", "inotify", "pidfd", "other"];

/// Writes nothing when the report has no I/O.
///
/// # Errors
/// When `out` can't be written.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.descriptors.is_none()
        && report.io.is_empty()
        && report.signals.is_empty()
        && report.children.is_empty()
    {
        return Ok(());
    }
    head(report.descriptors.as_ref(), out)?;
    let (inner, mut shown): (Vec<&Io>, Vec<&Io>) =
        report.io.iter().partition(|of| INNER.contains(&of.kind.as_str()));
    shown.sort_by_key(|of| Reverse(of.waiting.first().map(|wait| wait.for_ns)));
    for of in shown.iter().take(MAX_LISTED) {
        writeln!(out, "  {}", words(of))?;
    }
    if shown.len() > MAX_LISTED {
        writeln!(out, "  and {} more", exact((shown.len() - MAX_LISTED) as u64))?;
    }
    if !inner.is_empty() {
        writeln!(out, "  {}", inner_words(&inner))?;
    }
    for signal in &report.signals {
        writeln!(out, "  {}", signal_words(signal))?;
    }
    for child in &report.children {
        let unknown = || format::UNKNOWN.to_owned();
        let (program, state) =
            (child.program.clone().unwrap_or_else(unknown), child.state.clone().unwrap_or_else(unknown));
        writeln!(out, "  child {program}: {state}")?;
    }
    Ok(())
}

/// What is known of all descriptors.
fn head(descriptors: Option<&Descriptors>, out: &mut dyn Write) -> io::Result<()> {
    let Some(descriptors) = descriptors else { return writeln!(out, "\nI/O") };
    let limit = descriptors.limit.map_or_else(String::new, |limit| format!(" of {}", exact(limit)));
    let open = descriptors.open.map_or_else(|| format::UNKNOWN.to_owned(), exact);
    writeln!(out, "\nI/O  {open}{limit} descriptors open")?;
    if descriptors.more > 0 {
        writeln!(out, "  {} more are not listed", exact(descriptors.more))?;
    }
    match &descriptors.problem {
        Some(problem) => writeln!(out, "  {problem}"),
        None => Ok(()),
    }
}

/// `and 3 file, 2 eventfd, 1 epoll`
fn inner_words(inner: &[&Io]) -> String {
    let count = |kind: &str| inner.iter().filter(|of| of.kind == kind).count() as u64;
    let counts = INNER.map(|kind| (kind, count(kind)));
    let words = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| format!("{} {kind}", exact(*count)));
    format!("and {}", words.collect::<Vec<_>>().join(", "))
}

/// `tcp fd 31 10.0.0.4:8080 ← 10.0.0.7:40100 established  in 1.2 M out 14.0 K  unread 0 B, unacknowledged 2.1 M  conn #88 waits 31.0 s in write`
fn words(of: &Io) -> String {
    let arrow = match of.accepted {
        Some(true) => "←",
        None if of.kind == "tcp" => "↔",
        Some(false) | None => "→",
    };
    let addresses = match (of.local.as_ref().or(of.name.as_ref()), &of.peer) {
        (Some(local), Some(peer)) => Some(format!("{local} {arrow} {peer}")),
        (Some(local), None) => Some(local.clone()),
        (None, Some(peer)) => Some(format!("{arrow} {peer}")),
        (None, None) => None,
    };
    let fd = of.fd.map(|fd| format!("fd {fd}"));
    let what = [Some(of.kind.clone()), fd, addresses, of.state.clone()];
    let count = |label: &str, value: Option<u64>| value.map(|value| format!("{label} {}", bytes(value)));
    let moved = [count("in", of.in_bytes), count("out", of.out_bytes)];
    let backlog = of.backlog.map(|backlog| format!("backlog {}", exact(backlog)));
    let queues =
        [count("unread", of.recv_queue_bytes), count("unacknowledged", of.send_queue_bytes), backlog];
    let wait = of.waiting.first().map(|wait| {
        let who = wait.who.as_deref().unwrap_or(format::UNKNOWN);
        let op = wait.op.as_deref().unwrap_or(format::UNKNOWN);
        format!("{who} waits {} in {op}", duration_ns(wait.for_ns))
    });
    let parts = [join(what, " "), join(moved, " "), join(queues, ", "), wait.unwrap_or_default()];
    join(parts.map(|part| (!part.is_empty()).then_some(part)), "  ")
}

/// Those that there are.
fn join<const N: usize>(parts: [Option<String>; N], between: &str) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(between)
}

/// `SIGTERM: received 3 times, the last 2.00 s ago`
fn signal_words(signal: &Signal) -> String {
    match signal.last_ns {
        Some(ns) => format!(
            "{}: received {} times, the last {} ago",
            signal.name,
            exact(signal.received),
            duration_ns(ns)
        ),
        None => format!("{}: none received", signal.name),
    }
}
