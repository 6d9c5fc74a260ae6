//! What can go wrong at set-up. Nothing can go wrong later: a full limit is counted, a lost client is a closed stream.
//!
//! Written out, not derived: a macro's crates would be two of those that every program builds.

use std::{error::Error, fmt, io, path::PathBuf};

/// Why the server could not listen. The operating system's word is in the sentence; `source` does not say it again.
#[derive(Debug)]
#[non_exhaustive]
pub enum BindError {
    /// Neither `host:port` nor `unix:/path`.
    NotAnAddress(String),
    /// The operating system refused the TCP address.
    Tcp {
        /// The address.
        address: String,
        /// The operating system's word.
        cause: io::Error,
    },
    /// The operating system refused the socket's path.
    Unix {
        /// The path.
        path: PathBuf,
        /// The operating system's word.
        cause: io::Error,
    },
    /// No thread or runtime for the server.
    Thread(io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnAddress(text) => write!(
                f,
                "`{text}` is no address to listen on: write `127.0.0.1:6669` or `unix:/path/to/socket`"
            ),
            Self::Tcp { address, cause } => write!(
                f,
                "can't listen on {address}: {cause}; is another program watched there? set TASKSCOPE_BIND to another address"
            ),
            Self::Unix { path, cause } => write!(f, "can't listen on unix:{}: {cause}", path.display()),
            Self::Thread(cause) => write!(f, "can't start the server's thread: {cause}"),
        }
    }
}

impl Error for BindError {}

/// Why [`crate::Builder::init`] did not install taskscope.
#[derive(Debug)]
#[non_exhaustive]
pub enum InitError {
    /// A global subscriber is set already.
    SubscriberSet,
    /// The server can't listen. The program is recorded all the same.
    Bind(BindError),
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SubscriberSet => f.write_str(
                "a global tracing subscriber is set already: call taskscope::init() first, or wrap that subscriber with taskscope::wrap()",
            ),
            Self::Bind(error) => error.fmt(f),
        }
    }
}

impl Error for InitError {}

impl From<BindError> for InitError {
    fn from(error: BindError) -> Self {
        Self::Bind(error)
    }
}

/// Why [`crate::Server::serve`] ended.
#[cfg(feature = "server")]
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The server can't listen.
    Bind(BindError),
    /// The runtime does not take the socket.
    Socket(io::Error),
    /// The transport failed as a whole.
    Transport(Box<dyn Error + Send + Sync>),
}

#[cfg(feature = "server")]
impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => error.fmt(f),
            Self::Socket(cause) => write!(f, "the runtime can't use the socket: {cause}"),
            Self::Transport(error) => error.fmt(f),
        }
    }
}

#[cfg(feature = "server")]
impl Error for ServeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Bind(_) => None,
            Self::Socket(cause) => Some(cause),
            Self::Transport(error) => error.source(),
        }
    }
}

#[cfg(feature = "server")]
impl From<BindError> for ServeError {
    fn from(error: BindError) -> Self {
        Self::Bind(error)
    }
}

#[cfg(feature = "server")]
impl From<io::Error> for ServeError {
    fn from(error: io::Error) -> Self {
        Self::Socket(error)
    }
}
