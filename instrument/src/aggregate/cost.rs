//! What the tool itself costs the program: measured where the operating system counts it, estimated where a measurement would cost more
//! than the thing measured.

use taskscope_recorder::{Limits, Recorder, Spawn};

/// Operations timed at once, and how often; about 1 ms in all, once a process. The fastest counts: in the others the machine may have given
/// the thread no CPU for a while.
const BATCH: u64 = 256;
const BATCHES: usize = 16;

/// Nanoseconds an operation on the program's own threads, calibrated on this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    poll: f64,
    wake: f64,
    spawn: f64,
}

impl Cost {
    /// Times each operation on a recorder of its own.
    pub(crate) fn calibrate() -> Self {
        let recorder = Recorder::new(Limits { max_tasks: 1024, retained_tasks: 1, ..Limits::default() });
        let task = recorder.spawn(&Spawn::default());
        let time = |operation: &dyn Fn()| {
            let clock = recorder.clock();
            let batch = |_| {
                let start = clock.ticks();
                (0..BATCH).for_each(|_| operation());
                clock.between_ns(start, clock.ticks())
            };
            (0..BATCHES).map(batch).min().unwrap_or(0) as f64 / BATCH as f64
        };
        let poll = time(&|| {
            recorder.enter(task);
            recorder.exit(task);
        });
        Self {
            poll,
            wake: time(&|| recorder.wake(task, false)),
            spawn: time(&|| {
                recorder.release(recorder.spawn(&Spawn::default()));
            }),
        }
    }

    /// Nanoseconds that these operations took, estimated.
    pub(crate) fn of(&self, polls: u64, wakes: u64, spawned: u64) -> u64 {
        (self.poll * polls as f64 + self.wake * wakes as f64 + self.spawn * spawned as f64) as u64
    }
}

/// CPU time of the calling thread, `None` where the system does not count it.
pub(crate) fn thread_cpu_ns() -> Option<u64> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_vendor = "apple"))]
    return cpu_ns();
    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_vendor = "apple"
    )))]
    None
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_vendor = "apple"))]
fn cpu_ns() -> Option<u64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let nanoseconds = u64::try_from(time.tv_nsec).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}
