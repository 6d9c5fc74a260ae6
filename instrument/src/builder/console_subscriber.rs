//! The names that console-subscriber has for things, so that a program moves here by changing a crate's name.
//!
//! What has no meaning here compiles, does nothing, and warns: see `docs/TOKIO_CONSOLE.md`.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use super::Builder;

/// The layer under the name that console-subscriber has for it.
#[cfg(feature = "layer")]
pub type ConsoleLayer = crate::TaskscopeLayer;

/// [`crate::Address`] under the name that console-subscriber has for it.
pub type ServerAddr = crate::Address;

impl crate::Server {
    /// Where a server listens by default.
    pub const DEFAULT_IP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    /// Where a server listens by default.
    pub const DEFAULT_PORT: u16 = 6669;
}

#[cfg(feature = "layer")]
impl crate::TaskscopeLayer {
    /// How long finished tasks can be looked at unless the program says otherwise.
    pub const DEFAULT_RETENTION: Duration = super::DEFAULT_RETENTION;
    /// How often a `tokio-console` gets an update by default.
    #[cfg(feature = "console-api")]
    pub const DEFAULT_PUBLISH_INTERVAL: Duration = crate::compat::DEFAULT_INTERVAL;
    #[doc(hidden)]
    #[deprecated(note = "taskscope has no event buffer")]
    pub const DEFAULT_EVENT_BUFFER_CAPACITY: usize = 1024 * 100;
    #[doc(hidden)]
    #[deprecated(note = "taskscope has no buffer of updates")]
    pub const DEFAULT_CLIENT_BUFFER_CAPACITY: usize = 1024 * 4;
    #[doc(hidden)]
    #[deprecated(note = "taskscope's histograms have no upper bound")]
    pub const DEFAULT_POLL_DURATION_MAX: Duration = Duration::from_secs(1);
    #[doc(hidden)]
    #[deprecated(note = "taskscope's histograms have no upper bound")]
    pub const DEFAULT_SCHEDULED_DURATION_MAX: Duration = Duration::from_secs(1);

    /// [`crate::builder`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// [`Builder::build`] with the defaults.
    pub fn new() -> (Self, crate::Server) {
        Builder::default().build()
    }
}

impl Builder {
    /// [`Builder::bind`] under the name that console-subscriber has for it: a socket's address, or a path for a Unix socket.
    /// [`Address::Nowhere`](crate::Address::Nowhere) changes nothing.
    pub fn server_addr(self, address: impl Into<crate::Address>) -> Self {
        match address.into() {
            crate::Address::Tcp(address) => self.bind(address.to_string()),
            crate::Address::Unix(path) => self.bind(format!("unix:{}", path.display())),
            crate::Address::Nowhere => self,
        }
    }

    /// [`Builder::show_own_tasks`] under the name that console-subscriber has for it.
    pub fn enable_self_trace(self, show: bool) -> Self {
        self.show_own_tasks(show)
    }

    #[doc(hidden)]
    #[deprecated(note = "it has no effect: taskscope has no event buffer that could overflow")]
    pub fn event_buffer_capacity(self, _events: usize) -> Self {
        self
    }

    #[doc(hidden)]
    #[deprecated(note = "it has no effect: taskscope keeps state, and a slow console skips to the newest")]
    pub fn client_buffer_capacity(self, _updates: usize) -> Self {
        self
    }

    #[doc(hidden)]
    #[deprecated(note = "it has no effect: taskscope's histograms have no upper bound")]
    pub fn poll_duration_histogram_max(self, _max: Duration) -> Self {
        self
    }

    #[doc(hidden)]
    #[deprecated(note = "it has no effect: taskscope's histograms have no upper bound")]
    pub fn scheduled_duration_histogram_max(self, _max: Duration) -> Self {
        self
    }

    #[doc(hidden)]
    #[deprecated(note = "it has no effect: taskscope records to no file")]
    pub fn recording_path(mut self, _path: impl Into<PathBuf>) -> Self {
        self.problem("recording_path has no effect: taskscope records to no file.".to_owned());
        self
    }
}
