//! What the walk over all tasks finds out about the scheduler: who waits for a worker, and what the blocking pool does.
//!
//! Limit: [`MAX_STARVING`] tasks and [`MAX_CLOSURES`] places are kept, the worst; the others are counted.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::{
    id::{SiteId, TaskKey},
    store::{
        Store,
        scheduler::{Delay, MIN_DELAY_NS, blame::Blame},
        task::{Kind, State, Task},
    },
};

/// Tasks that wait for a worker now, and waits of the last minutes: as many as a screen has room for.
pub(crate) const MAX_STARVING: usize = 16;
/// Places of closures on the blocking pool.
pub(crate) const MAX_CLOSURES: usize = 16;

/// A wait for a worker, and who held the workers meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Starving {
    pub(crate) wait: Delay,
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
    /// Those that wait now, the longest first.
    pub(crate) starving: Vec<Starving>,
    /// How many more wait for longer than [`MIN_DELAY_NS`].
    pub(crate) more_starving: u64,
    /// The worst waits of the last minutes that are over.
    pub(crate) starved: Vec<Starving>,
    /// The places whose closures run longest first.
    pub(crate) closures: Vec<Closures>,
    pub(crate) more_closures: usize,
}

/// The walk's own side.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    waiting: Vec<Delay>,
    count: u64,
    closures: FxHashMap<SiteId, Closures>,
}

impl Gathering {
    pub(crate) fn add(&mut self, store: &Store, task: &Task) {
        match (task.facts.kind, task.stats.state) {
            (Kind::Blocking, State::Running | State::Scheduled) => self.add_closure(task),
            (_, State::Scheduled) if task.facts.knows.scheduled => self.add_waiting(store, task),
            _ => {}
        }
    }

    fn add_waiting(&mut self, store: &Store, task: &Task) {
        let length_ns = task.state_age_ns(store.now_ns);
        if length_ns < MIN_DELAY_NS {
            return;
        }
        self.count += 1;
        self.waiting.push(Delay::until_now(store, task));
        if self.waiting.len() > MAX_STARVING * 64 {
            keep_worst(&mut self.waiting);
        }
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

    pub(crate) fn finish(mut self, store: &Store) -> Pressure {
        keep_worst(&mut self.waiting);
        let mut starved: Vec<Delay> = store.scheduler.delays.iter().copied().collect();
        keep_worst(&mut starved);
        let mut closures: Vec<Closures> = self.closures.into_values().collect();
        closures.sort_by_key(|closures| (closures.oldest.is_none(), closures.oldest, closures.first));
        let more_closures = closures.len().saturating_sub(MAX_CLOSURES);
        closures.truncate(MAX_CLOSURES);
        let with_blame = |wait: Delay| Starving { blame: store.blame(&wait), wait };
        Pressure {
            more_starving: self.count - self.waiting.len() as u64,
            starving: self.waiting.into_iter().map(with_blame).collect(),
            starved: starved.into_iter().map(with_blame).collect(),
            closures,
            more_closures,
        }
    }
}

fn keep_worst(waits: &mut Vec<Delay>) {
    waits.sort_unstable_by_key(|wait| (Reverse(wait.length_ns), wait.task));
    waits.truncate(MAX_STARVING);
}
