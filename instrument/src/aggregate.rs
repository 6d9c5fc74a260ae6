//! From slots to frames: what each console gets, and when.
//!
//! State, not events: a [`cursor::Cursor`] compares the slots with what its console knows and sends the difference. So a slow console
//! skips to the newest state and costs the others nothing, and with no console nothing is read at all.
//!
//! Runs off the program's runtime. Reading a slot that changed costs about 100 ns; pages in which nothing changed are skipped.

mod await_trees;
pub(crate) mod cost;
pub(crate) mod cursor;
mod descriptors;
mod details;
mod equal_limits;
pub(crate) mod events;
pub(crate) mod memory;
mod moment;
mod resources;
mod rows;
pub(crate) mod scan;
mod scheduler;
mod stuck;

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use taskscope_proto::{limits, v1};
use taskscope_recorder::{Event, EventKind, Page, Slot, TaskId, Ticks, Touched};

use self::{await_trees::Walker, cost::Cost};
use crate::{
    Builder,
    handle::Handle,
    os::{program::Program, reader::Reader},
    server::OwnListener,
    watchdog::Watchdog,
};

/// Timeline events kept for a watched task until its consoles took them.
const MAX_KEPT_EVENTS: usize = 16_384;

/// What the consoles of a process share.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) handle: Handle,
    pub(crate) clients: AtomicU32,
    pub(crate) cost: Cost,
    pub(crate) watchdog: Watchdog,
    /// The last readings of threads from the operating system.
    threads: Mutex<crate::os::thread::Cache>,
    identity: Identity,
    rounds: Mutex<Rounds>,
    watched: Mutex<HashMap<TaskId, Watched>>,
    /// Of the consoles that want all events.
    streams: Mutex<Vec<Arc<Mutex<events::Queue>>>>,
    descriptors: Mutex<descriptors::Shared>,
    consoles: memory::Consoles,
    pub(crate) reader: Reader,
    walker: Walker,
}

#[derive(Debug)]
struct Identity {
    instance: u64,
    process_name: String,
    started_unix_ns: u64,
    program: Program,
}

/// Which pages changed when: several consoles look at different times, but a page's mark can be taken only once.
#[derive(Debug, Default)]
struct Rounds {
    round: u64,
    tasks: Changes,
    resources: Changes,
    ops: Changes,
}

/// Round of the last change by page of an arena.
#[derive(Debug, Default)]
struct Changes(Vec<u64>);

impl Changes {
    fn collect<'p, T: Slot<Shared = Touched> + 'p>(
        &mut self,
        round: u64,
        pages: impl Iterator<Item = &'p Page<T>>,
    ) {
        for (number, page) in pages.enumerate() {
            let touched = page.shared.take();
            if self.0.len() <= number {
                self.0.push(round);
            } else if touched {
                self.0[number] = round;
            }
        }
    }

    fn since(&self, since: u64) -> Vec<usize> {
        self.0.iter().enumerate().filter(|(_, round)| **round >= since).map(|(page, _)| page).collect()
    }
}

/// Pages to look at in a round.
#[derive(Debug)]
pub(crate) struct ChangedPages {
    pub(crate) tasks: Vec<usize>,
    pub(crate) resources: Vec<usize>,
    pub(crate) ops: Vec<usize>,
}

/// A task whose timeline a console watches.
#[derive(Debug)]
pub(crate) struct Watched {
    consoles: u32,
    pub(crate) since: u64,
    /// Number of the first kept event.
    first: u64,
    events: VecDeque<Event>,
    /// Between which moments events are missing; oldest first, at most [`limits::MAX_EVENT_GAPS`].
    gaps: VecDeque<(Ticks, Ticks)>,
    /// By the word that events hold.
    pub(crate) wakers: HashMap<u64, u64>,
    pub(crate) other_wakes: u64,
    /// The recorder's losses when watching began.
    pub(crate) lost_before: u64,
}

impl Hub {
    /// `own`: the server's listener, to leave its descriptors out.
    pub(crate) fn new(handle: Handle, options: &Builder, own: Option<OwnListener>) -> Self {
        let identity = Identity {
            instance: RandomState::new().hash_one(std::process::id()),
            process_name: options.name.clone().unwrap_or_else(executable_name),
            started_unix_ns: started_unix_ns(&handle),
            program: Program::own(),
        };
        Self {
            reader: Reader::new(options.memory_readers),
            walker: Walker::new(options, &identity.program.build_id),
            watchdog: Watchdog::start(handle.clone(), options.log_stuck),
            handle,
            clients: AtomicU32::new(0),
            cost: Cost::calibrate(),
            threads: Mutex::default(),
            identity,
            rounds: Mutex::default(),
            watched: Mutex::default(),
            streams: Mutex::default(),
            descriptors: Mutex::new(descriptors::Shared::new(own)),
            consoles: memory::Consoles::default(),
        }
    }

    /// Starts a round: collects the marks of changed pages, frees what its retention has outlived. Returns the round's number.
    pub(crate) fn begin_round(&self) -> u64 {
        let recorder = self.handle.recorder();
        recorder.tasks.reap();
        let mut rounds = lock(&self.rounds);
        rounds.round += 1;
        let round = rounds.round;
        rounds.tasks.collect(round, recorder.tasks.pages());
        rounds.resources.collect(round, recorder.resources.pages());
        rounds.ops.collect(round, recorder.resources.op_pages());
        round
    }

    /// Pages that changed in `since` or later.
    pub(crate) fn changed_pages(&self, since: u64) -> ChangedPages {
        let rounds = lock(&self.rounds);
        ChangedPages {
            tasks: rounds.tasks.since(since),
            resources: rounds.resources.since(since),
            ops: rounds.ops.since(since),
        }
    }

    /// A point in time by the clock on the wall.
    #[cfg(feature = "console-api")]
    pub(crate) fn wall_time(&self, at: Ticks) -> SystemTime {
        let since_start_ns = self.handle.recorder().clock().since_start_ns(at);
        UNIX_EPOCH
            + std::time::Duration::from_nanos(self.identity.started_unix_ns.saturating_add(since_start_ns))
    }

    /// Starts watching a task's timeline for one more console.
    fn watch(&self, task: TaskId) {
        let recorder = self.handle.recorder();
        let mut watched = lock(&self.watched);
        watched
            .entry(task)
            .or_insert_with(|| Watched {
                consoles: 0,
                since: recorder.clock().ticks(),
                first: 0,
                events: VecDeque::new(),
                gaps: VecDeque::new(),
                wakers: HashMap::new(),
                other_wakes: 0,
                lost_before: recorder.losses().lost_events,
            })
            .consoles += 1;
        recorder.watch(task, true);
    }

    fn unwatch(&self, task: TaskId) {
        let recorder = self.handle.recorder();
        let mut watched = lock(&self.watched);
        let Some(entry) = watched.get_mut(&task) else { return };
        entry.consoles -= 1;
        if entry.consoles == 0 {
            watched.remove(&task);
            recorder.watch(task, false);
        }
        drop(watched);
        if lock(&self.streams).is_empty() && lock(&self.watched).is_empty() {
            recorder.timelines.watch_none();
        }
    }

    /// Moves the threads' events to the tasks that are watched, and to the consoles that want them all.
    pub(crate) fn drain(&self) -> MutexGuard<'_, HashMap<TaskId, Watched>> {
        let streams = lock(&self.streams).clone();
        let mut streams: Vec<_> = streams.iter().map(|queue| lock(queue)).collect();
        let mut watched = lock(&self.watched);
        self.handle.recorder().timelines.drain(|event| {
            for queue in &mut streams {
                queue.push(event);
            }
            if event.kind == EventKind::Gap {
                // Which tasks the lost ones were of is not known: perhaps of each.
                watched.values_mut().for_each(|task| task.gap(event.by, event.at));
            } else if let Some(task) = TaskId::from_u64(event.task).and_then(|id| watched.get_mut(&id)) {
                task.take(event);
            }
        });
        watched
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<TaskId, Watched>> {
        lock(&self.watched)
    }

    /// The identity frame.
    fn hello(&self, problems: &[String]) -> v1::Hello {
        let sources = self.handle.sources();
        v1::Hello {
            protocol: limits::PROTOCOL_VERSION,
            instance: self.identity.instance,
            process_name: self.identity.process_name.clone(),
            pid: std::process::id(),
            started_unix_ns: self.identity.started_unix_ns,
            taskscope_version: env!("CARGO_PKG_VERSION").to_owned(),
            tokio_version: crate::source::callsite::tokio_version().unwrap_or_default().to_owned(),
            os: std::env::consts::OS.to_owned(),
            sources: Some(v1::Sources {
                tracing: sources.tracing.load(Relaxed),
                hooks: sources.hooks.load(Relaxed),
                wrappers: sources.wrappers.load(Relaxed),
                tokio_unstable: cfg!(tokio_unstable),
                resources: sources.resources.load(Relaxed),
                ..v1::Sources::default()
            }),
            problems: problems.iter().cloned().chain(self.walker.problem()).collect(),
            build_id: self.identity.program.build_id.clone(),
            started_ticks: self.identity.program.started_ticks,
        }
    }
}

impl Watched {
    fn take(&mut self, event: Event) {
        if event.kind == EventKind::Wake {
            let known = self.wakers.len() < limits::MAX_WAKERS || self.wakers.contains_key(&event.by);
            if known {
                *self.wakers.entry(event.by).or_default() += 1;
            } else {
                self.other_wakes += 1;
            }
        }
        self.events.push_back(event);
        if self.events.len() > MAX_KEPT_EVENTS {
            self.events.pop_front();
            self.first += 1;
        }
    }

    /// Events between two moments are missing.
    fn gap(&mut self, from: Ticks, to: Ticks) {
        let from = from.max(self.since);
        match self.gaps.back_mut().filter(|gap| from <= gap.1) {
            Some(gap) => gap.1 = gap.1.max(to),
            None => self.gaps.push_back((from, to)),
        }
        if self.gaps.len() > limits::MAX_EVENT_GAPS {
            // What lies between the oldest two is given up, too.
            let (from, _) = self.gaps.pop_front().unwrap_or_default();
            self.gaps.front_mut().into_iter().for_each(|gap| gap.0 = from);
        }
    }

    /// Events from number `from` on, and how many of them are kept no more.
    fn events_since(&self, from: u64) -> (impl Iterator<Item = &Event>, u64) {
        let gone = self.first.saturating_sub(from);
        let skip = from.saturating_sub(self.first) as usize;
        (self.events.iter().skip(skip), gone)
    }

    fn next_number(&self) -> u64 {
        self.first + self.events.len() as u64
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn executable_name() -> String {
    let path = std::env::current_exe().ok();
    let name =
        path.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_default()
}

fn started_unix_ns(handle: &Handle) -> u64 {
    let clock = handle.recorder().clock();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let age = clock.since_start_ns(clock.ticks());
    u64::try_from(now).unwrap_or(u64::MAX).saturating_sub(age)
}
