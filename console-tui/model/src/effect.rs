//! Everything that the model asks of the shell.

use taskscope_proto::v1;

/// Tasks by tokio's ids of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum MemoryWish {
    /// None.
    #[default]
    Nothing,
    /// These.
    Tasks(Vec<u64>),
    /// All that there are.
    All,
}

/// One thing to do outside the model.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send this on the open stream, if one is open. Each request replaces the one before it, so only the last
    /// one counts; after every [`crate::ConnectionEvent::Connected`] the model asks for one.
    SendRequest(v1::WatchRequest),
    /// Read these await trees from the program's memory, again and again, if it is on this machine. Each wish replaces the one before it.
    ReadMemory(MemoryWish),
    /// Leave.
    Quit,
    /// Restore the terminal and stop the process (SIGTSTP).
    Suspend,
    /// Put this text on the clipboard.
    CopyText(String),
    /// Switch mouse capture on or off.
    SetMouse(bool),
}
