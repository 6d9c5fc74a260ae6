//! The user-space stack of another thread of this process, taken while that thread is stuck in a call or a loop.
//!
//! No root, no ptrace, no frame pointers, no stopped process. A thread that sleeps in the kernel is only looked at: `/proc/self/task/TID/syscall`
//! gives its stack pointer and program counter, its stack is read from memory, and the kernel's counters say that it slept all
//! the while. A thread that computes is sent a real-time signal, whose handler copies the registers and a bounded piece of the stack into
//! a buffer that exists already. Unwinding is the work of the thread that asks. A stack is addresses in files; with the feature `names` it has names, too.
//!
//! ```
//! # #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))] {
//! let (started, thread) = std::sync::mpsc::channel();
//! std::thread::spawn(move || {
//!     started.send(taskscope_stack::thread_id()).unwrap();
//!     std::thread::park();
//! });
//! let thread = thread.recv().unwrap();
//! let stack = taskscope_stack::Sampler::new().unwrap().capture(thread).unwrap();
//! assert!(!stack.addresses.is_empty());
//! assert_eq!(taskscope_stack::signals_sent(), 0);
//! # }
//! ```
//!
//! Invariants: no thread that sleeps in the kernel is sent a signal. The handler calls only what is async-signal-safe, and a handler that comes late
//! never writes into a buffer that another thread reads (`linux/turn.rs` has the proof). All `unsafe` of the crate is in `linux/os.rs`.
//!
//! Limits: Linux on x86_64 and aarch64; elsewhere every call answers [`CaptureError::Unsupported`]. [`STACK_BYTES`] of a stack are copied,
//! [`MAX_FRAMES`] frames are listed. On aarch64 the stack of a thread that sleeps often ends at its innermost function: the kernel does not show the link register.
//!
//! # What a signal can do to the program
//!
//! A system call that a signal meets can end early with `EINTR` or with fewer bytes, or is repeated; `SA_RESTART` does not cover `poll`,
//! `epoll_wait`, `nanosleep` and calls with a time limit (signal(7)). So a signal is sent only to a thread that was seen to compute, and nothing
//! else, for 10 ms on a processor. It may enter a call in the moment between the last look and the signal. The handler sees a call that failed or is to be repeated; it is
//! counted ([`calls_met`]), and this process sends no signal any more: at most one call of a program's life is disturbed. [`Sampler::without_signals`] sends none at all.

#[cfg(feature = "names")]
pub use taskscope_names::{Origin, StackFrame};

cfg_if::cfg_if! {
    if #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))] {
        mod linux;
        pub use linux::{Sampler, calls_met, memory_bytes, signals_sent, thread_id};
    } else {
        mod unsupported;
        pub use unsupported::{Sampler, calls_met, memory_bytes, signals_sent, thread_id};
    }
}

/// Bytes of a thread's stack that are copied, from its stack pointer on. Frames further out are missing, and said to be.
pub const STACK_BYTES: usize = 256 * 1024;

/// Addresses of a stack that are listed, innermost first; and frames with names, where inlined functions count.
pub const MAX_FRAMES: usize = 64;

/// A thread's stack at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    /// Where each function is, innermost first; at most [`MAX_FRAMES`].
    pub addresses: Vec<Address>,
    /// The files that they are in.
    pub files: Vec<CodeFile>,
    /// Their names, innermost first, with the functions that were inlined; at most [`MAX_FRAMES`]. Empty without [`Sampler::named`].
    #[cfg(feature = "names")]
    pub frames: Vec<StackFrame>,
    /// Why frames or names are missing: a sentence. `None`: nothing is.
    pub problem: Option<String>,
}

/// A place in code. Of a caller it is in the call, not behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Which of [`Stack::files`]; `None`: code that no file has, as a compiler makes it in memory.
    pub file: Option<usize>,
    /// As the file's own tables count, without where it was loaded; in memory, if it is in no file.
    pub address: u64,
}

/// A file of code, mapped into this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeFile {
    /// Where it was when it was mapped; `[vdso]`: the kernel's, which is nowhere on disk.
    pub path: String,
    /// What distinguishes builds of it; empty: its linker wrote none.
    pub build_id: Vec<u8>,
    /// It is the program itself, not a library.
    pub is_program: bool,
}

/// Why there is no stack; each is a sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// Not Linux, or another processor.
    #[error("Stacks of threads can be taken on Linux, on x86_64 and aarch64 alone.")]
    Unsupported,
    /// The signal is none that a program may use.
    #[error("Signal {0} is no real-time signal; they are {first} to {last} here.", first = .1, last = .2)]
    NotRealTime(i32, i32, i32),
    /// The handler could not be installed.
    #[error("No handler could be installed for signal {signal}: {cause}.")]
    Install {
        /// The signal.
        signal: i32,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// No such thread in this process.
    #[error("Thread {0} has ended.")]
    Gone(u32),
    /// The kernel does not say what the thread does, so nothing is done to it.
    #[error("The kernel does not say what thread {thread} does ({cause}), so its stack is not taken.")]
    Unknown {
        /// The thread.
        thread: u32,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// It neither slept nor computed for as long as it takes.
    #[error(
        "Thread {0} runs and sleeps by turns, or makes system calls all the time. A signal could end one early, so its stack is not taken."
    )]
    Restless(u32),
    /// It computes, and this sampler sends no signals.
    #[error(
        "Thread {0} runs on a processor. Only a signal can take its stack, and signals are switched off."
    )]
    NoSignals(u32),
    /// It computes, and an earlier signal met a system call.
    #[error(
        "Thread {0} runs on a processor. Only a signal can take its stack, and none is sent any more: one has met a system call of this program."
    )]
    SignalsEnded(u32),
    /// The thread's queue of signals is full, or a sandbox forbids to send.
    #[error("Signal {signal} could not be sent to thread {thread}: {cause}.")]
    Send {
        /// The signal.
        signal: i32,
        /// The thread.
        thread: u32,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// The thread blocks the signal.
    #[error("Thread {thread} blocks signal {signal}, so that its stack can't be taken.")]
    Blocked {
        /// The signal.
        signal: i32,
        /// The thread.
        thread: u32,
    },
    /// The thread did not run its handler in time.
    #[error(
        "Thread {thread} did not answer signal {signal} within {limit_ms} ms: the kernel did not let it run."
    )]
    Silent {
        /// The signal.
        signal: i32,
        /// The thread.
        thread: u32,
        /// How long it was waited for.
        limit_ms: u64,
    },
    /// An earlier capture's handler began to write and has not ended; its buffer can't be used.
    #[error("An earlier thread is still being captured: the kernel does not let it run.")]
    Busy,
}
