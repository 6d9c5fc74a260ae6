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
        task::Waker,
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
    tasks: Vec<TaskKey>,
    message: String,
    advice: &'static str,
) -> Finding {
    // Of no place: who holds it changes while the finding stays the same.
    let id = FindingId { lint, site: SiteId::NONE, subject: Subject::Runtime(runtime.index) };
    let count = tasks.len().max(1) as u64;
    let tasks = tasks.into_iter().take(MAX_TASKS).collect();
    Finding { id, severity, count, message, advice, tasks, first_seen_ns: 0 }
}

/// A poll that has gone on on a worker for a while.
struct Held<'a> {
    worker: &'a Worker,
    task: Option<TaskKey>,
    since_ns: u64,
    /// Its stack; not told of every one.
    poll: Option<&'a StuckPoll>,
}

/// Polls that have gone on on a runtime's workers for a while, the oldest first; those that wait for a lock come after those that may have
/// it.
fn held<'a>(store: &'a Store, runtime: &Runtime, ms: u64) -> Vec<Held<'a>> {
    let is_old = |since_ns: u64| store.now_ns.saturating_sub(since_ns) >= ms.saturating_mul(NS_PER_MS);
    let held = store.scheduler.workers_of(runtime.index).filter_map(|worker| {
        let held = if let Some(poll) = store.scheduler.stuck_on(worker.thread) {
            let length_ns = store.now_ns.saturating_sub(poll.started_ns);
            // One that waits for a CPU goes on as soon as it gets one.
            let own_ns = store.spent_so_far(poll).map_or(length_ns, |spent| spent.own_ns(length_ns));
            let seen = store.goes_on(poll) && store.was_seen(poll) && own_ns * 2 >= length_ns;
            let (task, since_ns) = (poll.task, poll.started_ns);
            seen.then_some(Held { worker, task, since_ns, poll: Some(poll) })
        } else {
            // More are stuck than are told with their stacks.
            let (task, since_ns) = (worker.task, worker.since_ns);
            store.polls_on(worker).then_some(Held { worker, task, since_ns, poll: None })
        };
        held.filter(|held| is_old(held.since_ns))
    });
    let mut held: Vec<Held> = held.collect();
    let waits = |held: &Held| held.task.is_some_and(|key| store.blocked(Waker::Task(key)).is_some());
    held.sort_by_cached_key(|held| (waits(held), held.since_ns, held.worker.key));
    held
}

fn tasks(held: &[Held]) -> Vec<TaskKey> {
    held.iter().filter_map(|held| held.task).collect()
}

/// `worker 0 in hog #5 for 3.20 s, in std::thread::sleep, called at …; worker 1 in …`
fn held_words(store: &Store, held: &[Held]) -> String {
    let mut told = None;
    let named = held.iter().take(NAMED).map(|held| {
        let who = store.polled_words(held.task, held.poll.map_or(SiteId::NONE, |poll| poll.site));
        let age = duration_ns(store.now_ns.saturating_sub(held.since_ns));
        let place = held.poll.and_then(StuckPoll::where_words);
        // The same place is told once.
        let at = place.as_ref().filter(|_| told != place).map_or_else(String::new, |at| format!(", {at}"));
        told = place;
        format!("{} in {who} for {age}{at}", store.scheduler.worker_words(held.worker.key))
    });
    let words = named.collect::<Vec<_>>().join("; ");
    match held.len().saturating_sub(NAMED) {
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
    let held = held(store, runtime, config.stuck_ms);
    if held.len() < workers {
        return None;
    }
    let since_ns = held.iter().map(|held| held.since_ns).max().unwrap_or(store.now_ns);
    let critical = store.now_ns.saturating_sub(since_ns) >= config.critical_ms.saturating_mul(NS_PER_MS);
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
        held_words(store, &held),
    );
    let severity = if critical { Severity::Critical } else { Severity::Warning };
    Some(finding(LintKind::RuntimeWedged, severity, runtime, tasks(&held), message, WEDGED))
}

/// Descriptors are ready, and nobody looks.
fn driver_lost(store: &Store, runtime: &Runtime, config: &LintConfig) -> Option<Finding> {
    let config = &config.driver_lost;
    // Up to when that was told: it may be driven again since.
    let told_ns = store.scheduler.told_ns?;
    let lost_ns = told_ns.saturating_sub(runtime.driver_lost_since_ns?);
    if !config.enabled || lost_ns < config.lost_ms.saturating_mul(NS_PER_MS) {
        return None;
    }
    let held = held(store, runtime, config.lost_ms);
    let who = if held.is_empty() {
        "no poll is known that would explain it".to_owned()
    } else {
        held_words(store, &held)
    };
    let message = format!(
        "Nobody has driven the I/O driver of {} for {}, though descriptors are ready: {who}. Tasks that wait for them are not woken.",
        runtime_words(store, runtime),
        duration_ns(lost_ns),
    );
    let critical = lost_ns >= config.critical_ms.saturating_mul(NS_PER_MS);
    let severity = if critical { Severity::Critical } else { Severity::Warning };
    Some(finding(LintKind::DriverLost, severity, runtime, tasks(&held), message, DRIVER))
}

/// Closures wait in line for a thread of the blocking pool.
fn full_pool(store: &Store, runtime: &Runtime, pressure: &Pressure, config: &LintConfig) -> Option<Finding> {
    let config = &config.blocking_pool_saturated;
    if !config.enabled || !runtime.is_pool_full() {
        return None;
    }
    let wait_ns = store.now_ns.saturating_sub(pressure.queued_since_ns?);
    if wait_ns < config.wait_ms.saturating_mul(NS_PER_MS) {
        return None;
    }
    // Whose closures run is not told: they are its own only where no other runtime has any.
    let others = store.scheduler.runtimes.iter().filter(|other| other.index != runtime.index);
    let is_alone = others.filter(|other| other.busy_blocking_threads() != Some(0)).count() == 0;
    let running = pressure.closures.iter().filter(|closures| is_alone && closures.running > 0);
    let running: Vec<&Closures> = running.collect();
    let busy = runtime.busy_blocking_threads().map_or_else(String::new, exact);
    let most = runtime.max_blocking_threads.map_or_else(String::new, |most| format!(" of {}", exact(most)));
    let queue = exact(runtime.blocking_queue.unwrap_or(0));
    let what = if is_alone {
        closures_words(store, &running)
    } else {
        "Other runtimes run closures, too, and which ones are its own is not told".to_owned()
    };
    let message = format!(
        "The blocking pool of {} is full: {busy}{most} threads are busy and {queue} in line, the first for {}. {what}.",
        runtime_words(store, runtime),
        duration_ns(wait_ns),
    );
    let critical = wait_ns >= config.critical_ms.saturating_mul(NS_PER_MS);
    let severity = if critical { Severity::Critical } else { Severity::Warning };
    let tasks = running.iter().filter_map(|closures| closures.oldest).map(|(_, key)| key).collect();
    Some(finding(LintKind::BlockingPoolSaturated, severity, runtime, tasks, message, POOL))
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
