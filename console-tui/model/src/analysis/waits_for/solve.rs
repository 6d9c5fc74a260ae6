//! The largest set of those who can't go on before another of the set does.

use rustc_hash::FxHashSet;

use super::{Graph, MAX_STEPS, Queue, Target};
use crate::{
    analysis::locks::Waiter,
    id::ResourceKey,
    store::{locks::LockKind, task::Agent},
};

/// Who is in the way of a wait that is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    /// A holder, by its place in the list.
    Holder(usize),
    /// Whoever was given it and did not take it, by its place in the queue.
    Granted(usize),
    /// Whoever stands before it in the queue.
    Ahead(usize),
}

impl Graph<'_> {
    /// Takes away whoever can go on. `strict`: a suspicion can go on too.
    pub(super) fn solve(&mut self, strict: bool) {
        for actor in self.actors.values_mut() {
            let is_one = |target: &Target<'_>| matches!(target, Target::Channel(..) | Target::Answer { .. });
            let channel = actor.waits.iter().any(|(target, _)| is_one(target));
            actor.stuck = !actor.waits.is_empty() && !(strict && (channel || !actor.sure));
        }
        let mut dirty: Vec<ResourceKey> = self.queues.keys().copied().collect();
        let mut listed: FxHashSet<ResourceKey> = dirty.iter().copied().collect();
        let mut freed: Vec<Agent> = self.peers_that_go_on();
        loop {
            while let Some(who) = freed.pop() {
                if let Some(actor) = self.actors.get_mut(&who) {
                    actor.stuck = false;
                }
                for key in self.depends_on(who) {
                    if listed.insert(key) {
                        dirty.push(key);
                    }
                }
            }
            let Some(key) = dirty.pop() else {
                freed = self.peers_that_go_on();
                self.steps += self.actors.len();
                if freed.is_empty() {
                    return;
                }
                continue;
            };
            listed.remove(&key);
            let Some(queue) = self.queues.get(&key) else { continue };
            self.steps += queue.waiters.len() + queue.lock.holders.len();
            if self.steps > MAX_STEPS {
                self.cut = true;
                return;
            }
            let blames = self.judge(queue);
            let goes_on = queue.waiters.iter().zip(&blames).filter(|(_, blame)| blame.is_none());
            let goes_on = goes_on.filter(|(waiter, _)| self.is_stuck(waiter.who()) && self.waits_in(waiter));
            freed = goes_on.map(|(waiter, _)| waiter.who()).collect();
        }
    }

    /// Those who wait for a channel whose other end can go on.
    fn peers_that_go_on(&self) -> Vec<Agent> {
        let stuck = self.actors.iter().filter(|(_, actor)| actor.stuck);
        let goes_on = stuck.filter(|(_, actor)| {
            actor.waits.iter().any(|(target, _)| match target {
                Target::Channel(_, peer) | Target::Answer { peer, .. } | Target::Inner(_, peer) => {
                    !self.is_stuck(*peer)
                }
                Target::Lock(..) => false,
            })
        });
        goes_on.map(|(who, _)| *who).collect()
    }

    /// Whoever waits there does so now, and not in an operation that it polls no more.
    pub(super) fn waits_in(&self, waiter: &Waiter) -> bool {
        self.actors
            .get(&waiter.who())
            .is_some_and(|actor| actor.waits.iter().any(|(_, wait)| wait.op.key == waiter.op.key))
    }

    /// The locks that may come free when this one goes on.
    fn depends_on(&self, who: Agent) -> Vec<ResourceKey> {
        let held = self.store.resources.locks.held_by(who);
        let held = held.filter_map(|slot| self.store.resources.in_slot(slot).map(|resource| resource.key));
        let around = held.filter_map(|key| self.store.lock_around(key)).map(|resource| resource.key);
        let mut keys: Vec<ResourceKey> = around.collect();
        if let Agent::Task(task) = who {
            let ops = self.store.resources.ops_of_task(task).filter(|op| op.is_waiting());
            keys.extend(ops.filter_map(|op| Some(self.store.lock_around(op.resource?)?.key)));
        } else if let Some(actor) = self.actors.get(&who) {
            keys.extend(actor.waits.iter().filter_map(|(target, _)| match target {
                Target::Lock(key, ..) => Some(*key),
                Target::Channel(..) | Target::Answer { .. } | Target::Inner(..) => None,
            }));
        }
        keys.retain(|key| self.queues.contains_key(key));
        keys
    }

    /// Who keeps each of the queue from going on; `None`: none who is stuck.
    pub(super) fn judge(&self, queue: &Queue) -> Vec<Option<Blame>> {
        if !queue.lock.holders_are_whole() {
            return vec![None; queue.waiters.len()];
        }
        let taken = self.taken(queue);
        let mut ahead: Option<usize> = None;
        let mut blames = Vec::with_capacity(queue.waiters.len());
        for (i, waiter) in queue.waiters.iter().enumerate() {
            let blame = if waiter.granted_ns.is_some() {
                None
            } else {
                taken.in_the_way(queue, waiter).or(ahead.map(Blame::Ahead))
            };
            if blame.is_some() && ahead.is_none() && self.is_stuck(waiter.who()) {
                ahead = Some(i);
            }
            blames.push(blame);
        }
        blames
    }

    /// Whoever holds it or was given it: those who are stuck, and what the others will give back.
    fn taken(&self, queue: &Queue) -> Taken {
        let holders = queue.lock.holders.iter().enumerate();
        let holders = holders.map(|(i, holder)| {
            (Blame::Holder(i), holder.who, u64::from(holder.permits.max(1)), holder.shared)
        });
        let granted = queue.waiters.iter().enumerate().filter(|(_, other)| other.granted_ns.is_some());
        let granted = granted
            .map(|(i, other)| (Blame::Granted(i), other.who(), other.permits.unwrap_or(1), other.shared));
        let mut taken = Taken::default();
        for (blame, who, permits, shared) in holders.chain(granted) {
            if self.is_stuck(who) {
                taken.lost = taken.lost.saturating_add(permits);
                taken.all.add(blame, who);
                if !shared {
                    taken.alone.add(blame, who);
                }
            } else {
                taken.coming = taken.coming.saturating_add(permits);
            }
        }
        taken
    }
}

/// What of a lock is taken.
#[derive(Debug, Default, Clone, Copy)]
struct Taken {
    /// Permits of those who are stuck.
    lost: u64,
    /// Permits of the others.
    coming: u64,
    /// Those who are stuck.
    all: Two,
    /// Those of them who share it with none.
    alone: Two,
}

/// The first of several, and the first after it who is another one: someone who waits for what it holds itself is not to be blamed where others
/// hold it, too.
#[derive(Debug, Default, Clone, Copy)]
struct Two {
    first: Option<(Blame, Agent)>,
    other: Option<Blame>,
}

impl Two {
    fn add(&mut self, blame: Blame, who: Agent) {
        match self.first {
            None => self.first = Some((blame, who)),
            Some((_, first)) if first != who => self.other = self.other.or(Some(blame)),
            Some(_) => {}
        }
    }

    /// Who is in the way of this one.
    fn of(&self, who: Agent) -> Option<Blame> {
        let (first, is) = self.first?;
        Some(if is == who { self.other.unwrap_or(first) } else { first })
    }
}

impl Taken {
    /// Whoever holds it, or was given it, and is stuck, so that there is not enough left.
    fn in_the_way(&self, queue: &Queue, waiter: &Waiter) -> Option<Blame> {
        if queue.kind != LockKind::Semaphore {
            return if waiter.shared { self.alone } else { self.all }.of(waiter.who());
        }
        // Permits that were not reported may be there, unless whoever holds some is stuck with all of them.
        let left = match queue.available {
            Some(left) => left,
            None if self.coming == 0 => 0,
            None => return None,
        };
        let wanted = waiter.permits.unwrap_or(1);
        let without = left.saturating_add(self.coming);
        self.all.of(waiter.who()).filter(|_| without < wanted && without.saturating_add(self.lost) >= wanted)
    }
}
