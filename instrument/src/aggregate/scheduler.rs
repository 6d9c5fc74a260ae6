//! Runtimes, workers and long polls, as a console gets them: once a round, of the round's moment.
//!
//! Invariant: whole, except for the long polls, which are news. What a source does not know is absent. Counts of a worker whose place another
//! thread took (`block_in_place`) are marked, as their difference to the last frame means nothing.
//!
//! Cost: about 30 µs a worker a round, most of it for what the operating system knows, which is read again after
//! [`crate::os::thread::MAX_AGE_NS`] at the earliest.

mod drivers;
mod polls;
mod runtimes;
mod workers;

use taskscope_proto::{limits, v1};
use taskscope_recorder::threads;

use self::{drivers::Drivers, polls::Polls, workers::Workers};
use super::{Hub, cursor::sites::SentSites, details, moment::Moment};
use crate::runtime;

/// What one console has of the scheduler.
#[derive(Debug, Default)]
pub(super) struct Scheduler {
    /// Still to be sent in this round.
    due: bool,
    polls: Polls,
    workers: Workers,
    drivers: Drivers,
}

impl Scheduler {
    /// The console knows nothing any more.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Starts a round, before its moment: takes the long polls out of their rings.
    pub(super) fn begin_round(&mut self, hub: &Hub) {
        self.polls.take_all_long(hub);
        self.due = true;
    }

    pub(super) fn is_sent(&self) -> bool {
        !self.due
    }

    /// Adds the scheduler as it was at the moment, once a round.
    pub(super) fn fill(&mut self, hub: &Hub, moment: &Moment, sites: &mut SentSites, frame: &mut v1::Frame) {
        if !std::mem::take(&mut self.due) {
            return;
        }
        let (recorder, now) = (hub.handle.recorder(), moment.at);
        self.polls.look(hub, moment);
        let known = runtime::known(recorder);
        let threads = threads();
        let workers = self.workers.read(hub, &known, &threads, moment);
        let mut runtimes: Vec<v1::Runtime> = known.iter().map(runtimes::runtime).collect();
        self.drivers.look(&mut runtimes, &workers, is_ready, recorder.clock(), now);
        let all = recorder.threads.all_polls();
        let polls = self.polls.read(hub, &workers, &threads, now);
        for site in polls.sites() {
            sites.send_place(recorder, site, frame);
        }
        frame.scheduler = Some(v1::Scheduler {
            runtimes,
            workers: workers.into_iter().map(|worker| worker.message).take(limits::MAX_WORKERS).collect(),
            stuck: polls.stuck,
            long_polls: polls.long_polls,
            lost_long_polls: polls.lost,
            polls: Some(details::histogram(hub, &all.polls, all.longest_poll)),
            scheduled: Some(details::histogram(hub, &all.scheduled, all.longest_scheduled)),
        });
    }
}

/// Whether an epoll of the process has an event ready; `None`: unknown.
fn is_ready(epoll: i32) -> Option<bool> {
    #[cfg(target_os = "linux")]
    return crate::os::epoll::is_ready(epoll);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = epoll;
        None
    }
}
