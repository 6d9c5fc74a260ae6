//! What is known of the process: tasks, spawn sites, sums, histories. It speaks its own types; [`ingest`] alone reads the wire.
//!
//! Invariants: sums over live tasks are kept while tasks change, never recounted; a task is found by its [`TaskKey`] as
//! long as it is kept, wherever its record lies; all times are on the recorder's clock.
//!
//! Limit: `max_tasks` live records, [`MAX_RETIRED`] finished ones, and the limits of the parts.

mod agree;
pub(crate) mod descriptors;
pub(crate) mod detail;
pub(crate) mod history;
pub(crate) mod ingest;
pub(crate) mod io;
pub(crate) mod locks;
pub(crate) mod path;
pub(crate) mod process;
pub(crate) mod read;
mod release;
pub(crate) mod resources;
pub(crate) mod scheduler;
pub(crate) mod task;
pub(crate) mod threads;
pub(crate) mod window;

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::{
    id::{SiteId, TaskKey},
    losses::Losses,
    text::{TextId, Texts},
};
use descriptors::Descriptors;
use detail::Detail;
use history::{History, MAX_HISTORIES, Ticks};
use process::{Cpu, SiteTotals};
pub(crate) use process::{Hello, Process, Site};
use resources::Resources;
use scheduler::{Delay, MIN_DELAY_NS, Scheduler};
use task::{Facts, Kind, Live, Marks, State, Stats, Sums, Task};
use threads::Threads;

/// Finished tasks kept after the server has dropped them; the oldest go first.
pub(crate) const MAX_RETIRED: usize = 16_384;

/// Tasks that room is made for before they come, whatever number is announced.
const MAX_EXPECTED: usize = 1 << 20;

/// Samples that the tool's cost is measured over: its own thread works in short bursts.
const COST_SAMPLES: usize = 5;

#[derive(Debug, Clone, Copy)]
struct Retired {
    index: u32,
    since_ns: u64,
}

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
    pub(crate) texts: Texts,
    pub(crate) resources: Resources,
    pub(crate) scheduler: Scheduler,
    pub(crate) descriptors: Descriptors,
    max_tasks: usize,
    tasks: Vec<Option<Task>>,
    /// Which of each task's two marks are shown.
    shown_marks: usize,
    free: Vec<u32>,
    by_slot: FxHashMap<u32, u32>,
    retired: VecDeque<Retired>,
    retired_by_key: FxHashMap<TaskKey, u32>,
    /// Tasks that ended and left between two rounds.
    pub(crate) left_unseen: u64,
    /// By number; 0 is "no place known".
    sites: Vec<Site>,
    threads: Threads,
    live: Live,
    /// Kept while tasks change, by state.
    done: u64,
    pub(crate) ticks: Ticks,
    histories: Vec<Option<(u32, History)>>,
    free_histories: Vec<u32>,
    process_history: History,
    /// CPU time at the last samples, oldest first.
    cpu_samples: VecDeque<Cpu>,
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
            texts: Texts::default(),
            resources: Resources::default(),
            scheduler: Scheduler::default(),
            descriptors: Descriptors::default(),
            max_tasks,
            tasks: Vec::new(),
            shown_marks: 0,
            free: Vec::new(),
            by_slot: FxHashMap::default(),
            retired: VecDeque::new(),
            retired_by_key: FxHashMap::default(),
            left_unseen: 0,
            sites: vec![Site::new()],
            threads: Threads::default(),
            live: Live::default(),
            done: 0,
            ticks: Ticks::default(),
            histories: Vec::new(),
            free_histories: Vec::new(),
            process_history: History::new(Sums::default()),
            cpu_samples: VecDeque::new(),
            filling: true,
        }
    }

    /// Makes room for the tasks that are announced: a growing table is moved, and moving a million records takes long.
    pub(crate) fn expect(&mut self, tasks: u64) {
        let tasks = usize::try_from(tasks).unwrap_or(usize::MAX).min(self.max_tasks).min(MAX_EXPECTED);
        self.tasks.reserve(tasks.saturating_sub(self.tasks.len()));
        self.by_slot.reserve(tasks.saturating_sub(self.by_slot.len()));
    }

    /// What a scan makes of the task in a record. It is not shown before [`Self::show_next_marks`].
    pub(crate) fn set_next_marks(&mut self, record: usize, marks: Marks) {
        let next = 1 - self.shown_marks;
        if let Some(Some(task)) = self.tasks.get_mut(record)
            && task.marks[next] != marks
        {
            task.marks[next] = marks;
        }
    }

    /// The marks that a scan has set on every task take the place of those that are shown.
    pub(crate) fn show_next_marks(&mut self) {
        self.shown_marks = 1 - self.shown_marks;
    }

    pub(crate) fn set_site(&mut self, id: SiteId, file: String, line: u32, column: u32) {
        let site = self.site_mut(id);
        site.in_tokio = path::is_of_tokio(&file);
        (site.file, site.line, site.column) = (file, line, column);
    }

    pub(crate) fn set_totals(&mut self, id: SiteId, totals: SiteTotals) {
        self.site_mut(id).totals = totals;
    }

    fn site_mut(&mut self, id: SiteId) -> &mut Site {
        let index = id.0 as usize;
        if self.sites.len() <= index {
            self.sites.resize_with(index + 1, Site::new);
        }
        &mut self.sites[index]
    }

    /// A task that is new here. One that was in its slot has ended. The holds on its texts pass to the store.
    pub(crate) fn insert(&mut self, key: TaskKey, facts: Facts, losses: &mut Losses) {
        if let Some(&index) = self.by_slot.get(&key.slot) {
            if let Some(Some(old)) = self.tasks.get_mut(index as usize)
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
        if self.by_slot.len() >= self.max_tasks {
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
        let index = self.free.pop().unwrap_or(self.tasks.len() as u32);
        if index as usize == self.tasks.len() {
            self.tasks.push(Some(task));
        } else {
            self.tasks[index as usize] = Some(task);
        }
        self.by_slot.insert(key.slot, index);
    }

    fn replace_facts(&mut self, index: u32, facts: Facts) {
        let Some(Some(task)) = self.tasks.get(index as usize) else { return };
        let mut task = task.clone();
        self.uncount(&task);
        task.facts = facts;
        self.count(&task);
        self.tasks[index as usize] = Some(task);
    }

    /// What changed of the task in `slot`. False: there is none.
    pub(crate) fn apply(&mut self, slot: u32, stats: Stats, losses: &mut Losses) -> bool {
        let Some(&index) = self.by_slot.get(&slot) else { return false };
        let Some(Some(task)) = self.tasks.get(index as usize) else { return false };
        let mut task = task.clone();
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
            task.history_plus1 = self.new_history(index, base);
            task.history_lost = task.history_plus1 == 0;
            losses.histories_over_limit += u64::from(task.history_lost);
        }
        self.tasks[index as usize] = Some(task);
        true
    }

    /// A task waited longer than ever before, and was polled since the last frame.
    fn note_delay(&mut self, task: &Task, before: Sums, was_running: bool) {
        if task.facts.kind == Kind::Blocking {
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

    fn new_history(&mut self, task: u32, base: Sums) -> u32 {
        let entry = Some((task, History::new(base)));
        if let Some(index) = self.free_histories.pop() {
            self.histories[index as usize] = entry;
            return index + 1;
        }
        if self.histories.len() >= MAX_HISTORIES {
            return 0;
        }
        self.histories.push(entry);
        self.histories.len() as u32
    }

    /// The server has dropped the task in `slot`: it has ended, and stays for a while.
    pub(crate) fn drop_slot(&mut self, slot: u32) {
        let Some(index) = self.by_slot.remove(&slot) else { return };
        let Some(Some(task)) = self.tasks.get(index as usize) else { return };
        let mut task = task.clone();
        self.uncount(&task);
        task.gone = true;
        if task.is_done() {
            self.site_mut(task.facts.site).ended.add(&task);
        } else {
            // Its end was not reported; it was before now.
            task.stats.state = State::Done;
            task.stats.state_since_ns = self.now_ns;
            task.left_unseen = true;
            self.left_unseen += 1;
            self.site_mut(task.facts.site).ended.add_unseen();
        }
        task.marks = Default::default();
        let since_ns = task.stats.state_since_ns;
        self.retired_by_key.insert(task.key, index);
        self.tasks[index as usize] = Some(task);
        self.retired.push_back(Retired { index, since_ns });
        if self.retired.len() > MAX_RETIRED
            && let Some(oldest) = self.retired.pop_front()
        {
            self.forget(oldest.index);
        }
    }

    /// Forgets finished tasks that ended more than `retention_ns` ago, except those in `keep`.
    pub(crate) fn purge(&mut self, retention_ns: u64, keep: &[TaskKey]) {
        let now_ns = self.now_ns;
        let mut kept = VecDeque::new();
        while let Some(retired) = self.retired.pop_front() {
            let is_kept = self.record(retired.index).is_some_and(|task| keep.contains(&task.key));
            if is_kept || now_ns.saturating_sub(retired.since_ns) < retention_ns {
                kept.push_back(retired);
            } else {
                self.forget(retired.index);
            }
        }
        self.retired = kept;
    }

    fn forget(&mut self, index: u32) {
        let Some(task) = self.tasks.get_mut(index as usize).and_then(Option::take) else { return };
        self.texts.release(task.facts.name);
        self.texts.release(task.facts.fields);
        if self.retired_by_key.get(&task.key) == Some(&index) {
            self.retired_by_key.remove(&task.key);
        }
        self.details.remove(&task.key);
        self.drop_history(task.history_plus1);
        self.free.push(index);
    }

    fn drop_history(&mut self, history_plus1: u32) {
        if let Some(index) = history_plus1.checked_sub(1)
            && let Some(entry) = self.histories.get_mut(index as usize)
            && entry.take().is_some()
        {
            self.free_histories.push(index);
        }
    }

    fn count(&mut self, task: &Task) {
        if task.is_done() {
            self.done += 1;
            self.site_mut(task.facts.site).ended.add(task);
        } else {
            self.live.add(task);
            self.site_mut(task.facts.site).live.add(task);
        }
    }

    fn uncount(&mut self, task: &Task) {
        if task.is_done() {
            self.done -= 1;
            self.site_mut(task.facts.site).ended.remove(task);
        } else {
            self.live.remove(task);
            self.site_mut(task.facts.site).live.remove(task);
        }
    }

    /// Takes a sample of everything that is active, if one is due. Call it after each frame.
    pub(crate) fn tick(&mut self) -> bool {
        if self.filling || !self.ticks.due(self.now_ns) {
            return false;
        }
        let (now_ns, totals) = (self.now_ns, self.totals());
        self.process_history.sample(totals);
        if let Some(cpu) = self.process.and_then(|process| process.cpu(now_ns)) {
            self.cpu_samples.push_back(cpu);
            if self.cpu_samples.len() > COST_SAMPLES {
                self.cpu_samples.pop_front();
            }
        }
        for site in &mut self.sites {
            let sums = site.sums(now_ns);
            site.history.sample(sums);
        }
        self.resources.locks.sample();
        self.resources.streams.sample();
        for index in 0..self.histories.len() {
            let Some((owner, history)) = &mut self.histories[index] else { continue };
            let Some(Some(task)) = self.tasks.get_mut(*owner as usize) else { continue };
            if !history.sample(task.sums(now_ns)) {
                task.history_plus1 = 0;
                self.histories[index] = None;
                self.free_histories.push(index as u32);
            }
        }
        true
    }

    /// The snapshot is complete: from now on what changes is news. `before` is an older state of the same process.
    pub(crate) fn complete(&mut self, before: Option<&Self>) {
        self.filling = false;
        let totals = self.totals();
        let now_ns = self.now_ns;
        if let Some(old) = before {
            return self.adopt(old);
        }
        self.ticks.due(now_ns);
        self.process_history = History::new(totals);
        for site in &mut self.sites {
            site.history = History::new(site.sums(now_ns));
        }
    }

    /// Takes over what the wire does not carry: histories, the tasks that ended lately, details.
    fn adopt(&mut self, old: &Self) {
        self.ticks = old.ticks.clone();
        self.left_unseen = old.left_unseen;
        self.process_history = old.process_history.clone();
        self.cpu_samples.clone_from(&old.cpu_samples);
        for (site, old_site) in self.sites.iter_mut().zip(&old.sites) {
            site.history = old_site.history.clone();
        }
        for (owner, history) in old.histories.iter().flatten() {
            let Some(key) = old.record(*owner).map(|task| task.key) else { continue };
            let Some(&index) = self.by_slot.get(&key.slot) else { continue };
            let Some(Some(task)) = self.tasks.get_mut(index as usize) else { continue };
            if task.key == key && task.history_plus1 > 0 {
                self.histories[task.history_plus1 as usize - 1] = Some((index, history.clone()));
            } else if task.key == key && self.histories.len() < MAX_HISTORIES {
                self.histories.push(Some((index, history.clone())));
                task.history_plus1 = self.histories.len() as u32;
            }
        }
        for retired in &old.retired {
            let Some(mut task) = old.record(retired.index).cloned() else { continue };
            if self.task(task.key).is_some() {
                continue;
            }
            (task.history_plus1, task.marks) = (0, Default::default());
            task.facts.name = self.move_text(&old.texts, task.facts.name);
            task.facts.fields = self.move_text(&old.texts, task.facts.fields);
            let index = self.tasks.len() as u32;
            self.retired_by_key.insert(task.key, index);
            self.tasks.push(Some(task));
            self.retired.push_back(Retired { index, ..*retired });
        }
        for (key, detail) in &old.details {
            self.details.entry(*key).or_insert_with(|| detail.clone());
        }
        self.resources.adopt(&old.resources);
        self.scheduler.adopt(&old.scheduler);
        self.descriptors.adopt(&old.descriptors);
    }

    fn move_text(&mut self, from: &Texts, id: TextId) -> TextId {
        from.text(id).and_then(|text| self.texts.hold(text)).unwrap_or_default()
    }
}
