//! What the scan over all tasks finds out about waiting: who waits for a worker, what the blocking pool does, and what idle tasks wait for.
//!
//! Of tasks that wait, the worst of each place stands for all of them: they wait for the same reason.
//!
//! Limit: [`MAX_STARVING`] and [`MAX_CLOSURES`] places are kept, the worst; the others are counted.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::{
    analysis::{
        Analysis,
        blame::Blame,
        longest::{self, Longest},
    },
    id::{SiteId, TaskKey},
    store::{
        scheduler::{Delay, MIN_DELAY_NS},
        task::{State, Task, TaskKind},
    },
};

/// Places whose tasks wait for a worker now, and that waited in the last minutes: as many as a screen has room for.
pub(crate) const MAX_STARVING: usize = 16;
/// Places of closures on the blocking pool.
pub(crate) const MAX_CLOSURES: usize = 16;

/// The longest wait for a worker of a place, and who held the workers meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Starving {
    pub(crate) wait: Delay,
    /// Tasks of the place that wait, or waited, that one included.
    pub(crate) count: u64,
    /// Who held a worker longest first.
    pub(crate) blame: Vec<Blame>,
}

/// The closures of one place on the blocking pool.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closures {
    pub(crate) site: SiteId,
    pub(crate) running: u64,
    /// The one that has run longest, and since when.
    pub(crate) oldest: Option<(u64, TaskKey)>,
    /// In line for a thread.
    pub(crate) queued: u64,
    /// The one that has waited longest, and since when.
    pub(crate) first: Option<(u64, TaskKey)>,
}

/// What was found.
#[derive(Debug, Default, Clone)]
pub(crate) struct Pressure {
    /// Of those that wait now for longer than [`MIN_DELAY_NS`], the longest first.
    pub(crate) starving: Vec<Starving>,
    /// Tasks of other places that wait.
    pub(crate) more_starving: u64,
    /// The worst waits of the last minutes that are over.
    pub(crate) starved: Vec<Starving>,
    /// The places whose closures run longest first.
    pub(crate) closures: Vec<Closures>,
    /// Since when the first of all closures in line has waited.
    pub(crate) queued_since_ns: Option<u64>,
    pub(crate) more_closures: usize,
    /// What tasks wait for.
    pub(crate) longest: Longest,
}

/// The scan's own side.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    waiting: Waiting,
    closures: FxHashMap<SiteId, Closures>,
    longest: longest::Gathering,
}

/// Waits by place: how many, and the longest.
#[derive(Debug, Default)]
struct Waiting(FxHashMap<SiteId, (u64, Delay)>);

impl Gathering {
    pub(crate) fn add(&mut self, store: Analysis<'_>, task: &Task) {
        self.longest.add(store, task);
        match (task.facts.kind, task.stats.state) {
            (TaskKind::Blocking, State::Running | State::Scheduled) => self.add_closure(task),
            (_, State::Scheduled) if task.facts.knows.scheduled => self.add_waiting(store, task),
            _ => {}
        }
    }

    fn add_waiting(&mut self, store: Analysis<'_>, task: &Task) {
        let length_ns = task.state_age_ns(store.now_ns);
        if length_ns < MIN_DELAY_NS {
            return;
        }
        self.waiting.add(Delay::until_now(store.store(), task));
    }

    fn add_closure(&mut self, task: &Task) {
        let site = task.facts.site;
        let closures = self.closures.entry(site).or_insert(Closures { site, ..Closures::default() });
        let since = (task.stats.state_since_ns, task.key);
        let (count, first) = if task.stats.state == State::Running {
            (&mut closures.running, &mut closures.oldest)
        } else {
            (&mut closures.queued, &mut closures.first)
        };
        *count += 1;
        *first = Some(first.map_or(since, |known| known.min(since)));
    }

    pub(crate) fn finish(self, store: Analysis<'_>) -> Pressure {
        let mut over = Waiting::default();
        store.scheduler.delays.iter().for_each(|delay| over.add(*delay));
        let mut closures: Vec<Closures> = self.closures.into_values().collect();
        closures.sort_by_key(|closures| (closures.oldest.is_none(), closures.oldest, closures.first));
        let queued_since_ns =
            closures.iter().filter_map(|closures| closures.first).map(|(since_ns, _)| since_ns).min();
        let more_closures = closures.len().saturating_sub(MAX_CLOSURES);
        closures.truncate(MAX_CLOSURES);
        let (starving, more_starving) = self.waiting.worst(store);
        let (starved, _) = over.worst(store);
        let longest = self.longest.finish(store);
        Pressure { starving, more_starving, starved, closures, queued_since_ns, more_closures, longest }
    }
}

impl Waiting {
    fn add(&mut self, wait: Delay) {
        let (count, worst) = self.0.entry(wait.site).or_insert((0, wait));
        *count += 1;
        if (wait.length_ns, worst.task) > (worst.length_ns, wait.task) {
            *worst = wait;
        }
    }

    /// The worst places, and how many tasks the others have.
    fn worst(self, store: Analysis<'_>) -> (Vec<Starving>, u64) {
        let mut waits: Vec<(u64, Delay)> = self.0.into_values().collect();
        waits.sort_unstable_by_key(|(_, wait)| (Reverse(wait.length_ns), wait.task));
        let more = waits.iter().skip(MAX_STARVING).map(|(count, _)| count).sum();
        let worst = waits.into_iter().take(MAX_STARVING);
        let worst = worst.map(|(count, wait)| Starving { blame: store.blame(&wait), count, wait });
        (worst.collect(), more)
    }
}
