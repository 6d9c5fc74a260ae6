//! What is known of the process: tasks, spawn sites, sums, histories. It speaks its own types; [`ingest`] alone reads the wire.
//!
//! Invariants: sums over live tasks are kept while tasks change, never recounted; a task is found by its [`TaskKey`] as
//! long as it is kept, wherever its record lies; all times are on the recorder's clock.
//!
//! Each part owns its state: [`records`], [`sites`], [`histories`], [`resources`], [`scheduler`], [`descriptors`], [`trends`], [`changes`]. What concerns several
//! of them is here. Limits: those of the parts, and [`MAX_TREES`] await trees.

mod agree;
pub(crate) mod changes;
pub(crate) mod descriptors;
pub(crate) mod detail;
pub(crate) mod histories;
pub(crate) mod history;
pub(crate) mod ingest;
pub(crate) mod io;
pub(crate) mod live;
pub(crate) mod locks;
pub(crate) mod path;
pub(crate) mod process;
pub(crate) mod read;
pub(crate) mod records;
pub(crate) mod resources;
pub(crate) mod scheduler;
pub(crate) mod sites;
pub(crate) mod task;
pub(crate) mod threads;
pub(crate) mod trends;
pub(crate) mod window;

use rustc_hash::FxHashMap;

use crate::{
    id::TaskKey,
    losses::Losses,
    text::{TextId, Texts},
};
use changes::Changes;
use descriptors::Descriptors;
use detail::{AwaitTrees, Detail};
use histories::Histories;
use history::History;
use live::Live;
pub(crate) use process::{Hello, Process, Site};
use records::Records;
use resources::Resources;
use scheduler::{Delay, MIN_DELAY_NS, Scheduler};
use sites::Sites;
use task::{State, Stats, Sums, Task, TaskFacts, TaskKind};
use threads::Threads;
use trends::Trends;

/// Await trees that are kept: at some 10 KB each, about 160 MB.
pub(crate) const MAX_TREES: usize = 16_384;

/// What is known of one process.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) hello: Hello,
    /// The moment that is shown.
    pub(crate) now_ns: u64,
    /// The moment that was shown before.
    pub(crate) before_ns: u64,
    pub(crate) process: Option<Process>,
    pub(crate) details: FxHashMap<TaskKey, Detail>,
    /// The await trees of tasks, each as it was taken last; at most [`MAX_TREES`].
    pub(crate) await_trees: FxHashMap<TaskKey, AwaitTrees>,
    pub(crate) texts: Texts,
    pub(crate) resources: Resources,
    pub(crate) scheduler: Scheduler,
    pub(crate) descriptors: Descriptors,
    pub(crate) records: Records,
    pub(crate) sites: Sites,
    pub(crate) histories: Histories,
    pub(crate) trends: Trends,
    pub(crate) changes: Changes,
    threads: Threads,
    /// The future of a `block_on` in the poll of a task, by that task: what the one waits for the other can't go on without.
    blocked_on: FxHashMap<TaskKey, TaskKey>,
    live: Live,
    /// Finished tasks in a slot: kept while tasks change.
    done: u64,
    /// Tasks that ended and left between two rounds.
    pub(crate) left_unseen: u64,
    /// A snapshot is being filled in: what comes is old, not new.
    filling: bool,
}

impl Store {
    pub(crate) fn new(hello: Hello, max_tasks: usize) -> Self {
        Self {
            hello,
            now_ns: 0,
            before_ns: 0,
            process: None,
            details: FxHashMap::default(),
            await_trees: FxHashMap::default(),
            texts: Texts::default(),
            resources: Resources::default(),
            scheduler: Scheduler::default(),
            descriptors: Descriptors::default(),
            records: Records::new(max_tasks),
            sites: Sites::default(),
            histories: Histories::default(),
            trends: Trends::default(),
            changes: Changes::default(),
            threads: Threads::default(),
            blocked_on: FxHashMap::default(),
            live: Live::default(),
            done: 0,
            left_unseen: 0,
            filling: true,
        }
    }

    /// A task that is new here. One that was in its slot has ended. The holds on its texts pass to the store.
    pub(crate) fn insert(&mut self, key: TaskKey, facts: TaskFacts, losses: &mut Losses) {
        if let Some(index) = self.records.at_slot(key.slot) {
            if let Some(old) = self.records.at(index)
                && old.key == key
            {
                let held = [old.facts.name, old.facts.fields];
                self.replace_facts(index, facts);
                for text in held {
                    self.texts.release(text);
                }
                return;
            }
            self.drop_slot(key.slot);
        }
        if self.records.is_full() {
            losses.tasks_over_limit += 1;
            self.texts.release(facts.name);
            self.texts.release(facts.fields);
            return;
        }
        let stats = Stats { state_since_ns: facts.created_ns, ..Stats::default() };
        let task = Task {
            key,
            facts,
            stats,
            history_plus1: 0,
            marks: Default::default(),
            gone: false,
            history_lost: false,
            left_unseen: false,
        };
        self.count(&task);
        if let Some(around) = task.facts.parent.filter(|_| task.facts.kind == TaskKind::BlockOn) {
            self.blocked_on.insert(around, key);
        }
        self.records.insert(task);
    }

    fn replace_facts(&mut self, index: u32, facts: TaskFacts) {
        let Some(mut task) = self.records.at(index).cloned() else { return };
        self.uncount(&task);
        task.facts = facts;
        self.count(&task);
        self.records.set(index, task);
    }

    /// What changed of the task in `slot`. False: there is none.
    pub(crate) fn apply(&mut self, slot: u32, stats: Stats, losses: &mut Losses) -> bool {
        let Some(index) = self.records.at_slot(slot) else { return false };
        let Some(mut task) = self.records.at(index).cloned() else { return false };
        self.uncount(&task);
        let (before, longest_ns) = (task.stats.sums, task.stats.longest_scheduled_ns);
        let was_running = task.stats.state == State::Running;
        let stats = stats.within(task.facts.created_ns, self.now_ns);
        task.stats = stats;
        if !self.filling && stats.longest_scheduled_ns > longest_ns.max(MIN_DELAY_NS) {
            self.note_delay(&task, before, was_running);
        }
        self.count(&task);
        let active = if self.filling {
            // What it did before is not news; what it does now is.
            matches!(stats.state, State::Running | State::Scheduled)
        } else {
            before != stats.sums
        };
        if active && task.history_plus1 == 0 && !task.is_done() {
            let base = if self.filling { task.sums(self.now_ns) } else { before };
            task.history_plus1 = self.histories.start(index, base);
            task.history_lost = task.history_plus1 == 0;
            losses.histories_over_limit += u64::from(task.history_lost);
        }
        self.records.set(index, task);
        true
    }

    /// A task waited longer than ever before, and was polled since the last frame.
    fn note_delay(&mut self, task: &Task, before: Sums, was_running: bool) {
        if task.facts.kind == TaskKind::Blocking {
            return;
        }
        let stats = &task.stats;
        let polls = stats.sums.polls.saturating_sub(before.polls);
        // The poll after the wait goes on, or it was the only one and its length is known: then so is the end of the wait. Else it was
        // at some moment since the last frame.
        let (least_ns, ended_ns) = match stats.state {
            State::Running if polls == 1 => (stats.state_since_ns, stats.state_since_ns),
            // A poll that went on at the last frame would be in the time, too.
            State::Idle | State::Done if polls == 1 && !was_running => {
                let poll_ns = stats.sums.busy_ns.saturating_sub(before.busy_ns);
                let polled_ns = stats.state_since_ns.saturating_sub(poll_ns);
                (polled_ns, polled_ns)
            }
            _ => (self.before_ns, self.now_ns),
        };
        let (task, site, length_ns) = (task.key, task.facts.site, stats.longest_scheduled_ns);
        let began_ns = least_ns.saturating_sub(length_ns);
        self.scheduler.add_delay(Delay { task, site, length_ns, began_ns, ended_ns, why: None });
    }

    /// The server has dropped the task in `slot`: it has ended, and stays for a while.
    pub(crate) fn drop_slot(&mut self, slot: u32) {
        let Some(index) = self.records.leave_slot(slot) else { return };
        let Some(mut task) = self.records.at(index).cloned() else { return };
        self.uncount(&task);
        task.gone = true;
        if task.is_done() {
            self.sites.get_mut(task.facts.site).ended.add(&task);
        } else {
            // Its end was not reported; it was before now.
            task.stats.state = State::Done;
            task.stats.state_since_ns = self.now_ns;
            task.left_unseen = true;
            self.left_unseen += 1;
            self.sites.get_mut(task.facts.site).ended.add_unseen();
        }
        task.marks = Default::default();
        if let Some(oldest) = self.records.retire(index, task) {
            self.forget(oldest);
        }
    }

    /// Forgets finished tasks that ended more than `retention_ns` ago, except those in `keep`.
    pub(crate) fn purge(&mut self, retention_ns: u64, keep: &[TaskKey]) {
        let now_ns = self.now_ns;
        let is_over = |since_ns: u64| now_ns.saturating_sub(since_ns) >= retention_ns;
        for index in self.records.purge(is_over, keep) {
            self.forget(index);
        }
    }

    fn forget(&mut self, index: u32) {
        let Some(task) = self.records.forget(index) else { return };
        if let Some(around) =
            task.facts.parent.filter(|around| self.blocked_on.get(around) == Some(&task.key))
        {
            self.blocked_on.remove(&around);
        }
        self.texts.release(task.facts.name);
        self.texts.release(task.facts.fields);
        self.details.remove(&task.key);
        self.await_trees.remove(&task.key);
        self.histories.drop_history(task.history_plus1);
    }

    fn count(&mut self, task: &Task) {
        if task.is_done() {
            self.done += 1;
            self.sites.get_mut(task.facts.site).ended.add(task);
        } else {
            self.live.add(task);
            self.sites.get_mut(task.facts.site).live.add(task);
        }
    }

    fn uncount(&mut self, task: &Task) {
        if task.is_done() {
            self.done -= 1;
            self.sites.get_mut(task.facts.site).ended.remove(task);
        } else {
            self.live.remove(task);
            self.sites.get_mut(task.facts.site).live.remove(task);
        }
    }

    /// Takes a sample of everything that is active, if one is due. Call it after each frame.
    pub(crate) fn tick(&mut self) -> bool {
        if self.filling || !self.histories.ticks.due(self.now_ns) {
            return false;
        }
        let (now_ns, totals) = (self.now_ns, self.totals());
        let cpu = self.process.and_then(|process| process.cpu(now_ns));
        self.histories.sample(&mut self.records, totals, cpu, now_ns);
        for site in self.sites.iter_mut() {
            let sums = site.sums(now_ns);
            site.history.sample(sums);
        }
        self.resources.locks.sample();
        self.resources.streams.sample();
        true
    }

    /// The snapshot is complete: from now on what changes is news. `before` is an older state of the same process.
    pub(crate) fn complete(&mut self, before: Option<&Self>) {
        self.filling = false;
        let (now_ns, totals) = (self.now_ns, self.totals());
        if let Some(old) = before {
            return self.adopt(old);
        }
        self.histories.begin(totals, now_ns);
        for site in self.sites.iter_mut() {
            site.history = History::new(site.sums(now_ns));
        }
    }

    /// Takes over what the wire does not carry: histories, the tasks that ended lately, details.
    fn adopt(&mut self, old: &Self) {
        self.left_unseen = old.left_unseen;
        self.sites.adopt(&old.sites);
        self.trends.clone_from(&old.trends);
        self.changes.clone_from(&old.changes);
        self.histories.adopt(&mut self.records, &old.histories, &old.records);
        for (task, since_ns) in old.records.retired_tasks() {
            if self.records.get(task.key).is_some() {
                continue;
            }
            let mut task = task.clone();
            (task.history_plus1, task.marks) = (0, Default::default());
            task.facts.name = self.move_text(&old.texts, task.facts.name);
            task.facts.fields = self.move_text(&old.texts, task.facts.fields);
            self.records.adopt_retired(task, since_ns);
        }
        for (key, detail) in &old.details {
            self.details.entry(*key).or_insert_with(|| detail.clone());
        }
        for (key, tree) in &old.await_trees {
            if self.records.get(*key).is_some() {
                self.await_trees.entry(*key).or_insert_with(|| tree.clone());
            }
        }
        self.resources.adopt(&old.resources);
        self.scheduler.adopt(&old.scheduler);
        self.descriptors.adopt(&old.descriptors);
    }

    fn move_text(&mut self, from: &Texts, id: TextId) -> TextId {
        from.text(id).and_then(|text| self.texts.hold(text)).unwrap_or_default()
    }

    /// Forgets some of the tasks and texts, `units` of them, as a state that is not shown any more gives its memory back a bit at a
    /// time: of a million tasks it takes as long as a few frames. True: the rest is small. Nothing else may be asked after that.
    pub(crate) fn release_some(&mut self, units: usize) -> bool {
        self.records.release_some(units) && self.texts.release_some(units)
    }
}
