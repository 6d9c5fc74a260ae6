//! `self-wakes`: a task most of whose wakes come from itself.

use crate::{
    format::{duration_ns, percent, rate},
    lints::{
        judged::Need,
        lint::{Check, Group, Lint, Rank, TaskCheck, Verdict, suspected, thresholds},
        pass::{Look, TaskLook},
    },
    severity::Severity,
    store::{history::Rates, scheduler::RuntimeCount},
};

thresholds! {
    SelfWakes {
        /// At least this share of the wakes of the last seconds, …
        percent: u64 = 90,
        /// … that cost this share of a CPU, …
        cpu_percent: u64 = 10,
        /// … while the mean poll was shorter than this: a longer one does something.
        max_poll_us: u64 = 10,
    }
}

const ADVICE: &str = "Look for yield_now, wake_by_ref or a FuturesUnordered in a loop; wait for the event itself instead of asking again.";

pub(super) static LINT: Lint = Lint {
    help: "a task most of whose wakes come from itself",
    group: Group::Tasks,
    rank: Rank::Cause,
    needs: Need::Wakes,
    example: "poller #2 (spawned at src/main.rs:55) wakes itself 310,000 times a second, 100 % of its wakes, for polls of 1.90 µs on average. That costs 65 % of a CPU: it may be polling in a loop.",
    advice: &[ADVICE],
    thresholds: SelfWakes::THRESHOLDS,
    check: Check::Task(TaskCheck { check, clause, plural, advice: |_| ADVICE }),
};

fn check(look: &TaskLook<'_>) -> Verdict {
    let task = look.task;
    if !task.facts.knows.wakes || task.facts.kind.owns_its_thread() {
        return Verdict::Ok;
    }
    match looping(look) {
        Some((rates, _)) => suspected(Severity::Warning, rates.self_wakes as u64),
        None => Verdict::Ok,
    }
}

fn clause(look: &TaskLook<'_>) -> String {
    let (rates, cost) = looping(look).unwrap_or_default();
    format!(
        "wakes itself {} times a second, {} of its wakes, for polls of {} on average. That costs {} of a CPU: it may be polling in a loop",
        rate(rates.self_wakes),
        percent(rates.self_wakes / rates.wakes.max(1.0)),
        duration_ns((rates.busy * 1e9 / rates.polls.max(1.0)) as u64),
        percent(cost),
    )
}

fn plural(_: &Look<'_>) -> String {
    "wake themselves again and again, for polls that do next to nothing: they may be polling in a loop"
        .to_owned()
}

/// What it costs tokio to wake and schedule a task once more, about.
const SCHEDULE_US: f64 = 0.2;

/// The rates of the last seconds, and the share of a CPU that they cost, if they look like a loop.
///
/// The budget of tokio's cooperative scheduling makes a busy task wake itself, too: that is no loop of the task's.
fn looping(look: &TaskLook<'_>) -> Option<(Rates, f64)> {
    let limits = &look.config.self_wakes;
    let rates = look.store.rates(look.task)?;
    let scheduler = &look.store.scheduler;
    let by_budget = scheduler
        .runtimes
        .iter()
        .filter_map(|runtime| scheduler.runtime_rate(runtime.index, RuntimeCount::BudgetYields));
    let own = rates.self_wakes - by_budget.sum::<f64>();
    let cost = rates.busy + rates.self_wakes * SCHEDULE_US / 1e6;
    let mean_poll_us = rates.busy * 1e6 / rates.polls.max(1.0);
    let is_loop = own * 100.0 >= rates.wakes * limits.percent as f64
        && cost * 100.0 >= limits.cpu_percent as f64
        && mean_poll_us <= limits.max_poll_us as f64;
    is_loop.then_some((rates, cost))
}
