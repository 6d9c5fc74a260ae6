//! The lints about polls: one that does not end, one that was too long, one that comes too late.
//!
//! Invariant: a poll is judged by the time in which it ran or slept, never by time in which the machine gave its thread no CPU. A poll that gave
//! its worker's place away is not judged at all. What happened longer than a minute ago is no finding any more.

use crate::{
    format::{duration_ns, exact},
    lint::{
        Lint, LintKind, Severity, Subject, Verdict,
        checks::{found, ns},
        config::{LongPoll, LongScheduleDelay, NeverYielded},
    },
    store::{
        scheduler::{
            blame::Why,
            spent::{Did, Judged, RECENT_NS},
        },
        task::{Kind, State},
    },
};

/// To follow a sentence about a poll that goes on, of a program whose protocol tells nothing of its workers.
const CANT_TELL: &str = "; it may be in block_in_place, which holds no worker: this protocol does not tell";

impl Lint for NeverYielded {
    fn kind(&self) -> LintKind {
        LintKind::NeverYielded
    }

    fn check(&self, Subject { task, store }: &Subject) -> Verdict {
        let first_poll = task.stats.state == State::Running && task.stats.sums.polls <= 1;
        if !first_poll || task.facts.kind.owns_its_thread() {
            return Verdict::Ok;
        }
        match store.held_poll(task) {
            Some(poll) if poll.own_ns() >= ns(self.running_ms) => {
                let severity = if store.tells_of_workers() { Severity::Critical } else { Severity::Info };
                found(severity, poll.own_ns())
            }
            _ => Verdict::Recheck,
        }
    }

    fn clause(&self, subject: &Subject) -> String {
        let running = duration_ns(subject.task.state_age_ns(subject.at()));
        if !subject.store.tells_of_workers() {
            return format!("has been in its first poll for {running}{CANT_TELL}");
        }
        let at = subject.stuck_words();
        let spent =
            subject.store.held_poll(subject.task).map_or_else(String::new, |poll| poll.words_so_far());
        format!(
            "has been in its first poll for {running}{spent}: it has never yielded, and holds its worker{at}"
        )
    }

    fn plural(&self) -> String {
        "are in their first poll and have not yielded yet".to_owned()
    }

    fn advice(&self, _: &Subject) -> &'static str {
        "If it computes or blocks, move that to spawn_blocking or a thread; if it loops, add an await that can be pending."
    }
}

/// With the thresholds of `never-yielded`, which takes over for first polls.
impl Lint for (LongPoll, NeverYielded) {
    fn kind(&self) -> LintKind {
        LintKind::LongPoll
    }

    fn check(&self, subject @ Subject { task, store }: &Subject) -> Verdict {
        if task.facts.kind == Kind::Blocking {
            return Verdict::Ok;
        }
        let (limits, never_yielded) = self;
        if let Some(own_ns) = limits.running(subject).map(|poll| poll.own_ns()) {
            let taken_over = never_yielded.enabled
                && task.stats.sums.polls <= 1
                && own_ns >= ns(never_yielded.running_ms)
                && !task.facts.kind.owns_its_thread();
            if taken_over {
                return Verdict::Ok;
            }
            if !store.tells_of_workers() {
                return found(Severity::Info, own_ns);
            }
            // A root future holds its own thread, not a worker of the pool.
            let critical = own_ns >= ns(limits.critical_ms) && task.facts.kind != Kind::BlockOn;
            return found(if critical { Severity::Critical } else { Severity::Warning }, own_ns);
        }
        if store.was_in_place(task) {
            return Verdict::Ok;
        }
        let Some(worst) = store.scheduler.worst_poll(task.key, store.now_ns) else { return Verdict::Ok };
        let own_ns = worst.poll.own_ns();
        if own_ns < ns(limits.poll_ms) {
            return Verdict::Ok;
        }
        // It is over, but it may come again.
        let is_known = worst.poll.did() != Did::Unknown;
        let severity =
            if own_ns >= ns(limits.critical_ms) && is_known { Severity::Warning } else { Severity::Info };
        found(severity, own_ns)
    }

    fn clause(&self, subject: &Subject) -> String {
        let task = subject.task;
        if let Some(poll) = self.0.running(subject) {
            let running = duration_ns(task.state_age_ns(subject.at()));
            let number = exact(task.stats.sums.polls);
            if !subject.store.tells_of_workers() {
                return format!("has been in one poll for {running} (poll {number}){CANT_TELL}");
            }
            let holds = if task.facts.kind == Kind::BlockOn { "its thread" } else { "its worker" };
            return format!(
                "has been in one poll for {running} (poll {number}){}: it holds {holds}, and whatever waits there waits for it{}",
                poll.words_so_far(),
                subject.stuck_words()
            );
        }
        let Some(worst) = subject.store.scheduler.worst_poll(task.key, subject.at()) else {
            return "was in a long poll".to_owned();
        };
        format!(
            "was in one poll for {}, {} ago, the worst of the last {}{}. Since its start the longest of {} polls took {}",
            duration_ns(worst.poll.length_ns),
            duration_ns(subject.at().saturating_sub(worst.ended_ns)),
            duration_ns(RECENT_NS),
            worst.poll.words(),
            exact(task.stats.sums.polls),
            duration_ns(task.stats.longest_poll_ns.max(worst.poll.length_ns)),
        )
    }

    fn plural(&self) -> String {
        format!(
            "are, or were in the last minute, in one poll for more than {}",
            duration_ns(ns(self.0.poll_ms))
        )
    }

    fn advice(&self, subject: &Subject) -> &'static str {
        let running = self.0.running(subject);
        let worst = subject.store.scheduler.worst_poll(subject.task.key, subject.at());
        match running.or(worst.map(|worst| worst.poll)).map_or(Did::Unknown, |poll| poll.did()) {
            Did::Sleep => {
                "Look for blocking calls between two awaits (std locks, std::thread::sleep, files, DNS); \
                 use their async forms, or move them to spawn_blocking."
            }
            Did::Compute => {
                "It computes: move the work to spawn_blocking or a thread pool, or yield in between (tokio::task::yield_now)."
            }
            Did::Unknown => {
                "Look for blocking calls (std locks, std::thread::sleep, files, DNS) or long computation between two awaits; \
                 move them to spawn_blocking, or yield in between."
            }
        }
    }
}

impl LongPoll {
    /// The poll that goes on, if it has held its worker for too long.
    fn running(&self, Subject { task, store }: &Subject) -> Option<Judged> {
        store.held_poll(task).filter(|poll| poll.own_ns() >= ns(self.poll_ms))
    }
}

impl LongScheduleDelay {
    /// The wait of the task that goes on, if it is too long.
    fn waiting_ns(&self, Subject { task, store }: &Subject) -> Option<u64> {
        let waiting_ns = task.state_age_ns(store.now_ns);
        (task.stats.state == State::Scheduled && waiting_ns >= ns(self.delay_ms)).then_some(waiting_ns)
    }
}

impl Lint for LongScheduleDelay {
    fn kind(&self) -> LintKind {
        LintKind::LongScheduleDelay
    }

    fn check(&self, subject @ Subject { task, store }: &Subject) -> Verdict {
        if !task.facts.knows.scheduled || task.facts.kind == Kind::Blocking {
            return Verdict::Ok;
        }
        if let Some(waiting_ns) = self.waiting_ns(subject) {
            if !store.has_waited_before(task) {
                return Verdict::Recheck;
            }
            let critical = waiting_ns >= ns(self.critical_ms);
            return match store.why_waits(task) {
                // The machine is short of CPUs: no fault of the program's.
                Why::Machine { .. } => Verdict::Ok,
                Why::Held | Why::Busy { .. } if critical => found(Severity::Critical, waiting_ns),
                Why::Held | Why::Busy { .. } => found(Severity::Warning, waiting_ns),
                Why::Idle { .. } | Why::Unknown if critical => found(Severity::Warning, waiting_ns),
                Why::Idle { .. } | Why::Unknown => Verdict::Recheck,
            };
        }
        if task.stats.longest_scheduled_ns < ns(self.delay_ms) {
            return Verdict::Ok;
        }
        match store.recent_delay(task) {
            Some(delay) if delay.length_ns >= ns(self.delay_ms) => match delay.why {
                None => Verdict::Recheck,
                Some(Why::Held | Why::Busy { .. }) => found(Severity::Info, delay.length_ns),
                Some(Why::Machine { .. } | Why::Idle { .. } | Why::Unknown) => Verdict::Ok,
            },
            _ => Verdict::Ok,
        }
    }

    fn clause(&self, subject: &Subject) -> String {
        let Subject { task, store } = subject;
        if let Some(waiting_ns) = self.waiting_ns(subject) {
            let why = match store.why_waits(task) {
                Why::Held => subject.blame_words(),
                why => format!("; {}", why_words(why)),
            };
            return format!("was woken {} ago and has not been polled yet{why}", duration_ns(waiting_ns));
        }
        let Some(delay) = store.recent_delay(task) else {
            return "waited long between its wake and its poll".to_owned();
        };
        let why = match delay.why {
            Some(Why::Held) => subject.blame_words_of(&delay),
            Some(why) => format!("; {}", why_words(why)),
            None => String::new(),
        };
        format!(
            "waited {} between its wake and its poll, {} ago{why}. Since its start it waited {} at most",
            duration_ns(delay.length_ns),
            duration_ns(store.now_ns.saturating_sub(delay.ended_ns)),
            duration_ns(task.stats.longest_scheduled_ns),
        )
    }

    fn plural(&self) -> String {
        format!(
            "wait, or waited in the last minute, more than {} between their wake and their poll",
            duration_ns(ns(self.delay_ms))
        )
    }

    fn advice(&self, subject: &Subject) -> &'static str {
        let why = match self.waiting_ns(subject) {
            Some(_) => subject.store.why_waits(subject.task),
            None => {
                subject.store.recent_delay(subject.task).and_then(|delay| delay.why).unwrap_or(Why::Unknown)
            }
        };
        match why {
            Why::Held => "Look at the task that held the worker: make its polls shorter.",
            Why::Busy { .. } => {
                "The workers are busy: sort by BUSY% to see with what, make that cheaper, or add workers."
            }
            Why::Machine { .. } | Why::Idle { .. } | Why::Unknown => {
                "Look at the Runtime screen: what each worker does, and whether a poll holds one."
            }
        }
    }
}

fn why_words(why: Why) -> String {
    match why {
        Why::Held => "a poll held a worker".to_owned(),
        Why::Busy { percent } => format!("the workers were in polls for {percent} % of that time"),
        Why::Machine { queued_ns } => {
            format!("a worker had no CPU for {} of that time: the machine is busy", duration_ns(queued_ns))
        }
        Why::Idle { percent } => {
            format!("the workers were in polls for {percent} % of that time, and no long poll explains it")
        }
        Why::Unknown => "what the workers did meanwhile is unknown".to_owned(),
    }
}
