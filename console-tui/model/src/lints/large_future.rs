//! `large-future`: a large future.

use crate::{
    format::bytes,
    lints::{
        judged::Need,
        lint::{Check, Group, Lint, Rank, TaskCheck, Verdict, found, thresholds},
        pass::{Look, TaskLook},
    },
    severity::Severity,
};

thresholds! {
    LargeFuture {
        /// From this size on.
        size_bytes: u64 = 4096,
    }
}

const ADVICE: &str =
    "It is copied when it is spawned: box the large parts, or keep them out of what lives across an await.";

pub(super) static LINT: Lint = Lint {
    help: "a large future",
    group: Group::Tasks,
    rank: Rank::Cause,
    needs: Need::Sizes,
    example: "export #8 (spawned at src/main.rs:90) has a future of 12.0 K.",
    advice: &[ADVICE],
    thresholds: LargeFuture::THRESHOLDS,
    check: Check::Task(TaskCheck { check, clause, plural, advice: |_| ADVICE }),
};

fn check(look: &TaskLook<'_>) -> Verdict {
    let (task, store) = (look.task, look.store);
    // One that was boxed has a finding of `auto-boxed-future`.
    let size_bytes = u64::from(task.facts.size_bytes);
    if size_bytes >= look.config.large_future.size_bytes
        && task.facts.original_size_bytes == 0
        && !task.facts.kind.owns_its_thread()
        && !store.is_foreign(task.facts.site)
    {
        found(Severity::Info, size_bytes)
    } else {
        Verdict::Ok
    }
}

fn clause(look: &TaskLook<'_>) -> String {
    format!("has a future of {}", bytes(u64::from(look.task.facts.size_bytes)))
}

fn plural(look: &Look<'_>) -> String {
    format!("have futures of {} or more", bytes(look.config.large_future.size_bytes))
}
