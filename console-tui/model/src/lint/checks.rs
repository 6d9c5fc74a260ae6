//! The lints that look at one task at a time; those about polls are in [`super::polls`].

use crate::{
    format::{bytes, duration_ns, percent, rate},
    lint::{
        Lint, LintConfig, LintKind, Severity, Subject, Verdict,
        config::{AutoBoxedFuture, LargeFuture, LostWaker, SelfWakes, WakeStorm},
    },
    store::{
        history::Rates,
        scheduler::RuntimeCount,
        task::{Kind, State},
    },
};

const NS_PER_MS: u64 = 1_000_000;

/// The lints that are on.
pub(crate) fn enabled(config: &LintConfig) -> Vec<Box<dyn Lint>> {
    let mut lints: Vec<Box<dyn Lint>> = Vec::new();
    let mut add = |on: bool, lint: Box<dyn Lint>| {
        if on {
            lints.push(lint);
        }
    };
    add(config.lost_waker.enabled, Box::new(config.lost_waker.clone()));
    add(config.never_yielded.enabled, Box::new(config.never_yielded.clone()));
    add(config.long_poll.enabled, Box::new((config.long_poll.clone(), config.never_yielded.clone())));
    add(config.long_schedule_delay.enabled, Box::new(config.long_schedule_delay.clone()));
    add(config.wake_storm.enabled, Box::new(config.wake_storm.clone()));
    add(config.self_wakes.enabled, Box::new(config.self_wakes.clone()));
    add(config.auto_boxed_future.enabled, Box::new(config.auto_boxed_future.clone()));
    add(config.large_future.enabled, Box::new(config.large_future.clone()));
    lints
}

pub(super) fn ns(ms: u64) -> u64 {
    ms.saturating_mul(NS_PER_MS)
}

pub(super) fn found(severity: Severity, weight: u64) -> Verdict {
    Verdict::Finding { severity, weight }
}

impl Lint for LostWaker {
    fn kind(&self) -> LintKind {
        LintKind::LostWaker
    }

    fn check(&self, Subject { task, store }: &Subject) -> Verdict {
        let suspicious = task.stats.state == State::Idle
            && task.wakers() == Some(0)
            && task.stats.sums.polls > 0
            && !task.facts.kind.owns_its_thread();
        if !suspicious {
            return Verdict::Ok;
        }
        let idle_ns = task.state_age_ns(store.now_ns);
        if idle_ns < ns(self.idle_ms) {
            return Verdict::Recheck;
        }
        // A future inside a task may still be polled by that task for another reason.
        let severity = if task.facts.kind == Kind::Future { Severity::Warning } else { Severity::Critical };
        found(severity, idle_ns)
    }

    fn clause(&self, subject: &Subject) -> String {
        let idle = duration_ns(subject.task.state_age_ns(subject.at()));
        let unless = if subject.task.facts.kind == Kind::Future {
            "nothing can wake it, unless the task around it polls it for another reason"
        } else {
            "nothing can wake it, short of aborting it"
        };
        let waits = subject.store.waits_on(subject.task).and_then(|(op, _)| {
            let place = subject.store.place(subject.store.resource_of(op)?.site)?;
            let source = subject.store.op_words(op);
            Some(format!("; it waits in {source} on what was made at {place}"))
        });
        format!("has been idle for {idle} and no waker for it exists: {unless}{}", waits.unwrap_or_default())
    }

    fn plural(&self) -> String {
        "are idle and no waker for them exists: nothing can wake them, short of aborting them".to_owned()
    }

    fn advice(&self, _: &Subject) -> &'static str {
        "Look for a future there that returns Pending without keeping a clone of its context's waker, \
         or whose waker was dropped with a channel, a lock or a registration."
    }
}

impl WakeStorm {
    /// The rates that look like a storm: those of the last seconds, or what came since, so that a young storm is no second late.
    fn rates(&self, Subject { task, store }: &Subject) -> Option<Rates> {
        let storms = |rates: &Rates| {
            rates.wakes >= self.wakes_per_s && rates.wakes >= rates.polls * self.wakes_per_poll
        };
        [store.rates(task), store.newest_rates(task)].into_iter().flatten().find(storms)
    }
}

impl Lint for WakeStorm {
    fn kind(&self) -> LintKind {
        LintKind::WakeStorm
    }

    fn check(&self, subject: &Subject) -> Verdict {
        match self.rates(subject) {
            Some(rates) if subject.task.facts.knows.wakes => found(Severity::Warning, rates.wakes as u64),
            _ => Verdict::Ok,
        }
    }

    fn clause(&self, subject: &Subject) -> String {
        let rates = self.rates(subject).unwrap_or_default();
        format!(
            "is woken {} times a second but polled only {} times: most of the wakes do nothing",
            rate(rates.wakes),
            rate(rates.polls)
        )
    }

    fn plural(&self) -> String {
        "are woken far more often than they are polled: most of the wakes do nothing".to_owned()
    }

    fn advice(&self, _: &Subject) -> &'static str {
        "See who wakes it in its detail; let that side wake once for many changes (a flag, a batch, a Notify)."
    }
}

/// What it costs tokio to wake and schedule a task once more, about.
const SCHEDULE_US: f64 = 0.2;

impl SelfWakes {
    /// The rates of the last seconds, and the share of a CPU that they cost, if they look like a loop.
    ///
    /// The budget of tokio's cooperative scheduling makes a busy task wake itself, too: that is no loop of the task's.
    fn looping(&self, Subject { task, store }: &Subject) -> Option<(Rates, f64)> {
        let rates = store.rates(task)?;
        let runtimes = store.scheduler.runtimes.iter();
        let by_budget = runtimes
            .filter_map(|runtime| store.scheduler.runtime_rate(runtime.index, RuntimeCount::BudgetYields));
        let own = rates.self_wakes - by_budget.sum::<f64>();
        let cost = rates.busy + rates.self_wakes * SCHEDULE_US / 1e6;
        let mean_poll_us = rates.busy * 1e6 / rates.polls.max(1.0);
        let is_loop = own * 100.0 >= rates.wakes * self.percent as f64
            && cost * 100.0 >= self.cpu_percent as f64
            && mean_poll_us <= self.max_poll_us as f64;
        is_loop.then_some((rates, cost))
    }
}

impl Lint for SelfWakes {
    fn kind(&self) -> LintKind {
        LintKind::SelfWakes
    }

    fn check(&self, subject @ Subject { task, .. }: &Subject) -> Verdict {
        if !task.facts.knows.wakes || task.facts.kind.owns_its_thread() {
            return Verdict::Ok;
        }
        match self.looping(subject) {
            Some((rates, _)) => found(Severity::Warning, rates.self_wakes as u64),
            None => Verdict::Ok,
        }
    }

    fn clause(&self, subject: &Subject) -> String {
        let (rates, cost) = self.looping(subject).unwrap_or_default();
        format!(
            "wakes itself {} times a second, {} of its wakes, for polls of {} on average. That costs {} of a CPU: it may be polling in a loop",
            rate(rates.self_wakes),
            percent(rates.self_wakes / rates.wakes.max(1.0)),
            duration_ns((rates.busy * 1e9 / rates.polls.max(1.0)) as u64),
            percent(cost),
        )
    }

    fn plural(&self) -> String {
        "wake themselves again and again, for polls that do next to nothing: they may be polling in a loop"
            .to_owned()
    }

    fn advice(&self, _: &Subject) -> &'static str {
        "Look for yield_now, wake_by_ref or a FuturesUnordered in a loop; wait for the event itself instead of asking again."
    }
}

/// Tokio moves a future of more than this to the heap when it is spawned: in a debug build, and in a release build.
const BOXED: &str =
    "tokio moves futures over 2 KiB to the heap in a debug build, over 16 KiB in a release build";

impl Lint for AutoBoxedFuture {
    fn kind(&self) -> LintKind {
        LintKind::AutoBoxedFuture
    }

    fn check(&self, Subject { task, store }: &Subject) -> Verdict {
        let (original, size) = (task.facts.original_size_bytes, task.facts.size_bytes);
        // Of another's crate nobody here can change the future.
        if original > 0 && original != size && !store.is_foreign(task.facts.site) {
            found(Severity::Info, u64::from(original))
        } else {
            Verdict::Ok
        }
    }

    fn clause(&self, Subject { task, .. }: &Subject) -> String {
        format!(
            "has a future of {}, which tokio moved to the heap when it was spawned ({BOXED})",
            bytes(u64::from(task.facts.original_size_bytes))
        )
    }

    fn plural(&self) -> String {
        format!("have futures so large that tokio moved them to the heap ({BOXED})")
    }

    fn advice(&self, _: &Subject) -> &'static str {
        "Box the large parts (Box::pin an inner future, a Box or Vec instead of a large array held across an await)."
    }
}

impl Lint for LargeFuture {
    fn kind(&self) -> LintKind {
        LintKind::LargeFuture
    }

    fn check(&self, Subject { task, store }: &Subject) -> Verdict {
        // One that was boxed is told of by `auto-boxed-future`.
        let size_bytes = u64::from(task.facts.size_bytes);
        if size_bytes >= self.size_bytes
            && task.facts.original_size_bytes == 0
            && !task.facts.kind.owns_its_thread()
            && !store.is_foreign(task.facts.site)
        {
            found(Severity::Info, size_bytes)
        } else {
            Verdict::Ok
        }
    }

    fn clause(&self, Subject { task, .. }: &Subject) -> String {
        format!("has a future of {}", bytes(u64::from(task.facts.size_bytes)))
    }

    fn plural(&self) -> String {
        format!("have futures of {} or more", bytes(self.size_bytes))
    }

    fn advice(&self, _: &Subject) -> &'static str {
        "It is copied when it is spawned: box the large parts, or keep them out of what lives across an await."
    }
}
