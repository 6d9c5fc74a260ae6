//! A ledger that hangs, read from memory: what `taskscope attach` shows of a program that knows nothing of taskscope.
//!
//! Two requests have each locked one account and wait for the other one; a third waits behind them.

use taskscope_proto::{
    agent::AgentRef,
    limits::PROTOCOL_VERSION,
    rows::{FrameRows, HolderRow, IoRow, LockRow, OpRow, OpStatRow, ResourceRow, SlotRef, StatRow, TaskRow},
    v1::{
        AwaitFrame, AwaitTree, Frame, Hello, Knows, LockKnows, Process, Runtime, RuntimeFlavor, Scheduler,
        Site, Sources, TaskDetail, TaskKind, TaskRef, TaskState, Thread, WatchRequest, Worker, WorkerState,
    },
};

use crate::{
    frames::{STEP_NS, first_in},
    shots::Program,
};

const SECOND: u64 = 1_000_000_000;
/// How long the console watches: a few looks after the user has acted.
const PICTURE_NS: u64 = 30 * STEP_NS;
/// How long the process had run when the console came.
const AGE_NS: u64 = 3 * 3600 * SECOND;

/// Name, site, and the state of each task, by slot; the third and the fourth are the two transfers.
const TASKS: &[(&str, u32)] = &[
    ("ledger::serve", 1),
    ("ledger::rates::refresh", 2),
    ("ledger::connection", 3),
    ("ledger::connection", 3),
    ("ledger::connection", 3),
    ("ledger::audit::writer", 4),
];
const SITES: &[(&str, u32)] = &[
    ("src/main.rs", 31),
    ("src/rates.rs", 12),
    ("src/main.rs", 44),
    ("src/audit.rs", 9),
    ("src/ledger.rs", 58),
    ("src/ledger.rs", 40),
];
/// Type, purpose, name.
const RESOURCES: &[(&str, &str, &str)] = &[
    ("Mutex", "Sync", "0x5581c3f04480"),
    ("Mutex", "Sync", "0x5581c3f044d8"),
    ("TcpListener", "io", "fd 9"),
    ("Sleep", "timer", ""),
    ("mpsc", "channel", "0x5581c3ee6f00"),
];
/// Task, resource, source, site.
const WAITS: &[(u32, u32, &str, u32)] = &[
    (0, 2, "TcpListener::accept", 1),
    (1, 3, "Sleep", 2),
    (2, 1, "Mutex::lock", 5),
    (3, 0, "Mutex::lock", 5),
    (4, 0, "Mutex::lock", 6),
    (5, 4, "Receiver::recv", 4),
];

/// See the module's text.
pub(crate) struct Attached {
    now_ns: u64,
    sequence: u64,
    details: Vec<TaskRef>,
}

impl Attached {
    pub(crate) fn new() -> Self {
        Self { now_ns: 0, sequence: 0, details: Vec::new() }
    }

    fn frame(&mut self) -> Frame {
        let first = self.sequence == 0;
        self.sequence += 1;
        let since_ns = self.now_ns;
        self.now_ns += STEP_NS;
        let mut frame = Frame {
            sequence: self.sequence,
            now_ns: AGE_NS + since_ns,
            hello: first.then(hello),
            snapshot_start: first,
            snapshot_end: first,
            sites: if first { sites() } else { Vec::new() },
            threads: if first { threads() } else { Vec::new() },
            process: Some(Process {
                alive: 6,
                spawned: 6,
                untracked_alive: Some(0),
                clients: 1,
                ..Process::default()
            }),
            scheduler: Some(scheduler()),
            details: self
                .details
                .iter()
                .map(|task| TaskDetail { task: Some(*task), ..TaskDetail::default() })
                .collect(),
            await_trees: self.details.iter().map(|task| tree(*task)).collect(),
            ..Frame::default()
        };
        let mut rows = FrameRows::default();
        if first {
            add(&mut rows);
        }
        rows.finish(&mut frame);
        frame
    }
}

impl Program for Attached {
    fn watch(&mut self, request: WatchRequest) {
        self.details = request.details;
    }
}

impl Iterator for Attached {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        (self.now_ns <= PICTURE_NS).then(|| self.frame())
    }
}

fn hello() -> Hello {
    Hello {
        protocol: PROTOCOL_VERSION,
        instance: 7,
        process_name: "ledger".to_owned(),
        pid: 90_412,
        tokio_version: "1.54.1".to_owned(),
        os: "linux".to_owned(),
        sources: Some(Sources { memory: true, ..Sources::default() }),
        ..Hello::default()
    }
}

fn sites() -> Vec<Site> {
    let site = |(index, (file, line)): (u32, &(&str, u32))| Site {
        index,
        file: (*file).to_owned(),
        line: *line,
        column: 0,
    };
    (1..).zip(SITES).map(site).collect()
}

fn threads() -> Vec<Thread> {
    (1..=2).map(|index| Thread { index, name: "tokio-rt-worker".to_owned(), os_id: 90_412 + index }).collect()
}

fn scheduler() -> Scheduler {
    let worker = |(worker, state, call): (u32, WorkerState, &str)| Worker {
        runtime: 1,
        worker,
        thread: worker + 1,
        state: state as i32,
        kernel_state: call.to_owned(),
        ..Worker::default()
    };
    let workers = [(0, WorkerState::Parked, "futex"), (1, WorkerState::DrivingIo, "epoll_wait")];
    let runtime = Runtime {
        index: 1,
        flavor: RuntimeFlavor::MultiThread as i32,
        workers: 2,
        alive_tasks: Some(6),
        ..Runtime::default()
    };
    Scheduler { runtimes: vec![runtime], workers: workers.map(worker).to_vec(), ..Scheduler::default() }
}

/// All rows: nothing of them changes, as nothing goes on.
fn add(rows: &mut FrameRows) {
    for (slot, (name, site)) in (0_u32..).zip(TASKS) {
        let name = rows.tasks.text(name);
        rows.tasks.push(
            slot,
            TaskRow {
                generation: 1,
                tokio_id: u64::from(slot) + 3,
                site: *site,
                kind: TaskKind::Task,
                name,
                size_bytes: 480 + slot * 96,
                knows: Knows::LooksAlone as u32,
                ..TaskRow::default()
            },
        );
        rows.stats.push(slot, StatRow { state: TaskState::Idle, all_waits: true, ..StatRow::default() });
    }
    for (slot, (name, purpose, title)) in (0_u32..).zip(RESOURCES) {
        let (concrete_type, kind, name) =
            (rows.resources.text(name), rows.resources.text(purpose), rows.resources.text(title));
        rows.resources
            .push(slot, ResourceRow { generation: 1, concrete_type, kind, name, ..ResourceRow::default() });
    }
    for (slot, holder) in [(0, 2), (1, 3)] {
        let task = first_in(holder);
        let holder = HolderRow {
            holder: AgentRef::Task { slot: task.slot, generation: task.generation },
            permits: 1,
            ..HolderRow::default()
        };
        rows.locks.push_with(
            slot,
            LockRow { knows: LockKnows::Holders as u32, ..LockRow::default() },
            [holder],
        );
    }
    rows.io.push(2, IoRow { fd: Some(9), uncounted_reads: 1, uncounted_writes: 1, ..IoRow::default() });
    for (slot, (task, resource, source, site)) in (0_u32..).zip(WAITS) {
        let source = rows.ops.text(source);
        let resource: Option<SlotRef> = Some(first_in(*resource));
        rows.ops.push(slot, OpRow { generation: 1, source, resource, site: *site, ..OpRow::default() });
        let stat = OpStatRow {
            task: Some(first_in(*task)),
            state: TaskState::Idle,
            polls: 1,
            ..OpStatRow::default()
        };
        rows.op_stats.push(slot, stat);
    }
}

/// A frame of an await tree: its depth, text, file, line and detail.
pub(crate) type Line = (u32, &'static str, &'static str, u32, &'static str);

/// Frames, as the wire has them.
pub(crate) fn await_frames(lines: &[Line]) -> Vec<AwaitFrame> {
    let frame = |(depth, text, file, line, detail): &Line| AwaitFrame {
        depth: *depth,
        text: (*text).to_owned(),
        file: (*file).to_owned(),
        line: *line,
        detail: (*detail).to_owned(),
        ..AwaitFrame::default()
    };
    lines.iter().map(frame).collect()
}

fn tree(task: TaskRef) -> AwaitTree {
    const TREE: &[Line] = &[
        (0, "ledger::connection", "src/main.rs", 52, "peer=10.4.1.17"),
        (1, "ledger::routes::transfer", "src/routes.rs", 23, "request=8812"),
        (
            2,
            "ledger::Accounts::transfer",
            "src/ledger.rs",
            58,
            "cents=1250 · holds MutexGuard 0x5581c3f04480 in `from`",
        ),
        (3, "tokio::sync::mutex::Mutex::lock", "tokio::src/sync/mutex.rs", 454, ""),
        (4, "Acquire", "", 0, "0x5581c3f044d8, wants 1, 0 free, in the queue"),
    ];
    // The two that cross differ in what they have and what they want.
    let mut frames = await_frames(TREE);
    if task.slot == 3 {
        for (from, to) in
            [("4480", "44d9"), ("44d8", "4480"), ("44d9", "44d8"), ("8812", "8813"), ("1.17", "1.22")]
        {
            for frame in &mut frames {
                frame.detail = frame.detail.replace(from, to);
            }
        }
    }
    AwaitTree { task: Some(task), frames, walked: true, ..AwaitTree::default() }
}
