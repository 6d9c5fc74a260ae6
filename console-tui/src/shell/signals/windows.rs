//! Events of the Windows console. Invariant: see the module above.

use std::io;

use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
};

use super::Asked;

/// The numbers that scripts know from Unix.
const HANGUP: i32 = 1;
const INTERRUPT: i32 = 2;
const TERMINATE: i32 = 15;

/// The events, caught.
#[derive(Debug)]
pub struct Signals {
    interrupt: CtrlC,
    interrupt_hard: CtrlBreak,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl Signals {
    /// Catches them.
    ///
    /// # Errors
    /// When the operating system refuses a handler.
    pub fn catch() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            interrupt_hard: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::End(INTERRUPT),
            _ = self.interrupt_hard.recv() => Asked::End(INTERRUPT),
            _ = self.close.recv() => Asked::End(HANGUP),
            _ = self.shutdown.recv() => Asked::End(TERMINATE),
        }
    }
}
