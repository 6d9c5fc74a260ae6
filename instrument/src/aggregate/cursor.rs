//! One console's place in the state: what it was told, and so what it must be told next.
//!
//! Invariant: after a whole round of frames the console knows every slot as it was at the round's [`Moment`], as far as that can be told.
//! Memory: 16 bytes a slot.

mod known;

use std::{ops::ControlFlow, sync::Arc};

use taskscope_proto::{Message as _, limits, v1};
use taskscope_recorder::{Counters, Site, SiteTotals, Slot, State, Task, thread_names, thread_names_version};

use self::known::{Known, Wakers, hash};
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
    rows::Rows,
    scheduler::Scheduler,
    walk::Walk,
};

/// Rounds between two looks at every slot, changed page or not: the count of a wrapped task's wakers changes without a trace.
const ROUNDS_A_SWEEP: u64 = 8;
/// Bytes of a frame that rows may take; sites (at most 300 KiB), threads (80 KiB) and details (100 KiB) have the rest.
const ROW_BUDGET_BYTES: usize = limits::MAX_FRAME_BYTES / 2;
/// A frame below this has room for [`limits::MAX_DESCRIPTORS`] of some 200 bytes.
const SMALL_FRAME_BYTES: usize = 64 * 1024;
/// Sites told in a frame.
const SITES_A_FRAME: usize = 512;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Cursor {
    hub: Arc<Hub>,
    sequence: u64,
    known: Vec<Known>,
    /// Polls and wakes of the live tasks of each page, when it was last looked at; for the estimate of the cost.
    page_sums: Vec<(u64, u64)>,
    /// The round whose changes were told; `None` before the first snapshot.
    told: Option<u64>,
    rounds: u64,
    rows_a_frame: usize,
    /// What the round tells of.
    moment: Moment,
    /// The sums of all sites, read before the moment: a task that is in them is told as ended.
    totals: Vec<SiteTotals>,
    walk: Walk,
    resources: ResourceCursor,
    scheduler: Scheduler,
    descriptors: DescriptorCursor,
    /// Sites still to look at in this round.
    next_site: u32,
    snapshot_starts: bool,
    in_snapshot: bool,
    hello: Option<v1::Hello>,
    problems: Vec<String>,
    sites: Vec<Option<SiteTotals>>,
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
            known: Vec::new(),
            page_sums: Vec::new(),
            told: None,
            rounds: 0,
            rows_a_frame: limits::MAX_TASKS_PER_FRAME,
            moment: Moment::default(),
            totals: Vec::new(),
            walk: Walk::default(),
            resources: ResourceCursor::default(),
            scheduler: Scheduler::default(),
            descriptors: DescriptorCursor::default(),
            next_site: 0,
            snapshot_starts: false,
            in_snapshot: false,
            hello: None,
            problems,
            sites: Vec::new(),
            threads_version: None,
            details: Details::default(),
            await_trees: AwaitTrees::default(),
            resource_details: ResourceDetails::default(),
            events: None,
        }
    }

    /// Tells everything anew from the next round on.
    pub(crate) fn resync(&mut self) {
        self.told = None;
    }

    /// The details that the console wants from now on.
    pub(crate) fn want_details(&mut self, tasks: &[v1::TaskRef], resources: &[v1::ResourceRef]) {
        let hub = Arc::clone(&self.hub);
        self.details.want(&hub, tasks);
        self.resource_details.want(resources);
    }

    /// Asks for the await trees of these tasks, when the number is another than before.
    pub(crate) fn want_await_trees(&mut self, number: u32, tasks: &[v1::TaskRef]) {
        let hub = Arc::clone(&self.hub);
        self.await_trees.want(&hub, number, tasks);
    }

    /// How often the console wants to hear of descriptors; 0: never.
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

    /// Empties the threads' rings into the queues of the consoles.
    /// Whether it looks at tasks, whose events are to be taken out of the threads' rings before those are full.
    pub(crate) fn watches(&self) -> bool {
        !self.details.is_empty()
    }

    pub(crate) fn drain_events(&self) {
        drop(self.hub.drain());
    }

    /// At most this many rows of tasks in a frame from now on; for tests, which want rounds of several frames.
    #[cfg(feature = "internals")]
    pub(crate) fn limit_rows(&mut self, rows: usize) {
        self.rows_a_frame = rows.clamp(1, limits::MAX_TASKS_PER_FRAME);
    }

    /// Starts a round; [`Cursor::next_frame`] then gives its frames.
    ///
    /// The order is the point: what is history (events, long polls, sums of those that ended, descriptors) is read before the moment, the
    /// marks and the slots after it.
    pub(crate) fn begin_round(&mut self) {
        let hub = Arc::clone(&self.hub);
        let recorder = hub.handle.recorder();
        if self.told.is_none() {
            self.known.clear();
            self.resources.reset();
            self.scheduler.reset();
            self.descriptors.reset();
            self.sites.clear();
            self.threads_version = None;
            self.hello = None;
            self.snapshot_starts = true;
            self.in_snapshot = true;
        }
        self.details.begin_round(&hub);
        if let Some(events) = &mut self.events {
            events.begin_round(&hub);
        }
        self.scheduler.begin_round(&hub);
        self.descriptors.begin_round(&hub);
        self.totals.clear();
        let totals = |number| recorder.sites.site(number).map(Site::totals).unwrap_or_default();
        self.totals.extend((0..recorder.sites.len()).map(totals));
        self.moment = Moment::read(recorder);
        let round = hub.begin_round();
        // A change made while its page's mark was taken may have been missed: the last round's pages are looked at again.
        let since = match self.told {
            Some(told) if !self.rounds.is_multiple_of(ROUNDS_A_SWEEP) => told,
            _ => 0,
        };
        let mut pages = self.hub.changed_pages(since);
        pages.tasks.extend(self.moment.pages());
        pages.tasks.sort_unstable();
        pages.tasks.dedup();
        self.walk = Walk::over(pages.tasks);
        self.resources.begin_round(pages.resources, pages.ops);
        self.next_site = 0;
        self.told = Some(round);
        self.rounds += 1;
    }

    /// The next frame of the round, `None` when it was told whole. Every round has at least one frame: it carries the process's state.
    pub(crate) fn next_frame(&mut self, first: bool) -> Option<v1::Frame> {
        let hub = Arc::clone(&self.hub);
        if !first && self.is_done() {
            return None;
        }
        let clock = hub.handle.recorder().clock();
        let now = self.moment.at;
        let now_ns = clock.since_start_ns(now);
        let mut frame = v1::Frame { now_ns, round: self.rounds, ..v1::Frame::default() };
        if first {
            self.head(&hub, &mut frame);
        }
        self.tell_sites(&hub, &mut frame);
        self.tell_threads(&mut frame);
        if self.sites_are_told() {
            let bytes = self.rows(&hub, &mut frame);
            if self.walk.is_done() {
                self.resource_rows(&hub, &mut frame, ROW_BUDGET_BYTES.saturating_sub(bytes));
            }
        }
        // Tasks first, as far as they fit: an event points to one that the console knows, if it lived until the round.
        if self.walk.is_done() {
            frame.events = self.events.as_mut().and_then(|events| events.next(&hub));
        }
        if self.rows_are_told() && frame.encoded_len() < ROW_BUDGET_BYTES {
            self.scheduler(&hub, &mut frame);
        }
        // Thousands of them fill a frame.
        if self.rows_are_told() && self.scheduler.is_told() && frame.encoded_len() < SMALL_FRAME_BYTES {
            frame.descriptors = self.descriptors.next(clock, now);
        }
        if frame.encoded_len() < SMALL_FRAME_BYTES {
            frame.await_trees = self.await_trees.take(&hub, now);
        }
        frame.round_end = self.is_done();
        if frame.round_end {
            frame.snapshot_end = std::mem::take(&mut self.in_snapshot);
        }
        self.sequence += 1;
        frame.sequence = self.sequence;
        self.held.set(self.memory_bytes());
        frame.process = Some(self.process(&hub));
        self.held.send(frame.encoded_len());
        Some(frame)
    }

    fn is_done(&self) -> bool {
        self.rows_are_told() && self.scheduler.is_told() && self.descriptors.is_told()
    }

    fn rows_are_told(&self) -> bool {
        let no_events = self.events.as_ref().is_none_or(EventStream::is_done);
        self.walk.is_done() && self.resources.is_done() && self.sites_are_told() && no_events
    }

    fn sites_are_told(&self) -> bool {
        self.next_site as usize >= self.totals.len()
    }

    /// What comes once a round.
    fn head(&mut self, hub: &Hub, frame: &mut v1::Frame) {
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

    fn tell_sites(&mut self, hub: &Hub, frame: &mut v1::Frame) {
        let recorder = hub.handle.recorder();
        let clock = recorder.clock();
        self.sites.resize(self.sites.len().max(self.totals.len()), None);
        while let Some(totals) = self.totals.get(self.next_site as usize).copied()
            && frame.totals.len() < SITES_A_FRAME
        {
            let number = self.next_site;
            self.next_site += 1;
            let Some(site) = recorder.sites.site(number) else { continue };
            if self.sites[number as usize] == Some(totals) {
                continue;
            }
            self.tell_place(number, site, frame);
            self.sites[number as usize] = Some(totals);
            frame.totals.push(v1::SiteTotals {
                site: number,
                spawned: totals.spawned,
                finished: totals.finished,
                polls: totals.polls,
                busy_ns: clock.length_ns(totals.busy),
                scheduled_ns: clock.length_ns(totals.scheduled),
                wakes: totals.wakes,
                self_wakes: totals.self_wakes,
            });
        }
    }

    /// Tells where a site is, if the console does not know it yet. Returns the bytes that took.
    fn tell_place(&mut self, number: u32, site: &Site, frame: &mut v1::Frame) -> usize {
        let index = number as usize;
        self.sites.resize(self.sites.len().max(index + 1), None);
        if number == 0 || self.sites[index].is_some() {
            return 0;
        }
        self.sites[index] = Some(SiteTotals::default());
        let place = site.place();
        frame.sites.push(v1::Site {
            index: number,
            file: place.file.to_owned(),
            line: place.line,
            column: place.column,
        });
        place.file.len() + 24
    }

    fn tell_threads(&mut self, frame: &mut v1::Frame) {
        if self.threads_version == Some(thread_names_version()) {
            return;
        }
        let (version, names) = thread_names();
        let threads = names.into_iter().map(|thread| v1::Thread {
            index: thread.number,
            name: thread.name.to_string(),
            os_id: thread.os_id.unwrap_or(0),
        });
        frame.threads = threads.collect();
        self.threads_version = Some(version);
    }

    /// Slots that changed, until the frame is full or the round's pages are done. Returns the bytes that they take.
    fn rows(&mut self, hub: &Hub, frame: &mut v1::Frame) -> usize {
        let mut rows = Rows::default();
        let mut walk = std::mem::take(&mut self.walk);
        walk.each(hub.handle.recorder().tasks.pages(), |slot, task| {
            let full = rows.stats_len() == self.rows_a_frame
                || rows.bytes > ROW_BUDGET_BYTES
                || frame.freed.len() == limits::MAX_FREED_PER_FRAME;
            if full {
                return ControlFlow::Break(());
            }
            let page = slot / Task::PAGE;
            if slot.is_multiple_of(Task::PAGE) {
                let pages = self.page_sums.len().max(page + 1);
                self.known.resize(pages * Task::PAGE, Known::default());
                self.page_sums.resize(pages, (0, 0));
                self.page_sums[page] = (0, 0);
            }
            if let Some(counters) = self.slot(hub, slot, task, &mut rows, frame) {
                self.page_sums[page].0 += counters.polls;
                self.page_sums[page].1 += counters.wakes;
            }
            ControlFlow::Continue(())
        });
        self.walk = walk;
        let bytes = rows.bytes;
        (frame.tasks, frame.stats) = rows.finish();
        bytes
    }

    fn resource_rows(&mut self, hub: &Hub, frame: &mut v1::Frame, budget_bytes: usize) {
        let (recorder, now) = (hub.handle.recorder(), self.moment.at);
        let mut resources = std::mem::take(&mut self.resources);
        resources.fill(recorder, frame, now, budget_bytes, &mut |site, frame| {
            recorder.sites.site(site).map_or(0, |place| self.tell_place(site, place, frame))
        });
        self.resources = resources;
    }

    fn scheduler(&mut self, hub: &Hub, frame: &mut v1::Frame) {
        if self.scheduler.is_told() {
            return;
        }
        let recorder = hub.handle.recorder();
        let mut scheduler = std::mem::take(&mut self.scheduler);
        let moment = std::mem::take(&mut self.moment);
        let told = scheduler.tell(hub, &moment, |site| {
            if let Some(place) = recorder.sites.site(site) {
                self.tell_place(site, place, frame);
            }
        });
        self.moment = moment;
        frame.scheduler = Some(told);
        self.scheduler = scheduler;
    }

    /// Tells a slot if it changed; returns the counters of a live task.
    fn slot(
        &mut self,
        hub: &Hub,
        slot: usize,
        task: &Task,
        rows: &mut Rows,
        frame: &mut v1::Frame,
    ) -> Option<Counters> {
        let (recorder, now) = (hub.handle.recorder(), self.moment.at);
        let Some(counters) = task.counters() else {
            self.forget(slot, frame);
            return None;
        };
        let counters = self.moment.of_task(counters);
        let generation = counters.id.generation();
        let new = self.known[slot].generation != generation;
        if new {
            // One that was made after the moment is for the next round; who was in its slot has left.
            let description = task.description().filter(|description| description.created <= now);
            let Some(description) = description else {
                self.forget(slot, frame);
                return None;
            };
            if let Some(site) = recorder.sites.site(description.site) {
                rows.bytes += self.tell_place(description.site, site, frame);
            }
            self.known[slot] = Known { counters: 0, generation, wakers: description.knows.into() };
            rows.task(slot as u32, generation, &description, now, recorder.clock());
        }
        let known = &mut self.known[slot];
        let wakers = match known.wakers {
            Wakers::Unknown => None,
            Wakers::Counted => Some(counters.clones.saturating_sub(counters.drops)),
            Wakers::Referenced => Some(task.wakers_alive(&counters)),
        };
        let hash = hash(&counters, wakers);
        if new || known.counters != hash {
            known.counters = hash;
            rows.stat(slot as u32, &counters, wakers, now, recorder.clock());
        }
        (counters.state != State::Done).then_some(counters)
    }

    fn forget(&mut self, slot: usize, frame: &mut v1::Frame) {
        if std::mem::take(&mut self.known[slot]).generation != 0 {
            frame.freed.push(slot as u32);
        }
    }

    /// Bytes of what is known of the console.
    fn memory_bytes(&self) -> usize {
        size_of_val(&*self.known)
            + size_of_val(&*self.page_sums)
            + size_of_val(&*self.sites)
            + self.resources.memory_bytes()
    }

    fn process(&self, hub: &Hub) -> v1::Process {
        let recorder = hub.handle.recorder();
        let losses = recorder.losses();
        let (mut spawned, mut finished, mut polls, mut wakes) = (0, 0, 0, 0);
        for totals in &self.totals {
            finished += totals.finished;
            spawned += totals.spawned;
            polls += totals.polls;
            wakes += totals.wakes;
        }
        for (live_polls, live_wakes) in &self.page_sums {
            polls += live_polls;
            wakes += live_wakes;
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

impl Drop for Cursor {
    fn drop(&mut self) {
        let hub = Arc::clone(&self.hub);
        self.details.drop_all(&hub);
        self.want_events(false);
    }
}
