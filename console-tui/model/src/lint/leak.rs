//! `task-leak`: looks at a spawn site as a whole.
//!
//! It needs no history: when the live tasks of a place were spawned, how many have ended and how many are idle says
//! whether it grows. That is a suspicion, and is worded as one: a server whose clients all stay looks the same.

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

/// What is needed of the live tasks of a place, gathered in one walk over all tasks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Growth {
    alive: u64,
    newest_ns: u64,
    long_idle: u64,
    /// The oldest ones, which leaked first, with the time of their spawn; the oldest first.
    oldest: Vec<(u64, TaskKey)>,
}

impl Growth {
    pub(crate) fn add(&mut self, task: &Task, at: u64, lint: &TaskLeak) {
        self.alive += 1;
        self.newest_ns = self.newest_ns.max(task.facts.created_ns);
        let idle = task.stats.state == State::Idle
            && task.state_age_ns(at) >= lint.idle_ms.saturating_mul(NS_PER_MS);
        self.long_idle += u64::from(idle);
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
    pub(crate) fn check(&self, site: &Site, at: u64, lint: &TaskLeak) -> Option<Severity> {
        let spawned = site.spawned().max(self.alive);
        let grows = self.alive >= lint.min_alive
            && u128::from(site.finished()) * 100
                <= u128::from(spawned) * u128::from(lint.max_finished_percent)
            && self.newest_ns.saturating_sub(self.oldest_ns()) >= lint.min_span_ms.saturating_mul(NS_PER_MS)
            && at.saturating_sub(self.newest_ns) <= lint.max_newest_ms.saturating_mul(NS_PER_MS)
            && self.long_idle * 2 >= self.alive;
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
             the newest {} ago, and {} of them have been idle for long.",
            exact(self.alive),
            duration_ns(at.saturating_sub(self.oldest_ns())),
            duration_ns(at.saturating_sub(self.newest_ns)),
            percent(self.long_idle as f64 / self.alive.max(1) as f64),
        )
    }

    pub(crate) fn advice() -> &'static str {
        "See what the oldest ones wait for; keep their handles in a JoinSet, give them a timeout or a cancellation, \
         or stop spawning there while earlier ones are still waiting."
    }
}
