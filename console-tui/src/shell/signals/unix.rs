//! Signals of Unix. Invariant: see the module above.

use std::io;

use rustix::process::{Signal as Raw, getpid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Asked;

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
