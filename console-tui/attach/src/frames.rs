//! What was seen, as frames of the wire: the same store and screens show an attached process and an instrumented one.
//!
//! Invariants: a round is one look; what a row points to is in its frame or an earlier one; what memory does not say is unknown on the wire. A wait is as
//! old as the first look that saw it: at least so old.
//!
//! Limits: those of the wire. Sites past [`MAX_SITES`], threads past [`MAX_THREADS`], runtimes past [`MAX_RUNTIMES`] are left out.

mod descriptors;
mod filling;
mod graph;
mod resources;
mod scheduler;
mod slots;
mod tasks;
mod trees;

use std::{
    hash::{Hash, Hasher},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rustc_hash::{FxHashMap, FxHasher};
use taskscope_proto::{
    cut,
    limits::{MAX_PATH_BYTES, MAX_SITES},
    rows::SlotRef,
    v1,
};

use self::{
    filling::Filling,
    graph::{Graph, OpKey, ResourceKey},
    slots::Slots,
};
use taskscope_observe::{Observed, Observer, SeenTask};

/// What the console wants of the rounds.
#[derive(Debug, Default, Clone)]
pub struct Wish {
    /// Tasks whose await trees are wanted.
    pub trees: Vec<SlotRef>,
    /// Await trees of all tasks are wanted.
    pub all_trees: bool,
    /// Descriptors are wanted with this round.
    pub descriptors: bool,
}

/// Who is watched.
#[derive(Debug, Default, Clone)]
pub struct About {
    /// Random: another value is another process.
    pub instance: u64,
    /// Sentences about what blinds the console, and the cure.
    pub problems: Vec<String>,
}

/// See the module's text.
#[derive(Debug)]
pub struct Frames {
    about: About,
    started: Instant,
    /// The process had run for so long then.
    age: Duration,
    /// When it was started; 0: unknown.
    started_unix_ns: u64,
    sequence: u64,
    round: u64,
    hello: Option<v1::Hello>,
    sites: FxHashMap<(String, u32), u32>,
    threads: FxHashMap<u32, (u32, String)>,
    tasks: Slots<TaskKey>,
    resources: Slots<ResourceKey>,
    ops: Slots<OpKey>,
    spawned: u64,
}

/// A task for good: its memory may be another task's later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct TaskKey {
    header: u64,
    /// tokio's id; 0: unknown.
    id: u64,
}

impl TaskKey {
    fn of(seen: &SeenTask) -> Self {
        Self { header: seen.task.header, id: seen.task.id.unwrap_or(0) }
    }
}

/// A round under way.
struct Round<'r> {
    observer: &'r Observer,
    observed: &'r Observed,
    now_ns: u64,
    /// By index into the observed tasks.
    tasks: Vec<SlotRef>,
    /// It is another than at the last look.
    changed: Vec<bool>,
    /// When it was seen to change last. What is seen of it at two looks may be another wait each time, but none is older.
    since_ns: Vec<u64>,
}

impl Frames {
    /// Nothing sent yet.
    #[must_use]
    pub fn new(about: About) -> Self {
        Self {
            about,
            started: Instant::now(),
            age: Duration::ZERO,
            started_unix_ns: 0,
            sequence: 0,
            round: 0,
            hello: None,
            sites: FxHashMap::default(),
            threads: FxHashMap::default(),
            tasks: Slots::default(),
            resources: Slots::default(),
            ops: Slots::default(),
            spawned: 0,
        }
    }

    /// Sends everything anew from the next round on; what is new in it is numbered on.
    #[must_use]
    pub fn anew(self) -> Self {
        Self {
            sequence: self.sequence,
            started: self.started,
            age: self.age,
            started_unix_ns: self.started_unix_ns,
            ..Self::new(self.about)
        }
    }

    /// The frames of a look.
    pub fn round(&mut self, observer: &Observer, look: &Observed, wish: &Wish) -> Vec<v1::Frame> {
        if self.started_unix_ns == 0
            && let Some(age) = observer.source().uptime()
        {
            // From here on the clock is that of the process.
            (self.started, self.age) = (Instant::now(), age);
            let started = SystemTime::now() - age;
            let since = started.duration_since(UNIX_EPOCH).unwrap_or_default();
            self.started_unix_ns = u64::try_from(since.as_nanos()).unwrap_or(0);
        }
        let now = self.age + self.started.elapsed();
        let now_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.round += 1;
        let mut filling = Filling::default();
        let keys: Vec<TaskKey> = look.tasks.iter().map(TaskKey::of).collect();
        let tasks = keys.iter().map(|key| self.tasks.slot(*key, now_ns)).collect();
        let seen = look.tasks.iter().zip(&keys);
        let changed = seen.map(|(seen, key)| {
            let hash = hash(&(seen.task.word, seen.changed, &seen.task.tree));
            self.tasks.changed(key, hash, now_ns)
        });
        let changed = changed.collect();
        let since_ns = keys.iter().map(|key| self.tasks.changed_ns(key).unwrap_or(now_ns)).collect();
        let round = Round { observer, observed: look, now_ns, tasks, changed, since_ns };
        self.say_hello(&round, &mut filling);
        self.name_threads(&round, &mut filling);
        let graph = Graph::new(&round, &keys);
        // Slots are freed before others are used again.
        let freed =
            (self.tasks.end_round(), self.resources.retain(graph.resources()), self.ops.retain(graph.ops()));
        filling.free(&freed.0, &freed.1, &freed.2);
        self.task_rows(&round, &graph, &mut filling);
        self.resource_rows(&round, &graph, &mut filling);
        self.op_rows(&round, &graph, &mut filling);
        self.scheduler(&round, &mut filling);
        trees::add(&round, wish, &mut filling);
        if wish.descriptors {
            filling.last().descriptors = Some(descriptors::read(observer.source(), now_ns));
        }
        self.finish(filling, &round)
    }

    /// Numbers the frames.
    fn finish(&mut self, filling: Filling, round: &Round<'_>) -> Vec<v1::Frame> {
        let process = self.process(round);
        let mut frames = filling.finish();
        let last = frames.len().saturating_sub(1);
        for (number, frame) in frames.iter_mut().enumerate() {
            self.sequence += 1;
            frame.sequence = self.sequence;
            frame.now_ns = round.now_ns;
            frame.round = self.round;
            frame.round_end = number == last;
            frame.process = Some(process);
            frame.snapshot_start = self.round == 1 && number == 0;
            frame.snapshot_end = self.round == 1 && number == last;
        }
        frames
    }

    fn process(&self, round: &Round<'_>) -> v1::Process {
        v1::Process {
            alive: round.observed.tasks.len() as u64 + round.observed.more_tasks,
            spawned: self.spawned,
            untracked: round.observed.more_tasks,
            untracked_alive: Some(round.observed.more_tasks),
            // Reading costs the process nothing but what the kernel takes to copy; this console's time is its own.
            cost_known: false,
            clients: 1,
            ..v1::Process::default()
        }
    }

    /// The number of a place; 0: unknown, or past the limit.
    fn site(&mut self, file: &str, line: u32, filling: &mut Filling) -> u32 {
        if file.is_empty() || line == 0 {
            return 0;
        }
        let file = cut::end(file, MAX_PATH_BYTES);
        if let Some(number) = self.sites.get(&(file.to_owned(), line)) {
            return *number;
        }
        if self.sites.len() + 1 > MAX_SITES {
            return 0;
        }
        let number = self.sites.len() as u32 + 1;
        self.sites.insert((file.to_owned(), line), number);
        filling.site(v1::Site { index: number, file: file.to_owned(), line, column: 0 });
        number
    }
}

fn hash(facts: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    facts.hash(&mut hasher);
    hasher.finish()
}
