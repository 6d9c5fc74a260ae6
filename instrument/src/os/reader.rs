//! Whom the kernel lets read this process's memory, where it wants the process's own word for that.
//!
//! Under Linux's Yama with `ptrace_scope` 1 a process of the same user may read another one only if it is an ancestor, or was named by that one with
//! `PR_SET_PTRACER`, prctl(2). A console that reads await trees from memory names itself in its request; it is named to the kernel as long as its stream is
//! open. What a process may do without being named (another user, another machine) stays as it is.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Reader {
    allowed: bool,
    /// Who is named; 0: none was.
    named: AtomicU32,
}

impl Reader {
    /// `allowed`: whether consoles may be named at all.
    pub(crate) fn new(allowed: bool) -> Self {
        Self { allowed, named: AtomicU32::new(0) }
    }

    /// Names a process. The kernel keeps one name: the newest counts.
    pub(crate) fn name(&self, pid: u32) {
        if !self.allowed || pid == 0 || self.named.load(Relaxed) == pid || !sys::needs_name() {
            return;
        }
        if sys::set(pid) {
            self.named.store(pid, Relaxed);
        }
    }

    /// The stream of this process has ended.
    pub(crate) fn forget(&self, pid: u32) {
        if pid != 0 && self.named.compare_exchange(pid, 0, Relaxed, Relaxed).is_ok() {
            sys::set(0);
        }
    }
}

#[cfg(target_os = "linux")]
mod sys {
    use std::fs;

    use rustix::process::{PTracer, Pid, set_ptracer};

    /// Whether the kernel asks for a name: else nothing is changed.
    pub(super) fn needs_name() -> bool {
        fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").is_ok_and(|scope| scope.trim() == "1")
    }

    /// Names a process, or with 0 none. False: the kernel does not take it.
    pub(super) fn set(pid: u32) -> bool {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        set_ptracer(pid.map_or(PTracer::None, PTracer::ProcessID)).is_ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod sys {
    pub(super) fn needs_name() -> bool {
        false
    }

    pub(super) fn set(_pid: u32) -> bool {
        false
    }
}
