//! What the operating system knows of the process's own threads. Linux only; elsewhere all of it is unknown.

pub(crate) mod thread;

#[cfg(all(feature = "server", target_os = "linux"))]
pub(crate) mod descriptors;
#[cfg(all(feature = "server", target_os = "linux"))]
pub(crate) mod epoll;
#[cfg(feature = "server")]
pub(crate) mod program;
#[cfg(feature = "server")]
pub(crate) mod reader;
#[cfg(all(feature = "server", target_os = "linux"))]
mod sys;
