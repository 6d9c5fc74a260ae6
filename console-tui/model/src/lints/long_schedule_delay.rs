//! `long-schedule-delay`: a task that was woken and waits long for a worker.

use crate::{
    format::duration_ns,
    lints::{
        judged::Need,
        lint::{Check, Group, Lint, Rank, TaskCheck, Verdict, found, ns, thresholds},
        pass::{Look, TaskLook},
    },
    severity::Severity,
    store::{
        scheduler::Why,
        task::{State, TaskKind},
    },
};

thresholds! {
    LongScheduleDelay {
        /// A wait of this length between wake and poll is a finding.
        delay_ms: u64 = 100,
        /// A present wait of this length is critical.
        critical_ms: u64 = 1000,
    }
}

const HELD: &str = "Look at the task that held the worker: make its polls shorter.";
const BUSY: &str = "The workers are busy: sort by BUSY% to see with what, make that cheaper, or add workers.";
const UNKNOWN: &str = "Look at the Runtime screen: what each worker does, and whether a poll holds one.";

pub(super) static LINT: Lint = Lint {
    help: "a task that was woken and waits long for a worker",
    group: Group::Tasks,
    rank: Rank::Effect,
    needs: Need::Wakes,
    example: "session #9 (spawned at src/server.rs:40) was woken 1.20 s ago and has not been polled yet; meanwhile hog #5 held worker 0 for 1.20 s.",
    advice: &[HELD, BUSY, UNKNOWN],
    thresholds: LongScheduleDelay::THRESHOLDS,
    check: Check::Task(TaskCheck { check, clause, plural, advice }),
};

fn check(look: &TaskLook<'_>) -> Verdict {
    let (task, store) = (look.task, look.store);
    if !task.facts.knows.scheduled || task.facts.kind == TaskKind::Blocking {
        return Verdict::Ok;
    }
    if let Some(waiting_ns) = waiting_ns(look) {
        if !store.has_waited_before(task) {
            return Verdict::Recheck;
        }
        let critical = waiting_ns >= ns(look.config.long_schedule_delay.critical_ms);
        return match store.why_waits(task) {
            // The machine is short of CPUs: no fault of the program's.
            Why::Machine { .. } => Verdict::Ok,
            Why::Held | Why::Busy { .. } if critical => found(Severity::Critical, waiting_ns),
            Why::Held | Why::Busy { .. } => found(Severity::Warning, waiting_ns),
            Why::Idle { .. } | Why::Unknown if critical => found(Severity::Warning, waiting_ns),
            Why::Idle { .. } | Why::Unknown => Verdict::Recheck,
        };
    }
    if task.stats.longest_scheduled_ns < ns(look.config.long_schedule_delay.delay_ms) {
        return Verdict::Ok;
    }
    match store.recent_delay(task) {
        Some(delay) if delay.length_ns >= ns(look.config.long_schedule_delay.delay_ms) => match delay.why {
            None => Verdict::Recheck,
            Some(Why::Held | Why::Busy { .. }) => found(Severity::Info, delay.length_ns),
            Some(Why::Machine { .. } | Why::Idle { .. } | Why::Unknown) => Verdict::Ok,
        },
        _ => Verdict::Ok,
    }
}

fn clause(look: &TaskLook<'_>) -> String {
    let (task, store) = (look.task, look.store);
    if let Some(waiting_ns) = waiting_ns(look) {
        let why = match store.why_waits(task) {
            Why::Held => look.blame_words(),
            why => format!("; {}", why_words(why)),
        };
        return format!("was woken {} ago and has not been polled yet{why}", duration_ns(waiting_ns));
    }
    let Some(delay) = store.recent_delay(task) else {
        return "waited long between its wake and its poll".to_owned();
    };
    let why = match delay.why {
        Some(Why::Held) => look.blame_words_of(&delay),
        Some(why) => format!("; {}", why_words(why)),
        None => String::new(),
    };
    format!(
        "waited {} between its wake and its poll, {} ago{why}. Since its start it waited {} at most",
        duration_ns(delay.length_ns),
        duration_ns(look.at().saturating_sub(delay.ended_ns)),
        duration_ns(task.stats.longest_scheduled_ns),
    )
}

fn plural(look: &Look<'_>) -> String {
    format!(
        "wait, or waited in the last minute, more than {} between their wake and their poll",
        duration_ns(ns(look.config.long_schedule_delay.delay_ms))
    )
}

fn advice(look: &TaskLook<'_>) -> &'static str {
    let why = match waiting_ns(look) {
        Some(_) => look.store.why_waits(look.task),
        None => look.store.recent_delay(look.task).and_then(|delay| delay.why).unwrap_or(Why::Unknown),
    };
    match why {
        Why::Held => HELD,
        Why::Busy { .. } => BUSY,
        Why::Machine { .. } | Why::Idle { .. } | Why::Unknown => UNKNOWN,
    }
}

/// The wait of the task that goes on, if it is too long.
fn waiting_ns(look: &TaskLook<'_>) -> Option<u64> {
    let waiting_ns = look.task.state_age_ns(look.at());
    let is_long = waiting_ns >= ns(look.config.long_schedule_delay.delay_ms);
    (look.task.stats.state == State::Scheduled && is_long).then_some(waiting_ns)
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
