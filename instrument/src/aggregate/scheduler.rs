//! Runtimes, workers and long polls, as a console is told them: once a round, of the round's moment.
//!
//! Invariant: whole, except for the long polls, which are news. What a source can't tell is absent. Counts of a worker whose place another
//! thread took (`block_in_place`) are marked, as their difference to the last frame means nothing.
//!
//! Cost: about 30 µs a worker a round, most of it for what the operating system tells, which is read again after
//! [`crate::os::thread::MAX_AGE_NS`] at the earliest.

mod drivers;
mod polls;
mod runtimes;
mod workers;

use taskscope_proto::{limits, v1};
use taskscope_recorder::threads;

use self::{drivers::Drivers, polls::Polls, workers::Workers};
use super::{Hub, details, moment::Moment};
use crate::runtime;

const _: () = assert!(runtime::MAX_RUNTIMES <= limits::MAX_RUNTIMES, "all known runtimes fit into a frame");

/// What one console was told of the scheduler.
#[derive(Debug, Default)]
pub(super) struct Scheduler {
    /// To be told in this round.
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

    pub(super) fn is_told(&self) -> bool {
        !self.due
    }

    /// The scheduler as it was at the moment; `tell_place` is called with each site that it points to.
    pub(super) fn tell(
        &mut self,
        hub: &Hub,
        moment: &Moment,
        mut tell_place: impl FnMut(u32),
    ) -> v1::Scheduler {
        self.due = false;
        let (recorder, now) = (hub.handle.recorder(), moment.at);
        self.polls.look(hub, moment);
        let known = runtime::known(recorder);
        let threads = threads();
        let workers = self.workers.read(hub, &known, &threads, moment);
        let mut runtimes: Vec<v1::Runtime> = known.iter().map(runtimes::runtime).collect();
        self.drivers.look(&mut runtimes, &workers, is_ready, recorder.clock(), now);
        let all = recorder.threads.all_polls();
        let told = self.polls.tell(hub, &workers, &threads, now);
        for site in told.sites() {
            tell_place(site);
        }
        v1::Scheduler {
            runtimes,
            workers: workers.into_iter().map(|worker| worker.message).take(limits::MAX_WORKERS).collect(),
            stuck: told.stuck,
            long_polls: told.long_polls,
            lost_long_polls: told.lost,
            polls: Some(details::histogram(hub, &all.polls, all.longest_poll)),
            scheduled: Some(details::histogram(hub, &all.scheduled, all.longest_scheduled)),
        }
    }
}

/// Whether an epoll of the process has something to tell; `None`: nobody knows.
fn is_ready(epoll: i32) -> Option<bool> {
    #[cfg(target_os = "linux")]
    return crate::os::epoll::is_ready(epoll);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = epoll;
        None
    }
}
