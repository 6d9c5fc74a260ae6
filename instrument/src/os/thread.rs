//! A thread as the kernel sees it: CPU time, wait for a CPU, switches, and the system call that it sleeps in.
//!
//! Three small files of `/proc/self/task/<id>`, which a process may always read of itself. Cost: about 25 µs a thread on the tool's own
//! thread, at most once in [`MAX_AGE_NS`] a thread whatever the number of consoles, and nothing while none is connected.

use std::collections::HashMap;

use taskscope_recorder::{Clock, Ticks};

/// A reading this young is used again.
pub(crate) const MAX_AGE_NS: u64 = 200_000_000;
/// Readings kept; further threads are read each time.
const MAX_KEPT: usize = taskscope_recorder::MAX_THREADS;

/// What the kernel knows of a thread. Times since the thread started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ThreadFacts {
    pub(crate) cpu_ns: Option<u64>,
    /// Ready to run, without a CPU.
    pub(crate) run_queue_wait_ns: Option<u64>,
    pub(crate) voluntary_switches: Option<u64>,
    pub(crate) involuntary_switches: Option<u64>,
    pub(crate) kernel: Kernel,
}

/// What a thread does in the kernel's eyes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kernel {
    #[default]
    Unknown,
    /// On a CPU, or ready for one.
    Running,
    /// Asleep in this system call, with its first argument.
    Call { number: u64, first: u64 },
    /// Asleep outside of any system call, as in a page fault.
    Asleep,
}

impl Kernel {
    /// Whether it waits for descriptors to become ready: a driver of tokio's does that in `epoll_wait`.
    pub(crate) fn waits_for_io(self) -> bool {
        self.name().is_some_and(|name| name.starts_with("epoll_"))
    }

    /// In words; empty: unknown.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Unknown => String::new(),
            Self::Running => "running".to_owned(),
            Self::Asleep => "asleep outside of system calls".to_owned(),
            Self::Call { number, .. } => {
                self.name().map_or_else(|| format!("system call {number}"), ToOwned::to_owned)
            }
        }
    }

    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Call { number, .. } => {
                syscalls::Sysno::new(usize::try_from(number).ok()?).map(|call| call.name())
            }
            _ => None,
        }
    }

    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    fn name(self) -> Option<&'static str> {
        None
    }
}

/// The last readings, shared by all consoles.
#[derive(Debug, Default)]
pub(crate) struct Cache(HashMap<u32, (Ticks, ThreadFacts)>);

impl Cache {
    /// The facts of a thread, read anew unless that was just done.
    pub(crate) fn facts(&mut self, os_id: u32, clock: &Clock) -> ThreadFacts {
        let now = clock.ticks();
        let young = |read: Ticks| clock.between_ns(read, now) < MAX_AGE_NS;
        if let Some((read, facts)) = self.0.get(&os_id)
            && young(*read)
        {
            return facts.clone();
        }
        if self.0.len() >= MAX_KEPT {
            self.0.retain(|_, (read, _)| young(*read));
        }
        let facts = read(os_id);
        if self.0.len() < MAX_KEPT {
            self.0.insert(os_id, (now, facts.clone()));
        }
        facts
    }
}

/// Reads the facts of a thread of this process.
pub(crate) fn read(os_id: u32) -> ThreadFacts {
    let file = |name: &str| {
        let read = || std::fs::read_to_string(format!("/proc/self/task/{os_id}/{name}")).ok();
        cfg!(target_os = "linux").then(read).flatten().unwrap_or_default()
    };
    let mut facts = ThreadFacts { kernel: kernel(&file("syscall")), ..ThreadFacts::default() };
    let schedstat = file("schedstat");
    let mut times = schedstat.split_ascii_whitespace().map(|number| number.parse().ok());
    facts.cpu_ns = times.next().flatten();
    facts.run_queue_wait_ns = times.next().flatten();
    let status = file("status");
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    facts.voluntary_switches = line("voluntary_ctxt_switches:");
    facts.involuntary_switches = line("nonvoluntary_ctxt_switches:");
    facts
}

/// The text of `/proc/…/syscall`: `running`, or a number with its arguments in hexadecimal, or `-1` outside of system calls.
fn kernel(text: &str) -> Kernel {
    let mut words = text.split_ascii_whitespace();
    match words.next() {
        Some("running") => Kernel::Running,
        Some("-1") => Kernel::Asleep,
        Some(number) => {
            let first = words.next().and_then(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok());
            match (number.parse(), first) {
                (Ok(number), Some(first)) => Kernel::Call { number, first },
                _ => Kernel::Unknown,
            }
        }
        None => Kernel::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_texts_are_read() {
        assert_eq!(kernel("running\n"), Kernel::Running);
        assert_eq!(kernel("-1 0x7ffc 0x7efe\n"), Kernel::Asleep);
        let call = kernel("232 0x5 0x7ffc08f72f80 0x400 0xffffffff 0x0 0x0 0x7ffc08f72f68 0x7efef480d503\n");
        assert_eq!(call, Kernel::Call { number: 232, first: 5 });
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        assert!(call.waits_for_io() && call.text() == "epoll_wait");
        for nonsense in ["", "\n", "soon", "232", "232 five", "99999999999999999999 0x1"] {
            assert_eq!(kernel(nonsense).text(), "", "{nonsense:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_of_ones_own_is_readable() {
        let facts = read(rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs());
        // A thread that runs since it was made may not have been accounted yet.
        assert!(facts.cpu_ns.is_some(), "{facts:?}");
        assert!(facts.run_queue_wait_ns.is_some() && facts.voluntary_switches.is_some());
        // Kernels differ in what a thread reads of itself: it runs, in the call that reads this.
        assert!(matches!(facts.kernel, Kernel::Running | Kernel::Call { .. }), "{facts:?}");
        assert_eq!(read(u32::MAX), ThreadFacts::default());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_sleeps_shows_in_which_call() {
        use std::io::Read as _;
        let (mut from, into) = std::io::pipe().expect("a pipe");
        let (sender, receiver) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            sender
                .send(rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs())
                .expect("the receiver is there");
            from.read(&mut [0])
        });
        let thread = receiver.recv().expect("it runs");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while read(thread).kernel.text() != "read" {
            assert!(std::time::Instant::now() < deadline, "{:?}", read(thread));
            std::thread::yield_now();
        }
        drop(into);
        assert!(matches!(reader.join(), Ok(Ok(0))));
    }
}
