//! Reads the tasks of a tokio program from memory, without stopping it: of a process that knows nothing of taskscope, of the own one, or of a core file.
//!
//! [`Observer`] finds the tasks and their await trees; [`await_tree`] puts one into the words of the wire.
#![cfg(target_os = "linux")]

#[cfg(feature = "core")]
mod core;
mod error;
mod fixed;
mod maps;
mod memory;
mod message;
mod observe;
mod os;
mod process;
mod scan;
mod source;

#[cfg(feature = "core")]
pub use self::core::Core;
pub use error::AttachError;
pub use maps::Map;
pub use memory::Memory;
pub use message::{await_tree, await_trees};
pub use observe::{
    MAX_LOOK, MAX_LOOK_FRAMES, MAX_TASKS, Observed, Observer, SeenRuntime, SeenTask, SeenThread,
};
pub use process::{KernelState, Process, Thread, started_ticks};
pub use scan::MAX_SCAN_BYTES;
pub use source::Source;
