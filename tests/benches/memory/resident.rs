//! Resident memory, by Linux's word.

use std::fs;

use crate::Outcome;

/// A line of `/proc/PID/status` that is a number of KiB, in bytes: `VmRSS` now, `VmHWM` at most.
pub(crate) fn bytes(pid: u32, key: &str) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let kib: u64 =
        line.ok_or_else(|| format!("no {key} of {pid}"))?.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}
