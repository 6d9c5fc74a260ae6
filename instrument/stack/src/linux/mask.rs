//! Which signals a thread blocks, as the kernel tells.

use std::{fs, io};

/// Whether a thread blocks a signal.
pub(super) fn blocks(thread: u32, signal: i32) -> io::Result<bool> {
    let status = fs::read_to_string(format!("/proc/self/task/{thread}/status"))?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    Ok(signal >= 1 && mask >> (signal - 1) & 1 == 1)
}
