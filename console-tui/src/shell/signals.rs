//! Signals as a stream: the ones that end the console, the one that suspends it, the one that wakes it.
//!
//! Invariant: no signal ends the process behind the terminal's back; [`suspend`] stops it for real.
//! Limit: Unix only, like the console's sockets.

use std::io;

use rustix::process::{Signal as Raw, getpid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the world asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// SIGTERM, SIGINT, SIGHUP or SIGQUIT, by number.
    End(i32),
    /// SIGTSTP.
    Suspend,
    /// SIGCONT: somebody else may have written on the terminal meanwhile.
    Continue,
}

/// The signals, caught.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    quit: Signal,
    suspend: Signal,
    resume: Signal,
}

impl Signals {
    /// Catches them.
    ///
    /// # Errors
    /// When the operating system refuses a handler.
    pub fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            suspend: signal(SignalKind::from_raw(Raw::TSTP.as_raw()))?,
            resume: signal(SignalKind::from_raw(Raw::CONT.as_raw()))?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::End(Raw::TERM.as_raw()),
            _ = self.interrupt.recv() => Asked::End(Raw::INT.as_raw()),
            _ = self.hangup.recv() => Asked::End(Raw::HUP.as_raw()),
            _ = self.quit.recv() => Asked::End(Raw::QUIT.as_raw()),
            _ = self.suspend.recv() => Asked::Suspend,
            _ = self.resume.recv() => Asked::Continue,
        }
    }
}

/// Stops this process until SIGCONT. SIGSTOP and not SIGTSTP: the latter is caught.
///
/// # Errors
/// When the operating system refuses.
pub fn suspend() -> io::Result<()> {
    kill_process(getpid(), Raw::STOP)?;
    Ok(())
}
