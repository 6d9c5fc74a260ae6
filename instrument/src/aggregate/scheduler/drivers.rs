//! Runtimes whose I/O driver no worker drives while descriptors are ready.
//!
//! The proof has four parts, at two readings: no worker is in `epoll_wait`, the kernel says that the runtime's epoll has an event
//! ready, tokio has counted no readiness in between, and each worker either polls or sleeps. A runtime under full load drives in passing,
//! and its count rises; but tokio does not count the eventfd that wakes a worker, so one that was woken and waits for a CPU looks like a
//! lost driver but for the last part. Which epoll is a runtime's is learnt from the argument of a worker's `epoll_wait`, so one that was
//! never seen in it is not accused.

use std::collections::HashMap;

use taskscope_proto::v1::{self, WorkerState};
use taskscope_recorder::{Clock, Ticks};

use super::workers::Worker;
use crate::os::thread::Kernel;

/// For how long no worker must have driven it.
const LOST_AFTER_NS: u64 = 500_000_000;

/// What is known of each runtime's driver, by the runtime's index.
#[derive(Debug, Default)]
pub(super) struct Drivers(HashMap<u32, Driver>);

#[derive(Debug, Clone, Copy)]
struct Driver {
    epoll: i32,
    /// Since when it is ready without anybody who drives it, and what tokio had counted then.
    ready: Option<(Ticks, u64)>,
}

impl Drivers {
    /// Says in the runtimes whose driver is lost, since when.
    pub(super) fn look(
        &mut self,
        runtimes: &mut [v1::Runtime],
        workers: &[Worker],
        is_ready: impl Fn(i32) -> Option<bool>,
        clock: &Clock,
        now: Ticks,
    ) {
        self.0.retain(|index, _| runtimes.iter().any(|runtime| runtime.index == *index));
        for runtime in runtimes {
            let mut own = workers.iter().filter(|worker| worker.message.runtime == runtime.index);
            if let Some(epoll) = own.clone().find_map(|worker| driven(worker.kernel)) {
                self.0.insert(runtime.index, Driver { epoll, ready: None });
                continue;
            }
            let Some(driver) = self.0.get_mut(&runtime.index) else { continue };
            let is_ready = is_ready(driver.epoll).filter(|_| !own.any(is_under_way));
            driver.ready = match (runtime.io_ready, is_ready, driver.ready) {
                (Some(counted), Some(true), Some((since, before))) if counted == before => {
                    Some((since, before))
                }
                (Some(counted), Some(true), _) => Some((now, counted)),
                _ => None,
            };
            let lost_ns = driver.ready.map(|(since, _)| clock.between_ns(since, now));
            runtime.driver_lost_ago_ns = lost_ns.filter(|lost| *lost >= LOST_AFTER_NS);
        }
    }
}

/// Between two polls, on a CPU or in line for one: it may be on its way from the driver, or to it.
fn is_under_way(worker: &Worker) -> bool {
    worker.kernel == Kernel::Running && worker.message.state() != WorkerState::Polling
}

/// The epoll that a thread waits for.
fn driven(kernel: Kernel) -> Option<i32> {
    match kernel {
        Kernel::Call { first, .. } if kernel.waits_for_io() => i32::try_from(first).ok(),
        _ => None,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// A sleep in this system call, of the epoll 7 if it has one.
    fn asleep(call: libc::c_long) -> Kernel {
        Kernel::Call { number: call as u64, first: 7 }
    }

    #[test]
    fn a_driver_is_lost_when_its_workers_poll_or_sleep_and_not_when_one_is_under_way() {
        let driving = (WorkerState::DrivingIo, asleep(libc::SYS_epoll_pwait));
        let parked = (WorkerState::Parked, asleep(libc::SYS_futex));
        let polling = (WorkerState::Polling, Kernel::Running);
        let reading = (WorkerState::Polling, asleep(libc::SYS_read));
        // Woken, and in line for a CPU.
        let woken = (WorkerState::Parked, Kernel::Running);
        let searching = (WorkerState::Searching, Kernel::Running);
        let cases = [
            ([reading, parked], [reading, parked], true),
            ([polling, polling], [polling, polling], true),
            ([woken, parked], [woken, parked], false),
            ([parked, polling], [searching, polling], false),
            ([woken, polling], [parked, polling], false),
            ([parked, polling], [driving, polling], false),
        ];
        let clock = Clock::start();
        let start = clock.ticks();
        let later = |ms: u64| start + clock.ticks_of_ns(ms * 1_000_000);
        for (first, second, lost) in cases {
            let mut drivers = Drivers::default();
            let mut look = |states: [(WorkerState, Kernel); 2], ms| {
                let mut runtimes = [v1::Runtime { index: 1, io_ready: Some(5), ..v1::Runtime::default() }];
                let workers = states.map(|(state, kernel)| {
                    let message = v1::Worker { runtime: 1, state: state.into(), ..v1::Worker::default() };
                    Worker { message, kernel }
                });
                drivers.look(&mut runtimes, &workers, |epoll| Some(epoll == 7), &clock, later(ms));
                runtimes[0].driver_lost_ago_ns.is_some()
            };
            assert!(!look([driving, parked], 0), "it is driven");
            assert!(!look(first, 100), "one look proves nothing");
            assert_eq!(look(second, 800), lost, "{first:?}, then {second:?}");
        }
    }
}
