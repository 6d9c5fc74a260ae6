//! A made-up service with every kind of trouble in it, as frames.

mod io;
pub(crate) mod locks;
mod scheduler;

use taskscope_proto::{
    agent::AgentRef,
    limits::PROTOCOL_VERSION,
    rows::{FrameRows, SlotRef, StatRow, TaskRow},
    v1::{
        Event, EventKind, Frame, Hello, Histogram, Process, Site, SiteTotals, Sources, TaskDetail, TaskKind,
        TaskRef, TaskState, Thread, WakerCount,
    },
};

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const S: u64 = 1_000 * MS;

/// What every source of the fixture knows.
const KNOWS_ALL: u32 = 1 | 2 | 4 | 8;

/// Spawn sites, by index - 1.
const SITES: [(&str, u32, u32); 6] = [
    ("src/main.rs", 31, 5),
    ("src/ledger.rs", 118, 9),
    ("src/invoice.rs", 52, 5),
    ("src/main.rs", 40, 13),
    ("src/legacy/queue.rs", 77, 1),
    ("src/report.rs", 12, 9),
];

/// The connections of the fixture: enough to be folded.
const CONNECTIONS: u32 = 60;

/// A task, as a test wants it.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) site: u32,
    pub(crate) state: TaskState,
    pub(crate) state_ago_ns: u64,
    pub(crate) polls: u64,
    pub(crate) busy_ns: u64,
    pub(crate) wakes: u64,
    pub(crate) self_wakes: u64,
    pub(crate) wakers: u32,
    pub(crate) longest_poll_ns: u64,
    pub(crate) size_bytes: u32,
    pub(crate) fields: String,
}

impl Task {
    pub(crate) fn new(name: &str, site: u32) -> Self {
        Self {
            name: name.to_owned(),
            site,
            state: TaskState::Idle,
            state_ago_ns: 2 * MS,
            polls: 100,
            busy_ns: 3 * MS,
            wakes: 100,
            self_wakes: 0,
            wakers: 1,
            longest_poll_ns: 200_000,
            size_bytes: 824,
            fields: String::new(),
        }
    }
}

/// The cast: the first tasks each have something wrong, the rest are connections.
pub(crate) fn cast() -> Vec<Task> {
    let mut tasks = vec![
        Task { polls: 41_000, wakes: 41_000, busy_ns: 210 * MS, ..Task::new("accept", 1) },
        Task { state_ago_ns: 41_200 * MS, polls: 4, wakes: 3, wakers: 0, ..Task::new("transfer", 2) },
        Task {
            state: TaskState::Running,
            state_ago_ns: 1_318 * MS,
            polls: 12,
            busy_ns: 2_100 * MS,
            longest_poll_ns: 400 * MS,
            ..Task::new("render-pdf", 3)
        },
        Task { polls: 90_000, wakes: 90_000, self_wakes: 89_000, ..Task::new("poll-legacy-queue", 5) },
        Task {
            size_bytes: 16_384,
            fields: "format=pdf pages=12".to_owned(),
            ..Task::new("export-report", 6)
        },
    ];
    for n in 0..CONNECTIONS {
        let polls = 1_000 + u64::from(n) * 10;
        let conn = Task { polls, wakes: polls, ..Task::new("conn", 4) };
        // Who waits long was woken long ago.
        let state_ago_ns = io::waits_ago_ns(tasks.len() as u32).unwrap_or(conn.state_ago_ns);
        tasks.push(Task { state_ago_ns, ..conn });
    }
    tasks
}

/// Sends the frames of a cast, one after the other.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) tasks: Vec<Task>,
    pub(crate) instance: u64,
    pub(crate) problems: Vec<String>,
    pub(crate) lost_events: u64,
    sequence: u64,
    now_ns: u64,
    /// Half seconds since the snapshot.
    steps: u64,
    /// Slot of the first resource that is a stream.
    first_stream: u32,
}

impl Script {
    pub(crate) fn new(tasks: Vec<Task>) -> Self {
        Self {
            tasks,
            instance: 0x5eed,
            problems: Vec::new(),
            lost_events: 0,
            sequence: 0,
            now_ns: 751 * S,
            steps: 0,
            first_stream: 0,
        }
    }

    /// The first frame of a stream: who this is, and everything.
    pub(crate) fn snapshot(&mut self) -> Frame {
        self.sequence = 0;
        let (mut frame, mut rows) = (self.frame(0), FrameRows::default());
        frame.hello = Some(Hello {
            protocol: PROTOCOL_VERSION,
            instance: self.instance,
            process_name: "checkout-api".to_owned(),
            pid: 4211,
            started_unix_ns: 1_795_000_000 * S,
            taskscope_version: "0.1.0".to_owned(),
            tokio_version: "1.54.1".to_owned(),
            os: "linux x86_64".to_owned(),
            sources: Some(Sources {
                tracing: true,
                hooks: true,
                resources: true,
                tokio_unstable: true,
                ..Sources::default()
            }),
            problems: self.problems.clone(),
            ..Hello::default()
        });
        frame.snapshot_start = true;
        frame.snapshot_end = true;
        frame.sites = (1..)
            .zip(SITES)
            .map(|(index, (file, line, column))| Site { index, file: file.to_owned(), line, column })
            .collect();
        frame.threads = (1..=4)
            .map(|index| Thread { index, name: "tokio-rt-worker".to_owned(), os_id: 4710 + index })
            .collect();
        self.describe(&mut rows);
        self.stats(&mut rows);
        let name = self.tasks.first().map_or("", |task| task.fields.as_str());
        locks::describe(&mut rows, name);
        locks::go_on(&mut rows, 0);
        self.first_stream = rows.resources.len() as u32;
        io::describe(&mut rows, name);
        io::go_on(&mut rows, self.first_stream, 0, name);
        rows.finish(&mut frame);
        frame.descriptors = Some(io::descriptors(0));
        frame.scheduler = Some(scheduler::at(0));
        self.steps = 0;
        frame
    }

    /// The next half second: every connection has been polled some more.
    pub(crate) fn step(&mut self) -> Frame {
        for (n, task) in self.tasks.iter_mut().enumerate() {
            match task.name.as_str() {
                "accept" => {
                    task.polls += 406;
                    task.wakes += 406;
                }
                "poll-legacy-queue" => {
                    task.polls += 900;
                    task.wakes += 900;
                    task.self_wakes += 890;
                }
                "conn" if io::waits_ago_ns(n as u32).is_none() => {
                    task.polls += n as u64;
                    task.wakes += n as u64;
                    task.busy_ns += MS;
                }
                _ => task.state_ago_ns += S / 2,
            }
        }
        let (mut frame, mut rows) = (self.frame(S / 2), FrameRows::default());
        self.steps += 1;
        self.stats(&mut rows);
        locks::go_on(&mut rows, self.steps);
        io::go_on(&mut rows, self.first_stream, self.steps, "");
        rows.finish(&mut frame);
        // These come once a second.
        if self.steps.is_multiple_of(2) {
            frame.descriptors = Some(io::descriptors(self.steps));
            frame.scheduler = Some(scheduler::at(self.steps));
        }
        frame
    }

    /// Histograms, wakers and the timeline of a task.
    pub(crate) fn detail(task: TaskRef) -> TaskDetail {
        let histogram = |lower: u64| Histogram {
            lower_ns: (0..8).map(|n| lower << n).collect(),
            upper_ns: (0..8).map(|n| lower << (n + 1)).collect(),
            count: vec![3, 40, 90, 60, 20, 4, 0, 1],
            max_ns: lower * 200,
        };
        let event = |kind: EventKind, ago_ns: u64| Event { kind: kind.into(), ago_ns, by: 3 };
        TaskDetail {
            task: Some(task),
            polls: Some(histogram(2_000)),
            scheduled: Some(histogram(700)),
            wakers: vec![
                WakerCount { waker: AgentRef::Thread(1).encode(), count: 12 },
                WakerCount { waker: AgentRef::Task { slot: 0, generation: 1 }.encode(), count: 3 },
            ],
            other_wakes: 2,
            watched_ago_ns: 10 * S,
            events: vec![
                event(EventKind::Wake, 9 * S),
                event(EventKind::PollStart, 8 * S),
                event(EventKind::PollEnd, 6 * S),
                event(EventKind::Wake, 2 * S),
                event(EventKind::PollStart, 2 * S),
                event(EventKind::PollEnd, 2 * S - MS),
            ],
            lost_events: 0,
            gaps: Vec::new(),
        }
    }

    fn frame(&mut self, passed_ns: u64) -> Frame {
        self.sequence += 1;
        self.now_ns += passed_ns;
        let alive = self.tasks.len() as u64;
        let now_ns = self.now_ns;
        Frame {
            sequence: self.sequence,
            now_ns,
            totals: vec![SiteTotals {
                site: 4,
                spawned: 90_000,
                finished: 89_940,
                polls: 7_000_000,
                ..SiteTotals::default()
            }],
            process: Some(Process {
                alive,
                spawned: 90_005,
                lost_events: self.lost_events,
                own_cpu_ns: now_ns / 250,
                cost_known: true,
                own_memory_bytes: 3 << 20,
                clients: 1,
                ..Process::default()
            }),
            ..Frame::default()
        }
    }

    fn describe(&self, rows: &mut FrameRows) {
        for (slot, task) in (0..).zip(&self.tasks) {
            let row = TaskRow {
                generation: 1,
                tokio_id: u64::from(slot) + 86,
                site: task.site,
                kind: TaskKind::Task,
                name: rows.tasks.text(&task.name),
                fields: rows.tasks.text(&task.fields),
                created_ago_ns: 750 * S - u64::from(slot) * S,
                parent: (task.name == "conn").then_some(SlotRef { slot: 0, generation: 1 }),
                size_bytes: task.size_bytes,
                knows: KNOWS_ALL,
                ..TaskRow::default()
            };
            rows.tasks.push(slot, row);
        }
    }

    fn stats(&self, rows: &mut FrameRows) {
        for (slot, task) in (0..).zip(&self.tasks) {
            let row = StatRow {
                state: task.state,
                state_ago_ns: task.state_ago_ns,
                polls: task.polls,
                busy_ns: task.busy_ns,
                scheduled_ns: task.polls * 4_000,
                wakes: task.wakes,
                self_wakes: task.self_wakes,
                waker_clones: task.polls,
                waker_drops: task.polls - u64::from(task.wakers),
                wakers: Some(task.wakers),
                last_wake_ago_ns: Some(task.state_ago_ns),
                last_waker: AgentRef::Thread(1),
                longest_poll_ns: task.longest_poll_ns,
                longest_scheduled_ns: 90_000,
                all_waits: false,
            };
            rows.stats.push(slot, row);
        }
    }
}
