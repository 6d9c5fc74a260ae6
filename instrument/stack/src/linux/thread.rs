//! What the kernel says of a thread of this process, without a signal: whether it sleeps, where, and what it did since.
//!
//! Source: proc(5), `/proc/PID/task/TID/{syscall,status,stat,schedstat,io}`. The kernel itself waits until a sleeping thread is off its processor before it
//! writes the line of `syscall`, so stack pointer and program counter belong together.

use std::{fs, io, time::Duration};

use crate::CaptureError;

/// Of `utime` and `stime` (proc(5), `sysconf(_SC_CLK_TCK)`, 100 on every Linux of these processors).
const TIME_UNIT_NS: u64 = 10_000_000;

/// What a thread does at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// On a processor, or in the queue for one.
    Running,
    /// In the kernel, asleep.
    Sleeping { sp: u64, pc: u64 },
}

/// How often a thread gave its processor away, and what it asked of the kernel. Two equal ones: it did neither between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deeds {
    /// Switches because it slept.
    voluntary: u64,
    /// Switches because another thread was put in its place.
    involuntary: u64,
    /// Reads and writes, where the kernel counts them.
    calls: Option<u64>,
    /// Time on a processor.
    ran_ns: u64,
    /// Time in the program's code, in [`TIME_UNIT_NS`].
    user_time: u64,
    /// Time in the kernel: in system calls and page faults.
    kernel_time: u64,
}

impl Deeds {
    /// It did not run at all between the two.
    pub(super) fn slept_since(self, before: Self) -> bool {
        (self.voluntary, self.involuntary) == (before.voluntary, before.involuntary)
    }

    /// It ran, without a sleep, a read or a write.
    pub(super) fn ran_on_since(self, before: Self) -> bool {
        (self.voluntary, self.calls) == (before.voluntary, before.calls)
    }

    /// Time on a processor.
    pub(super) fn ran_since(self, before: Self) -> Duration {
        Duration::from_nanos(self.ran_ns.saturating_sub(before.ran_ns))
    }

    /// Time in the kernel and time in the program's code.
    pub(super) fn times_since(self, before: Self) -> (u64, u64) {
        let kernel = self.kernel_time.saturating_sub(before.kernel_time);
        (kernel, self.user_time.saturating_sub(before.user_time))
    }
}

/// What a thread does now.
///
/// # Errors
/// It has ended, or the kernel does not say.
pub(super) fn doing(thread: u32) -> Result<Doing, CaptureError> {
    let line = read(thread, "syscall")?;
    parse_doing(&line).ok_or_else(|| CaptureError::Unknown {
        thread,
        cause: io::Error::new(io::ErrorKind::InvalidData, format!("its system call is {:?}", line.trim())),
    })
}

/// `running`, or `-1 SP PC`, or `NUMBER ARGUMENT… SP PC`.
fn parse_doing(line: &str) -> Option<Doing> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["running"] => Some(Doing::Running),
        [_, .., sp, pc] => Some(Doing::Sleeping { sp: hexadecimal(sp)?, pc: hexadecimal(pc)? }),
        _ => None,
    }
}

/// What a thread has done so far.
///
/// # Errors
/// As with [`doing`].
pub(super) fn deeds(thread: u32) -> Result<Deeds, CaptureError> {
    let unknown = || CaptureError::Unknown { thread, cause: io::ErrorKind::InvalidData.into() };
    let status = read(thread, "status")?;
    let switches = |name: &str| number_after(&status, name).ok_or_else(unknown);
    let stat = read(thread, "stat")?;
    // The name in brackets may have blanks and brackets of its own. `utime` and `stime` are the 12th and 13th field after it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let mut times = fields.split_whitespace().skip(11).map_while(|time| time.parse().ok());
    let (user_time, kernel_time) = times.next().zip(times.next()).ok_or_else(unknown)?;
    // Not every kernel counts these; the other times have a hundredth of a second as their unit, by the kernel's promise to programs.
    let ran = number_after(&read(thread, "schedstat").unwrap_or_default(), "");
    let io = read(thread, "io").unwrap_or_default();
    let calls = number_after(&io, "syscr:").zip(number_after(&io, "syscw:"));
    Ok(Deeds {
        voluntary: switches("\nvoluntary_ctxt_switches:")?,
        involuntary: switches("nonvoluntary_ctxt_switches:")?,
        calls: calls.map(|(reads, writes)| reads.wrapping_add(writes)),
        ran_ns: ran.unwrap_or(TIME_UNIT_NS.saturating_mul(u64::saturating_add(user_time, kernel_time))),
        user_time,
        kernel_time,
    })
}

/// Whether a thread blocks a signal.
pub(super) fn blocks(thread: u32, signal: i32) -> Result<bool, CaptureError> {
    let status = read(thread, "status")?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    Ok(signal >= 1 && mask >> (signal - 1) & 1 == 1)
}

fn read(thread: u32, file: &str) -> Result<String, CaptureError> {
    fs::read_to_string(format!("/proc/self/task/{thread}/{file}")).map_err(|cause| {
        let is_there = fs::exists(format!("/proc/self/task/{thread}")).unwrap_or(true);
        match cause.raw_os_error() {
            Some(libc::ESRCH) => CaptureError::Gone(thread),
            _ if !is_there => CaptureError::Gone(thread),
            _ => CaptureError::Unknown { thread, cause },
        }
    })
}

fn number_after(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.split_once(name)?;
    rest.split_whitespace().next()?.parse().ok()
}

fn hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test's unwrap is an assertion")]

    use std::sync::atomic::Ordering::Relaxed;

    use super::{Doing, deeds, doing, parse_doing};
    use crate::{CaptureError, thread_id};

    #[test]
    fn the_kernels_three_forms() {
        assert_eq!(parse_doing("running\n"), Some(Doing::Running));
        let asleep = Some(Doing::Sleeping { sp: 0x7ffc_0010, pc: 0x7f00_0020 });
        assert_eq!(parse_doing("7 0x1 0x2 0x3 0x0 0x0 0x0 0x7ffc0010 0x7f000020\n"), asleep);
        assert_eq!(parse_doing("-1 0x7ffc0010 0x7f000020\n"), asleep, "a page that is being loaded");
        for nonsense in ["", "\n", "sleeping", "7", "7 0x1 here there"] {
            assert_eq!(parse_doing(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn a_thread_that_spins_runs_and_one_that_is_gone_is_gone() {
        let done = std::sync::atomic::AtomicBool::new(false);
        let here = thread_id();
        let (started, number) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                started.send(thread_id()).unwrap();
                while !done.load(Relaxed) {
                    std::hint::spin_loop();
                }
            });
            let spinning = number.recv().unwrap();
            while doing(spinning).unwrap() != Doing::Running {
                std::thread::yield_now();
            }
            let before = deeds(here).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(1));
            assert!(!deeds(here).unwrap().slept_since(before), "it woke up");
            done.store(true, Relaxed);
        });
        assert!(matches!(doing(u32::MAX), Err(CaptureError::Gone(_))));
    }
}
