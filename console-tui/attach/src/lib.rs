//! Shows a process that is read from memory as a stream of frames, as an instrumented program sends them.
#![cfg(target_os = "linux")]

mod calls;
mod frames;

pub use frames::{About, Frames, Wish};
