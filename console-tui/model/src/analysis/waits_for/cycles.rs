//! The cycles among those who are stuck, each step with its places.
//!
//! Limit: [`MAX_CYCLES`] cycles and [`MAX_VICTIMS`] operations behind each; that there are more is said.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Graph, Target, Wait, solve::Blame};
use crate::{
    analysis::Analysis,
    id::{ResourceKey, SiteId},
    store::{resources::Op, task::Agent},
};

/// Cycles that are reported.
pub(crate) const MAX_CYCLES: usize = 32;

/// Operations behind one that are looked at.
const MAX_VICTIMS: usize = 1000;

/// How the next one is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum How {
    /// Holds it.
    Holds,
    /// Was given it, and does not poll the future that was.
    Given,
    /// Stands before it in the queue.
    Ahead,
    /// Was seen last at the other end of the channel.
    LastSeen,
    /// Receives from the channel that the question went through.
    Asked,
    /// Blocks its poll: the future of a `block_on` in it.
    Inner,
}

/// One step: a wait, and the next one, who is in its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) who: Agent,
    pub(crate) wait: Wait,
    /// The next one.
    pub(crate) next: Agent,
    pub(crate) how: How,
    /// Since when and where the next one has it.
    pub(crate) held_since_ns: u64,
    pub(crate) held_site: SiteId,
    /// The channel that the question went through.
    pub(crate) asked: Option<ResourceKey>,
}

/// Those who wait for each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cycle {
    /// From the one with the smallest number on; the last one's next is the first.
    pub(crate) steps: Vec<Step>,
    /// The data has no other reading.
    pub(crate) proven: bool,
    /// A task is in it for what it took, and may not hold any more.
    pub(crate) loose: bool,
    /// When it closed.
    pub(crate) since_ns: u64,
    /// Others who wait behind it; not all of them where [`MAX_VICTIMS`] was reached.
    pub(crate) victims: Vec<Agent>,
    /// There are more of them.
    pub(crate) more_victims: bool,
}

/// What was found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Cycles {
    pub(crate) list: Vec<Cycle>,
    /// Those that are not in the list.
    pub(crate) more: usize,
    /// There was too much to look at: nothing can be said.
    pub(crate) cut: bool,
}

impl Analysis<'_> {
    /// All cycles, those that are proven first. Costs what those cost who hold something and wait.
    pub(crate) fn cycles(self) -> Cycles {
        let mut graph = Graph::new(self);
        let mut found = Cycles::default();
        let mut seen: FxHashSet<Agent> = FxHashSet::default();
        for strict in [true, false] {
            if graph.cut {
                break;
            }
            graph.solve(strict);
            for cycle in graph.extract() {
                // Whoever is in a proven one needs no suspicion.
                if cycle.steps.iter().any(|step| seen.contains(&step.who) || graph.may_go_on(step)) {
                    continue;
                }
                seen.extend(cycle.steps.iter().map(|step| step.who));
                if found.list.len() < MAX_CYCLES {
                    found.list.push(Cycle { proven: strict && cycle.proven, ..cycle });
                } else {
                    found.more += 1;
                }
            }
        }
        found.cut = graph.cut;
        if found.cut {
            found.list.clear();
        }
        found
    }
}

impl Graph<'_> {
    /// One cycle of each group of those who are stuck.
    fn extract(&self) -> Vec<Cycle> {
        let next: FxHashMap<Agent, Step> = self.steps();
        let mut starts: Vec<Agent> = next.keys().copied().collect();
        starts.sort_unstable();
        let mut group: FxHashMap<Agent, usize> = FxHashMap::default();
        let mut cycles: Vec<Vec<Step>> = Vec::new();
        let mut behind: Vec<Vec<Agent>> = Vec::new();
        for start in starts {
            let mut way: Vec<Agent> = Vec::new();
            let mut at = start;
            let number = loop {
                if let Some(number) = group.get(&at) {
                    break *number;
                }
                if let Some(first) = way.iter().position(|who| *who == at) {
                    cycles.push(way[first..].iter().map(|who| next[who]).collect());
                    behind.push(Vec::new());
                    way.truncate(first);
                    for step in &cycles[cycles.len() - 1] {
                        group.insert(step.who, cycles.len() - 1);
                    }
                    break cycles.len() - 1;
                }
                way.push(at);
                match next.get(&at) {
                    Some(step) => at = step.next,
                    // Can't be: whoever is stuck is behind another one who is.
                    None => break usize::MAX,
                }
            };
            for who in way {
                group.insert(who, number);
                if let Some(behind) = behind.get_mut(number) {
                    behind.push(who);
                }
            }
        }
        let both = cycles.into_iter().zip(behind);
        both.map(|(steps, behind)| self.cycle(steps, behind)).collect()
    }

    fn cycle(&self, mut steps: Vec<Step>, mut victims: Vec<Agent>) -> Cycle {
        let first = steps.iter().enumerate().min_by_key(|(_, step)| step.who).map_or(0, |(i, _)| i);
        steps.rotate_left(first);
        let members: FxHashSet<Agent> = steps.iter().map(|step| step.who).collect();
        let mut ops = steps.iter().flat_map(|step| self.store.waiting_on(step.wait.resource));
        victims.extend(ops.by_ref().take(MAX_VICTIMS).map(Op::who));
        let more_victims = ops.next().is_some();
        victims.retain(|who| !members.contains(who) && *who != Agent::Unknown);
        victims.sort_unstable();
        victims.dedup();
        let alone = steps.len() == 1;
        let in_poll = steps.iter().all(|step| self.actors.get(&step.who).is_some_and(|actor| actor.in_poll));
        let is_loose = |step: &Step| step.how == How::Holds && self.store.is_loose(step.wait.resource);
        let loose = steps.iter().any(is_loose);
        let given = steps.iter().any(|step| step.how == How::Given);
        let only = alone && steps.iter().all(|step| self.waits_alone(step.who));
        let proven = (!alone || in_poll || given || only) && !loose;
        let since_ns = steps.iter().map(|step| step.wait.since_ns.max(step.held_since_ns)).max().unwrap_or(0);
        Cycle { steps, proven, loose, since_ns, victims, more_victims }
    }

    /// Whom each of the stuck is behind.
    fn steps(&self) -> FxHashMap<Agent, Step> {
        let mut steps: FxHashMap<Agent, Step> = FxHashMap::default();
        for (key, queue) in &self.queues {
            for (i, blame) in self.judge(queue).into_iter().enumerate() {
                let waiter = &queue.waiters[i];
                let stuck = self.is_stuck(waiter.who()) && self.waits_in(waiter);
                let Some(blame) = blame.filter(|_| stuck) else { continue };
                let (next, how, held_since_ns, held_site) = match blame {
                    Blame::Holder(at) => {
                        let holder = queue.lock.holders[at];
                        (holder.who, How::Holds, holder.since_ns, holder.site)
                    }
                    Blame::Granted(at) => {
                        let other = &queue.waiters[at];
                        (other.who(), How::Given, other.granted_ns.unwrap_or(other.since_ns), other.op.site)
                    }
                    Blame::Ahead(at) => {
                        let other = &queue.waiters[at];
                        (other.who(), How::Ahead, other.since_ns, other.op.site)
                    }
                };
                let (who, wait) = (waiter.who(), Wait::of(*key, waiter));
                add(&mut steps, Step { who, wait, next, how, held_since_ns, held_site, asked: None });
            }
        }
        for (who, actor) in self.actors.iter().filter(|(_, actor)| actor.stuck) {
            for (target, waiter) in &actor.waits {
                let (key, next, how, asked) = match *target {
                    Target::Channel(key, peer) => (key, peer, How::LastSeen, None),
                    Target::Answer { oneshot, asked, peer } => (oneshot, peer, How::Asked, Some(asked)),
                    Target::Inner(key, peer) => (key, peer, How::Inner, None),
                    Target::Lock(..) => continue,
                };
                let (who, wait) = (*who, Wait::of(key, waiter));
                let held_site = SiteId::NONE;
                add(&mut steps, Step { who, wait, next, how, held_since_ns: 0, held_site, asked });
            }
        }
        steps
    }
}

/// Of several waits of one task the one with the strongest reason, then the oldest, counts.
fn add(steps: &mut FxHashMap<Agent, Step>, step: Step) {
    let rank = |step: &Step| (step.how, step.wait.since_ns, step.wait.op);
    let entry = steps.entry(step.who).or_insert(step);
    if rank(&step) < rank(entry) {
        *entry = step;
    }
}
