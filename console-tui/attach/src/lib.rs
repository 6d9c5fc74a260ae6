//! Reads the tasks of a tokio program that knows nothing of taskscope: from its memory while it runs, or from a core file after it died.
#![cfg(target_os = "linux")]

mod core;
mod error;
mod fixed;
mod frames;
mod maps;
mod memory;
mod observe;
mod os;
mod process;
mod scan;
mod source;

pub use self::core::Core;
pub use error::AttachError;
pub use frames::{About, Frames, Wish};
pub use maps::Map;
pub use memory::Memory;
pub use observe::{
    MAX_LOOK, MAX_LOOK_FRAMES, MAX_TASKS, Observed, Observer, SeenRuntime, SeenTask, SeenThread,
};
pub use process::{KernelState, Process, Thread};
pub use scan::MAX_SCAN_BYTES;
pub use source::Source;
