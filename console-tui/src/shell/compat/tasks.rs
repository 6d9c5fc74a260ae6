//! Their tasks as ours.
//!
//! Invariants: a task is spawned and finished once in the sums of its place, however often it is sent; one that has ended stays for one update more, as
//! ended, and gives its slot back with the next. Limit: [`MAX_TASKS`] alive at a time; the rest is counted.

use std::collections::HashSet;

use console_api::{PollStats, tasks};
use prost_types::Timestamp;
use taskscope_proto::{
    limits::{MAX_FIELDS_BYTES, MAX_NAME_BYTES},
    rows::{SlotRef, StatRow},
    v1,
};

use super::{
    fields::{self, Texts},
    frames::News,
    overlap::Overlap,
    rows::{TaskFacts, TaskRow},
    sites::Sites,
    slots::Slots,
    time::{self, Clock},
};

/// Tasks alive at a time: what their side would hold 50 GB for.
const MAX_TASKS: usize = 1 << 20;

/// Worker threads of runtimes, which they send as tasks and we don't.
const MAX_WORKERS: usize = 4096;

/// A task that ended so long before the first update is in the sums, not in the list.
const ENDED_LATELY_NS: u64 = 6_000_000_000;

#[derive(Debug, Clone, Copy)]
struct Known {
    /// Their moment of its spawn, as they said it: ids are used again.
    created: Option<u64>,
    site: u32,
}

/// All tasks of a stream.
#[derive(Debug)]
pub(super) struct Tasks {
    slots: Slots<Known>,
    workers: HashSet<u64>,
    /// Slots of tasks whose end was sent.
    ended: Vec<u32>,
    overlap: Overlap,
    pub(super) spawned: u64,
    /// Beyond the limit, or lost by their side before it knew of them.
    pub(super) untracked: u64,
}

/// What tasks share with the rest of the translation.
pub(super) struct Context<'a> {
    pub(super) clock: &'a Clock,
    pub(super) texts: &'a mut Texts,
    pub(super) sites: &'a mut Sites,
}

impl Tasks {
    pub(super) fn new() -> Self {
        Self {
            slots: Slots::new(MAX_TASKS),
            workers: HashSet::new(),
            ended: Vec::new(),
            overlap: Overlap::default(),
            spawned: 0,
            untracked: 0,
        }
    }

    pub(super) fn alive(&self) -> u64 {
        self.slots.len() as u64
    }

    pub(super) fn place(&self, id: u64) -> Option<SlotRef> {
        self.slots.place(id)
    }

    pub(super) fn id_at(&self, place: SlotRef) -> Option<u64> {
        self.slots.id_at(place)
    }

    pub(super) fn update(&mut self, update: &tasks::TaskUpdate, context: &mut Context<'_>, news: &mut News) {
        self.overlap.next_update();
        news.freed = std::mem::take(&mut self.ended);
        for slot in &news.freed {
            self.slots.release(*slot);
        }
        self.untracked = self.untracked.saturating_add(update.dropped_events);
        self.spawned = self.spawned.saturating_add(update.dropped_events);
        let mut new = HashSet::with_capacity(update.new_tasks.len());
        for task in &update.new_tasks {
            let Some(id) = task.id.map(|id| id.id) else { continue };
            if new.insert(id) {
                self.new_task(id, task, update.stats_update.get(&id), context, news);
            }
        }
        for (&id, stats) in &update.stats_update {
            if !new.contains(&id) && !self.workers.contains(&id) {
                self.changed(id, stats, context, news);
            }
        }
    }

    fn new_task(
        &mut self,
        id: u64,
        task: &tasks::Task,
        stats: Option<&tasks::Stats>,
        context: &mut Context<'_>,
        news: &mut News,
    ) {
        let Some(mut facts) = facts(task, context) else {
            if self.workers.len() < MAX_WORKERS {
                self.workers.insert(id);
            }
            return;
        };
        let created = stats.and_then(created);
        if self.overlap.is_repeated(id, created) {
            return;
        }
        facts.created_ago_ns = created_ago_ns(stats, context.clock);
        let before = self.slots.find(id).map(|(place, known)| (place, *known));
        let mut summed_at = facts.site;
        let place = match before {
            // It did something before they sent what it is, and was counted as from nowhere.
            Some((place, known)) if known.created == created || stats.is_none() => {
                summed_at = known.site;
                Some(place)
            }
            _ => {
                self.replace(id, news);
                self.spawned = self.spawned.saturating_add(1);
                context.sites.spawned(facts.site);
                if let Some(stats) = stats
                    && ended_long_ago(stats, context.clock)
                {
                    self.overlap.counted(id, created);
                    let stats = read(stats, context.clock);
                    return context.sites.finished(facts.site, &stats);
                }
                self.slots.insert(id, Known { created, site: facts.site })
            }
        };
        let Some(place) = place else {
            self.overlap.counted(id, created);
            self.untracked = self.untracked.saturating_add(1);
            return;
        };
        let stats = stats.map(|stats| self.stats(id, summed_at, stats, context));
        news.tasks.push(TaskRow { place, facts: Some(facts), stats });
    }

    /// News of a task that was sent before, or never will be.
    fn changed(&mut self, id: u64, stats: &tasks::Stats, context: &mut Context<'_>, news: &mut News) {
        let created = created(stats);
        if let Some((place, known)) = self.slots.find(id)
            && known.created == created
        {
            let site = known.site;
            let stats = self.stats(id, site, stats, context);
            return news.tasks.push(TaskRow { place, facts: None, stats: Some(stats) });
        }
        // The last waker of a task may outlive it.
        if stats.dropped_at.is_some() {
            return;
        }
        self.replace(id, news);
        if let Some(place) = self.slots.insert(id, Known { created, site: 0 }) {
            self.spawned = self.spawned.saturating_add(1);
            context.sites.spawned(0);
            let facts = TaskFacts {
                created_ago_ns: created_ago_ns(Some(stats), context.clock),
                knows: knows(v1::TaskKind::Unspecified),
                ..TaskFacts::default()
            };
            let stats = self.stats(id, 0, stats, context);
            news.tasks.push(TaskRow { place, facts: Some(facts), stats: Some(stats) });
        }
    }

    fn stats(&mut self, id: u64, site: u32, theirs: &tasks::Stats, context: &mut Context<'_>) -> StatRow {
        let stats = read(theirs, context.clock);
        if stats.state == v1::TaskState::Done {
            context.sites.finished(site, &stats);
            self.end(id);
        }
        stats
    }

    /// Another task has its id now; how it ended was never sent.
    fn replace(&mut self, id: u64, news: &mut News) {
        if let Some((place, _)) = self.slots.remove(id) {
            self.slots.release(place.slot);
            news.freed.push(place.slot);
        }
    }

    fn end(&mut self, id: u64) {
        if let Some((place, known)) = self.slots.remove(id) {
            self.overlap.counted(id, known.created);
            self.ended.push(place.slot);
        }
    }
}

fn created(stats: &tasks::Stats) -> Option<u64> {
    stats.created_at.as_ref().map(time::unix_ns)
}

fn created_ago_ns(stats: Option<&tasks::Stats>, clock: &Clock) -> u64 {
    let at_ns = stats.and_then(|stats| clock.at(stats.created_at.as_ref()));
    at_ns.map_or(0, |at_ns| clock.ago_ns(at_ns))
}

fn ended_long_ago(stats: &tasks::Stats, clock: &Clock) -> bool {
    clock.at(stats.dropped_at.as_ref()).is_some_and(|at_ns| clock.ago_ns(at_ns) > ENDED_LATELY_NS)
}

fn knows(kind: v1::TaskKind) -> u32 {
    let alone = v1::Knows::SumsAlone as u32;
    match kind {
        // Nothing wakes these two; and their wait for a thread is in none of the numbers.
        v1::TaskKind::Blocking | v1::TaskKind::BlockOn => alone,
        _ => {
            alone
                | v1::Knows::Wakes as u32
                | v1::Knows::Scheduled as u32
                | v1::Knows::Wakers as u32
                | v1::Knows::WakerClones as u32
        }
    }
}

/// What never changes. `None`: a worker thread of a runtime. Tokio starts those as blocking tasks that run for ever; to the
/// program they are no tasks.
fn facts(task: &tasks::Task, context: &mut Context<'_>) -> Option<TaskFacts> {
    let mut kind = match tasks::task::Kind::try_from(task.kind) {
        Ok(tasks::task::Kind::Blocking) => v1::TaskKind::Blocking,
        Ok(tasks::task::Kind::Spawn) => v1::TaskKind::Task,
        Err(_) => v1::TaskKind::Unspecified,
    };
    let mut facts = TaskFacts::default();
    let mut rest = String::new();
    for field in &task.fields {
        let (Some(name), Some(value)) = (context.texts.name(field), &field.value) else { continue };
        let as_u32 = || fields::number(value).map_or(0, |number| u32::try_from(number).unwrap_or(u32::MAX));
        match name {
            // Every span of a task has it; another word is a kind of a later tokio.
            "kind" => kind = fields::text(value).map_or(v1::TaskKind::Unspecified, kind_of),
            "task.name" => {
                facts.name = context.texts.cut(fields::text(value).unwrap_or_default(), MAX_NAME_BYTES);
            }
            "task.id" => facts.tokio_id = fields::number(value).unwrap_or(0),
            "size.bytes" => facts.size_bytes = as_u32(),
            "original_size.bytes" => facts.original_size_bytes = as_u32(),
            name => push_field(&mut rest, name, value),
        }
    }
    let location = task.location.as_ref();
    let file = location.and_then(|location| location.file.as_deref()).unwrap_or_default();
    if kind == v1::TaskKind::Blocking && is_worker(file) {
        return None;
    }
    facts.fields = context.texts.cut(&rest, MAX_FIELDS_BYTES);
    facts.site = context.sites.number(location, context.texts);
    facts.kind = kind;
    facts.knows = knows(kind);
    Some(facts)
}

fn kind_of(word: &str) -> v1::TaskKind {
    match word {
        "task" => v1::TaskKind::Task,
        "local" => v1::TaskKind::Local,
        "blocking" => v1::TaskKind::Blocking,
        "block_on" => v1::TaskKind::BlockOn,
        _ => v1::TaskKind::Unspecified,
    }
}

/// Either separator: the path is the compiler's.
fn is_worker(file: &str) -> bool {
    const WORKER: [&str; 4] = ["runtime", "scheduler", "multi_thread", "worker.rs"];
    file.rsplit(['/', '\\']).take(WORKER.len()).eq(WORKER.into_iter().rev())
}

fn push_field(rest: &mut String, name: &str, value: &console_api::field::Value) {
    // What is beyond the limit is cut and counted afterwards; a hostile task has no end of them.
    if rest.len() > MAX_FIELDS_BYTES {
        return;
    }
    let separator = if rest.is_empty() { "" } else { " " };
    rest.extend([separator, name, "=", &value.to_string()]);
}

fn read(theirs: &tasks::Stats, clock: &Clock) -> StatRow {
    let polls = theirs.poll_stats.as_ref();
    let wakers = theirs.waker_clones.saturating_sub(theirs.waker_drops);
    let created_ns = clock.at(theirs.created_at.as_ref()).unwrap_or(clock.now_ns);
    let last_wake_ns = clock.at(theirs.last_wake.as_ref());
    let (state, since_ns) = match clock.at(theirs.dropped_at.as_ref()) {
        Some(dropped_ns) => (v1::TaskState::Done, dropped_ns),
        None => state(polls, created_ns, last_wake_ns, clock),
    };
    StatRow {
        state,
        state_ago_ns: clock.ago_ns(since_ns),
        polls: polls.map_or(0, |polls| polls.polls),
        busy_ns: time::length_ns(polls.and_then(|polls| polls.busy_time.as_ref())),
        scheduled_ns: time::length_ns(theirs.scheduled_time.as_ref()),
        wakes: theirs.wakes,
        self_wakes: theirs.self_wakes,
        waker_clones: theirs.waker_clones,
        waker_drops: theirs.waker_drops,
        // Two threads count them, one after the other.
        wakers: Some(u32::try_from(wakers).unwrap_or(u32::MAX)),
        last_wake_ago_ns: last_wake_ns.map(|at_ns| clock.ago_ns(at_ns)),
        ..StatRow::default()
    }
}

/// What a living task does, and since when.
fn state(
    polls: Option<&PollStats>,
    created_ns: u64,
    last_wake_ns: Option<u64>,
    clock: &Clock,
) -> (v1::TaskState, u64) {
    let at = |moment: Option<&Timestamp>| clock.at(moment);
    let started_ns = at(polls.and_then(|polls| polls.last_poll_started.as_ref()));
    let ended_ns = at(polls.and_then(|polls| polls.last_poll_ended.as_ref()));
    match (started_ns, ended_ns) {
        // A task is born scheduled.
        (None, _) => (v1::TaskState::Scheduled, created_ns),
        (Some(started_ns), ended_ns) if ended_ns.is_none_or(|ended_ns| ended_ns < started_ns) => {
            (v1::TaskState::Running, started_ns)
        }
        (Some(started_ns), ended_ns) => {
            let ended_ns = ended_ns.unwrap_or(started_ns);
            match last_wake_ns {
                // Woken in its poll: it waits since the end of that.
                Some(woken_ns) if woken_ns > started_ns => (v1::TaskState::Scheduled, woken_ns.max(ended_ns)),
                _ => (v1::TaskState::Idle, ended_ns),
            }
        }
    }
}

/// The state of an operation: when it could go on is unknown.
pub(super) fn op_state(polls: Option<&PollStats>, created_ns: u64, clock: &Clock) -> (v1::TaskState, u64) {
    match state(polls, created_ns, None, clock) {
        (v1::TaskState::Scheduled, since_ns) => (v1::TaskState::Idle, since_ns),
        other => other,
    }
}
