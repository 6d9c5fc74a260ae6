//! What only the operating system knows of another process's threads. The one module of this crate with `unsafe`.
#![allow(unsafe_code, reason = "the C library has no safe form of get_robust_list(2)")]

use std::fs;

use crate::memory::Memory;

/// Bytes below the list of robust futexes in which glibc's `struct pthread` begins.
const PTHREAD_BYTES: u64 = 0x800;

/// Where a thread's thread-local storage hangs. `None`: unknown.
///
/// The kernel gives the address of the thread's list of robust futexes, get_robust_list(2), which glibc and musl keep in their `struct pthread`. That begins
/// with a pointer to itself; in glibc's a second one is two words further.
pub(crate) fn thread_pointer(os_id: u32, memory: &dyn Memory) -> Option<u64> {
    if cfg!(not(target_arch = "x86_64")) {
        return None;
    }
    let list = robust_list(os_id)?;
    let from = list.saturating_sub(PTHREAD_BYTES) & !7;
    let mut bytes = vec![0; usize::try_from(list - from).ok()?];
    // What lies before it may not be mapped: from the next page on, then.
    let from = if memory.read(from, &mut bytes) {
        from
    } else {
        let page = list & !4095;
        bytes.truncate(usize::try_from(list - page).ok()?);
        memory.read(page, &mut bytes).then_some(page)?
    };
    let words: Vec<u64> =
        bytes.chunks_exact(8).filter_map(|word| Some(u64::from_le_bytes(word.try_into().ok()?))).collect();
    let address = |at: usize| from + 8 * at as u64;
    let is_pointer =
        |at: &usize| words.get(*at) == Some(&address(*at)) && words.get(*at + 2) == Some(&address(*at));
    (0..words.len()).rev().find(is_pointer).map(address)
}

fn robust_list(os_id: u32) -> Option<u64> {
    let (mut head, mut len) = (0_u64, 0_usize);
    // SAFETY: both pointers are to variables of ours that live through the call, and the kernel writes a word to each.
    let answer = unsafe { libc::syscall(libc::SYS_get_robust_list, os_id, &raw mut head, &raw mut len) };
    (answer == 0 && head >= 4096).then_some(head)
}

/// What to do when the kernel refuses to read a process.
pub(crate) fn cure(pid: u32) -> String {
    let owner = |pid: &str| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        line.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let (theirs, ours) = (owner(&pid.to_string()), owner("self"));
    if let (Some(theirs), Some(ours)) = (theirs, ours)
        && theirs != ours
    {
        return format!(
            "It runs as user {theirs} and taskscope as user {ours}: run taskscope as that user, or with sudo"
        );
    }
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    match scope.trim() {
        "1" => "The kernel allows it for children only (kernel.yama.ptrace_scope = 1): run taskscope with sudo, or set it to 0".to_owned(),
        "2" => "The kernel allows it for administrators only (kernel.yama.ptrace_scope = 2): run taskscope with sudo".to_owned(),
        "3" => "The kernel allows it for no process (kernel.yama.ptrace_scope = 3) until the machine is started again with another value".to_owned(),
        _ => "Run taskscope with sudo; in a container, give it the capability SYS_PTRACE".to_owned(),
    }
}

/// Now, on the clock that `std::time::Instant` is on, which all processes of a machine share.
pub(crate) fn monotonic_ns() -> Option<u64> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec).ok()?.checked_mul(1_000_000_000)?.checked_add(u64::try_from(now.tv_nsec).ok()?)
}
