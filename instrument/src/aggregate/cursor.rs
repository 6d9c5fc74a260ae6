//! One console's place in the state: what it has, and so what it gets next.
//!
//! Invariant: after a whole round of frames the console knows every slot as it was at the round's [`Moment`], as far as the sources know it.

mod known;
pub(crate) mod sites;
mod tasks;

use std::sync::Arc;

use taskscope_proto::{Message as _, limits, rows, v1};
use taskscope_recorder::{thread_names, thread_names_version};

use self::{sites::SiteCursor, tasks::TaskCursor};
use super::{
    Hub,
    await_trees::AwaitTrees,
    cost,
    descriptors::DescriptorCursor,
    details::{Details, ResourceDetails},
    events::EventStream,
    memory::Held,
    moment::Moment,
    resources::ResourceCursor,
    scheduler::Scheduler,
};

/// Rounds between two looks at every slot, changed page or not: the count of a wrapped task's wakers changes without a trace.
const ROUNDS_A_SWEEP: u64 = 8;
/// Bytes of a frame that rows may take; sites (at most 300 KiB), threads (80 KiB) and details (100 KiB) have the rest.
const ROW_BUDGET_BYTES: usize = limits::MAX_FRAME_BYTES / 2;
/// A frame below this has room for [`limits::MAX_DESCRIPTORS`] of some 200 bytes.
const SMALL_FRAME_BYTES: usize = 64 * 1024;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Cursor {
    hub: Arc<Hub>,
    sequence: u64,
    /// The last round whose changes were sent; `None` before the first snapshot.
    last_round: Option<u64>,
    rounds: u64,
    /// What the round is of.
    moment: Moment,
    sites: SiteCursor,
    tasks: TaskCursor,
    resources: ResourceCursor,
    scheduler: Scheduler,
    descriptors: DescriptorCursor,
    snapshot_starts: bool,
    in_snapshot: bool,
    hello: Option<v1::Hello>,
    problems: Vec<String>,
    threads_version: Option<u64>,
    details: Details,
    await_trees: AwaitTrees,
    resource_details: ResourceDetails,
    events: Option<EventStream>,
    held: Held,
}

impl Cursor {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        let problems = hub.handle.problems();
        Self {
            held: Held::new(&hub),
            hub,
            sequence: 0,
            last_round: None,
            rounds: 0,
            moment: Moment::default(),
            sites: SiteCursor::default(),
            tasks: TaskCursor::default(),
            resources: ResourceCursor::default(),
            scheduler: Scheduler::default(),
            descriptors: DescriptorCursor::default(),
            snapshot_starts: false,
            in_snapshot: false,
            hello: None,
            problems,
            threads_version: None,
            details: Details::default(),
            await_trees: AwaitTrees::default(),
            resource_details: ResourceDetails::default(),
            events: None,
        }
    }

    /// Sends everything anew from the next round on.
    pub(crate) fn resync(&mut self) {
        self.last_round = None;
    }

    /// The details that the console wants from now on.
    pub(crate) fn want_details(&mut self, tasks: &[v1::TaskRef], resources: &[v1::ResourceRef]) {
        self.details.want(&self.hub, tasks);
        self.resource_details.want(resources);
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The await trees that a request asks for.
    pub(crate) fn want_await_trees(&mut self, request: &v1::WatchRequest) {
        self.await_trees.want(&self.hub, request);
    }

    /// How often the console wants descriptors; 0: never.
    pub(crate) fn want_descriptors(&mut self, interval_ms: u32) {
        self.descriptors.want(interval_ms);
    }

    /// Whether the console wants all events of all tasks from now on.
    pub(crate) fn want_events(&mut self, wanted: bool) {
        match self.events.take() {
            Some(stream) if !wanted => stream.close(&self.hub),
            Some(stream) => self.events = Some(stream),
            None => self.events = wanted.then(|| EventStream::open(&self.hub)),
        }
    }

    /// Whether it looks at tasks, whose events are to be taken out of the threads' rings before those are full.
    pub(crate) fn watches(&self) -> bool {
        !self.details.is_empty()
    }

    /// Empties the threads' rings into the queues of the consoles.
    pub(crate) fn drain_events(&self) {
        drop(self.hub.drain());
    }

    /// At most this many rows of tasks in a frame from now on; for tests, which want rounds of several frames.
    #[cfg(feature = "internals")]
    pub(crate) fn limit_rows(&mut self, rows: usize) {
        self.tasks.rows_a_frame = rows.clamp(1, limits::MAX_TASKS_PER_FRAME);
    }

    /// Starts a round; [`Cursor::next_frame`] then gives its frames.
    ///
    /// The order is the point: what is history (events, long polls, sums of those that ended, descriptors) is read before the moment, the
    /// marks and the slots after it.
    pub(crate) fn begin_round(&mut self) {
        let hub = &*self.hub;
        let recorder = hub.handle.recorder();
        if self.last_round.is_none() {
            self.sites.reset();
            self.tasks.reset();
            self.resources.reset();
            self.scheduler.reset();
            self.descriptors.reset();
            self.threads_version = None;
            self.hello = None;
            self.snapshot_starts = true;
            self.in_snapshot = true;
        }
        self.details.begin_round(hub);
        if let Some(events) = &mut self.events {
            events.begin_round(hub);
        }
        self.scheduler.begin_round(hub);
        self.descriptors.begin_round(hub);
        self.sites.begin_round(recorder);
        self.moment = Moment::read(recorder);
        let round = hub.begin_round();
        // A change made while its page's mark was taken may have been missed: the last round's pages are looked at again.
        let since = match self.last_round {
            Some(last) if !self.rounds.is_multiple_of(ROUNDS_A_SWEEP) => last,
            _ => 0,
        };
        let mut pages = hub.changed_pages(since);
        pages.tasks.extend(self.moment.pages());
        pages.tasks.sort_unstable();
        pages.tasks.dedup();
        self.tasks.begin_round(pages.tasks);
        self.resources.begin_round(pages.resources, pages.ops);
        self.last_round = Some(round);
        self.rounds += 1;
    }

    /// The next frame of the round, `None` when it was sent whole. Every round has at least one frame: it carries the process's state.
    pub(crate) fn next_frame(&mut self, first: bool) -> Option<v1::Frame> {
        if !first && self.is_done() {
            return None;
        }
        let clock = self.hub.handle.recorder().clock();
        let now_ns = clock.since_start_ns(self.moment.at);
        let mut frame = v1::Frame { now_ns, round: self.rounds, ..v1::Frame::default() };
        if first {
            self.fill_head(&mut frame);
        }
        self.fill_rows(&mut frame);
        self.fill_rest(&mut frame);
        frame.round_end = self.is_done();
        if frame.round_end {
            frame.snapshot_end = std::mem::take(&mut self.in_snapshot);
        }
        self.sequence += 1;
        frame.sequence = self.sequence;
        self.held.set(self.memory_bytes());
        frame.process = Some(self.process());
        self.held.send(rows::memory_bytes(&frame), frame.encoded_len());
        Some(frame)
    }

    fn is_done(&self) -> bool {
        self.rows_are_sent() && self.scheduler.is_sent() && self.descriptors.is_sent()
    }

    fn rows_are_sent(&self) -> bool {
        let no_events = self.events.as_ref().is_none_or(EventStream::is_done);
        self.tasks.is_done() && self.resources.is_done() && self.sites.is_done() && no_events
    }

    /// What comes once a round.
    fn fill_head(&mut self, frame: &mut v1::Frame) {
        let hub = &*self.hub;
        frame.snapshot_start = std::mem::take(&mut self.snapshot_starts);
        if self.rounds.is_multiple_of(ROUNDS_A_SWEEP) {
            self.problems = hub.handle.problems();
        }
        let hello = hub.hello(&self.problems);
        if self.hello.as_ref() != Some(&hello) {
            frame.hello = Some(hello.clone());
            self.hello = Some(hello);
        }
        frame.details = self.details.read(hub, self.moment.at);
        frame.resource_details = self.resource_details.read(hub);
    }

    /// Places and threads, then the slots that changed, as far as they fit.
    fn fill_rows(&mut self, frame: &mut v1::Frame) {
        let hub = &*self.hub;
        let recorder = hub.handle.recorder();
        self.sites.fill(recorder, frame);
        if self.threads_version != Some(thread_names_version()) {
            (self.threads_version, frame.threads) = threads();
        }
        if self.sites.is_done() {
            let sent = &mut self.sites.sent;
            let bytes = self.tasks.fill(recorder, &self.moment, sent, frame, ROW_BUDGET_BYTES);
            if self.tasks.is_done() {
                let left_bytes = ROW_BUDGET_BYTES.saturating_sub(bytes);
                self.resources.fill(recorder, self.moment.at, sent, frame, left_bytes);
            }
        }
        // Tasks first, as far as they fit: an event points to one that the console knows, if it lived until the round.
        if self.tasks.is_done() {
            frame.events = self.events.as_mut().and_then(|events| events.next(hub));
        }
    }

    /// What there is room for beside the rows.
    fn fill_rest(&mut self, frame: &mut v1::Frame) {
        let (hub, now) = (&*self.hub, self.moment.at);
        if self.rows_are_sent() && frame.encoded_len() < ROW_BUDGET_BYTES {
            self.scheduler.fill(hub, &self.moment, &mut self.sites.sent, frame);
        }
        // Thousands of them fill a frame.
        if self.rows_are_sent() && self.scheduler.is_sent() && frame.encoded_len() < SMALL_FRAME_BYTES {
            frame.descriptors = self.descriptors.next(hub.handle.recorder().clock(), now);
        }
        if frame.encoded_len() < SMALL_FRAME_BYTES {
            frame.await_trees = self.await_trees.take(hub, now);
        }
    }

    /// Bytes of what is known of the console.
    fn memory_bytes(&self) -> usize {
        self.sites.memory_bytes() + self.tasks.memory_bytes() + self.resources.memory_bytes()
    }

    fn process(&self) -> v1::Process {
        let hub = &*self.hub;
        let recorder = hub.handle.recorder();
        let losses = recorder.losses();
        let (mut polls, mut wakes) = self.tasks.live_sums();
        let (mut spawned, mut finished) = (0, 0);
        for totals in self.sites.totals() {
            finished += totals.finished;
            spawned += totals.spawned;
            polls += totals.polls;
            wakes += totals.wakes;
        }
        let own_cpu_ns = cost::thread_cpu_ns();
        v1::Process {
            alive: u64::saturating_sub(spawned, finished),
            spawned,
            untracked: losses.untracked,
            late_wakes: losses.late_wakes,
            lost_events: losses.lost_events,
            truncated: losses.truncated,
            folded_sites: losses.folded_sites,
            own_cpu_ns: own_cpu_ns.unwrap_or(0) + hub.watchdog.cpu_ns(),
            cost_known: own_cpu_ns.is_some(),
            hot_path_ns: hub.cost.of(polls, wakes, spawned),
            own_memory_bytes: hub.own_memory_bytes(),
            clients: hub.clients.load(std::sync::atomic::Ordering::Relaxed),
            untracked_resources: losses.untracked_resources,
            untracked_alive: Some(losses.untracked_alive),
        }
    }
}

/// The names of all threads, and which version of them that is.
fn threads() -> (Option<u64>, Vec<v1::Thread>) {
    let (version, names) = thread_names();
    let threads = names.into_iter().map(|thread| v1::Thread {
        index: thread.number,
        name: thread.name.to_string(),
        os_id: thread.os_id.unwrap_or(0),
    });
    (Some(version), threads.collect())
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.details.drop_all(&self.hub);
        self.want_events(false);
    }
}
