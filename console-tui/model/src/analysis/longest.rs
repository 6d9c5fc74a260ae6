//! What idle tasks wait for, and how long woken ones wait for a worker: gathered in the scan over all tasks.
//!
//! Waits are distinguished by what is waited for: one lock or channel, or all things that were made at one place, in one way. What a task
//! waits for that nothing reports is counted by the place that spawned it.
//!
//! Limit: [`MAX_LOOKED_AT`] tasks are looked at, evenly spread over all; [`MAX_WAITS`] waits are kept, the first in their order.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::{
    analysis::Analysis,
    id::{OpKey, ResourceKey, SiteId, TaskKey},
    store::{
        detail::{Bucket, Histogram},
        resources::{Op, Resource},
        task::{State, Task, TaskKind},
    },
    text::TextId,
};

/// Tasks whose operations are looked at in one scan: some 300 ns each.
pub(crate) const MAX_LOOKED_AT: u64 = 4096;
/// Waits that are kept: more than a screen has room for.
pub(crate) const MAX_WAITS: usize = 24;
/// Operations of one task that are looked at.
const MAX_OPS: usize = 64;
/// A shorter wait is the pace of a task, whatever it waits for: it comes last.
const SHORT_NS: u64 = 1_000_000_000;
/// Steps in which a length doubles.
const STEPS: u32 = 8;

/// How much a long wait says, the most suspicious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WaitKind {
    /// For another part of the program: a lock, a channel, a task.
    Program,
    /// For what nothing reports.
    Unknown,
    /// For another program: a socket, a signal, a child.
    Outside,
    /// For the time to pass.
    Timer,
}

/// Tasks that wait for one thing, or for things made at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) kind: WaitKind,
    /// `Mutex accounts ◂ transfer #91`; empty: nothing reports it.
    pub(crate) words: String,
    /// Where it was made; of what nothing reports, where the tasks were spawned.
    pub(crate) site: SiteId,
    /// The one thing that all of them wait for.
    pub(crate) on: Option<ResourceKey>,
    /// Of the tasks that were looked at.
    pub(crate) tasks: u64,
    pub(crate) since_ns: u64,
    pub(crate) longest: TaskKey,
}

/// What was found.
#[derive(Debug, Default, Clone)]
pub(crate) struct Longest {
    /// The most suspicious first, of those the longest.
    pub(crate) waits: Vec<Wait>,
    /// Further ones.
    pub(crate) more: usize,
    /// Idle tasks that were looked at, of so many.
    pub(crate) looked_at: u64,
    pub(crate) idle: u64,
    /// How long those have waited that were woken and not polled yet.
    pub(crate) woken: Histogram,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Thing { concrete_type: TextId, name: TextId, source: TextId, site: SiteId },
    Unknown(SiteId),
}

#[derive(Debug, Clone, Copy)]
struct Group {
    kind: WaitKind,
    tasks: u64,
    since_ns: u64,
    longest: TaskKey,
    op: Option<OpKey>,
    /// Of all of them; `None`: of several.
    on: Option<ResourceKey>,
}

/// The scan's own side.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    groups: FxHashMap<Key, Group>,
    looked_at: u64,
    idle: u64,
    woken: Lengths,
}

impl Gathering {
    pub(crate) fn add(&mut self, store: Analysis<'_>, task: &Task) {
        match task.stats.state {
            State::Scheduled if task.facts.knows.scheduled && task.facts.kind != TaskKind::Blocking => {
                self.woken.add(task.state_age_ns(store.now_ns));
            }
            State::Idle => {
                self.idle += 1;
                if self.idle.is_multiple_of(store.alive().div_ceil(MAX_LOOKED_AT).max(1)) {
                    self.look_at(store, task);
                }
            }
            _ => {}
        }
    }

    fn look_at(&mut self, store: Analysis<'_>, task: &Task) {
        self.looked_at += 1;
        let (key, one) = if let Some((op, resource)) = store.waits_first(task.key) {
            let key = Key::Thing {
                concrete_type: resource.concrete_type,
                name: resource.name,
                source: op.source,
                site: resource.site,
            };
            let (kind, since_ns) = (store.wait_kind(resource), store.waits_since_ns(op));
            let on = Some(resource.key);
            (key, Group { kind, tasks: 1, since_ns, longest: task.key, op: Some(op.key), on })
        } else {
            // The future of a `block_on` mostly waits for the end of the program.
            let kind = if task.facts.kind.owns_its_thread() { WaitKind::Outside } else { WaitKind::Unknown };
            let since_ns = task.stats.state_since_ns;
            let one = Group { kind, tasks: 1, since_ns, longest: task.key, op: None, on: None };
            (Key::Unknown(task.facts.site), one)
        };
        self.groups.entry(key).and_modify(|group| group.add(&one)).or_insert(one);
    }

    pub(crate) fn finish(self, store: Analysis<'_>) -> Longest {
        let mut groups: Vec<(Key, Group)> = self.groups.into_iter().collect();
        groups.sort_unstable_by_key(|(_, group)| {
            let is_short = store.now_ns.saturating_sub(group.since_ns) < SHORT_NS;
            (is_short, group.kind, group.since_ns, group.longest)
        });
        let more = groups.len().saturating_sub(MAX_WAITS);
        groups.truncate(MAX_WAITS);
        let waits = groups.iter().map(|(key, group)| group.wait(*key, store)).collect();
        let woken = self.woken.histogram();
        Longest { waits, more, looked_at: self.looked_at, idle: self.idle, woken }
    }
}

impl Group {
    fn add(&mut self, other: &Self) {
        self.tasks += other.tasks;
        if (other.since_ns, other.longest) < (self.since_ns, self.longest) {
            (self.since_ns, self.longest, self.op) = (other.since_ns, other.longest, other.op);
        }
        self.kind = self.kind.min(other.kind);
        self.on = self.on.filter(|on| Some(*on) == other.on);
    }

    fn wait(&self, key: Key, store: Analysis<'_>) -> Wait {
        let op = self.op.and_then(|key| store.resources.op(key));
        let (site, words) = match key {
            Key::Unknown(site) => (site, String::new()),
            Key::Thing { site, concrete_type, .. } => {
                let of_type = || store.texts.text(concrete_type).unwrap_or(crate::format::UNKNOWN).to_owned();
                let words = match (op, self.on) {
                    (Some(op), Some(_)) => store.wait_words(op),
                    (Some(op), None) => format!("{} {}", of_type(), store.method(op)),
                    (None, _) => of_type(),
                };
                (site, words)
            }
        };
        let Self { kind, tasks, since_ns, longest, on, .. } = *self;
        Wait { kind, words, site, on, tasks, since_ns, longest }
    }
}

impl<'a> Analysis<'a> {
    /// What an idle task turned to last and waits for, with the thing that the program knows.
    fn waits_first(self, task: TaskKey) -> Option<(&'a Op, &'a Resource)> {
        let resources = &self.store().resources;
        let ops = resources.ops_of_task(task).take(MAX_OPS).filter(|op| op.is_waiting());
        let known = ops.filter_map(|op| Some((op, resources.visible(op.resource?)?)));
        known.min_by_key(|(op, resource)| {
            // The outermost: a part stands for what it is a part of.
            (op.parent.is_some(), self.is_hidden(resource), Reverse(op.stats.state_since_ns), op.key)
        })
    }

    fn wait_kind(self, resource: &Resource) -> WaitKind {
        let is =
            |kind: &str| self.texts.text(resource.kind).is_some_and(|of_it| of_it.eq_ignore_ascii_case(kind));
        if is("timer") {
            WaitKind::Timer
        } else if self.resources.streams.stream(resource.key.slot).is_some() || is("signal") || is("child") {
            WaitKind::Outside
        } else {
            WaitKind::Program
        }
    }
}

/// Counts of lengths, in steps of an eighth of a doubling.
#[derive(Debug, Default)]
struct Lengths {
    counts: Vec<u64>,
    max_ns: u64,
}

impl Lengths {
    fn add(&mut self, ns: u64) {
        let step = step_of(ns);
        if self.counts.len() <= step {
            self.counts.resize(step + 1, 0);
        }
        self.counts[step] += 1;
        self.max_ns = self.max_ns.max(ns);
    }

    fn histogram(&self) -> Histogram {
        let used = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let bucket = |(step, count): (usize, &u64)| Bucket {
            lower_ns: start_of(step),
            upper_ns: start_of(step + 1),
            count: *count,
        };
        Histogram { buckets: used.map(bucket).collect(), max_ns: self.max_ns }
    }
}

/// The step that a length is in.
fn step_of(ns: u64) -> usize {
    let Some(power) = ns.checked_ilog2() else { return 0 };
    let part = (u128::from(ns - (1 << power)) * u128::from(STEPS)) >> power;
    (power * STEPS) as usize + part as usize
}

/// The least length of a step.
fn start_of(step: usize) -> u64 {
    let (power, part) = (step as u32 / STEPS, u128::from(step as u32 % STEPS));
    let whole = 1_u128 << power;
    u64::try_from(whole + (whole * part).div_ceil(u128::from(STEPS))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_in_its_step() {
        for ns in [1, 2, 7, 8, 9, 1000, 1023, 1024, 123_456_789, 41_000_000_000, u64::MAX / 3, u64::MAX] {
            let step = step_of(ns);
            assert!(start_of(step) <= ns, "{ns}");
            assert!(start_of(step + 1) > ns || ns == u64::MAX, "{ns}");
        }
        assert_eq!(step_of(0), 0);
    }

    #[test]
    fn lengths_become_a_histogram_that_ascends() {
        let mut lengths = Lengths::default();
        for ns in [0, 5, 1_000_000, 1_010_000, 3_000_000_000] {
            lengths.add(ns);
        }
        let histogram = lengths.histogram();
        assert_eq!(histogram.max_ns, 3_000_000_000);
        assert_eq!(histogram.buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 5);
        assert!(histogram.buckets.is_sorted_by_key(|bucket| bucket.lower_ns));
        assert!(histogram.buckets.iter().all(|bucket| bucket.lower_ns < bucket.upper_ns));
    }
}
