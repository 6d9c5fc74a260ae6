//! The made-up service as a server would send it: a snapshot, then a frame every half second.

use taskscope_proto::{
    agent::AgentRef,
    rows::{FrameRows, SlotRef, StatRow, TaskRow},
    v1::{
        AwaitTree, Event, EventKind, Frame, Hello, Histogram, Knows, Process, ResourceRef, Site, SiteTotals,
        Sources, TaskDetail, TaskRef, TaskState, Thread, WakerCount, WatchRequest,
    },
};

use crate::{
    attached, io, locks, scheduler,
    service::{self, Actor, CONNECT_NS, PICTURE_NS, SECOND, SITES, THREADS, Vitals},
    shots::Program,
};

/// Time between two frames.
pub(crate) const STEP_NS: u64 = SECOND / 2;

/// Frames of the service, from the snapshot to the moment of the picture.
pub(crate) struct Server {
    cast: Vec<Actor>,
    sequence: u64,
    now_ns: u64,
    /// Tasks whose details are sent, and locks.
    details: Vec<TaskRef>,
    resource_details: Vec<ResourceRef>,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self {
            cast: service::cast(),
            sequence: 0,
            now_ns: CONNECT_NS,
            details: Vec::new(),
            resource_details: Vec::new(),
        }
    }

    /// What the console asked for last.
    fn frame(&mut self) -> Frame {
        let first = self.sequence == 0;
        self.sequence += 1;
        let now_ns = self.now_ns;
        let alive = self.cast.iter().filter(|actor| actor.born_ns <= now_ns).count() as u64;
        let new_since_ns = if first { None } else { Some(now_ns - STEP_NS) };
        self.now_ns += STEP_NS;
        let mut frame = Frame {
            sequence: self.sequence,
            now_ns,
            hello: first.then(hello),
            snapshot_start: first,
            snapshot_end: first,
            sites: if first { sites() } else { Vec::new() },
            threads: if first { threads() } else { Vec::new() },
            totals: totals(&self.cast, now_ns),
            process: Some(process(now_ns, alive)),
            details: self.details.iter().map(|task| detail(&self.cast, *task, now_ns)).collect(),
            await_trees: self.details.iter().filter_map(|task| tree(&self.cast, *task)).collect(),
            resource_details: self
                .resource_details
                .iter()
                .map(|resource| locks::detail(*resource, now_ns, histogram))
                .collect(),
            ..Frame::default()
        };
        let mut rows = FrameRows::default();
        tasks(&self.cast, now_ns, new_since_ns, &mut rows);
        stats(&self.cast, now_ns, &mut rows);
        locks::add(&mut rows, first, now_ns);
        io::add(&mut rows, first, now_ns);
        rows.finish(&mut frame);
        frame.descriptors = Some(io::descriptors(now_ns));
        scheduler::add(&mut frame);
        frame
    }
}

impl Program for Server {
    fn watch(&mut self, request: WatchRequest) {
        (self.details, self.resource_details) = (request.details, request.resource_details);
    }
}

impl Iterator for Server {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        (self.now_ns <= PICTURE_NS).then(|| self.frame())
    }
}

fn hello() -> Hello {
    Hello {
        protocol: taskscope_proto::limits::PROTOCOL_VERSION,
        instance: 0x5eed,
        process_name: "checkout-api".to_owned(),
        pid: 4211,
        started_unix_ns: 1_795_000_000 * SECOND,
        taskscope_version: "0.1.0".to_owned(),
        tokio_version: "1.54.1".to_owned(),
        os: "linux x86_64".to_owned(),
        sources: Some(Sources {
            tracing: true,
            hooks: true,
            wrappers: true,
            tokio_unstable: true,
            resources: true,
            tokio_console: false,
            memory: false,
        }),
        problems: Vec::new(),
        ..Hello::default()
    }
}

fn sites() -> Vec<Site> {
    let site = |(n, (file, line, column)): (usize, &(&str, u32, u32))| Site {
        index: n as u32 + 1,
        file: (*file).to_owned(),
        line: *line,
        column: *column,
    };
    SITES.iter().enumerate().map(site).collect()
}

fn threads() -> Vec<Thread> {
    THREADS
        .iter()
        .enumerate()
        .map(|(n, name)| Thread { index: n as u32 + 1, name: (*name).to_owned(), os_id: 8_120 + n as u32 })
        .collect()
}

/// The tasks that were born after `since_ns`; all that are born by now, where that is `None`.
fn tasks(cast: &[Actor], now_ns: u64, since_ns: Option<u64>, rows: &mut FrameRows) {
    let is_new =
        |actor: &Actor| actor.born_ns <= now_ns && since_ns.is_none_or(|since_ns| actor.born_ns > since_ns);
    let knows = [Knows::Wakes, Knows::Scheduled, Knows::Wakers, Knows::WakerClones];
    for (slot, actor) in (0_u32..).zip(cast).filter(|(_, actor)| is_new(actor)) {
        let row = TaskRow {
            generation: 1,
            tokio_id: actor.tokio_id,
            site: actor.site as u32 + 1,
            kind: actor.kind,
            name: rows.tasks.text(actor.name),
            fields: rows.tasks.text(&actor.fields),
            created_ago_ns: now_ns - actor.born_ns,
            parent: actor.parent_slot.map(first_in),
            size_bytes: actor.size_bytes,
            original_size_bytes: actor.original_size_bytes,
            knows: knows.into_iter().map(|bit| bit as u32).sum(),
        };
        rows.tasks.push(slot, row);
    }
}

/// What was in a slot first.
pub(crate) fn first_in(slot: u32) -> SlotRef {
    SlotRef { slot, generation: 1 }
}

fn stats(cast: &[Actor], now_ns: u64, rows: &mut FrameRows) {
    for (slot, actor) in (0_u32..).zip(cast).filter(|(_, actor)| actor.born_ns <= now_ns) {
        let vitals = actor.at(slot, now_ns);
        let row = StatRow {
            state: state(&vitals),
            state_ago_ns: vitals.state_ago_ns,
            polls: vitals.polls,
            busy_ns: vitals.busy_ns,
            scheduled_ns: vitals.scheduled_ns,
            wakes: vitals.wakes,
            self_wakes: vitals.self_wakes,
            waker_clones: vitals.wakes + u64::from(vitals.wakers),
            waker_drops: vitals.wakes,
            wakers: Some(vitals.wakers),
            last_wake_ago_ns: vitals.last_wake_ago_ns,
            last_waker: vitals.last_waker,
            longest_poll_ns: vitals.longest_poll_ns,
            longest_scheduled_ns: vitals.longest_scheduled_ns,
            all_waits: false,
        };
        rows.stats.push(slot, row);
    }
}

fn state(vitals: &Vitals) -> TaskState {
    match vitals {
        Vitals { running: true, .. } => TaskState::Running,
        Vitals { scheduled: true, .. } => TaskState::Scheduled,
        _ => TaskState::Idle,
    }
}

fn totals(cast: &[Actor], now_ns: u64) -> Vec<SiteTotals> {
    (0..SITES.len())
        .map(|site| {
            let alive =
                cast.iter().filter(|actor| actor.site == site && actor.born_ns <= now_ns).count() as u64;
            // Connections come and go; nothing else here ends.
            let finished = if site == 1 { 212_000 + now_ns / (SECOND / 290) } else { 0 };
            SiteTotals {
                site: site as u32 + 1,
                spawned: alive + finished,
                finished,
                polls: finished * 41,
                busy_ns: finished * 900_000,
                scheduled_ns: finished * 300_000,
                wakes: finished * 40,
                self_wakes: 0,
            }
        })
        .collect()
}

fn process(now_ns: u64, alive: u64) -> Process {
    Process {
        alive,
        spawned: 212_000 + now_ns / (SECOND / 290) + alive,
        own_cpu_ns: now_ns / 400,
        cost_known: true,
        hot_path_ns: now_ns / 700,
        own_memory_bytes: 1_900_000,
        clients: 1,
        ..Process::default()
    }
}

fn detail(cast: &[Actor], task: TaskRef, now_ns: u64) -> TaskDetail {
    let vitals = cast.get(task.slot as usize).map(|actor| actor.at(task.slot, now_ns)).unwrap_or_default();
    let beats: Vec<u64> = (0..4).map(|n| STEP_NS - 1 - n * STEP_NS / 4).collect();
    let idle = !vitals.running && vitals.state_ago_ns > STEP_NS;
    let thread = AgentRef::Thread(2 + task.slot % 2).encode();
    let event = |kind: EventKind, ago_ns, by| Event { kind: kind.into(), ago_ns, by };
    let beat = |ago_ns: &u64| {
        [
            event(EventKind::Wake, *ago_ns, vitals.last_waker.encode()),
            event(EventKind::PollStart, ago_ns.saturating_sub(30_000), thread),
            event(EventKind::PollEnd, ago_ns.saturating_sub(40_000), thread),
        ]
    };
    TaskDetail {
        task: Some(task),
        polls: Some(histogram(vitals.polls, vitals.longest_poll_ns / 12 + 1, vitals.longest_poll_ns)),
        scheduled: Some(histogram(
            vitals.polls,
            vitals.longest_scheduled_ns / 5 + 1,
            vitals.longest_scheduled_ns,
        )),
        wakers: vec![
            WakerCount { waker: vitals.last_waker.encode(), count: vitals.wakes - vitals.wakes / 8 },
            WakerCount { waker: AgentRef::Thread(1).encode(), count: vitals.wakes / 8 },
        ],
        other_wakes: 0,
        watched_ago_ns: now_ns - CONNECT_NS,
        events: if idle || vitals.running { Vec::new() } else { beats.iter().flat_map(beat).collect() },
        lost_events: 0,
        gaps: Vec::new(),
    }
}

/// The await tree of a transfer, as the console reads it from memory.
fn tree(cast: &[Actor], task: TaskRef) -> Option<AwaitTree> {
    const TREE: &[attached::Line] = &[
        (0, "checkout::ledger::transfer", "src/ledger.rs", 109, "cents=1250"),
        (
            1,
            "checkout::ledger::move_money",
            "src/ledger.rs",
            143,
            "holds MutexGuard 0x5581c3f04480 in `accounts`",
        ),
        (2, "tokio::sync::mutex::Mutex::lock", "tokio::src/sync/mutex.rs", 454, ""),
        (3, "Acquire", "", 0, "0x5581c3f044d8, wants 1, 0 free, in the queue"),
    ];
    cast.get(task.slot as usize).filter(|actor| actor.name == "transfer")?;
    Some(AwaitTree {
        task: Some(task),
        frames: attached::await_frames(TREE),
        walked: true,
        ..AwaitTree::default()
    })
}

/// A hump around `typical_ns` in buckets of a quarter of an octave, and the longest in a bucket of its own: `count` values in all.
fn histogram(count: u64, typical_ns: u64, longest_ns: u64) -> Histogram {
    let mut histogram = Histogram { max_ns: longest_ns, ..Histogram::default() };
    let last_ns = longest_ns - longest_ns / 16;
    let mut left = count.saturating_sub(1);
    for step in 0..24_i32 {
        let lower_ns = (typical_ns as f64 * 2_f64.powf(f64::from(step - 8) / 4.0)) as u64;
        let upper_ns = (typical_ns as f64 * 2_f64.powf(f64::from(step - 7) / 4.0)) as u64;
        let share = (-f64::from((step - 8).pow(2)) / 14.0).exp() * 0.17;
        let here = ((count as f64 * share).ceil() as u64).min(left);
        if here > 0 && lower_ns < upper_ns && upper_ns <= last_ns {
            left -= here;
            histogram.lower_ns.push(lower_ns);
            histogram.upper_ns.push(upper_ns);
            histogram.count.push(here);
        }
    }
    if count > 0 {
        histogram.lower_ns.push(last_ns);
        histogram.upper_ns.push(longest_ns + 1);
        histogram.count.push(left + 1);
    }
    histogram
}
