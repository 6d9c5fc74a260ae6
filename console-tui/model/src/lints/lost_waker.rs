//! `lost-waker`: an idle task for which no waker exists.

use crate::{
    format::duration_ns,
    lints::{
        judged::Need,
        lint::{Check, Group, Lint, Rank, TaskCheck, Verdict, found, ns, suspected, thresholds},
        pass::{Look, TaskLook},
    },
    severity::Severity,
    store::task::{State, TaskKind},
};

thresholds! {
    LostWaker {
        /// It must have been idle without a waker for this long: a waker on its way from one thread to another is not lost.
        idle_ms: u64 = 1000,
    }
}

const ADVICE: &str = "Look for a future there that returns Pending without keeping a clone of its context's waker, \
     or whose waker was dropped with a channel, a lock or a registration.";

pub(super) static LINT: Lint = Lint {
    help: "an idle task for which no waker exists: nothing can wake it",
    group: Group::Tasks,
    rank: Rank::Cause,
    needs: Need::Wakes,
    example: "session #7 (spawned at src/server.rs:40) has been idle for 41.2 s and no waker for it exists: nothing can wake it, short of aborting it.",
    advice: &[ADVICE],
    thresholds: LostWaker::THRESHOLDS,
    check: Check::Task(TaskCheck { check, clause, plural, advice: |_| ADVICE }),
};

fn check(look: &TaskLook<'_>) -> Verdict {
    let task = look.task;
    let suspicious = task.stats.state == State::Idle
        && task.wakers() == Some(0)
        && task.stats.sums.polls > 0
        && !task.facts.kind.owns_its_thread();
    if !suspicious {
        return Verdict::Ok;
    }
    let idle_ns = task.state_age_ns(look.at());
    if idle_ns < ns(look.config.lost_waker.idle_ms) {
        return Verdict::Recheck;
    }
    // A future inside a task may still be polled by that task for another reason.
    match task.facts.kind {
        TaskKind::Future => suspected(Severity::Warning, idle_ns),
        _ => found(Severity::Critical, idle_ns),
    }
}

fn clause(look: &TaskLook<'_>) -> String {
    let idle = duration_ns(look.task.state_age_ns(look.at()));
    let unless = if look.task.facts.kind == TaskKind::Future {
        "nothing can wake it, unless the task around it polls it for another reason"
    } else {
        "nothing can wake it, short of aborting it"
    };
    let waits = look.store.waits_on(look.task).and_then(|(op, _)| {
        let place = look.store.place(look.store.resource_of(op)?.site)?;
        let source = look.store.op_words(op);
        Some(format!("; it waits in {source} on what was made at {place}"))
    });
    format!("has been idle for {idle} and no waker for it exists: {unless}{}", waits.unwrap_or_default())
}

fn plural(_: &Look<'_>) -> String {
    "are idle and no waker for them exists: nothing can wake them, short of aborting them".to_owned()
}
