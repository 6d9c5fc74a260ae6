//! Where the time of a long poll went: on a CPU, in the kernel's queue for one, or asleep.
//!
//! A poll's own clock can't distinguish a blocking call from a machine that has too few CPUs. The kernel can: it counts for each thread the time on a
//! CPU and the time in the queue for one; what is left, the thread slept. The two are read at the end of a poll over [`MEASURED_NS`], and at the
//! start of a poll when the last reading is older than that. So the reading before a poll is never much older than its start.
//!
//! Invariant: what is said is a lower bound. What happened between the reading and the start of the poll is taken off the two counts, and may be in
//! neither. Where the kernel does not count (no Linux, no `CONFIG_SCHED_INFO`, no `/proc`), nothing is said.
//!
//! Limits: a virtual machine that is itself kept waiting counts that as CPU time. Cost: about 5 µs a reading, on the polling thread; after each
//! reading follow at least [`REST`] times its length without one, so at most 0.1 % of a thread's time.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
    fence,
};

use crate::clock::{Clock, Ticks};

/// A shorter poll is not measured, and a reading of this age is renewed.
pub(super) const MEASURED_NS: u64 = 10_000_000;
/// Time without a reading after one, in lengths of that reading.
const REST: u64 = 1_000;
/// Where nothing can be read it is tried again after this time.
const RETRY_NS: u64 = 1_000_000_000;

/// At least so much of a poll's time is known to have gone there; the rest may have gone to any of the three.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// The thread ran on a CPU.
    pub cpu_ns: u64,
    /// The thread was ready to run and had no CPU.
    pub queued_ns: u64,
    /// The thread slept in the kernel: a lock, a file, `sleep`.
    pub asleep_ns: u64,
}

/// What the kernel counted for a thread since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadTimes {
    /// Time on a CPU.
    pub cpu_ns: u64,
    /// Time in the queue for one.
    pub queued_ns: u64,
}

/// A reading and when it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadReading {
    /// When.
    pub at: Ticks,
    /// What.
    pub times: ThreadTimes,
}

impl ThreadReading {
    /// Where the time of a poll went that began at `started`, after this reading; `wall_ns` later the thread's times were `now`.
    pub fn spent(&self, clock: &Clock, started: Ticks, wall_ns: u64, now: ThreadTimes) -> Spent {
        let before_ns = clock.between_ns(self.at, started);
        let cpu_ns = now.cpu_ns.saturating_sub(self.times.cpu_ns);
        let queued_ns = now.queued_ns.saturating_sub(self.times.queued_ns);
        let at_least = |counted_ns: u64| counted_ns.saturating_sub(before_ns).min(wall_ns);
        let cpu_at_least_ns = at_least(cpu_ns);
        Spent {
            cpu_ns: cpu_at_least_ns,
            // Two clocks of the kernel: together no more than there was.
            queued_ns: at_least(queued_ns).min(wall_ns - cpu_at_least_ns),
            asleep_ns: wall_ns.saturating_sub(cpu_ns.saturating_add(queued_ns)),
        }
    }
}

/// The last reading of a thread. Written by the thread alone.
#[derive(Debug, Default)]
pub(super) struct LastReading {
    /// When the next one is due.
    pub(super) due: AtomicU64,
    /// 0: there is none, or it is being written.
    at: AtomicU64,
    cpu_ns: AtomicU64,
    queued_ns: AtomicU64,
}

impl LastReading {
    /// Takes a reading. The slot's thread only.
    #[cold]
    pub(super) fn renew(&self, clock: &Clock) -> Option<ThreadTimes> {
        let begun = clock.ticks();
        let times = read_own();
        let at = clock.ticks();
        self.at.store(0, Relaxed);
        // Whoever sees a new value below also sees that the time is gone.
        fence(Release);
        let Some(times) = times else {
            self.due.store(at.saturating_add(clock.ticks_of_ns(RETRY_NS)), Relaxed);
            return None;
        };
        self.cpu_ns.store(times.cpu_ns, Relaxed);
        self.queued_ns.store(times.queued_ns, Relaxed);
        self.at.store(at, Release);
        let rest = clock.ticks_of_ns(MEASURED_NS).max((at - begun).saturating_mul(REST));
        self.due.store(at.saturating_add(rest), Relaxed);
        Some(times)
    }

    /// By any thread; `None`: there is none, or it is being written.
    pub(super) fn get(&self) -> Option<ThreadReading> {
        let at = self.at.load(Acquire);
        let times =
            ThreadTimes { cpu_ns: self.cpu_ns.load(Relaxed), queued_ns: self.queued_ns.load(Relaxed) };
        fence(Acquire);
        (at != 0 && self.at.load(Relaxed) == at).then_some(ThreadReading { at, times })
    }

    /// Another thread takes the slot.
    pub(super) fn clear(&self) {
        self.at.store(0, Relaxed);
        self.due.store(0, Relaxed);
    }
}

/// What the kernel counts for the calling thread; `None`: it does not. About 5 µs.
#[cfg(target_os = "linux")]
pub(super) fn read_own() -> Option<ThreadTimes> {
    use std::io::Read as _;
    let mut text = [0_u8; 96];
    // A descriptor that was kept open would be one more of the program's, and another file's after a program that closes all it has.
    let length = std::fs::File::open("/proc/thread-self/schedstat").ok()?.read(&mut text).ok()?;
    let mut times = parse(std::str::from_utf8(&text[..length]).ok()?)?;
    // The file's CPU time is as old as the last tick; this one is of now.
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let cpu_ns = u64::try_from(now.tv_sec).ok()?.saturating_mul(1_000_000_000);
    times.cpu_ns = times.cpu_ns.max(cpu_ns.saturating_add(u64::try_from(now.tv_nsec).ok()?));
    Some(times)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn read_own() -> Option<ThreadTimes> {
    None
}

/// The text of `schedstat`: time on a CPU, time in the queue, turns.
#[cfg(any(target_os = "linux", test))]
fn parse(text: &str) -> Option<ThreadTimes> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse::<u64>);
    let (cpu_ns, queued_ns, turns) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    // A kernel that does not count fills the file with zeros; a thread that reads it has had a turn.
    (turns > 0).then_some(ThreadTimes { cpu_ns, queued_ns })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn schedstat_is_read_and_a_kernel_that_does_not_count_is_unknown() {
        let times = ThreadTimes { cpu_ns: 12_345, queued_ns: 678 };
        assert_eq!(parse("12345 678 9\n"), Some(times));
        for nothing in ["0 0 0\n", "", "12345", "12345 678", "a b c"] {
            assert_eq!(parse(nothing), None, "{nothing:?}");
        }
    }

    /// Of a poll of 100 ms that began `before_ms` after the reading.
    fn spent(before_ms: u64, cpu_ms: u64, queued_ms: u64) -> Spent {
        let clock = Clock::start();
        let at = clock.ticks();
        let started = at + clock.ticks_of_ns(before_ms * MS);
        let reading = ThreadReading { at, times: ThreadTimes { cpu_ns: 7, queued_ns: 5 } };
        let now = ThreadTimes { cpu_ns: 7 + cpu_ms * MS, queued_ns: 5 + queued_ms * MS };
        reading.spent(&clock, started, 100 * MS, now)
    }

    fn ms(spent: Spent) -> [u64; 3] {
        [spent.cpu_ns, spent.queued_ns, spent.asleep_ns].map(|ns| (ns + MS / 2) / MS)
    }

    #[test]
    fn what_is_said_is_a_lower_bound() {
        assert_eq!(ms(spent(0, 100, 0)), [100, 0, 0]);
        assert_eq!(ms(spent(0, 1, 99)), [1, 99, 0]);
        assert_eq!(ms(spent(0, 2, 1)), [2, 1, 97]);
        // 10 ms between the reading and the poll: the thread may have run then, or waited, or slept.
        assert_eq!(ms(spent(10, 60, 50)), [50, 40, 0]);
        assert_eq!(ms(spent(10, 5, 5)), [0, 0, 90]);
        // More than there was: two clocks.
        assert_eq!(ms(spent(0, 101, 3)), [100, 0, 0]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_reads_its_own_times_and_rests() {
        let clock = Clock::start();
        let last = LastReading::default();
        assert_eq!(last.get(), None);
        let times = last.renew(&clock).expect("Linux counts");
        let reading = last.get().expect("it was taken");
        assert_eq!(reading.times, times);
        let due_ns = clock.between_ns(reading.at, last.due.load(Relaxed));
        assert!(due_ns + MS >= MEASURED_NS, "{due_ns}");
        std::thread::sleep(std::time::Duration::from_millis(30));
        let slept_ns = clock.between_ns(reading.at, clock.ticks());
        let now = read_own().expect("Linux counts");
        let spent = reading.spent(&clock, reading.at, slept_ns, now);
        assert_eq!(
            spent.asleep_ns + (now.cpu_ns - times.cpu_ns) + (now.queued_ns - times.queued_ns),
            slept_ns
        );
        last.clear();
        assert_eq!(last.get(), None);
    }
}
