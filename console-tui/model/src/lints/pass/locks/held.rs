//! Who holds a lock, and what it does meanwhile.

use super::LockPass;
use crate::{
    analysis::locks::Waiter,
    id::ResourceKey,
    store::{
        locks::{Holder, LockKind},
        task::{Agent, State},
    },
};

impl LockPass<'_> {
    /// Those who hold a lock, by lock; with the lock that the program knows.
    pub(crate) fn held(&self, which: impl Fn(&Holder) -> bool) -> Vec<(ResourceKey, Holder)> {
        let locks = self.store.resources.locks.locks();
        let mut held: Vec<(ResourceKey, Holder)> = Vec::new();
        for (slot, lock) in locks {
            let Some(holder) = lock.holders.iter().filter(|holder| which(holder)).min_by_key(|h| h.since_ns)
            else {
                continue;
            };
            let around = self.store.resources.in_slot(slot);
            if let Some(around) = around.and_then(|resource| self.store.lock_around(resource.key)) {
                held.push((around.key, *holder));
            }
        }
        held.sort_unstable_by_key(|(key, holder)| (holder.since_ns, *key));
        held
    }

    pub(crate) fn state(&self, who: Agent) -> Option<State> {
        let Agent::Task(key) = who else { return None };
        self.store.task(key).map(|task| task.stats.state)
    }

    /// Locks with a row of their own, by slot.
    pub(crate) fn locks_of(&self, kinds: &[LockKind]) -> Vec<ResourceKey> {
        let slots = self.store.resources.locks.locks().map(|(slot, _)| slot);
        let resources = slots.filter_map(|slot| self.store.resources.in_slot(slot));
        let of_kind = resources
            .filter(|resource| self.store.lock_kind(resource).is_some_and(|kind| kinds.contains(&kind)));
        let mut keys: Vec<ResourceKey> = of_kind.map(|resource| resource.key).collect();
        keys.sort_unstable();
        keys
    }
}

/// Whom a finding about a held lock is about: the holder first.
pub(crate) fn about(holder: Agent, waiters: &[Waiter]) -> Vec<Agent> {
    let others = waiters.iter().map(Waiter::who).filter(|who| *who != holder);
    std::iter::once(holder).chain(others).collect()
}
