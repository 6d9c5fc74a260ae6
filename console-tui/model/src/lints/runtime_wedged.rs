//! `runtime-wedged`: a runtime each of whose workers is in a poll that does not end.

use crate::{
    format::exact,
    lints::{
        LintKind,
        findings::Finding,
        judged::Need,
        lint::{Check, Group, Lint, Rank, ns, thresholds},
        pass::runtimes::{RuntimeLook, finding, tasks},
    },
    severity::Severity,
    store::scheduler::Runtime,
};

thresholds! {
    RuntimeWedged {
        /// The poll of each worker must have gone on for this long.
        stuck_ms: u64 = 500,
        /// If each has for this long, it is critical.
        critical_ms: u64 = 1000,
    }
}

const ADVICE: &str = "Move what blocks to spawn_blocking or a thread of its own, and await locks and channels instead of blocking on them: \
                      the places are in the sentence and on the screen of each worker.";

pub(super) static LINT: Lint = Lint {
    help: "a runtime each of whose workers is in a poll that does not end",
    group: Group::Runtimes,
    rank: Rank::Runtime,
    needs: Need::Runtimes,
    example: "All 2 workers are stuck in polls: worker 0 in hog #5 for 3.20 s, in std::thread::sleep, called at src/main.rs:81 by hog::run; worker 1 in hog #6 for 3.10 s. No other task is polled there, no timer fires, no socket is looked at.",
    advice: &[ADVICE],
    thresholds: RuntimeWedged::THRESHOLDS,
    check: Check::Runtime(check),
};

/// Every worker is in a poll that does not end.
pub(super) fn check(look: &RuntimeLook<'_>, runtime: &Runtime) -> Option<Finding> {
    let config = &look.config.runtime_wedged;
    let workers = look.store.scheduler.workers_of(runtime.index).count();
    if workers == 0 || workers < runtime.workers as usize {
        return None;
    }
    let held = look.held(runtime, config.stuck_ms);
    if held.len() < workers {
        return None;
    }
    let since_ns = held.iter().map(|held| held.since_ns).max().unwrap_or(look.store.now_ns);
    let critical = look.age_ns(since_ns) >= ns(config.critical_ms);
    let of = if look.store.scheduler.runtimes.len() < 2 {
        String::new()
    } else {
        format!(" of {}", look.runtime_words(runtime))
    };
    let all = match workers {
        1 => format!("The only worker{of} is stuck in a poll"),
        n => format!("All {} workers{of} are stuck in polls", exact(n as u64)),
    };
    let message = format!(
        "{all}: {}. No other task is polled there, no timer fires, no socket is looked at.",
        look.held_words(&held),
    );
    let severity = if critical { Severity::Critical } else { Severity::Warning };
    Some(finding((LintKind::RuntimeWedged, severity), runtime, tasks(&held), message, ADVICE))
}
