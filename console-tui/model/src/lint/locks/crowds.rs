//! `lock-convoy` and `writer-starvation`: a lock that many use, and that nobody holds for long.

use super::Pass;
use crate::{
    format::{duration_ns, exact, percent, rate},
    id::ResourceKey,
    lint::{LintKind, Severity},
    store::{
        locks::read::{LockKind, Waiter},
        window::LockRates,
    },
};

/// Seconds in a row that must all be contended.
const SECONDS: usize = 3;

const CONVOY: &str = "Most of the time goes into handing the lock over: do more with each acquisition, or split what it guards.";
const WRITER: &str = "Readers overtake the writer: use a fair lock (tokio's is), hold it for less when reading, or read a copy.";

impl Pass<'_> {
    pub(super) fn convoys(&mut self) {
        if !self.config.lock_convoy.enabled {
            return;
        }
        for key in self.locks_of(&[LockKind::Mutex, LockKind::RwLock]) {
            self.convoy(key);
        }
    }

    /// Locks with a row of their own, by slot.
    fn locks_of(&self, kinds: &[LockKind]) -> Vec<ResourceKey> {
        let slots = self.store.resources.locks.locks().map(|(slot, _)| slot);
        let resources = slots.filter_map(|slot| self.store.resources.in_slot(slot));
        let of_kind = resources
            .filter(|resource| self.store.lock_kind(resource).is_some_and(|kind| kinds.contains(&kind)));
        let mut keys: Vec<ResourceKey> = of_kind.map(|resource| resource.key).collect();
        keys.sort_unstable();
        keys
    }

    fn convoy(&mut self, key: ResourceKey) {
        let config = &self.config.lock_convoy;
        let Some(rates) = self.store.lock_rates(key) else { return };
        let LockRates { acquisitions, contended, hold, .. } = rates;
        let share = contended / acquisitions.max(1.0);
        let crowded = acquisitions >= config.min_acquisitions_per_s
            && share * 100.0 >= config.contended_percent as f64
            && hold * 100.0 <= config.max_held_percent as f64;
        if !crowded {
            return;
        }
        let series = self.store.contention_series(key);
        let lately = &series[series.len().saturating_sub(SECONDS)..];
        let all = lately.len() == SECONDS
            && lately
                .iter()
                .all(|share| share.is_some_and(|share| share * 100.0 >= config.contended_percent as f64));
        let Some(waiters) = self.waiters(key) else { return };
        let Some(resource) = self.store.resources.resource(key).filter(|_| all) else { return };
        if (waiters.len() as u64) < config.min_waiters {
            return;
        }
        let mean_ns = (hold * 1e9 / acquisitions.max(1.0)) as u64;
        let message = format!(
            "{} has a convoy: {} wait in line, and {} of its {} acquisitions a second have to wait, although each holds it for {} only.",
            self.resource(resource),
            exact(waiters.len() as u64),
            percent(share.min(1.0)),
            rate(acquisitions),
            duration_ns(mean_ns),
        );
        let who = waiters.iter().map(Waiter::who).collect();
        self.about_resource(LintKind::LockConvoy, Severity::Warning, key, who, message, CONVOY);
    }

    pub(super) fn starved_writers(&mut self) {
        if !self.config.writer_starvation.enabled {
            return;
        }
        for key in self.locks_of(&[LockKind::RwLock]) {
            self.starved_writer(key);
        }
    }

    fn starved_writer(&mut self, key: ResourceKey) {
        let Some(lock) = self.store.lock(key) else { return };
        let readers = lock.holders.iter().filter(|holder| holder.shared);
        let Some(newest_ns) = readers.map(|holder| holder.since_ns).max() else { return };
        let Some(waiters) = self.waiters(key) else { return };
        let writer = waiters.iter().find(|waiter| {
            !waiter.shared
                && waiter.granted_ns.is_none()
                && self.is_old(waiter.since_ns, self.config.writer_starvation.wait_ms)
                && newest_ns > waiter.since_ns
        });
        let (Some(writer), Some(resource)) = (writer, self.store.resources.resource(key)) else { return };
        let message = format!(
            "{} has waited{} for {} to write to {}, while readers came after it and got in: the newest {} ago.",
            self.who(writer.who()),
            self.place(writer.op.site),
            self.age(writer.since_ns),
            self.resource(resource),
            self.age(newest_ns),
        );
        let who = vec![writer.who()];
        self.about_resource(LintKind::WriterStarvation, Severity::Warning, key, who, message, WRITER);
    }
}
