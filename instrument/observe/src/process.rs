//! A live process, read and nothing else: it is not stopped, and no byte of it is written.
//!
//! Its memory is read through `/proc/PID/mem`. The kernel decides who may: the same user, and under Yama's scope 1 an ancestor, a process with
//! `CAP_SYS_PTRACE`, or one that the process itself allows.

use std::{
    cell::Cell,
    fs::{self, File},
    io,
    ops::Range,
    os::unix::fs::FileExt as _,
    path::PathBuf,
    time::Duration,
};

use crate::{
    error::AttachError,
    maps::{self, Map, PAGE_BYTES},
    memory::Memory,
    os,
};

/// A thread of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The operating system's id of it.
    pub os_id: u32,
    /// Its name.
    pub name: String,
    /// Where its thread-local storage hangs; `None`: unknown.
    pub pointer: Option<u64>,
    /// Its stack's pointer, while it sleeps; `None`: it runs, or unknown.
    pub stack: Option<u64>,
    /// The system call that it sleeps in, or `running`; `None`: unknown.
    pub kernel_state: Option<KernelState>,
}

/// What the kernel says of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelState {
    /// It is on a processor, or waits for one.
    Running,
    /// It sleeps in the system call with this number; `None`: outside of any.
    Sleeps(Option<i64>),
}

/// See the module's text.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    memory: File,
    /// Its table of pages; `None`: it can't be read.
    pages: Option<File>,
    read_bytes: Cell<u64>,
}

impl Process {
    /// Opens a process to read it.
    ///
    /// # Errors
    /// There is no such process, or this one may not read it; the error says what to do.
    pub fn open(pid: u32) -> Result<Self, AttachError> {
        let refused = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => AttachError::NoProcess { pid },
            // A zombie, where one may look at everything.
            _ if error.raw_os_error() == Some(libc::ESRCH) => AttachError::NoMemory { pid },
            io::ErrorKind::PermissionDenied => AttachError::Refused { pid, cure: os::cure(pid) },
            _ => AttachError::Unreadable { pid, error: error.to_string() },
        };
        let memory = File::open(format!("/proc/{pid}/mem")).map_err(refused)?;
        let pages = File::open(format!("/proc/{pid}/pagemap")).ok();
        let process = Self { pid, memory, pages, read_bytes: Cell::new(0) };
        // A kernel thread and a zombie can be opened and have no memory.
        process.maps().map_err(refused)?.first().map(|_| ()).ok_or(AttachError::NoMemory { pid })?;
        Ok(process)
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Bytes read from it so far.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes.get()
    }

    /// Its executable, as its own mount namespace names it.
    ///
    /// # Errors
    /// It has ended, or has none.
    pub fn executable(&self) -> io::Result<String> {
        Ok(fs::read_link(format!("/proc/{}/exe", self.pid))?.to_string_lossy().into_owned())
    }

    /// A path to the same file that also works when it was deleted, or is in another mount namespace.
    #[must_use]
    pub fn executable_file(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/exe", self.pid))
    }

    /// Its mappings.
    ///
    /// # Errors
    /// It has ended.
    pub fn maps(&self) -> io::Result<Vec<Map>> {
        Ok(maps::parse(&fs::read_to_string(format!("/proc/{}/maps", self.pid))?))
    }

    /// Whether it is there, with the memory that was opened: one that executed another program is not.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.maps().is_ok_and(|maps| {
            maps.first().is_some_and(|map| {
                let mut byte = [0];
                self.memory.read_at(&mut byte, map.from).is_ok_and(|read| read == 1)
            })
        })
    }

    /// How long it has run; `None`: unknown. To a hundredth of a second, which is the kernel's unit.
    #[must_use]
    pub fn uptime(&self) -> Option<Duration> {
        /// The kernel's unit for user space, on all of its architectures that matter here.
        const TICKS_A_SECOND: f64 = 100.0;
        let started = started_ticks(self.pid)? as f64 / TICKS_A_SECOND;
        let uptime = fs::read_to_string("/proc/uptime").ok()?;
        let machine = uptime.split_whitespace().next()?.parse::<f64>().ok()?;
        Duration::try_from_secs_f64(machine - started).ok()
    }

    /// Its name, as the kernel has it.
    #[must_use]
    pub fn name(&self) -> String {
        fs::read_to_string(format!("/proc/{}/comm", self.pid)).unwrap_or_default().trim_end().to_owned()
    }

    /// Its threads; those that end meanwhile are left out.
    #[must_use]
    pub fn threads(&self) -> Vec<Thread> {
        let Ok(entries) = fs::read_dir(format!("/proc/{}/task", self.pid)) else { return Vec::new() };
        let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let mut ids: Vec<u32> = ids.collect();
        ids.sort_unstable();
        ids.into_iter().filter_map(|id| self.thread(id)).collect()
    }

    fn thread(&self, os_id: u32) -> Option<Thread> {
        let folder = format!("/proc/{}/task/{os_id}", self.pid);
        let name = fs::read_to_string(format!("{folder}/comm")).ok()?.trim_end().to_owned();
        let call = fs::read_to_string(format!("{folder}/syscall")).ok();
        let fields: Vec<&str> = call.as_deref().unwrap_or_default().split_whitespace().collect();
        let kernel_state = match fields.first() {
            None => None,
            Some(&"running") => Some(KernelState::Running),
            Some(number) => {
                Some(KernelState::Sleeps(number.parse::<i64>().ok().filter(|number| *number >= 0)))
            }
        };
        // The last two are its pointers to the stack and into its program, proc_pid_syscall(5).
        let stack = fields.len().checked_sub(2).and_then(|at| fields[at].strip_prefix("0x"));
        let stack = stack.and_then(|text| u64::from_str_radix(text, 16).ok()).filter(|pointer| *pointer > 0);
        Some(Thread { os_id, name, pointer: os::thread_pointer(os_id, self), stack, kernel_state })
    }
}

/// When a process started, in the kernel's ticks since the machine's start; `None`: there is no such process. Needs no permission.
#[must_use]
pub fn started_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may have anything in it; it is the 22nd field.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

impl Memory for Process {
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        self.read_bytes.set(self.read_bytes.get() + buffer.len() as u64);
        self.memory.read_exact_at(buffer, address).is_ok()
    }

    /// By the kernel's table of the process's pages, pagemap in the kernel's documentation: to read a page that is not there would make it be there.
    fn resident(&self, range: Range<u64>) -> Vec<Range<u64>> {
        /// A page is in memory.
        const PRESENT: u64 = 1 << 63;
        const ENTRY_BYTES: u64 = 8;
        let (first, end) = (range.start / PAGE_BYTES, range.end.div_ceil(PAGE_BYTES));
        let mut entries = vec![0; ((end - first) * ENTRY_BYTES) as usize];
        let read = |pages: &File| pages.read_exact_at(&mut entries, first * ENTRY_BYTES).is_ok();
        if !self.pages.as_ref().is_some_and(read) {
            return vec![range];
        }
        let mut parts: Vec<Range<u64>> = Vec::new();
        for (page, entry) in (first..).zip(entries.chunks_exact(ENTRY_BYTES as usize)) {
            let entry = entry.try_into().map_or(0, u64::from_le_bytes);
            if entry & PRESENT == 0 {
                continue;
            }
            let from = (page * PAGE_BYTES).max(range.start);
            let to = ((page + 1) * PAGE_BYTES).min(range.end);
            match parts.last_mut().filter(|last| last.end == from) {
                Some(last) => last.end = to,
                None => parts.push(from..to),
            }
        }
        parts
    }
}
