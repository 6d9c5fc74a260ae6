//! `task-leak`: a spawn site whose tasks hardly ever end.
//!
//! It needs no history: when the live tasks of a place were spawned, how many have ended and how many have been idle for most of their life says
//! whether it grows. A burst of clients that all stay is no leak: it must have grown steadily, over all of [`TaskLeak::min_span_ms`] up to now.
//! It remains a suspicion, and is worded as one: a server that goes on getting clients who stay and say nothing looks the same.

use crate::{
    format::{duration_ns, exact, percent},
    id::{SiteId, TaskKey},
    lints::{
        LintKind,
        findings::{Finding, FindingId, SHOWN_TASKS},
        judged::Need,
        lint::{Check, Gather, Group, Lint, Rank, ns, thresholds},
        pass::Look,
    },
    severity::{Confidence, Severity},
    store::{
        Site,
        task::{Agent, State, Task},
    },
};

thresholds! {
    TaskLeak {
        /// A place with fewer live tasks is no leak yet.
        min_alive: u64 = 100,
        /// At most this share of the tasks ever spawned there has ended.
        max_finished_percent: u64 = 10,
        /// It has grown for this long, in each tenth of that time by a quarter of a tenth at least: a burst of clients is no leak, …
        min_span_ms: u64 = 300_000,
        /// … and at least this share of the tasks that are older than a tenth of it have been idle for most of their life.
        min_idle_percent: u64 = 90,
    }
}

const ADVICE: &str = "See what the oldest ones wait for; keep their handles in a JoinSet, give them a timeout or a cancellation, \
         or stop spawning there while earlier ones are still waiting.";

pub(super) static LINT: Lint = Lint {
    help: "a spawn site whose tasks hardly ever end",
    group: Group::Sites,
    rank: Rank::Cause,
    needs: Need::Lives,
    example: "This looks like a leak: 4,120 tasks spawned at src/server.rs:40 are alive and none has ended; the oldest was spawned 11.4 min ago, the newest 120 ms ago. Their number has grown steadily for 5.00 min, and 99 % of the older ones have been idle for most of their life.",
    advice: &[ADVICE],
    thresholds: TaskLeak::THRESHOLDS,
    check: Check::Tasks(|| Box::<Growths>::default()),
};

/// The growth of every spawn site, by the number of the site.
#[derive(Debug, Default)]
struct Growths(Vec<Growth>);

impl Gather for Growths {
    fn add(&mut self, look: &Look<'_>, task: &Task) {
        let index = task.facts.site.0 as usize;
        if self.0.len() <= index {
            self.0.resize_with(index + 1, Growth::default);
        }
        self.0[index].add(task, look.at(), &look.config.task_leak);
    }

    fn findings(&self, look: &Look<'_>) -> Vec<Finding> {
        let found = (0..).map(SiteId).zip(&self.0).filter_map(|(id, growth)| {
            let site = look.store.site(id)?;
            let severity = growth.check(site, &look.config.task_leak)?;
            let message = growth.message(site, &look.spawned_at(id), look.at());
            let oldest: Vec<Agent> = growth.oldest.iter().map(|(_, key)| Agent::Task(*key)).collect();
            let mut finding = Finding::about(
                FindingId::of_site(LintKind::TaskLeak, id),
                severity,
                &oldest,
                message,
                ADVICE,
            )
            .with(Confidence::Suspected);
            finding.count = growth.alive;
            Some(finding)
        });
        found.collect()
    }
}

/// Parts of the time that it must have grown in: in each of them.
const PARTS: usize = 10;
/// In each at least the mean, divided by this.
const LEAST: u64 = 4;

/// What is needed of the live tasks of a place, gathered in one scan of all tasks.
#[derive(Debug, Clone, Default)]
struct Growth {
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
    fn add(&mut self, task: &Task, at: u64, lint: &TaskLeak) {
        self.alive += 1;
        self.newest_ns = self.newest_ns.max(task.facts.created_ns);
        let age_ns = at.saturating_sub(task.facts.created_ns);
        self.span_ns = ns(lint.min_span_ms);
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

    fn oldest_ns(&self) -> u64 {
        self.oldest.first().map_or(0, |(created_ns, _)| *created_ns)
    }

    /// How serious it is; `None`: it does not look like a leak.
    fn check(&self, site: &Site, lint: &TaskLeak) -> Option<Severity> {
        let spawned = site.spawned().max(self.alive);
        let least = (self.parts.iter().sum::<u64>() / PARTS as u64 / LEAST).max(1);
        let grows = self.alive >= lint.min_alive
            && u128::from(site.finished()) * 100
                <= u128::from(spawned) * u128::from(lint.max_finished_percent)
            && self.parts.iter().all(|part| *part >= least)
            && u128::from(self.old_idle) * 100 >= u128::from(self.old) * u128::from(lint.min_idle_percent);
        grows.then_some(Severity::Warning)
    }

    /// A sentence.
    fn message(&self, site: &Site, place: &str, at: u64) -> String {
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
}
