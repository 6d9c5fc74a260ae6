//! Why a process or core file can't be read: each a sentence with what to do next.

/// See the module's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// No such process.
    #[error("there is no process {pid}; `taskscope attach` without a number lists those that can be watched")]
    NoProcess {
        /// The number.
        pid: u32,
    },
    /// The kernel does not allow it.
    #[error("the kernel does not let taskscope read process {pid}. {cure}")]
    Refused {
        /// The process.
        pid: u32,
        /// What to do.
        cure: String,
    },
    /// A kernel thread or zombie.
    #[error("process {pid} has no memory: it has ended, or is a thread of the kernel")]
    NoMemory {
        /// The process.
        pid: u32,
    },
    /// Another failure.
    #[error("process {pid} can't be read: {error}")]
    Unreadable {
        /// The process.
        pid: u32,
        /// As the system says it.
        error: String,
    },
    /// The program is not where its maps say.
    #[error("the program of process {pid} is not among its mappings; it may be starting: try again")]
    NoProgram {
        /// The process.
        pid: u32,
    },
    /// It ended while it was read.
    #[error("process {pid} has ended")]
    Ended {
        /// The process.
        pid: u32,
    },
    /// A file that is no core file.
    #[error("{path}: {reason}")]
    NoCore {
        /// The file.
        path: String,
        /// Why not, and what to do.
        reason: String,
    },
}
