//! What the views read: one module per region of the screen, all of it plain data made from `&Model`.
//!
//! Invariant: no text here holds a control character, a bidi mark or anything else that a terminal would obey.

pub mod findings;
pub mod header;
pub mod io;
pub mod lock;
pub mod overlay;
pub mod overview;
pub mod resource;
pub mod runtime;
pub mod table;
pub mod task;
pub mod waits;

/// What a piece of text means; the theme turns it into a colour. The tone alone carries no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Plain.
    Normal,
    /// Less important.
    Dim,
    /// Unknown: `–`.
    Unknown,
    /// A name that can be opened.
    Link,
    /// A task in a poll.
    Running,
    /// A task that waits for a worker.
    Scheduled,
    /// A task that waits to be woken.
    Idle,
    /// A task that has ended.
    Done,
    /// All is well.
    Good,
    /// Worth knowing.
    Info,
    /// A warning.
    Warning,
    /// Critical.
    Critical,
}

impl From<crate::severity::Severity> for Tone {
    fn from(severity: crate::severity::Severity) -> Self {
        match severity {
            crate::severity::Severity::Info => Self::Info,
            crate::severity::Severity::Warning => Self::Warning,
            crate::severity::Severity::Critical => Self::Critical,
        }
    }
}
