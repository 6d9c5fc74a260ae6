//! `task-leak`: looks at a spawn site as a whole.
//!
//! It needs no history: when the live tasks of a place were spawned, how many have ended and how many have been idle for most of their life says
//! whether it grows. A burst of clients that all stay is no leak: it must have grown steadily, over all of [`TaskLeak::min_span_ms`] up to now.
//! It remains a suspicion, and is worded as one: a server that goes on getting clients who stay and say nothing looks the same.

use crate::{
    format::{duration_ns, exact, percent},
    id::TaskKey,
    lint::{Severity, config::TaskLeak, findings::SHOWN_TASKS},
    store::{
        Site,
        task::{State, Task},
    },
};

const NS_PER_MS: u64 = 1_000_000;

/// Parts of the time that it must have grown in: in each of them.
const PARTS: usize = 10;
/// In each at least the mean, divided by this.
const LEAST: u64 = 4;

/// What is needed of the live tasks of a place, gathered in one walk over all tasks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Growth {
    /// The time that is looked at.
    span_ns: u64,
    alive: u64,
    newest_ns: u64,
    /// Spawned within the time that is looked at, by part of it, the last part first.
    parts: [u64; PARTS],
    /// Older than a part, and of those how many have been idle for most of their life.
    old: u64,
    old_idle: u64,
    /// The oldest ones, which leaked first, with the time of their spawn; the oldest first.
    oldest: Vec<(u64, TaskKey)>,
}

impl Growth {
    pub(crate) fn add(&mut self, task: &Task, at: u64, lint: &TaskLeak) {
        self.alive += 1;
        self.newest_ns = self.newest_ns.max(task.facts.created_ns);
        let age_ns = at.saturating_sub(task.facts.created_ns);
        self.span_ns = lint.min_span_ms.saturating_mul(NS_PER_MS);
        let part_ns = (self.span_ns / PARTS as u64).max(1);
        let part = usize::try_from(age_ns / part_ns).unwrap_or(PARTS);
        if let Some(count) = self.parts.get_mut(part) {
            *count += 1;
        }
        if part > 0 {
            let is_idle = task.stats.state == State::Idle && task.state_age_ns(at) >= age_ns / 2;
            self.old += 1;
            self.old_idle += u64::from(is_idle);
        }
        let entry = (task.facts.created_ns, task.key);
        if self.oldest.len() < SHOWN_TASKS || self.oldest.last().is_some_and(|last| entry < *last) {
            let at = self.oldest.partition_point(|older| *older < entry);
            self.oldest.insert(at, entry);
            self.oldest.truncate(SHOWN_TASKS);
        }
    }

    /// The oldest tasks.
    pub(crate) fn oldest(&self) -> Vec<TaskKey> {
        self.oldest.iter().map(|(_, key)| *key).collect()
    }

    fn oldest_ns(&self) -> u64 {
        self.oldest.first().map_or(0, |(created_ns, _)| *created_ns)
    }

    /// How serious it is; `None`: it does not look like a leak.
    pub(crate) fn check(&self, site: &Site, lint: &TaskLeak) -> Option<Severity> {
        let spawned = site.spawned().max(self.alive);
        let least = (self.parts.iter().sum::<u64>() / PARTS as u64 / LEAST).max(1);
        let grows = self.alive >= lint.min_alive
            && u128::from(site.finished()) * 100
                <= u128::from(spawned) * u128::from(lint.max_finished_percent)
            && self.parts.iter().all(|part| *part >= least)
            && u128::from(self.old_idle) * 100 >= u128::from(self.old) * u128::from(lint.min_idle_percent);
        grows.then_some(Severity::Warning)
    }

    pub(crate) fn alive(&self) -> u64 {
        self.alive
    }

    /// A sentence.
    pub(crate) fn message(&self, site: &Site, place: &str, at: u64) -> String {
        let spawned = site.spawned().max(self.alive);
        let ended = if self.alive == spawned || site.finished() == 0 {
            "none has ended".to_owned()
        } else {
            format!("only {} of {} have ended", exact(site.finished()), exact(spawned))
        };
        format!(
            "This looks like a leak: {} tasks spawned {place} are alive and {ended}; the oldest was spawned {} ago, \
             the newest {} ago. Their number has grown steadily for {}, and {} of the older ones have been idle for most of their life.",
            exact(self.alive),
            duration_ns(at.saturating_sub(self.oldest_ns())),
            duration_ns(at.saturating_sub(self.newest_ns)),
            duration_ns(self.span_ns),
            percent(self.old_idle as f64 / self.old.max(1) as f64),
        )
    }

    pub(crate) fn advice() -> &'static str {
        "See what the oldest ones wait for; keep their handles in a JoinSet, give them a timeout or a cancellation, \
         or stop spawning there while earlier ones are still waiting."
    }
}
