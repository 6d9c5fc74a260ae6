//! `lock-convoy`: a lock with many tasks in its queue, although each holds it only briefly.

use crate::{
    analysis::locks::Waiter,
    format::{duration_ns, exact, percent, rate},
    id::ResourceKey,
    lints::{
        LintKind,
        judged::Need,
        lint::{Check, Group, Lint, LockCheck, Rank, thresholds},
        pass::locks::LockPass,
    },
    severity::Severity,
    store::{locks::LockKind, task::Agent, window::LockRates},
};

thresholds! {
    LockConvoy {
        /// This many wait at once, and …
        min_waiters: u64 = 8,
        /// … at least this share of the acquisitions of the last seconds had to wait, and …
        contended_percent: u64 = 90,
        /// … it was taken this often a second: with fewer there is nothing to judge, and …
        min_acquisitions_per_s: f64 = 100.0,
        /// … it was held for at most this share of the time: the rest went into handing it over.
        max_held_percent: u64 = 50,
    }
}

/// Seconds in a row that must all be contended.
const SECONDS: usize = 3;

const ADVICE: &str = "Most of the time goes into handing the lock over: do more with each acquisition, or split what it guards.";

pub(super) static LINT: Lint = Lint {
    help: "a lock with many tasks in its queue, although each holds it only briefly",
    group: Group::Locks,
    rank: Rank::Cause,
    needs: Need::Locks,
    example: "Mutex cache (made at src/cache.rs:18) has a convoy: 31 wait in its queue, and 98 % of its 42,000 acquisitions a second have to wait, although each holds it for 2.10 µs only.",
    advice: &[ADVICE],
    thresholds: LockConvoy::THRESHOLDS,
    check: Check::Locks(LockCheck { proofs: None, suspicions: Some(check) }),
};

fn check(pass: &mut LockPass<'_>) {
    for key in pass.locks_of(&[LockKind::Mutex, LockKind::RwLock]) {
        convoy(pass, key);
    }
}

fn convoy(pass: &mut LockPass<'_>, key: ResourceKey) {
    let look = pass.look;
    let config = &look.config.lock_convoy;
    let Some(rates) = look.store.lock_rates(key) else { return };
    let LockRates { acquisitions, contended, hold, .. } = rates;
    let share = contended / acquisitions.max(1.0);
    let crowded = acquisitions >= config.min_acquisitions_per_s
        && share * 100.0 >= config.contended_percent as f64
        && hold * 100.0 <= config.max_held_percent as f64;
    if !crowded {
        return;
    }
    let series = look.store.contention_series(key);
    let lately = &series[series.len().saturating_sub(SECONDS)..];
    let all = lately.len() == SECONDS
        && lately
            .iter()
            .all(|share| share.is_some_and(|share| share * 100.0 >= config.contended_percent as f64));
    let Some(waiters) = pass.waiters(key) else { return };
    let Some(resource) = look.store.resources.resource(key).filter(|_| all) else { return };
    if (waiters.len() as u64) < config.min_waiters {
        return;
    }
    let mean_ns = (hold * 1e9 / acquisitions.max(1.0)) as u64;
    let message = format!(
        "{} has a convoy: {} wait in its queue, and {} of its {} acquisitions a second have to wait, although each holds it for {} only.",
        pass.resource(resource),
        exact(waiters.len() as u64),
        percent(share.min(1.0)),
        rate(acquisitions),
        duration_ns(mean_ns),
    );
    let who: Vec<Agent> = waiters.iter().map(Waiter::who).collect();
    pass.about_resource((LintKind::LockConvoy, Severity::Warning), key, &who, message, ADVICE);
}
