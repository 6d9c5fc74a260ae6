//! One sentence on how the process is: a function of what it reported and of what the lints found, nothing else.
//!
//! Invariant: what is said was measured; where too little is reported to say that all is well, that is said instead. The order of the questions is
//! the order of what an engineer must know first: is it there, does it stand still, who is to blame, does anything wait.

use crate::{
    analysis::{
        Analysis,
        longest::{Wait, WaitKind},
        pressure::Starving,
    },
    format::{duration_ns, exact, rate},
    lints::{
        Judged, LintKind,
        findings::{Finding, Findings, Subject},
        judged::not_judged,
    },
    screen::overview::{Health, Verdict},
    severity::{Confidence, Severity},
    store::{
        scheduler::{StuckPoll, Worker},
        task::State,
    },
};

/// From this wait for a worker on tasks starve.
const STARVING_NS: u64 = 1_000_000_000;
/// A lower rate is none: the process's own ticks.
const LEAST_POLLS_PER_S: f64 = 0.5;
/// Workers that are named.
const NAMED: usize = 3;

/// The verdict. `gone`: since when, and why, there is no connection.
pub(in crate::model) fn verdict(
    store: Analysis<'_>,
    findings: &Findings,
    gone: Option<(u64, &str)>,
) -> Verdict {
    let seen = alive(store, findings);
    let Some((since_ns, reason)) = gone else { return seen };
    let lost = format!("no data for {}: {reason}", duration_ns(since_ns));
    let sentence = format!("{lost}; it was {} then: {}", seen.health.word(), seen.sentence);
    Verdict { health: Health::Gone, severity: Some(Severity::Warning), sentence, cause: seen.cause }
}

/// Before anything is known. `why`: in words.
pub(in crate::model) fn unknown(why: &str) -> Verdict {
    Verdict {
        health: Health::Unknown,
        severity: Some(Severity::Warning),
        sentence: why.to_owned(),
        cause: String::new(),
    }
}

fn alive(store: Analysis<'_>, findings: &Findings) -> Verdict {
    if let Some(wedged) = findings.list.iter().find(|of| of.id.lint == LintKind::RuntimeWedged) {
        return wedge(store, wedged);
    }
    if let Some(worst) = findings.list.first().filter(|worst| worst.severity == Severity::Critical) {
        // Of who waits and who is to blame, it is said together.
        let is_of_polls = matches!(
            worst.id.lint,
            LintKind::LongPoll | LintKind::NeverYielded | LintKind::LongScheduleDelay
        );
        let starving = findings.pressure.starving.first();
        if let Some(starving) = starving.filter(|of| is_of_polls && of.wait.length_ns >= STARVING_NS) {
            return starve(store, starving);
        }
        return found(worst, findings);
    }
    if let Some(starving) = findings.pressure.starving.first().filter(|of| of.wait.length_ns >= STARVING_NS) {
        return starve(store, starving);
    }
    match findings.list.first() {
        Some(worst) if worst.severity > Severity::Info => found(worst, findings),
        _ => fine(store, findings),
    }
}

/// `both workers are stuck in polls, the longest for 41.2 s; 318 tasks wait for a worker`
fn wedge(store: Analysis<'_>, finding: &Finding) -> Verdict {
    let index = if let Subject::Runtime(index) = finding.id.subject { index } else { 0 };
    let workers: Vec<&Worker> = store.scheduler.workers_of(index).collect();
    let stuck: Vec<(&Worker, &StuckPoll)> = workers
        .iter()
        .filter_map(|worker| Some((*worker, store.scheduler.stuck_on(worker.thread)?)))
        .collect();
    let Some(since_ns) = stuck.iter().map(|(_, poll)| poll.started_ns).min() else {
        let (sentence, cause) = parts(&finding.message);
        let severity = Some(finding.severity);
        return Verdict {
            health: Health::Wedged,
            severity,
            sentence: sentence.to_owned(),
            cause: cause.to_owned(),
        };
    };
    let who = match workers.len() {
        1 => "the only worker is stuck in a poll,".to_owned(),
        2 => "both workers are stuck in polls, the longest".to_owned(),
        n => format!("all {n} workers are stuck in polls, the longest"),
    };
    let of = match store.scheduler.runtimes.len() {
        0 | 1 => String::new(),
        _ => format!("{}: ", store.scheduler.runtime_title(index)),
    };
    let sentence = format!(
        "{of}{who} for {}; {}",
        duration_ns(store.now_ns.saturating_sub(since_ns)),
        waiting(store.live().count(State::Scheduled))
    );
    let named = stuck.iter().take(NAMED).map(|(worker, poll)| {
        let task = store.polled_words(poll.task, poll.site);
        let place = poll.where_words().map_or_else(String::new, |words| format!(" {words}"));
        format!("{task} blocks {}{place}", store.scheduler.worker_words(worker.key))
    });
    let cause = with_more(named.collect::<Vec<_>>().join("; "), stuck.len().saturating_sub(NAMED), "workers");
    Verdict { health: Health::Wedged, severity: Some(finding.severity), sentence, cause }
}

/// `318 tasks wait for a worker, the longest, conn #9, for 3.20 s`
fn starve(store: Analysis<'_>, starving: &Starving) -> Verdict {
    let longest = store.polled_words(Some(starving.wait.task), starving.wait.site);
    let age = duration_ns(starving.wait.length_ns);
    let sentence = match store.live().count(State::Scheduled) {
        0 | 1 => format!("{longest} has waited {age} for a worker"),
        n => format!("{}, the longest, {longest}, for {age}", waiting(n)),
    };
    let blame = starving.blame.iter().take(NAMED).map(|blame| store.blame_words(blame));
    let blame = blame.collect::<Vec<_>>().join(", ");
    let cause = if blame.is_empty() {
        "no poll over 1 ms explains it".to_owned()
    } else {
        format!("meanwhile {blame}")
    };
    let severity =
        if starving.wait.length_ns >= STARVING_NS { Severity::Critical } else { Severity::Warning };
    Verdict { health: Health::Starving, severity: Some(severity), sentence, cause }
}

/// The most serious finding.
fn found(worst: &Finding, findings: &Findings) -> Verdict {
    let is_cycle = matches!(worst.id.lint, LintKind::Deadlock | LintKind::Futurelock);
    let health = match (worst.severity, worst.confidence) {
        (Severity::Critical, Confidence::Proven) if is_cycle => Health::Deadlocked,
        (Severity::Critical, Confidence::Proven) => Health::Critical,
        (_, Confidence::Suspected) => Health::Suspicious,
        _ => Health::Warning,
    };
    let (sentence, rest) = parts(&worst.message);
    // The word says it already.
    let sentence = match (health, sentence.split_once(": ")) {
        (Health::Deadlocked, Some(("Deadlock" | "Futurelock", way))) => way,
        _ => sentence,
    };
    let others =
        findings.list.iter().skip(1).filter(|of| of.severity > Severity::Info).count() + findings.more;
    let cause = match others {
        0 => rest.to_owned(),
        1 => join(&["1 more finding", rest]),
        n => join(&[&format!("{} more findings", exact(n as u64)), rest]),
    };
    Verdict { health, severity: Some(worst.severity), sentence: sentence.to_owned(), cause }
}

/// Nothing was found that is worth a warning.
fn fine(store: Analysis<'_>, findings: &Findings) -> Verdict {
    let limits = limits(store, findings);
    let point = store.trends.last();
    let polls = point.and_then(|point| point.polls_per_s);
    let (alive, finished) = (store.alive(), store.sites.finished());
    let (health, sentence) = if alive == 0 {
        let sentence = match finished {
            0 => "no task has been spawned yet".to_owned(),
            1 => "the only task has ended".to_owned(),
            n => format!("all {} tasks have ended", exact(n)),
        };
        (Health::NoTasks, sentence)
    } else if store.hello.is_memory() {
        let longest = longest(store, findings).map_or_else(String::new, |words| format!("; {words}"));
        (Health::Unjudged, format!("no cycle of waits is in its memory, which shows no polls{longest}"))
    } else if polls.is_some_and(|polls| polls < LEAST_POLLS_PER_S) {
        let longest = longest(store, findings).map_or_else(String::new, |words| format!("; {words}"));
        (Health::Idle, format!("nothing is polled{longest}"))
    } else {
        (Health::Healthy, runs(store, findings))
    };
    let is_blind = !store.hello.problems.is_empty();
    let severity = is_blind.then_some(Severity::Warning);
    Verdict { health, severity, sentence, cause: limits }
}

/// `p99 schedule delay 210 µs, 52.1k polls/s; no task waits 10 ms for a worker`
fn runs(store: Analysis<'_>, findings: &Findings) -> String {
    let point = store.trends.last();
    let polls = point.and_then(|point| point.polls_per_s).map(|polls| format!("{} polls/s", rate(polls)));
    let delay = match point.and_then(|point| point.delay_p99_ns) {
        Some(0) => Some("no task waited for a worker".to_owned()),
        Some(ns) => Some(format!("p99 schedule delay {}", duration_ns(ns))),
        None => None,
    };
    let seen: Vec<String> = delay.into_iter().chain(polls).collect();
    if seen.is_empty() {
        return "nothing was found so far".to_owned();
    }
    let seen = seen.join(", ");
    match findings.pressure.starving.first() {
        Some(longest) => {
            let age = duration_ns(longest.wait.length_ns);
            format!("{seen}; the longest wait for a worker is {age}")
        }
        None => format!("{seen}; nothing was found"),
    }
}

/// `12 tasks wait, the longest, conn #5, 41.2 s for Mutex accounts`
fn longest(store: Analysis<'_>, findings: &Findings) -> Option<String> {
    let waits = &findings.pressure.longest;
    let first: &Wait = waits.waits.first()?;
    let who = store.task(first.longest).map_or_else(|| "a task".to_owned(), |task| store.task_words(task));
    let what = match first.words.as_str() {
        "" => "what nothing reports",
        words => words,
    };
    let age = duration_ns(store.now_ns.saturating_sub(first.since_ns));
    // Since when a wait goes on, memory shows from the first look on.
    Some(match waits.idle {
        0 | 1 => format!("{who} has waited {age} for {what}"),
        n => format!("{} tasks wait, {who} {age} for {what}", exact(n)),
    })
}

/// What keeps the verdict from being whole.
fn limits(store: Analysis<'_>, findings: &Findings) -> String {
    let mut limits: Vec<String> = store.hello.problems.iter().take(1).cloned().collect();
    let waits = findings.pressure.longest.waits.iter().filter(|wait| wait.kind == WaitKind::Unknown);
    let (tasks, since_ns) = waits
        .fold((0, u64::MAX), |(tasks, since_ns), wait| (tasks + wait.tasks, since_ns.min(wait.since_ns)));
    if tasks > 0 && !store.hello.is_memory() {
        let age = duration_ns(store.now_ns.saturating_sub(since_ns));
        let (of, tasks) = (if tasks == 1 { "task waits" } else { "tasks wait" }, exact(tasks));
        limits.push(format!("{tasks} {of} for what nothing reports, for up to {age}"));
    }
    let untracked =
        store.process.map_or(0, |process| process.untracked.saturating_add(process.untracked_resources));
    if untracked > 0 {
        limits.push(format!("{} tasks or resources are beyond the recorder's limit", exact(untracked)));
    }
    let groups = not_judged(&store.hello);
    let silent: usize = groups
        .iter()
        .filter(|(judged, _)| matches!(judged, Judged::No(_)))
        .map(|(_, kinds)| kinds.len())
        .sum();
    if silent > 0 {
        limits.push(format!("{silent} of {} lints can't be judged here", LintKind::ALL.len()));
    }
    limits.join("; ")
}

/// `318 tasks wait for a worker`
fn waiting(tasks: u64) -> String {
    match tasks {
        0 => "no task waits for a worker".to_owned(),
        1 => "1 task waits for a worker".to_owned(),
        n => format!("{} tasks wait for a worker", exact(n)),
    }
}

/// The first sentence of a finding, without its full stop, and the rest.
pub(super) fn parts(message: &str) -> (&str, &str) {
    match message.split_once(". ") {
        Some((first, rest)) => (first, rest),
        None => (message.strip_suffix('.').unwrap_or(message), ""),
    }
}

fn join(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("; ")
}

fn with_more(words: String, more: usize, of: &str) -> String {
    if more == 0 { words } else { format!("{words}; and {more} more {of}") }
}
