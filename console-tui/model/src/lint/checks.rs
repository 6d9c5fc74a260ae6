//! The lints that look at one task at a time.

use crate::{
    format::{bytes, count, duration_ns, exact, percent, rate},
    lint::{
        Lint, LintConfig, LintKind, Severity, Subject, Verdict,
        config::{
            AutoBoxedFuture, LargeFuture, LongPoll, LongScheduleDelay, LostWaker, NeverYielded, SelfWakes,
            WakeStorm,
        },
    },
    store::{
        history::Rates,
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

fn ns(ms: u64) -> u64 {
    ms.saturating_mul(NS_PER_MS)
}

fn found(severity: Severity, weight: u64) -> Verdict {
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

    fn advice(&self) -> &'static str {
        "Look for a future there that returns Pending without keeping a clone of its context's waker, \
         or whose waker was dropped with a channel, a lock or a registration."
    }
}

impl Lint for NeverYielded {
    fn kind(&self) -> LintKind {
        LintKind::NeverYielded
    }

    fn check(&self, Subject { task, store }: &Subject) -> Verdict {
        let first_poll = task.stats.state == State::Running && task.stats.sums.polls <= 1;
        if !first_poll || task.facts.kind.owns_its_thread() {
            return Verdict::Ok;
        }
        let running_ns = task.state_age_ns(store.now_ns);
        if running_ns < ns(self.running_ms) || !store.is_held_against(task) {
            return Verdict::Recheck;
        }
        found(Severity::Critical, running_ns)
    }

    fn clause(&self, subject: &Subject) -> String {
        let running = duration_ns(subject.task.state_age_ns(subject.at()));
        let at = subject.stuck_words();
        format!("has been in its first poll for {running}: it has never yielded, and holds its worker{at}")
    }

    fn plural(&self) -> String {
        "are in their first poll and have never yielded: each holds a worker".to_owned()
    }

    fn advice(&self) -> &'static str {
        "If it computes or blocks, move that to spawn_blocking or a thread; if it loops, add an await that can be pending."
    }
}

/// With the thresholds of `never-yielded`, which takes over for first polls.
impl Lint for (LongPoll, NeverYielded) {
    fn kind(&self) -> LintKind {
        LintKind::LongPoll
    }

    fn check(&self, Subject { task, store }: &Subject) -> Verdict {
        if task.facts.kind == Kind::Blocking {
            return Verdict::Ok;
        }
        let (limits, never_yielded) = self;
        if task.stats.state == State::Running && store.is_held_against(task) {
            let running_ns = task.state_age_ns(store.now_ns);
            let taken_over = never_yielded.enabled
                && task.stats.sums.polls <= 1
                && running_ns >= ns(never_yielded.running_ms)
                && !task.facts.kind.owns_its_thread();
            if taken_over {
                return Verdict::Ok;
            }
            if running_ns >= ns(limits.poll_ms) {
                // A root future holds its own thread, not a worker of the pool.
                let critical = running_ns >= ns(limits.critical_ms) && task.facts.kind != Kind::BlockOn;
                return found(if critical { Severity::Critical } else { Severity::Warning }, running_ns);
            }
        }
        let longest_ns = task.stats.longest_poll_ns;
        if longest_ns < ns(limits.poll_ms) || store.was_in_place(task) {
            return Verdict::Ok;
        }
        // It is over, but it may come again.
        let severity = if longest_ns >= ns(limits.critical_ms) { Severity::Warning } else { Severity::Info };
        found(severity, longest_ns)
    }

    fn clause(&self, subject: &Subject) -> String {
        let task = subject.task;
        let running_ns = task.state_age_ns(subject.at());
        if task.stats.state == State::Running && running_ns >= ns(self.0.poll_ms) {
            let holds = if task.facts.kind == Kind::BlockOn { "its thread" } else { "its worker" };
            format!(
                "has been in one poll for {} (poll {}): it holds {holds}, and whatever waits there waits for it{}",
                duration_ns(running_ns),
                exact(task.stats.sums.polls),
                subject.stuck_words()
            )
        } else {
            format!(
                "was in one poll for {}, the longest of {}: its worker could do nothing else meanwhile",
                duration_ns(task.stats.longest_poll_ns),
                exact(task.stats.sums.polls)
            )
        }
    }

    fn plural(&self) -> String {
        format!("are, or were, in one poll for more than {}", duration_ns(ns(self.0.poll_ms)))
    }

    fn advice(&self) -> &'static str {
        "Look for blocking calls (std locks, std::thread::sleep, files, DNS) or long computation between two awaits; \
         move them to spawn_blocking, or yield in between."
    }
}

impl Lint for LongScheduleDelay {
    fn kind(&self) -> LintKind {
        LintKind::LongScheduleDelay
    }

    fn check(&self, Subject { task, store }: &Subject) -> Verdict {
        if !task.facts.knows.scheduled || task.facts.kind == Kind::Blocking {
            return Verdict::Ok;
        }
        let limit_ns = ns(self.delay_ms);
        if task.stats.state == State::Scheduled {
            let waiting_ns = task.state_age_ns(store.now_ns);
            if waiting_ns >= limit_ns {
                if !store.has_waited_before(task) {
                    return Verdict::Recheck;
                }
                let critical = waiting_ns >= ns(self.critical_ms);
                return found(if critical { Severity::Critical } else { Severity::Warning }, waiting_ns);
            }
        }
        if task.stats.longest_scheduled_ns >= limit_ns {
            return found(Severity::Info, task.stats.longest_scheduled_ns);
        }
        Verdict::Ok
    }

    fn clause(&self, subject: &Subject) -> String {
        let task = subject.task;
        let waiting_ns = task.state_age_ns(subject.at());
        if task.stats.state == State::Scheduled && waiting_ns >= ns(self.delay_ms) {
            format!(
                "was woken {} ago and has not been polled yet{}",
                duration_ns(waiting_ns),
                subject.blame_words()
            )
        } else {
            format!(
                "once waited {} between its wake and its poll",
                duration_ns(task.stats.longest_scheduled_ns)
            )
        }
    }

    fn plural(&self) -> String {
        format!(
            "wait, or once waited, more than {} between their wake and their poll",
            duration_ns(ns(self.delay_ms))
        )
    }

    fn advice(&self) -> &'static str {
        "The workers are busy with something else: sort by BUSY% or LONGEST, and look for long polls at the same time."
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

    fn advice(&self) -> &'static str {
        "See who wakes it in its detail; let that side wake once for many changes (a flag, a batch, a Notify)."
    }
}

impl Lint for SelfWakes {
    fn kind(&self) -> LintKind {
        LintKind::SelfWakes
    }

    fn check(&self, Subject { task, .. }: &Subject) -> Verdict {
        let (Some(wakes), Some(self_wakes)) = (task.wakes(), task.self_wakes()) else {
            return Verdict::Ok;
        };
        if task.facts.kind.owns_its_thread() || wakes == 0 {
            return Verdict::Ok;
        }
        let too_many = u128::from(self_wakes) * 100 > u128::from(wakes) * u128::from(self.percent);
        match (too_many, wakes >= self.min_wakes) {
            (true, true) => found(Severity::Warning, self_wakes),
            (true, false) => Verdict::Recheck,
            (false, _) => Verdict::Ok,
        }
    }

    fn clause(&self, Subject { task, .. }: &Subject) -> String {
        let (wakes, self_wakes) = (task.stats.sums.wakes, task.stats.sums.self_wakes);
        format!(
            "woke itself {} times, {} of its {} wakes: it may be polling in a loop",
            count(self_wakes),
            percent(self_wakes as f64 / wakes.max(1) as f64),
            count(wakes)
        )
    }

    fn plural(&self) -> String {
        format!(
            "wake themselves: more than {} % of their wakes are their own, they may be polling in a loop",
            self.percent
        )
    }

    fn advice(&self) -> &'static str {
        "Look for yield_now, wake_by_ref or a FuturesUnordered in a loop; wait for the event itself instead of asking again."
    }
}

impl Lint for AutoBoxedFuture {
    fn kind(&self) -> LintKind {
        LintKind::AutoBoxedFuture
    }

    fn check(&self, Subject { task, .. }: &Subject) -> Verdict {
        let (original, size) = (task.facts.original_size_bytes, task.facts.size_bytes);
        if original > 0 && original != size {
            found(Severity::Info, u64::from(original))
        } else {
            Verdict::Ok
        }
    }

    fn clause(&self, Subject { task, .. }: &Subject) -> String {
        format!(
            "has a future of {}, so large that tokio moved it to the heap when it was spawned",
            bytes(u64::from(task.facts.original_size_bytes))
        )
    }

    fn plural(&self) -> String {
        "have futures so large that tokio moved them to the heap".to_owned()
    }

    fn advice(&self) -> &'static str {
        "Box the large parts (Box::pin an inner future, a Box or Vec instead of a large array held across an await)."
    }
}

impl Lint for LargeFuture {
    fn kind(&self) -> LintKind {
        LintKind::LargeFuture
    }

    fn check(&self, Subject { task, .. }: &Subject) -> Verdict {
        // One that was boxed is told of by `auto-boxed-future`.
        let size_bytes = u64::from(task.facts.size_bytes);
        if size_bytes >= self.size_bytes
            && task.facts.original_size_bytes == 0
            && !task.facts.kind.owns_its_thread()
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

    fn advice(&self) -> &'static str {
        "It is copied when it is spawned: box the large parts, or keep them out of what lives across an await."
    }
}
