//! `long-poll`: a poll so long that it holds up its worker.
//!
//! A poll is judged by the time in which it ran or slept, never by time in which the machine gave its thread no CPU. A poll that gave
//! its worker's place away is not judged. What ended longer than a minute ago is no finding any more.

use crate::{
    format::{duration_ns, exact},
    lints::{
        judged::Need,
        lint::{Check, Group, Lint, Rank, TaskCheck, Verdict, found, ns, suspected, thresholds},
        never_yielded::MAYBE_IN_PLACE,
        pass::{Look, TaskLook},
    },
    severity::Severity,
    store::{
        scheduler::spent::{Did, Judged, RECENT_NS},
        task::TaskKind,
    },
};

thresholds! {
    LongPoll {
        /// A poll of this length is a finding.
        poll_ms: u64 = 100,
        /// A poll that has been running for this long is critical; one that took so long, a warning.
        critical_ms: u64 = 1000,
    }
}

const SLEEPS: &str = "Look for blocking calls between two awaits (std locks, std::thread::sleep, files, DNS); \
                      use their async forms, or move them to spawn_blocking.";
const GUARD: &str = "Let the guard (of a Mutex, RwLock, map or watch::Ref) go before the next await, and before the same task locks again.";
const COMPUTES: &str = "It computes: move the work to spawn_blocking or a thread pool, or yield in between (tokio::task::yield_now).";
const UNKNOWN: &str = "Look for blocking calls (std locks, std::thread::sleep, files, DNS) or long computation between two awaits; \
                       move them to spawn_blocking, or yield in between.";

pub(super) static LINT: Lint = Lint {
    help: "a poll so long that it holds up its worker",
    group: Group::Tasks,
    rank: Rank::Cause,
    needs: Need::Polls,
    example: "hog #5 (spawned at src/main.rs:77) has been in one poll for 3.20 s (poll 12); of that it slept for at least 3.19 s: it holds its worker, and whatever waits there waits for it; it is in std::thread::sleep, called at src/main.rs:81 by hog::run.",
    advice: &[SLEEPS, GUARD, COMPUTES, UNKNOWN],
    thresholds: LongPoll::THRESHOLDS,
    check: Check::Task(TaskCheck { check, clause, plural, advice }),
};

fn check(look: &TaskLook<'_>) -> Verdict {
    let (task, store) = (look.task, look.store);
    if task.facts.kind == TaskKind::Blocking {
        return Verdict::Ok;
    }
    // A first poll is for `never-yielded`, from its own threshold on.
    let (limits, never_yielded) = (&look.config.long_poll, &look.config.never_yielded);
    if let Some(own_ns) = running(look).map(|poll| poll.own_ns()) {
        let taken_over = never_yielded.enabled
            && task.stats.sums.polls <= 1
            && own_ns >= ns(never_yielded.running_ms)
            && !task.facts.kind.owns_its_thread();
        if taken_over {
            return Verdict::Ok;
        }
        if !store.reports_workers() {
            return suspected(Severity::Info, own_ns);
        }
        // A root future holds its own thread, not a worker of the pool.
        let critical = own_ns >= ns(limits.critical_ms) && task.facts.kind != TaskKind::BlockOn;
        return found(if critical { Severity::Critical } else { Severity::Warning }, own_ns);
    }
    if store.was_in_place(task) {
        return Verdict::Ok;
    }
    let Some(worst) = store.scheduler.worst_poll(task.key, look.at()) else { return Verdict::Ok };
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

fn clause(look: &TaskLook<'_>) -> String {
    let task = look.task;
    if let Some(poll) = running(look) {
        let running = duration_ns(task.state_age_ns(look.at()));
        let number = exact(task.stats.sums.polls);
        if !look.store.reports_workers() {
            return format!("has been in one poll for {running} (poll {number}){MAYBE_IN_PLACE}");
        }
        let holds = if task.facts.kind == TaskKind::BlockOn { "its thread" } else { "its worker" };
        return format!(
            "has been in one poll for {running} (poll {number}){}: it holds {holds}, and whatever waits there waits for it{}{}",
            poll.words_so_far(),
            look.stuck_words(),
            look.guard_words()
        );
    }
    let Some(worst) = look.store.scheduler.worst_poll(task.key, look.at()) else {
        return "was in a long poll".to_owned();
    };
    format!(
        "was in one poll for {}, {} ago, the worst of the last {}{}. Since its start the longest of {} polls took {}",
        duration_ns(worst.poll.length_ns),
        duration_ns(look.at().saturating_sub(worst.ended_ns)),
        duration_ns(RECENT_NS),
        worst.poll.words(),
        exact(task.stats.sums.polls),
        duration_ns(task.stats.longest_poll_ns.max(worst.poll.length_ns)),
    )
}

fn plural(look: &Look<'_>) -> String {
    format!(
        "are, or were in the last minute, in one poll for more than {}",
        duration_ns(ns(look.config.long_poll.poll_ms))
    )
}

fn advice(look: &TaskLook<'_>) -> &'static str {
    let going_on = running(look);
    let worst = look.store.scheduler.worst_poll(look.task.key, look.at());
    match going_on.or(worst.map(|worst| worst.poll)).map_or(Did::Unknown, |poll| poll.did()) {
        Did::Sleep if look.waits_for_a_guard() => GUARD,
        Did::Sleep => SLEEPS,
        Did::Compute => COMPUTES,
        Did::Unknown => UNKNOWN,
    }
}

/// The poll that goes on, if it has held its worker for too long.
fn running(look: &TaskLook<'_>) -> Option<Judged> {
    look.store.held_poll(look.task).filter(|poll| poll.own_ns() >= ns(look.config.long_poll.poll_ms))
}
