//! Everything that the model asks of the shell.

use taskscope_proto::v1;

/// One thing to do outside the model.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send this on the open stream, if one is open. Each request replaces the one before it, so only the last
    /// one counts; after every [`crate::ConnectionEvent::Connected`] the model asks for one.
    SendRequest(v1::WatchRequest),
    /// Leave.
    Quit,
    /// Restore the terminal and stop the process (SIGTSTP).
    Suspend,
    /// Put this text on the clipboard.
    CopyText(String),
    /// Switch mouse capture on or off.
    SetMouse(bool),
}
