//! The lints about runtimes: one that stands still, a blocking pool that is full, an I/O driver that nobody drives.
//!
//! Invariant: who is named first is who holds the others up. Limit: [`NAMED`] names in a sentence, [`MAX_TASKS`] tasks in a finding.

use crate::{
    format::{duration_ns, exact},
    id::{SiteId, TaskKey},
    lint::{
        LintConfig, LintKind, Severity,
        findings::Finding,
        pressure::{Closures, Pressure},
    },
    screen::findings::{FindingId, Subject},
    store::{
        Store,
        scheduler::{Runtime, StuckPoll, Worker},
    },
};

/// Names in a sentence.
const NAMED: usize = 4;
/// Tasks that a finding keeps.
const MAX_TASKS: usize = 64;
const NS_PER_MS: u64 = 1_000_000;

const WEDGED: &str = "Move what blocks to spawn_blocking or a thread of its own, and await locks and channels instead of blocking on them: \
                      the places are in the sentence and on the screen of each worker.";
const POOL: &str = "Look at what the closures wait for; give work that runs for long a thread of its own, or raise \
                    max_blocking_threads if it only waits.";
const DRIVER: &str = "One worker drives I/O and timers when it parks; all that could are in long polls: see the Runtime screen.";

/// Everything that is found now.
pub(crate) fn find(store: &Store, pressure: &Pressure, config: &LintConfig) -> Vec<Finding> {
    let mut found = Vec::new();
    for runtime in &store.scheduler.runtimes {
        let wedged = wedged(store, runtime, config);
        let lost = if wedged.is_none() { driver_lost(store, runtime, config) } else { None };
        found.extend(wedged.or(lost));
        found.extend(full_pool(store, runtime, pressure, config));
    }
    found
}

fn finding(
    lint: LintKind,
    severity: Severity,
    runtime: &Runtime,
    (tasks, site): (Vec<TaskKey>, SiteId),
    message: String,
    advice: &'static str,
) -> Finding {
    let id = FindingId { lint, site, subject: Subject::Runtime(runtime.index) };
    let count = tasks.len().max(1) as u64;
    let tasks = tasks.into_iter().take(MAX_TASKS).collect();
    Finding { id, severity, count, message, advice, tasks, first_seen_ns: 0 }
}

/// Polls that have gone on on a runtime's workers for a while, the oldest first.
fn stuck_on<'a>(store: &'a Store, runtime: &Runtime, ms: u64) -> Vec<(&'a Worker, &'a StuckPoll)> {
    let scheduler = &store.scheduler;
    let stuck = scheduler.workers_of(runtime.index).filter_map(|worker| {
        let poll = scheduler.stuck_on(worker.thread)?;
        if !store.goes_on(poll) || !store.was_seen(poll) {
            return None;
        }
        let age_ns = store.now_ns.saturating_sub(poll.started_ns);
        (age_ns >= ms.saturating_mul(NS_PER_MS)).then_some((worker, poll))
    });
    let mut stuck: Vec<_> = stuck.collect();
    stuck.sort_by_key(|(worker, poll)| (poll.started_ns, worker.key));
    stuck
}

fn subjects(stuck: &[(&Worker, &StuckPoll)]) -> (Vec<TaskKey>, SiteId) {
    let site = stuck.first().map_or(SiteId::NONE, |(_, poll)| poll.site);
    (stuck.iter().filter_map(|(_, poll)| poll.task).collect(), site)
}

/// `worker 0 in hog #5 for 3.20 s, in std::thread::sleep, called at …; worker 1 in …`
fn stuck_words(store: &Store, stuck: &[(&Worker, &StuckPoll)]) -> String {
    let mut told = None;
    let named = stuck.iter().take(NAMED).map(|(worker, poll)| {
        let who = store.polled_words(poll.task, poll.site);
        let age = duration_ns(store.now_ns.saturating_sub(poll.started_ns));
        let place = poll.where_words();
        // The same place is told once.
        let at = place.as_ref().filter(|_| told != place).map_or_else(String::new, |at| format!(", {at}"));
        told = place;
        format!("{} in {who} for {age}{at}", store.scheduler.worker_words(worker.key))
    });
    let words = named.collect::<Vec<_>>().join("; ");
    match stuck.len().saturating_sub(NAMED) {
        0 => words,
        more => format!("{words}; and {more} more"),
    }
}

fn runtime_words(store: &Store, runtime: &Runtime) -> String {
    if store.scheduler.runtimes.len() < 2 {
        "the runtime".to_owned()
    } else {
        store.scheduler.runtime_title(runtime.index)
    }
}

/// Every worker is in a poll that does not end.
fn wedged(store: &Store, runtime: &Runtime, config: &LintConfig) -> Option<Finding> {
    let config = &config.runtime_wedged;
    let workers = store.scheduler.workers_of(runtime.index).count();
    if !config.enabled || workers == 0 || workers < runtime.workers as usize {
        return None;
    }
    let stuck = stuck_on(store, runtime, config.stuck_ms);
    if stuck.len() < workers {
        return None;
    }
    let youngest_ns = stuck.last().map_or(0, |(_, poll)| store.now_ns.saturating_sub(poll.started_ns));
    let critical = youngest_ns >= config.critical_ms.saturating_mul(NS_PER_MS);
    let of = if store.scheduler.runtimes.len() < 2 {
        String::new()
    } else {
        format!(" of {}", runtime_words(store, runtime))
    };
    let all = match workers {
        1 => format!("The only worker{of} is stuck in a poll"),
        n => format!("All {} workers{of} are stuck in polls", exact(n as u64)),
    };
    let message = format!(
        "{all}: {}. No other task is polled there, no timer fires, no socket is looked at.",
        stuck_words(store, &stuck),
    );
    let severity = if critical { Severity::Critical } else { Severity::Warning };
    Some(finding(LintKind::RuntimeWedged, severity, runtime, subjects(&stuck), message, WEDGED))
}

/// Descriptors are ready, and nobody looks.
fn driver_lost(store: &Store, runtime: &Runtime, config: &LintConfig) -> Option<Finding> {
    let config = &config.driver_lost;
    let lost_ns = store.now_ns.saturating_sub(runtime.driver_lost_since_ns?);
    if !config.enabled || lost_ns < config.lost_ms.saturating_mul(NS_PER_MS) {
        return None;
    }
    let stuck = stuck_on(store, runtime, 0);
    let who = if stuck.is_empty() {
        "no poll is known that would explain it".to_owned()
    } else {
        stuck_words(store, &stuck)
    };
    let message = format!(
        "Nobody has driven the I/O driver of {} for {}, though descriptors are ready: {who}. Tasks that wait for them are not woken.",
        runtime_words(store, runtime),
        duration_ns(lost_ns),
    );
    let critical = lost_ns >= config.critical_ms.saturating_mul(NS_PER_MS);
    let severity = if critical { Severity::Critical } else { Severity::Warning };
    Some(finding(LintKind::DriverLost, severity, runtime, subjects(&stuck), message, DRIVER))
}

/// Closures wait in line for a thread of the blocking pool.
fn full_pool(store: &Store, runtime: &Runtime, pressure: &Pressure, config: &LintConfig) -> Option<Finding> {
    let config = &config.blocking_pool_saturated;
    if !config.enabled || !runtime.is_pool_full() {
        return None;
    }
    // Of several runtimes it is not told whose closures these are: only where there is one pool with a line they are its own.
    let full = store.scheduler.runtimes.iter().filter(|runtime| runtime.is_pool_full()).count();
    let first = pressure.closures.iter().filter_map(|closures| closures.first).min();
    let wait_ns = first.map(|(since_ns, _)| store.now_ns.saturating_sub(since_ns))?;
    if wait_ns < config.wait_ms.saturating_mul(NS_PER_MS) {
        return None;
    }
    let busy = runtime.busy_blocking_threads().map_or_else(String::new, exact);
    let most = runtime.max_blocking_threads.map_or_else(String::new, |most| format!(" of {}", exact(most)));
    let queue = exact(runtime.blocking_queue.unwrap_or(0));
    let running: Vec<&Closures> = pressure.closures.iter().filter(|closures| closures.running > 0).collect();
    let message = format!(
        "The blocking pool of {} is full: {busy}{most} threads are busy and {queue} in line, the first for {}. {}.",
        runtime_words(store, runtime),
        duration_ns(wait_ns),
        if full > 1 {
            "Other pools are full, too: whose closures run is not told".to_owned()
        } else {
            closures_words(store, &running)
        },
    );
    let critical = wait_ns >= config.critical_ms.saturating_mul(NS_PER_MS);
    let severity = if critical { Severity::Critical } else { Severity::Warning };
    let site = running.first().map_or(SiteId::NONE, |closures| closures.site);
    let tasks = running.iter().filter_map(|closures| closures.oldest).map(|(_, key)| key).collect();
    Some(finding(LintKind::BlockingPoolSaturated, severity, runtime, (tasks, site), message, POOL))
}

/// `Running: 4 from src/main.rs:12, the oldest for 3.20 s; …`
fn closures_words(store: &Store, running: &[&Closures]) -> String {
    let named = running.iter().take(NAMED).map(|closures| {
        let place = store.short_place(closures.site).unwrap_or_else(|| "a place nobody knows".to_owned());
        let oldest = closures.oldest.map_or(0, |(since_ns, _)| store.now_ns.saturating_sub(since_ns));
        format!("{} from {place}, the oldest for {}", exact(closures.running), duration_ns(oldest))
    });
    format!("Running: {}", named.collect::<Vec<_>>().join("; "))
}
