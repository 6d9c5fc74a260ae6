//! `writer-starvation`: a writer that waits long while readers come and go.

use crate::{
    id::ResourceKey,
    lints::{
        LintKind,
        judged::Need,
        lint::{Check, Group, Lint, LockCheck, Rank, thresholds},
        pass::locks::LockPass,
    },
    severity::Severity,
    store::locks::LockKind,
};

thresholds! {
    WriterStarvation {
        /// A writer waits for this long, while readers that came after it got in.
        wait_ms: u64 = 1000,
    }
}

const ADVICE: &str = "Readers overtake the writer: use a fair lock (tokio's is), hold it for less when reading, or read a copy.";

pub(super) static LINT: Lint = Lint {
    help: "a writer that waits long while readers come and go",
    group: Group::Locks,
    rank: Rank::Cause,
    needs: Need::Locks,
    example: "reload #4 has waited at src/config.rs:52 for 3.10 s to write to RwLock config (made at src/config.rs:12), while readers that came later got in: the newest 1.20 ms ago.",
    advice: &[ADVICE],
    thresholds: WriterStarvation::THRESHOLDS,
    check: Check::Locks(LockCheck { proofs: None, suspicions: Some(check) }),
};

fn check(pass: &mut LockPass<'_>) {
    for key in pass.locks_of(&[LockKind::RwLock]) {
        starved_writer(pass, key);
    }
}

fn starved_writer(pass: &mut LockPass<'_>, key: ResourceKey) {
    let look = pass.look;
    let Some(state) = look.store.lock(key) else { return };
    let readers = state.holders.iter().filter(|holder| holder.shared);
    let Some(newest_ns) = readers.map(|holder| holder.since_ns).max() else { return };
    let Some(waiters) = pass.waiters(key) else { return };
    let writer = waiters.iter().find(|waiter| {
        !waiter.shared
            && waiter.granted_ns.is_none()
            && pass.is_old(waiter.since_ns, look.config.writer_starvation.wait_ms)
            && newest_ns > waiter.since_ns
    });
    let (Some(writer), Some(resource)) = (writer, look.store.resources.resource(key)) else { return };
    let message = format!(
        "{} has waited{} for {} to write to {}, while readers that came later got in: the newest {} ago.",
        pass.who(writer.who()),
        pass.place(writer.op.site),
        pass.age(writer.since_ns),
        pass.resource(resource),
        pass.age(newest_ns),
    );
    let who = [writer.who()];
    pass.about_resource((LintKind::WriterStarvation, Severity::Warning), key, &who, message, ADVICE);
}
