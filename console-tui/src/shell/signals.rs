//! Signals as a stream: the ones that end the console, the one that suspends it, the one that wakes it.
//!
//! Invariant: no signal ends the process behind the terminal's back; `suspend` stops it for real.
//! Limit: Windows has its console's events in place of signals, and can't suspend a program: Ctrl-Z does nothing there.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use self::unix::{Signals, suspend};
#[cfg(windows)]
pub use self::windows::Signals;

/// What the operating system asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// SIGTERM, SIGINT, SIGHUP or SIGQUIT, by number; an event of the Windows console, by the number of its nearest signal.
    End(i32),
    /// SIGTSTP.
    #[cfg(unix)]
    Suspend,
    /// SIGCONT: another program may have written on the terminal meanwhile.
    #[cfg(unix)]
    Continue,
}
