//! `never-yielded`: a task whose first poll has not returned.
//!
//! A poll is judged by the time in which it ran or slept, never by time in which the machine gave its thread no CPU.

use crate::{
    format::duration_ns,
    lints::{
        judged::Need,
        lint::{Check, Group, Lint, Rank, TaskCheck, Verdict, found, ns, suspected, thresholds},
        pass::{Look, TaskLook},
    },
    severity::Severity,
    store::task::State,
};

thresholds! {
    NeverYielded {
        /// The first poll must have been running for this long.
        running_ms: u64 = 1000,
    }
}

const ADVICE: &str = "If it computes or blocks, move that to spawn_blocking or a thread; if it loops, add an await that can be pending.";

/// To follow a sentence about a poll that goes on, in a process whose protocol does not report its workers.
pub(super) const MAYBE_IN_PLACE: &str =
    "; it may be in block_in_place, which holds no worker: this protocol does not report that";

pub(super) static LINT: Lint = Lint {
    help: "a task whose first poll has not returned",
    group: Group::Tasks,
    rank: Rank::Cause,
    needs: Need::PollsOfWorkers,
    example: "import #3 (spawned at src/main.rs:40) has been in its first poll for 4.10 s; of that it computed for at least 4.08 s: it has never yielded, and holds its worker; it is in sha2::compress, called at src/import.rs:77 by import::run.",
    advice: &[ADVICE],
    thresholds: NeverYielded::THRESHOLDS,
    check: Check::Task(TaskCheck { check, clause, plural, advice: |_| ADVICE }),
};

fn check(look: &TaskLook<'_>) -> Verdict {
    let (task, store) = (look.task, look.store);
    let first_poll = task.stats.state == State::Running && task.stats.sums.polls <= 1;
    if !first_poll || task.facts.kind.owns_its_thread() {
        return Verdict::Ok;
    }
    match store.held_poll(task) {
        Some(poll) if poll.own_ns() >= ns(look.config.never_yielded.running_ms) => {
            if store.reports_workers() {
                found(Severity::Critical, poll.own_ns())
            } else {
                suspected(Severity::Info, poll.own_ns())
            }
        }
        _ => Verdict::Recheck,
    }
}

fn clause(look: &TaskLook<'_>) -> String {
    let running = duration_ns(look.task.state_age_ns(look.at()));
    if !look.store.reports_workers() {
        return format!("has been in its first poll for {running}{MAYBE_IN_PLACE}");
    }
    let at = look.stuck_words();
    let spent = look.store.held_poll(look.task).map_or_else(String::new, |poll| poll.words_so_far());
    format!("has been in its first poll for {running}{spent}: it has never yielded, and holds its worker{at}")
}

fn plural(_: &Look<'_>) -> String {
    "are in their first poll and have not yielded yet".to_owned()
}
