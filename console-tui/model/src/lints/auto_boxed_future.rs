//! `auto-boxed-future`: a future so large that tokio moved it to the heap.

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
    AutoBoxedFuture {}
}
/// Tokio moves a future of more than this to the heap when it is spawned: in a debug build, and in a release build.
const BOXED: &str =
    "tokio moves futures over 2 KiB to the heap in a debug build, over 16 KiB in a release build";
const ADVICE: &str = "Box the large parts (Box::pin an inner future, a Box or Vec instead of a large array held across an await).";

pub(super) static LINT: Lint = Lint {
    help: "a future so large that tokio moved it to the heap",
    group: Group::Tasks,
    rank: Rank::Cause,
    needs: Need::OriginalSizes,
    example: "export #8 (spawned at src/main.rs:90) has a future of 24.0 K, which tokio moved to the heap when it was spawned (tokio moves futures over 2 KiB to the heap in a debug build, over 16 KiB in a release build).",
    advice: &[ADVICE],
    thresholds: AutoBoxedFuture::THRESHOLDS,
    check: Check::Task(TaskCheck { check, clause, plural, advice: |_| ADVICE }),
};

fn check(look: &TaskLook<'_>) -> Verdict {
    let (task, store) = (look.task, look.store);
    let (original, size) = (task.facts.original_size_bytes, task.facts.size_bytes);
    // The future of another crate can't be changed here.
    if original > 0 && original != size && !store.is_foreign(task.facts.site) {
        found(Severity::Info, u64::from(original))
    } else {
        Verdict::Ok
    }
}

fn clause(look: &TaskLook<'_>) -> String {
    format!(
        "has a future of {}, which tokio moved to the heap when it was spawned ({BOXED})",
        bytes(u64::from(look.task.facts.original_size_bytes))
    )
}

fn plural(_: &Look<'_>) -> String {
    format!("have futures so large that tokio moved them to the heap ({BOXED})")
}
