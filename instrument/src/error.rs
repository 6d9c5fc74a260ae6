//! What can go wrong at set-up. Nothing can go wrong later: a full limit is counted, a lost client is a closed stream.

use std::{io, path::PathBuf};

/// Why the server could not listen. The operating system's word is in the sentence; `source` does not say it again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Neither `host:port` nor `unix:/path`.
    #[error("`{0}` is no address to listen on: write `127.0.0.1:6669` or `unix:/path/to/socket`")]
    NotAnAddress(String),
    /// The operating system refused the TCP address.
    #[error(
        "can't listen on {address}: {cause}; is another program watched there? set TASKSCOPE_BIND to another address"
    )]
    Tcp {
        /// The address.
        address: String,
        /// The operating system's word.
        cause: io::Error,
    },
    /// The operating system refused the socket's path.
    #[error("can't listen on unix:{}: {cause}", path.display())]
    Unix {
        /// The path.
        path: PathBuf,
        /// The operating system's word.
        cause: io::Error,
    },
    /// No thread or runtime for the server.
    #[error("can't start the server's thread: {0}")]
    Thread(io::Error),
}

/// Why [`crate::Builder::init`] did not install taskscope.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// A global subscriber is set already.
    #[error(
        "a global tracing subscriber is set already: call taskscope::init() first, or wrap that subscriber with taskscope::wrap()"
    )]
    SubscriberSet,
    /// The server can't listen. The program is recorded all the same.
    #[error(transparent)]
    Bind(#[from] BindError),
}

/// Why [`crate::Server::serve`] ended.
#[cfg(feature = "server")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The server can't listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The runtime does not take the socket.
    #[error("the runtime can't use the socket: {0}")]
    Socket(#[from] io::Error),
    /// The transport failed as a whole.
    #[error(transparent)]
    Transport(Box<dyn std::error::Error + Send + Sync>),
}
