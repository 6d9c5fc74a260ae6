//! Runtimes whose I/O driver nobody drives while descriptors are ready.
//!
//! The proof has three parts, at two readings: no worker is in `epoll_wait`, the kernel says that the runtime's epoll has something to
//! tell, and tokio has counted no readiness in between. A runtime under full load drives in passing, and its count rises. Which epoll is a
//! runtime's is learnt from the argument of a worker's `epoll_wait`, so one that was never seen in it is not accused.

use std::collections::HashMap;

use taskscope_proto::v1;
use taskscope_recorder::{Clock, Ticks};

use super::workers::Worker;
use crate::os::thread::Kernel;

/// For how long nobody must have driven it.
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
            if let Some(epoll) = own.find_map(|worker| driven(worker.kernel)) {
                self.0.insert(runtime.index, Driver { epoll, ready: None });
                continue;
            }
            let Some(driver) = self.0.get_mut(&runtime.index) else { continue };
            driver.ready = match (runtime.io_ready, is_ready(driver.epoll), driver.ready) {
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

/// The epoll that a thread waits for.
fn driven(kernel: Kernel) -> Option<i32> {
    match kernel {
        Kernel::Call { first, .. } if kernel.waits_for_io() => i32::try_from(first).ok(),
        _ => None,
    }
}
