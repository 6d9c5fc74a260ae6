//! Where stacks can't be taken: the same calls, each with its answer.

use crate::{CaptureError, Stack};

/// Takes stacks of threads; not on this platform.
#[derive(Debug)]
pub struct Sampler(std::convert::Infallible);

impl Sampler {
    /// # Errors
    /// Always [`CaptureError::Unsupported`].
    pub fn new() -> Result<Self, CaptureError> {
        Err(CaptureError::Unsupported)
    }

    /// # Errors
    /// Always [`CaptureError::Unsupported`].
    pub fn with_signal(_signal: i32) -> Result<Self, CaptureError> {
        Err(CaptureError::Unsupported)
    }

    /// # Errors
    /// Always [`CaptureError::Unsupported`].
    pub fn without_signals() -> Result<Self, CaptureError> {
        Err(CaptureError::Unsupported)
    }

    /// The same with names.
    #[cfg(feature = "names")]
    pub fn named(self) -> Self {
        self
    }

    /// The signal that is sent; `None`: none was needed so far.
    pub fn signal(&self) -> Option<i32> {
        match self.0 {}
    }

    /// # Errors
    /// There is no sampler to call it on.
    pub fn capture(&mut self, _thread: u32) -> Result<Stack, CaptureError> {
        match self.0 {}
    }

    /// Gives back what names took.
    pub fn rest(&mut self) {
        match self.0 {}
    }
}

/// The operating system's number of the calling thread; 0: unknown.
pub fn thread_id() -> u32 {
    0
}

/// Bytes that this crate keeps in the process.
pub fn memory_bytes() -> usize {
    0
}

/// Signals that this crate has sent to threads of the process.
pub fn signals_sent() -> u64 {
    0
}

/// System calls of the program that such a signal met.
pub fn calls_met() -> u64 {
    0
}
