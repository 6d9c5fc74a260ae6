//! `driver-lost`: an I/O driver that no worker drives though descriptors are ready.

use crate::{
    format::duration_ns,
    lints::{
        LintKind,
        findings::Finding,
        judged::Need,
        lint::{Check, Group, Lint, Rank, ns, thresholds},
        pass::runtimes::{RuntimeLook, finding, tasks},
        runtime_wedged,
    },
    severity::Severity,
    store::scheduler::Runtime,
};

thresholds! {
    DriverLost {
        /// The driver must have been lost for this long; the process reports it from half a second on.
        lost_ms: u64 = 500,
        /// If it has for this long, it is critical.
        critical_ms: u64 = 1000,
    }
}

const ADVICE: &str = "One worker drives I/O and timers when it parks; all that could are in long polls: see the Runtime screen.";

pub(super) static LINT: Lint = Lint {
    help: "an I/O driver that no worker drives though descriptors are ready",
    group: Group::Runtimes,
    rank: Rank::Effect,
    needs: Need::Descriptors,
    example: "No worker has driven the I/O driver of the runtime for 1.40 s, though descriptors are ready: worker 0 in hog #5 for 3.20 s, in std::thread::sleep, called at src/main.rs:81 by hog::run. Tasks that wait for them are not woken.",
    advice: &[ADVICE],
    thresholds: DriverLost::THRESHOLDS,
    check: Check::Runtime(check),
};

/// Descriptors are ready, and no worker looks. Where the whole runtime is wedged, that says it all.
fn check(look: &RuntimeLook<'_>, runtime: &Runtime) -> Option<Finding> {
    let is_wedged = || runtime_wedged::check(look, runtime).is_some();
    if look.config.runtime_wedged.enabled && is_wedged() {
        return None;
    }
    let config = &look.config.driver_lost;
    // Up to when that was reported: a worker may drive it again since.
    let reported_ns = look.store.scheduler.reported_ns?;
    let lost_ns = reported_ns.saturating_sub(runtime.driver_lost_since_ns?);
    if lost_ns < ns(config.lost_ms) {
        return None;
    }
    let held = look.held(runtime, config.lost_ms);
    let who = if held.is_empty() { "no long poll explains it".to_owned() } else { look.held_words(&held) };
    let message = format!(
        "No worker has driven the I/O driver of {} for {}, though descriptors are ready: {who}. Tasks that wait for them are not woken.",
        look.runtime_words(runtime),
        duration_ns(lost_ns),
    );
    let critical = lost_ns >= ns(config.critical_ms);
    let severity = if critical { Severity::Critical } else { Severity::Warning };
    Some(finding((LintKind::DriverLost, severity), runtime, tasks(&held), message, ADVICE))
}
