//! The cycles of the wait-for graph: `deadlock`, and `futurelock` where a cycle goes through a lock that was given to a future.

use rustc_hash::FxHashSet;

use super::{LockPass, NAMED};
use crate::{
    analysis::waits_for::cycles::{Cycle, How, Step},
    format::exact,
    id::SiteId,
    lints::{
        LintKind,
        deadlock::{ALONE, ASKS, CHANNELS, LOCKS, LOOK},
        findings::{Finding, FindingId, Subject},
        futurelock::ADVICE as FUTURE,
    },
    severity::{Confidence, Severity},
    store::task::Agent,
};

/// Tasks that each seem to hold what another one waits for are worth a warning from here on: a token bucket is refilled before.
const LOOSE_MS: u64 = 30_000;

/// The cycle goes through a lock that was given to a future which its task does not poll.
pub(crate) fn is_given(cycle: &Cycle) -> bool {
    cycle.steps.iter().any(|step| step.how == How::Given)
}

/// Makes findings of the cycles that are wanted. A suspicion is none where an earlier finding is about one of its tasks or locks.
pub(crate) fn report(pass: &mut LockPass<'_>, wanted: impl Fn(&Cycle) -> bool) {
    let cycles = std::mem::take(&mut pass.cycles);
    for cycle in cycles.list.iter().filter(|cycle| wanted(cycle)) {
        let is_explained = |step: &Step| {
            pass.explained.contains(&step.who) || pass.explained_locks.contains(&step.wait.resource)
        };
        if !pass.is_due(cycle) || (!cycle.proven && cycle.steps.iter().any(is_explained)) {
            continue;
        }
        pass.explained.extend(cycle.steps.iter().map(|step| step.who));
        pass.explained.extend(cycle.victims.iter().copied());
        if !cycle.proven {
            pass.suspected.extend(cycle.steps.iter().map(|step| step.who));
            pass.suspected.extend(cycle.victims.iter().copied());
        }
        pass.explained_locks.extend(cycle.steps.iter().map(|step| step.wait.resource));
        pass.cycle(cycle);
    }
    pass.cycles = cycles;
}

impl LockPass<'_> {
    fn is_due(&self, cycle: &Cycle) -> bool {
        let (deadlock, futurelock) = (&self.config.deadlock, &self.config.futurelock);
        let ms = match (is_given(cycle), cycle.proven, cycle.steps.len()) {
            (true, ..) => futurelock.granted_ms,
            (false, true, _) => deadlock.min_ms,
            (false, false, 1) if cycle.steps.iter().all(|step| step.how == How::Holds) => deadlock.alone_ms,
            (false, false, _) => deadlock.suspected_ms,
        };
        self.is_old(cycle.since_ns, ms)
    }

    fn cycle(&mut self, cycle: &Cycle) {
        let given = is_given(cycle);
        let asked = cycle.steps.iter().any(|step| step.how == How::Asked);
        let channel = asked || cycle.steps.iter().any(|step| step.how == How::LastSeen);
        let (lint, head) = match (given, cycle.proven) {
            (true, true) => (LintKind::Futurelock, "Futurelock"),
            (true, false) => (LintKind::Futurelock, "This may be a futurelock"),
            (false, true) => (LintKind::Deadlock, "Deadlock"),
            (false, false) => (LintKind::Deadlock, "This may be a deadlock"),
        };
        let mut way: Vec<String> = Vec::new();
        for step in cycle.steps.iter().take(NAMED) {
            way.extend([self.who(step.who), self.name(step.wait.resource)]);
        }
        let more = cycle.steps.len().saturating_sub(NAMED);
        if more > 0 {
            way.push(format!("{} more", exact(more as u64)));
        }
        way.extend(cycle.steps.first().map(|step| self.who(step.who)));
        let words: Vec<String> =
            cycle.steps.iter().take(NAMED).map(|step| self.step_words(cycle, step)).collect();
        let beside: Vec<Agent> = cycle.steps.iter().flat_map(|step| self.held_beside(cycle, step)).collect();
        let victims: Vec<Agent> = cycle.victims.iter().copied().filter(|who| !beside.contains(who)).collect();
        let behind = if victims.is_empty() {
            String::new()
        } else {
            let or_more = if cycle.more_victims { " or more" } else { "" };
            format!(" Behind them wait {}{or_more}: {}.", exact(victims.len() as u64), self.list(&victims))
        };
        let doubt = if cycle.proven {
            ""
        } else if cycle.loose {
            " Who took a lock need not hold it any more: permits can be forgotten, and a guard can go to another task."
        } else if asked {
            " Who was asked may have passed the sender of the answer on to another task."
        } else if channel {
            " Who was seen last at the other end of a channel need not be the only one who can go on there."
        } else if cycle.steps.len() == 1 {
            " Another future of the same task may hold it, and go on."
        } else {
            " Something that is not instrumented may still wake one of them."
        };
        let age = self.age(cycle.since_ns);
        let message = format!("{head}: {}, for {age}. {}.{behind}{doubt}", way.join(" → "), words.join("; "));
        let advice = match (given, channel, cycle.steps.len()) {
            (true, ..) => FUTURE,
            (false, true, _) if asked => ASKS,
            (false, true, _) => CHANNELS,
            (false, false, 1) => ALONE,
            (false, false, _) => LOCKS,
        };
        let mut about: Vec<Agent> = cycle.steps.iter().map(|step| step.who).collect();
        let mut seen: FxHashSet<Agent> = about.iter().copied().collect();
        about.extend(beside.into_iter().filter(|who| seen.insert(*who)));
        let severity = match (cycle.proven, cycle.loose) {
            (true, _) => Severity::Critical,
            // A token bucket that waits for its refill looks the same, and a server at its limit of connections.
            (false, true) if cycle.steps.len() == 1 || !self.is_old(cycle.since_ns, LOOSE_MS) => {
                Severity::Info
            }
            (false, _) => Severity::Warning,
        };
        let subject = match about.iter().find(|who| matches!(who, Agent::Task(_))).or(about.first()) {
            Some(Agent::Task(key)) => Subject::Task(*key),
            Some(Agent::Thread(thread)) => Subject::Thread(*thread),
            Some(Agent::Unknown) | None => Subject::Site,
        };
        let site = cycle.steps.first().map_or(SiteId::NONE, |step| self.site_of(step.wait.resource));
        let id = FindingId { lint, site, subject };
        let confidence = if cycle.proven { Confidence::Proven } else { Confidence::Suspected };
        self.found.push(Finding::about(id, severity, &about, message, advice).with(confidence));
    }

    /// `transfer #88 waits at src/ledger.rs:140 for Mutex accounts, held by transfer #91 for 41.2 s (acquired at src/ledger.rs:121)`
    fn step_words(&self, cycle: &Cycle, step: &Step) -> String {
        let itself = step.who == step.next && step.how == How::Holds;
        let who = format!("{}{}", self.who(step.who), self.spawned(step));
        let next = if itself { "itself".to_owned() } else { self.who(step.next) };
        let (place, on) = (self.place(step.wait.site), self.name(step.wait.resource));
        let age = self.age(step.held_since_ns);
        let why = match step.how {
            How::Holds => {
                let acquired = self.noted("acquired", step.held_site);
                let held = if self.store.is_loose(step.wait.resource) {
                    format!("taken by {next} {age} ago{acquired}")
                } else {
                    format!("held by {next} for {age}{acquired}")
                };
                // Once for each lock.
                let of_the_same =
                    |other: &&Step| other.how == How::Holds && other.wait.resource == step.wait.resource;
                let is_first = cycle.steps.iter().find(of_the_same).is_none_or(|first| first == step);
                match self.held_beside(cycle, step).as_slice() {
                    [] => held,
                    _ if !is_first => held,
                    others => format!("{held}, and by {}, who wait for it too", self.list(others)),
                }
            }
            How::Given => format!(
                "which was given {age} ago to a future of {next}{} that has not been polled since, though the task was",
                self.noted("begun", step.held_site)
            ),
            How::Ahead => {
                format!("in the queue behind {next}, who has waited for {age}{}", self.place(step.held_site))
            }
            How::Asked => self.asked_words(step),
            How::Inner => {
                return format!(
                    "{who} blocks its thread in a block_on, whose future is {next} and waits for {on}"
                );
            }
            How::LastSeen if self.store.hello.is_memory() => format!("whose other end {next} has"),
            How::LastSeen => format!("whose other end {next} was seen at last"),
        };
        format!("{who} waits{place} for {on}, {why}")
    }

    /// Where a task was spawned, if it is not known where it waits.
    fn spawned(&self, step: &Step) -> String {
        let Agent::Task(key) = step.who else { return String::new() };
        let is_unknown = step.wait.site == SiteId::NONE;
        let task = self.store.task(key).filter(|_| is_unknown);
        task.map_or_else(String::new, |task| self.noted("spawned", task.facts.site))
    }

    /// `whose question went through mpsc jobs: worker #2 receives from it, and 1 value is still in it`
    fn asked_words(&self, step: &Step) -> String {
        let Some(key) = step.asked else { return String::new() };
        let next = if step.next == step.who {
            format!("{} itself", self.who(step.next))
        } else {
            self.who(step.next)
        };
        let channel = self.store.channel(key);
        let depth = channel.and_then(|channel| channel.depth).filter(|depth| *depth > 0);
        let left = match (depth, channel.is_some_and(|channel| channel.room_alone)) {
            (None, _) => "and it is empty".to_owned(),
            (Some(1), false) => "and 1 value is still in it".to_owned(),
            (Some(depth), false) => format!("and {} values are still in it", exact(depth)),
            (Some(1), true) => "and 1 place in it is taken".to_owned(),
            (Some(depth), true) => format!("and {} places in it are taken", exact(depth)),
        };
        format!("the answer to what it sent to {}: {next} receives from it, {left}", self.name(key))
    }

    /// Those who hold what a step waits for beside the next one, and can't go on either.
    fn held_beside(&self, cycle: &Cycle, step: &Step) -> Vec<Agent> {
        if step.how != How::Holds {
            return Vec::new();
        }
        let lock = self.store.lock_waited_for(step.wait.resource);
        let holders = lock.map_or(&[][..], |(_, lock)| &lock.holders);
        let mut beside: Vec<Agent> =
            holders.iter().map(|holder| holder.who).filter(|who| cycle.victims.contains(who)).collect();
        beside.sort_unstable();
        beside.dedup();
        beside
    }

    /// What a limit kept this pass from looking at is a finding, too.
    pub(super) fn passed_over(&mut self) {
        if !self.config.deadlock.enabled {
            return;
        }
        let message = if self.cycles.cut {
            "There are too many holders and waits to look for deadlocks: none would be found.".to_owned()
        } else if self.cycles.more > 0 {
            "There are more deadlocks than are listed.".to_owned()
        } else if self.passed_over > 0 {
            let count = exact(self.passed_over);
            format!(
                "So many tasks wait that {count} locks and channels were not looked at, but for deadlocks."
            )
        } else {
            return;
        };
        let id = FindingId { lint: LintKind::Deadlock, site: SiteId::NONE, subject: Subject::Site };
        self.found.push(Finding::about(id, Severity::Info, &[], message, LOOK));
    }
}
