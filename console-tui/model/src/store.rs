//! What is known of the process: tasks, spawn sites, sums, histories. It speaks its own types; [`ingest`] alone reads the wire.
//!
//! Invariants: sums over live tasks are kept while tasks change, never recounted; a task is found by its [`TaskKey`] as
//! long as it is kept, wherever its record lies; all times are on the recorder's clock.
//!
//! Limit: `max_tasks` live records, [`MAX_RETIRED`] finished ones, and the limits of the parts.

pub(crate) mod detail;
pub(crate) mod history;
pub(crate) mod ingest;
pub(crate) mod intake;
pub(crate) mod task;

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::{
    id::{SiteId, TaskKey},
    screen::header::Losses,
    text::{TextId, Texts},
};
use detail::Detail;
use history::{History, MAX_HISTORIES, Rates, Ticks};
use task::{Facts, Live, State, Stats, Sums, Task, Waker};

/// Finished tasks kept after the server has dropped them; the oldest go first.
pub(crate) const MAX_RETIRED: usize = 16_384;

/// Who is on the other side.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) protocol: u32,
    pub(crate) instance: u64,
    pub(crate) process_name: String,
    pub(crate) pid: u32,
    pub(crate) started_unix_ns: Option<u64>,
    pub(crate) taskscope_version: Option<String>,
    pub(crate) tokio_version: Option<String>,
    pub(crate) os: Option<String>,
    pub(crate) sources: Vec<&'static str>,
    pub(crate) problems: Vec<String>,
}

/// The process as a whole, as it counts itself.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) alive: u64,
    pub(crate) spawned: u64,
    pub(crate) untracked: u64,
    pub(crate) late_wakes: u64,
    pub(crate) lost_events: u64,
    pub(crate) truncated: u64,
    pub(crate) folded_sites: u64,
    /// CPU time of the tool's thread; `None`: unknown.
    pub(crate) own_cpu_ns: Option<u64>,
    pub(crate) hot_path_ns: u64,
    pub(crate) own_memory_bytes: u64,
    /// CPU time of the process; `None`: unknown.
    pub(crate) process_cpu_ns: Option<u64>,
}

impl Process {
    /// Share of the process's CPU time that the tool takes.
    pub(crate) fn own_cost(&self) -> Option<f64> {
        let all = self.process_cpu_ns? as f64;
        let own = self.own_cpu_ns?.saturating_add(self.hot_path_ns) as f64;
        Some((own / all).min(1.0))
    }
}

/// A spawn site with its sums.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// Tasks ever spawned here, and ended.
    pub(crate) spawned: u64,
    pub(crate) finished: u64,
    /// Sums over the finished ones.
    pub(crate) finished_sums: Sums,
    pub(crate) live: Live,
    history: History,
}

impl Site {
    fn new() -> Self {
        Self {
            file: String::new(),
            line: 0,
            column: 0,
            spawned: 0,
            finished: 0,
            finished_sums: Sums::default(),
            live: Live::default(),
            history: History::new(Sums::default()),
        }
    }

    /// Live and finished tasks together.
    pub(crate) fn sums(&self, at: u64) -> Sums {
        let mut sums = self.finished_sums;
        sums.add(&self.live.sums(at));
        sums
    }

    fn is_used(&self) -> bool {
        self.spawned > 0 || self.live.len() > 0
    }
}

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
    pub(crate) process: Option<Process>,
    pub(crate) details: FxHashMap<TaskKey, Detail>,
    pub(crate) texts: Texts,
    max_tasks: usize,
    tasks: Vec<Option<Task>>,
    free: Vec<u32>,
    by_slot: FxHashMap<u32, u32>,
    retired: VecDeque<Retired>,
    retired_by_key: FxHashMap<TaskKey, u32>,
    /// By number; 0 is "no place known".
    sites: Vec<Site>,
    threads: Vec<String>,
    live: Live,
    /// Kept while tasks change, by state.
    done: u64,
    finished_sums: Sums,
    ticks: Ticks,
    histories: Vec<Option<(u32, History)>>,
    free_histories: Vec<u32>,
    process_history: History,
    /// A snapshot is being filled in: what comes is old, not new.
    filling: bool,
}

impl Store {
    pub(crate) fn new(hello: Hello, max_tasks: usize) -> Self {
        Self {
            hello,
            now_ns: 0,
            process: None,
            details: FxHashMap::default(),
            texts: Texts::default(),
            max_tasks,
            tasks: Vec::new(),
            free: Vec::new(),
            by_slot: FxHashMap::default(),
            retired: VecDeque::new(),
            retired_by_key: FxHashMap::default(),
            sites: vec![Site::new()],
            threads: Vec::new(),
            live: Live::default(),
            done: 0,
            finished_sums: Sums::default(),
            ticks: Ticks::default(),
            histories: Vec::new(),
            free_histories: Vec::new(),
            process_history: History::new(Sums::default()),
            filling: true,
        }
    }

    // --- reading ---

    /// Every task that is kept, with the number of its record.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().flatten()
    }

    /// Tasks that are kept, finished ones included.
    pub(crate) fn len(&self) -> usize {
        self.by_slot.len() + self.retired.len()
    }

    pub(crate) fn task(&self, key: TaskKey) -> Option<&Task> {
        let current = self.by_slot.get(&key.slot).and_then(|&index| self.record(index));
        match current {
            Some(task) if task.key == key => Some(task),
            _ => self.retired_by_key.get(&key).and_then(|&index| self.record(index)),
        }
    }

    fn record(&self, index: u32) -> Option<&Task> {
        self.tasks.get(index as usize)?.as_ref()
    }

    pub(crate) fn name(&self, task: &Task) -> Option<&str> {
        self.texts.text(task.facts.name)
    }

    pub(crate) fn fields(&self, task: &Task) -> Option<&str> {
        self.texts.text(task.facts.fields)
    }

    pub(crate) fn site(&self, id: SiteId) -> Option<&Site> {
        self.sites.get(id.0 as usize)
    }

    /// Sites that anything is known of, [`SiteId::NONE`] included.
    pub(crate) fn sites(&self) -> impl Iterator<Item = (SiteId, &Site)> {
        self.sites
            .iter()
            .enumerate()
            .map(|(i, site)| (SiteId(i as u32), site))
            .filter(|(_, site)| site.is_used())
    }

    /// `file:line:column`; `None`: not known.
    pub(crate) fn place(&self, id: SiteId) -> Option<String> {
        let (file, line, column) = self.place_parts(id)?;
        Some(format!("{file}:{line}:{column}"))
    }

    /// What makes a place the same place in another process.
    pub(crate) fn place_parts(&self, id: SiteId) -> Option<(&str, u32, u32)> {
        let site = self.site(id).filter(|site| id.is_known() && !site.file.is_empty())?;
        Some((&site.file, site.line, site.column))
    }

    /// The site at a place.
    pub(crate) fn site_at(&self, place: (&str, u32, u32)) -> Option<SiteId> {
        (0..self.sites.len() as u32).map(SiteId).find(|id| self.place_parts(*id) == Some(place))
    }

    /// `file:line`, with the path's uninteresting start left out: a column's worth.
    pub(crate) fn short_place(&self, id: SiteId) -> Option<String> {
        let (file, line, _) = self.place_parts(id)?;
        Some(format!("{}:{line}", short_path(file)))
    }

    /// `transfer #88`, `#88`, `conn s5`.
    pub(crate) fn task_words(&self, task: &Task) -> String {
        let mark = if task.facts.tokio_id > 0 { "#" } else { "" };
        match self.name(task) {
            Some(name) => format!("{name} {mark}{}", task.id()),
            None => format!("{mark}{}", task.id()),
        }
    }

    /// `accept #117`, `thread tokio-runtime-worker`; `None`: unknown.
    pub(crate) fn waker_words(&self, waker: Waker) -> Option<String> {
        match waker {
            Waker::Unknown => None,
            Waker::Thread(index) => {
                let name = (index as usize).checked_sub(1).and_then(|i| self.threads.get(i));
                Some(match name {
                    Some(name) if !name.is_empty() => format!("thread {name} (outside any task)"),
                    _ => format!("thread {index} (outside any task)"),
                })
            }
            Waker::Task(key) => Some(match self.task(key) {
                Some(task) => self.task_words(task),
                None => format!("s{} (a task that has ended)", key.slot),
            }),
        }
    }

    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    /// Finished tasks that are still shown.
    pub(crate) fn done(&self) -> u64 {
        self.done + self.retired.len() as u64
    }

    /// Live and finished tasks together, late wakes included.
    pub(crate) fn totals(&self) -> Sums {
        let mut sums = self.finished_sums;
        sums.add(&self.live.sums(self.now_ns));
        sums.wakes = sums.wakes.wrapping_add(self.process.map_or(0, |process| process.late_wakes));
        sums
    }

    /// `None`: not known (yet, or for want of room).
    pub(crate) fn rates(&self, task: &Task) -> Option<Rates> {
        match self.history(task) {
            Some(history) => history.rates(&self.ticks),
            None if task.history_lost || self.ticks.count == 0 => None,
            // No history: nothing happened.
            None => Some(Rates::default()),
        }
    }

    pub(crate) fn spark(&self, task: &Task) -> Option<[u8; 8]> {
        match self.history(task) {
            Some(history) => Some(history.spark()),
            None if task.history_lost || self.ticks.count == 0 => None,
            None => Some([0; 8]),
        }
    }

    fn history(&self, task: &Task) -> Option<&History> {
        let index = (task.history_plus1 as usize).checked_sub(1)?;
        self.histories.get(index)?.as_ref().map(|(_, history)| history)
    }

    pub(crate) fn site_rates(&self, site: &Site) -> Option<Rates> {
        site.history.rates(&self.ticks)
    }

    pub(crate) fn site_spark(&self, site: &Site) -> Option<[u8; 8]> {
        (self.ticks.count > 0).then(|| site.history.spark())
    }

    pub(crate) fn process_rates(&self) -> Option<Rates> {
        self.process_history.rates(&self.ticks)
    }

    // --- changing ---

    pub(crate) fn set_verdict(&mut self, key: TaskKey, lints: u16, severity_plus1: u8) {
        if let Some(&index) = self.by_slot.get(&key.slot)
            && let Some(Some(task)) = self.tasks.get_mut(index as usize)
            && task.key == key
        {
            task.lints = lints;
            task.severity_plus1 = severity_plus1;
        }
    }

    pub(crate) fn clear_verdicts(&mut self) {
        for task in self.tasks.iter_mut().flatten() {
            task.lints = 0;
            task.severity_plus1 = 0;
        }
    }

    pub(crate) fn set_site(&mut self, id: SiteId, file: String, line: u32, column: u32) {
        let site = self.site_mut(id);
        (site.file, site.line, site.column) = (file, line, column);
    }

    pub(crate) fn set_thread(&mut self, index: u32, name: String) {
        let index = index as usize;
        if self.threads.len() < index {
            self.threads.resize(index, String::new());
        }
        self.threads[index - 1] = name;
    }

    pub(crate) fn set_totals(&mut self, id: SiteId, spawned: u64, finished: u64, sums: Sums) {
        let site = self.site_mut(id);
        let old = site.finished_sums;
        (site.spawned, site.finished, site.finished_sums) = (spawned, finished, sums);
        self.finished_sums.sub(&old);
        self.finished_sums.add(&sums);
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
                held.into_iter().for_each(|text| self.texts.release(text));
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
            lints: 0,
            severity_plus1: 0,
            gone: false,
            history_lost: false,
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
        let before = task.stats.sums;
        task.stats = stats;
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
        if !task.is_done() {
            // Its end was not told; it was before now.
            task.stats.state = State::Done;
            task.stats.state_since_ns = self.now_ns;
        }
        task.lints = 0;
        task.severity_plus1 = 0;
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
        } else {
            self.live.add(task);
            self.site_mut(task.facts.site).live.add(task);
        }
    }

    fn uncount(&mut self, task: &Task) {
        if task.is_done() {
            self.done -= 1;
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
        for site in &mut self.sites {
            let sums = site.sums(now_ns);
            site.history.sample(sums);
        }
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

    /// The snapshot is complete: from now on what changes is news. `before` is an older picture of the same process.
    pub(crate) fn complete(&mut self, before: Option<Self>) {
        self.filling = false;
        let totals = self.totals();
        let now_ns = self.now_ns;
        match before {
            Some(old) => self.adopt(old),
            None => {
                self.ticks.due(now_ns);
                self.process_history = History::new(totals);
                for site in &mut self.sites {
                    site.history = History::new(site.sums(now_ns));
                }
            }
        }
    }

    /// Takes over what the wire does not carry: histories, the tasks that ended lately, details.
    fn adopt(&mut self, mut old: Self) {
        self.ticks = std::mem::take(&mut old.ticks);
        self.process_history = old.process_history.clone();
        for (site, old_site) in self.sites.iter_mut().zip(&old.sites) {
            site.history = old_site.history.clone();
        }
        let entries = std::mem::take(&mut old.histories);
        for (owner, history) in entries.into_iter().flatten() {
            let Some(key) = old.record(owner).map(|task| task.key) else { continue };
            let Some(&index) = self.by_slot.get(&key.slot) else { continue };
            let Some(Some(task)) = self.tasks.get_mut(index as usize) else { continue };
            if task.key == key && task.history_plus1 > 0 {
                self.histories[task.history_plus1 as usize - 1] = Some((index, history));
            } else if task.key == key && self.histories.len() < MAX_HISTORIES {
                self.histories.push(Some((index, history)));
                task.history_plus1 = self.histories.len() as u32;
            }
        }
        for retired in std::mem::take(&mut old.retired) {
            let Some(mut task) = old.tasks.get_mut(retired.index as usize).and_then(Option::take) else {
                continue;
            };
            if self.task(task.key).is_some() {
                continue;
            }
            task.history_plus1 = 0;
            task.facts.name = self.move_text(&old.texts, task.facts.name);
            task.facts.fields = self.move_text(&old.texts, task.facts.fields);
            let index = self.tasks.len() as u32;
            self.retired_by_key.insert(task.key, index);
            self.tasks.push(Some(task));
            self.retired.push_back(Retired { index, ..retired });
        }
        for (key, detail) in old.details {
            self.details.entry(key).or_insert(detail);
        }
    }

    fn move_text(&mut self, from: &Texts, id: TextId) -> TextId {
        from.text(id).and_then(|text| self.texts.hold(text)).unwrap_or_default()
    }
}

/// The last two parts of a path, or what follows the package's folder in a registry: enough to know the file.
fn short_path(path: &str) -> &str {
    const KEPT: usize = 3;
    let mut cut = path.len();
    for (i, _) in path.rmatch_indices(['/', '\\']).take(KEPT) {
        cut = i;
    }
    if path.matches(['/', '\\']).count() < KEPT { path } else { &path[cut + 1..] }
}
