//! `blocking-pool-saturated`: a full blocking pool with closures in its queue.

use crate::{
    analysis::pressure::Closures,
    format::{duration_ns, exact},
    lints::{
        LintKind,
        findings::Finding,
        judged::Need,
        lint::{Check, Group, Lint, Rank, ns, thresholds},
        pass::runtimes::{NAMED, RuntimeLook, finding},
    },
    severity::Severity,
    store::scheduler::Runtime,
};

thresholds! {
    BlockingPoolSaturated {
        /// The first closure in the queue must have waited for this long.
        wait_ms: u64 = 500,
        /// If it has for this long, it is critical.
        critical_ms: u64 = 5000,
    }
}

const ADVICE: &str = "Look at what the closures wait for; give work that runs for long a thread of its own, or raise \
                    max_blocking_threads if it only waits.";

pub(super) static LINT: Lint = Lint {
    help: "a full blocking pool with closures in its queue",
    group: Group::Runtimes,
    rank: Rank::Runtime,
    needs: Need::BlockingQueue,
    example: "The blocking pool of the runtime is full: 4 of 4 threads are busy, and 120 in its queue, the first for 2.10 s. Running: 4 from src/main.rs:12, the oldest for 3.20 s.",
    advice: &[ADVICE],
    thresholds: BlockingPoolSaturated::THRESHOLDS,
    check: Check::Runtime(check),
};

/// Closures wait in line for a thread of the blocking pool.
fn check(look: &RuntimeLook<'_>, runtime: &Runtime) -> Option<Finding> {
    let config = &look.config.blocking_pool_saturated;
    if !runtime.is_pool_full() {
        return None;
    }
    let wait_ns = look.age_ns(look.pressure.queued_since_ns?);
    if wait_ns < ns(config.wait_ms) {
        return None;
    }
    // Whose closures run is unknown: they are its own only where no other runtime has any.
    let others = look.store.scheduler.runtimes.iter().filter(|other| other.index != runtime.index);
    let is_alone = others.filter(|other| other.busy_blocking_threads() != Some(0)).count() == 0;
    let running = look.pressure.closures.iter().filter(|closures| is_alone && closures.running > 0);
    let running: Vec<&Closures> = running.collect();
    let busy = runtime.busy_blocking_threads().map_or_else(String::new, exact);
    let most = runtime.max_blocking_threads.map_or_else(String::new, |most| format!(" of {}", exact(most)));
    let queue = exact(runtime.blocking_queue.unwrap_or(0));
    let what = if is_alone {
        closures_words(look, &running)
    } else {
        "Other runtimes run closures, too, and which ones are its own is unknown".to_owned()
    };
    let message = format!(
        "The blocking pool of {} is full: {busy}{most} threads are busy, and {queue} in its queue, the first for {}. {what}.",
        look.runtime_words(runtime),
        duration_ns(wait_ns),
    );
    let critical = wait_ns >= ns(config.critical_ms);
    let severity = if critical { Severity::Critical } else { Severity::Warning };
    let tasks = running.iter().filter_map(|closures| closures.oldest).map(|(_, key)| key);
    Some(finding((LintKind::BlockingPoolSaturated, severity), runtime, tasks, message, ADVICE))
}

/// `Running: 4 from src/main.rs:12, the oldest for 3.20 s; …`
fn closures_words(look: &RuntimeLook<'_>, running: &[&Closures]) -> String {
    let named = running.iter().take(NAMED).map(|closures| {
        let place = look.store.short_place(closures.site).unwrap_or_else(|| "an unknown location".to_owned());
        let oldest = closures.oldest.map_or(0, |(since_ns, _)| look.age_ns(since_ns));
        format!("{} from {place}, the oldest for {}", exact(closures.running), duration_ns(oldest))
    });
    format!("Running: {}", named.collect::<Vec<_>>().join("; "))
}
