//! What one console knows of tasks, and so which rows it gets next. Memory: 16 bytes a slot.

use std::ops::ControlFlow;

use taskscope_proto::{limits, v1};
use taskscope_recorder::{Counters, Recorder, Slot, State, Task};

use super::{
    known::{Known, Wakers, hash},
    sites::SentSites,
};
use crate::aggregate::{
    moment::Moment,
    rows::{TaskRows, Times},
    scan::Scan,
};

/// See the module's text.
#[derive(Debug)]
pub(super) struct TaskCursor {
    scan: Scan<Known>,
    /// Polls and wakes of the live tasks of each page, when it was last looked at; for the estimate of the cost.
    page_sums: Vec<(u64, u64)>,
    pub(super) rows_a_frame: usize,
}

impl Default for TaskCursor {
    fn default() -> Self {
        Self { scan: Scan::default(), page_sums: Vec::new(), rows_a_frame: limits::MAX_TASKS_PER_FRAME }
    }
}

impl TaskCursor {
    /// The console knows nothing any more.
    pub(super) fn reset(&mut self) {
        self.scan.forget();
    }

    /// Starts a round over these pages.
    pub(super) fn begin_round(&mut self, pages: Vec<usize>) {
        self.scan.begin_round(pages);
    }

    pub(super) fn is_done(&self) -> bool {
        self.scan.is_done()
    }

    /// Adds the slots that changed, until the frame is full or the round's pages are done. Returns the bytes that they take.
    pub(super) fn fill(
        &mut self,
        recorder: &Recorder,
        moment: &Moment,
        sites: &mut SentSites,
        frame: &mut v1::Frame,
        budget_bytes: usize,
    ) -> usize {
        let Self { scan, page_sums, rows_a_frame } = self;
        let mut filling =
            Filling { recorder, moment, sites, frame, rows: TaskRows::default(), places_bytes: 0 };
        scan.each(recorder.tasks.pages(), |slot, known, task| {
            let full = filling.rows.stats.len() == *rows_a_frame
                || filling.bytes() > budget_bytes
                || filling.frame.freed.len() == limits::MAX_FREED_PER_FRAME;
            if full {
                return ControlFlow::Break(());
            }
            let page = slot / Task::PAGE;
            if slot.is_multiple_of(Task::PAGE) {
                page_sums.resize(page_sums.len().max(page + 1), (0, 0));
                page_sums[page] = (0, 0);
            }
            if let Some(counters) = filling.slot(slot as u32, task, known) {
                page_sums[page].0 += counters.polls;
                page_sums[page].1 += counters.wakes;
            }
            ControlFlow::Continue(())
        });
        let bytes = filling.bytes();
        filling.rows.finish(filling.frame);
        bytes
    }

    /// Polls and wakes of all live tasks.
    pub(super) fn live_sums(&self) -> (u64, u64) {
        let add = |sums: (u64, u64), page: &(u64, u64)| (sums.0 + page.0, sums.1 + page.1);
        self.page_sums.iter().fold((0, 0), add)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.scan.memory_bytes() + size_of_val(&*self.page_sums)
    }
}

/// A frame under way.
struct Filling<'f> {
    recorder: &'f Recorder,
    moment: &'f Moment,
    sites: &'f mut SentSites,
    frame: &'f mut v1::Frame,
    rows: TaskRows,
    places_bytes: usize,
}

impl Filling<'_> {
    fn bytes(&self) -> usize {
        self.rows.bytes() + self.places_bytes
    }

    /// Adds a slot if it changed; returns the counters of a live task.
    fn slot(&mut self, slot: u32, task: &Task, known: &mut Known) -> Option<Counters> {
        let times = Times { clock: self.recorder.clock(), now: self.moment.at };
        let Some(counters) = task.counters() else {
            self.forget(slot, known);
            return None;
        };
        let counters = self.moment.of_task(counters);
        let generation = counters.id.generation();
        let new = known.generation != generation;
        if new {
            // One that was made after the moment is for the next round; who was in its slot has left.
            let description = task.description().filter(|description| description.created <= times.now);
            let Some(description) = description else {
                self.forget(slot, known);
                return None;
            };
            self.places_bytes += self.sites.send_place(self.recorder, description.site, self.frame);
            *known = Known { counters: 0, generation, wakers: description.knows.into() };
            self.rows.describe(slot, generation, &description, times);
        }
        let wakers = match known.wakers {
            Wakers::Unknown => None,
            Wakers::Counted => Some(counters.clones.saturating_sub(counters.drops)),
            Wakers::Referenced => Some(task.wakers_alive(&counters)),
        };
        let hash = hash(&counters, wakers);
        if new || known.counters != hash {
            known.counters = hash;
            self.rows.stat(slot, &counters, wakers, times);
        }
        (counters.state != State::Done).then_some(counters)
    }

    fn forget(&mut self, slot: u32, known: &mut Known) {
        if std::mem::take(known).generation != 0 {
            self.frame.freed.push(slot);
        }
    }
}
