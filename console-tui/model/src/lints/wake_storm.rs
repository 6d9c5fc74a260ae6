//! `wake-storm`: a task that is woken far more often than it is polled.

use crate::{
    format::rate,
    lints::{
        judged::Need,
        lint::{Check, Group, Lint, Rank, TaskCheck, Verdict, found, thresholds},
        pass::{Look, TaskLook},
    },
    severity::Severity,
    store::history::Rates,
};

thresholds! {
    WakeStorm {
        /// Wakes a second, over the last seconds.
        wakes_per_s: f64 = 1000.0,
        /// Wakes for each poll.
        wakes_per_poll: f64 = 10.0,
    }
}

const ADVICE: &str =
    "See who wakes it in its detail; let that side wake once for many changes (a flag, a batch, a Notify).";

pub(super) static LINT: Lint = Lint {
    help: "a task that is woken far more often than it is polled",
    group: Group::Tasks,
    rank: Rank::Cause,
    needs: Need::Wakes,
    example: "collector #4 (spawned at src/main.rs:61) is woken 48,000 times a second but polled only 210 times: most of the wakes do nothing.",
    advice: &[ADVICE],
    thresholds: WakeStorm::THRESHOLDS,
    check: Check::Task(TaskCheck { check, clause, plural, advice: |_| ADVICE }),
};

fn check(look: &TaskLook<'_>) -> Verdict {
    match storm(look) {
        Some(rates) if look.task.facts.knows.wakes => found(Severity::Warning, rates.wakes as u64),
        _ => Verdict::Ok,
    }
}

fn clause(look: &TaskLook<'_>) -> String {
    let rates = storm(look).unwrap_or_default();
    format!(
        "is woken {} times a second but polled only {} times: most of the wakes do nothing",
        rate(rates.wakes),
        rate(rates.polls)
    )
}

fn plural(_: &Look<'_>) -> String {
    "are woken far more often than they are polled: most of the wakes do nothing".to_owned()
}

/// The rates that look like a storm: those of the last seconds, or what came since, so that a young storm is no second late.
fn storm(look: &TaskLook<'_>) -> Option<Rates> {
    let limits = &look.config.wake_storm;
    let storms = |rates: &Rates| {
        rates.wakes >= limits.wakes_per_s && rates.wakes >= rates.polls * limits.wakes_per_poll
    };
    [look.store.rates(look.task), look.store.newest_rates(look.task)].into_iter().flatten().find(storms)
}
