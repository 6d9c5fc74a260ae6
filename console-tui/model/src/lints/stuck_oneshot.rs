//! `stuck-oneshot`: a task that waits for a oneshot whose sender can not send.

use crate::{
    analysis::locks::End,
    id::ResourceKey,
    lints::{
        LintKind,
        judged::Need,
        lint::{Check, Group, Lint, LockCheck, Rank, thresholds},
        pass::locks::LockPass,
    },
    severity::{Confidence, Severity},
    store::task::{Agent, State, Task},
};

thresholds! {
    StuckOneshot {
        /// The receiver waits for this long, and its sender can't send.
        wait_ms: u64 = 1000,
    }
}

const ADVICE: &str = "See why the sender does not send; give the wait a timeout, or send from a task that can't get stuck there.";

pub(super) static LINT: Lint = Lint {
    help: "a task that waits for a oneshot whose sender can not send",
    group: Group::Locks,
    rank: Rank::Cause,
    needs: Need::Locks,
    example: "request #12 has waited at src/rpc.rs:77 for oneshot (made at src/rpc.rs:70) for 8.20 s: its sender worker #2 is stuck in a deadlock, or behind one.",
    advice: &[ADVICE],
    thresholds: StuckOneshot::THRESHOLDS,
    check: Check::Locks(LockCheck { proofs: None, suspicions: Some(check) }),
};

/// A receiver whose sender is known, and is stuck or has ended; or that has what it waits for and is not polled.
fn check(pass: &mut LockPass<'_>) {
    let look = pass.look;
    let slots = look.store.resources.locks.channels().map(|(slot, _)| slot);
    let mut keys: Vec<ResourceKey> = slots
        .filter_map(|slot| look.store.resources.in_slot(slot))
        .filter(|resource| look.store.is_oneshot(resource))
        .map(|resource| resource.key)
        .collect();
    keys.sort_unstable();
    for key in keys {
        oneshot(pass, key);
    }
}

fn oneshot(pass: &mut LockPass<'_>, key: ResourceKey) {
    let look = pass.look;
    let (Some(resource), Some(channel)) = (look.store.resources.resource(key), look.store.channel(key))
    else {
        return;
    };
    let Some(waiters) = pass.waiters(key) else { return };
    let receiver = waiters.iter().find(|waiter| {
        look.store.channel_end(waiter.op) == Some(End::Receiver)
            && pass.is_old(waiter.since_ns, look.config.stuck_oneshot.wait_ms)
    });
    let Some(receiver) = receiver else { return };
    let sender = channel.last_sender;
    let dropped = channel.senders == Some(0) || channel.depth.is_some_and(|depth| depth > 0);
    let why = if dropped {
        // It is over; whoever waits is not polled in there.
        let task = receiver.task().and_then(|key| look.store.task(key));
        let left_out = task.is_some_and(|task| {
            let over_ns = channel.last_sent_ns.unwrap_or(receiver.op.stats.state_since_ns);
            task.stats.state == State::Idle
                && task.stats.state_since_ns > over_ns
                && receiver.op.stats.state_since_ns <= over_ns
                && channel.last_sent_ns.is_some()
        });
        if !left_out {
            return;
        }
        "what it waits for was sent, but the future that waits has not been polled since, though the task was"
            .to_owned()
    } else if pass.explained.contains(&sender) {
        let seems = if pass.suspected.contains(&sender) { "may be" } else { "is" };
        format!("its sender {} {seems} stuck in a deadlock, or behind one", pass.who(sender))
    } else if has_ended(pass, sender) {
        format!("{} had the sender last, and has ended", pass.who(sender))
    } else {
        return;
    };
    let message = format!(
        "{} has waited{} for {} for {}: {why}.",
        pass.who(receiver.who()),
        pass.place(receiver.op.site),
        pass.resource(resource),
        pass.age(receiver.since_ns),
    );
    let about = [receiver.who()];
    // No more is known of it than of what it follows from.
    let follows = !dropped && pass.suspected.contains(&sender);
    let confidence = if follows { Confidence::Suspected } else { Confidence::Proven };
    pass.about_resource(
        (LintKind::StuckOneshot, Severity::Warning, confidence),
        key,
        &about,
        message,
        ADVICE,
    );
}

fn has_ended(pass: &LockPass<'_>, who: Agent) -> bool {
    let look = pass.look;
    let Agent::Task(key) = who else { return false };
    look.store.task(key).is_some_and(Task::is_done)
}
