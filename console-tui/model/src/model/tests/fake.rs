//! A server that exists in memory: it knows tasks, and says what a real one would.

use std::collections::{BTreeMap, BTreeSet};

use taskscope_proto::{
    agent::AgentRef,
    rows::{SlotRef, StatRow, TaskRow, Writer},
    v1,
};

pub(crate) const S: u64 = 1_000_000_000;
pub(crate) const MS: u64 = 1_000_000;

/// Places that every fake process has.
pub(crate) const SITE_COUNT: u32 = 3;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FakeTask {
    pub(crate) generation: u32,
    pub(crate) tokio_id: u64,
    pub(crate) site: u32,
    pub(crate) kind: v1::TaskKind,
    pub(crate) name: String,
    pub(crate) fields: String,
    pub(crate) created_ns: u64,
    pub(crate) parent: Option<(u32, u32)>,
    pub(crate) size_bytes: u32,
    pub(crate) original_size_bytes: u32,
    pub(crate) knows: u32,
    pub(crate) state: v1::TaskState,
    pub(crate) since_ns: u64,
    pub(crate) polls: u64,
    pub(crate) busy_ns: u64,
    pub(crate) scheduled_ns: u64,
    pub(crate) wakes: u64,
    pub(crate) self_wakes: u64,
    pub(crate) wakers: Option<u32>,
    pub(crate) last_wake_ns: Option<u64>,
    pub(crate) last_waker: u64,
    pub(crate) longest_poll_ns: u64,
    pub(crate) longest_scheduled_ns: u64,
}

/// Everything a source can know.
pub(crate) const KNOWS_ALL: u32 = 15;

impl FakeTask {
    /// A healthy task: idle, with one waker, polled a few times.
    pub(crate) fn healthy(tokio_id: u64, now_ns: u64) -> Self {
        Self {
            generation: 1,
            tokio_id,
            site: 1,
            kind: v1::TaskKind::Task,
            name: String::new(),
            fields: String::new(),
            created_ns: now_ns.saturating_sub(60 * S),
            parent: None,
            size_bytes: 256,
            original_size_bytes: 0,
            knows: KNOWS_ALL,
            state: v1::TaskState::Idle,
            since_ns: now_ns.saturating_sub(2 * S),
            polls: 10,
            busy_ns: 5 * MS,
            scheduled_ns: MS,
            wakes: 9,
            self_wakes: 0,
            wakers: Some(1),
            last_wake_ns: Some(now_ns.saturating_sub(2 * S)),
            last_waker: 1,
            longest_poll_ns: MS,
            longest_scheduled_ns: MS,
        }
    }
}

/// A process, and one client of it.
#[derive(Debug, Clone)]
pub(crate) struct Fake {
    pub(crate) instance: u64,
    pub(crate) pid: u32,
    pub(crate) now_ns: u64,
    pub(crate) sequence: u64,
    pub(crate) tasks: BTreeMap<u32, FakeTask>,
    pub(crate) totals: BTreeMap<u32, v1::SiteTotals>,
    pub(crate) process: v1::Process,
    /// Places by number; 0 is not used.
    pub(crate) files: Vec<String>,
    sent: BTreeMap<u32, FakeTask>,
    pub(crate) chunk: usize,
}

impl Fake {
    pub(crate) fn new() -> Self {
        Self {
            instance: 0xabc,
            pid: 4211,
            now_ns: 100 * S,
            sequence: 0,
            tasks: BTreeMap::new(),
            totals: BTreeMap::new(),
            process: v1::Process::default(),
            files: ["", "src/main.rs", "src/ledger.rs", "src/db.rs"].map(str::to_owned).to_vec(),
            sent: BTreeMap::new(),
            chunk: 1000,
        }
    }

    /// `count` healthy tasks at site 1.
    pub(crate) fn with_tasks(count: u32) -> Self {
        let mut fake = Self::new();
        for slot in 0..count {
            fake.add(slot, |_| {});
        }
        fake
    }

    /// A healthy task, changed by `change`.
    pub(crate) fn add(&mut self, slot: u32, change: impl FnOnce(&mut FakeTask)) {
        let mut task = FakeTask::healthy(u64::from(slot) + 100, self.now_ns);
        change(&mut task);
        self.tasks.insert(slot, task);
    }

    pub(crate) fn task(&mut self, slot: u32) -> &mut FakeTask {
        self.tasks.get_mut(&slot).unwrap()
    }

    fn frame(&mut self) -> v1::Frame {
        self.sequence += 1;
        let alive = self.tasks.values().filter(|task| task.state != v1::TaskState::Done).count() as u64;
        let process = v1::Process { alive, spawned: self.process.spawned.max(alive), ..self.process };
        v1::Frame {
            sequence: self.sequence,
            now_ns: self.now_ns,
            process: Some(process),
            ..v1::Frame::default()
        }
    }

    pub(crate) fn hello(&self) -> v1::Hello {
        v1::Hello {
            protocol: 1,
            instance: self.instance,
            process_name: "checkout-api".into(),
            pid: self.pid,
            started_unix_ns: 1,
            taskscope_version: "0.1.0".into(),
            tokio_version: "1.54.1".into(),
            os: "linux".into(),
            sources: Some(v1::Sources {
                tracing: true,
                hooks: true,
                wrappers: false,
                tokio_unstable: true,
                ..v1::Sources::default()
            }),
            problems: Vec::new(),
            ..v1::Hello::default()
        }
    }

    /// A new stream starts.
    pub(crate) fn reconnect(&mut self) {
        self.sequence = 0;
        self.sent.clear();
    }

    /// Everything, in chunks.
    pub(crate) fn snapshot(&mut self) -> Vec<v1::Frame> {
        let tasks: Vec<(u32, FakeTask)> =
            self.tasks.iter().map(|(slot, task)| (*slot, task.clone())).collect();
        self.sent = self.tasks.clone();
        let mut chunks: Vec<&[(u32, FakeTask)]> = tasks.chunks(self.chunk).collect();
        if chunks.is_empty() {
            chunks.push(&[]);
        }
        let last = chunks.len() - 1;
        let mut frames = Vec::new();
        for (i, chunk) in chunks.into_iter().enumerate() {
            let mut frame = self.frame();
            if i == 0 {
                frame.hello = Some(self.hello());
                frame.snapshot_start = true;
                frame.sites = (1..=SITE_COUNT)
                    .map(|index| v1::Site {
                        index,
                        file: self.files[index as usize].clone(),
                        line: 10 * index,
                        column: 5,
                    })
                    .collect();
                frame.threads = vec![v1::Thread { index: 1, name: "tokio-rt".into(), os_id: 0 }];
                frame.totals = self.totals.values().copied().collect();
            }
            frame.snapshot_end = i == last;
            frame.tasks = task_columns(chunk, self.now_ns);
            frame.stats = stat_columns(chunk, self.now_ns);
            frames.push(frame);
        }
        frames
    }

    /// What changed since the last snapshot or delta.
    pub(crate) fn delta(&mut self) -> v1::Frame {
        let mut frame = self.frame();
        let gone: BTreeSet<u32> =
            self.sent.keys().filter(|slot| !self.tasks.contains_key(slot)).copied().collect();
        frame.freed = gone.into_iter().collect();
        let is_new = |slot: &u32, task: &FakeTask| {
            self.sent.get(slot).is_none_or(|old| old.generation != task.generation)
        };
        let copy = |(slot, task): (&u32, &FakeTask)| (*slot, task.clone());
        let new: Vec<(u32, FakeTask)> =
            self.tasks.iter().filter(|(slot, task)| is_new(slot, task)).map(copy).collect();
        let changed: Vec<(u32, FakeTask)> =
            self.tasks.iter().filter(|(slot, task)| self.sent.get(slot) != Some(task)).map(copy).collect();
        frame.tasks = task_columns(&new, self.now_ns);
        frame.stats = stat_columns(&changed, self.now_ns);
        frame.totals = self.totals.values().copied().collect();
        self.sent = self.tasks.clone();
        frame
    }
}

fn task_columns(tasks: &[(u32, FakeTask)], now_ns: u64) -> Option<v1::TaskColumns> {
    let mut writer = Writer::<v1::TaskColumns>::default();
    for (slot, task) in tasks {
        let row = TaskRow {
            generation: task.generation,
            tokio_id: task.tokio_id,
            site: task.site,
            kind: task.kind,
            name: writer.text(&task.name),
            fields: writer.text(&task.fields),
            created_ago_ns: now_ns - task.created_ns,
            parent: task.parent.map(|(slot, generation)| SlotRef { slot, generation }),
            size_bytes: task.size_bytes,
            original_size_bytes: task.original_size_bytes,
            knows: task.knows,
        };
        writer.push(*slot, row);
    }
    writer.finish()
}

fn stat_columns(tasks: &[(u32, FakeTask)], now_ns: u64) -> Option<v1::StatColumns> {
    let mut writer = Writer::<v1::StatColumns>::default();
    for (slot, task) in tasks {
        let row = StatRow {
            state: task.state,
            state_ago_ns: now_ns - task.since_ns,
            polls: task.polls,
            // What took longest is in the sum.
            busy_ns: task.busy_ns.max(task.longest_poll_ns),
            scheduled_ns: task.scheduled_ns.max(task.longest_scheduled_ns),
            wakes: task.wakes,
            self_wakes: task.self_wakes,
            wakers: task.wakers,
            last_wake_ago_ns: task.last_wake_ns.map(|at_ns| now_ns - at_ns),
            last_waker: AgentRef::decode(task.last_waker),
            longest_poll_ns: task.longest_poll_ns,
            longest_scheduled_ns: task.longest_scheduled_ns,
            all_waits: false,
            ..StatRow::default()
        };
        writer.push(*slot, row);
    }
    writer.finish()
}

/// What was in a slot first.
pub(crate) fn first_in(slot: u32) -> SlotRef {
    SlotRef { slot, generation: 1 }
}
