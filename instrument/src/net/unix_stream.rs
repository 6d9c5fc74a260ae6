//! Unix sockets: streams and listeners.

use std::{
    future::Future,
    io::{self, IoSlice, IoSliceMut},
    panic::Location,
    path::Path,
    task::{Context, Poll, ready},
};

use tokio::net::unix::SocketAddr;

use super::{
    stream::{halves, reading, writing},
    tcp::accepted,
};
use crate::io::{
    Instrumented, descriptor,
    meter::{Call, Meter, Way, bytes, nothing},
};

/// tokio's `UnixStream`, on record.
pub type UnixStream = Instrumented<tokio::net::UnixStream>;

/// tokio's `UnixListener`, on record; what it accepts is on record, too.
pub type UnixListener = Instrumented<tokio::net::UnixListener>;

halves!(super::UnixStream, tokio::net::UnixStream, halves, tokio::net::unix);
reading!(UnixStream, "UnixStream");
writing!(UnixStream, "UnixStream");
reading!(halves::ReadHalf<'_>, "UnixStream");
writing!(halves::WriteHalf<'_>, "UnixStream");
reading!(halves::OwnedReadHalf, "UnixStream");
writing!(halves::OwnedWriteHalf, "UnixStream");

impl UnixStream {
    /// Opens a connection.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn connect<P: AsRef<Path>>(path: P) -> impl Future<Output = io::Result<Self>> {
        let at = Location::caller();
        async move {
            let meter = Meter::new("UnixStream", "", at);
            let call = Call { way: Way::Out, method: "UnixStream::connect", at };
            let stream = meter.wait(call, tokio::net::UnixStream::connect(path), nothing).await?;
            Ok(Self::described(stream, meter))
        }
    }

    /// Two streams that are connected to each other.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = tokio::net::UnixStream::pair()?;
        Ok((Self::from_tokio(one), Self::from_tokio(other)))
    }

    /// Puts a stream of the standard library on record; it must be non-blocking.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn from_std(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        Ok(Self::from_tokio(tokio::net::UnixStream::from_std(stream)?))
    }

    /// Puts a stream of tokio's on record.
    #[track_caller]
    pub fn from_tokio(stream: tokio::net::UnixStream) -> Self {
        Self::described(stream, Meter::new("UnixStream", "", Location::caller()))
    }

    fn described(stream: tokio::net::UnixStream, meter: Meter) -> Self {
        meter.describe(descriptor(&stream), &words(stream.local_addr()), &words(stream.peer_addr()));
        Self::metered(stream, meter.into())
    }

    /// The stream as the standard library has it, off the record.
    ///
    /// # Errors
    /// As tokio's.
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixStream> {
        self.into_inner().into_std()
    }
}

impl UnixListener {
    /// Listens at a path.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        Ok(Self::from_tokio(tokio::net::UnixListener::bind(path)?))
    }

    /// Puts a listener of the standard library on record; it must be non-blocking.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn from_std(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        Ok(Self::from_tokio(tokio::net::UnixListener::from_std(listener)?))
    }

    /// Puts a listener of tokio's on record.
    #[track_caller]
    pub fn from_tokio(listener: tokio::net::UnixListener) -> Self {
        let meter = Meter::new("UnixListener", "", Location::caller());
        meter.describe(descriptor(&listener), &words(listener.local_addr()), "");
        Self::metered(listener, meter.into())
    }

    /// The listener as the standard library has it, off the record.
    ///
    /// # Errors
    /// As tokio's.
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixListener> {
        self.into_inner().into_std()
    }

    /// Waits for a connection. An accepted one counts as a read.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn accept(&self) -> impl Future<Output = io::Result<(UnixStream, SocketAddr)>> + Send + '_ {
        let at = Location::caller();
        let call = Call { way: Way::In, method: "UnixListener::accept", at };
        let accepted = self.meter().wait(call, self.get_ref().accept(), accepted);
        async move {
            let (stream, peer) = accepted.await?;
            Ok((UnixStream::described(stream, Meter::new("UnixStream", "", at)), peer))
        }
    }

    /// One poll of [`UnixListener::accept`].
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let accept = || self.get_ref().poll_accept(context);
        let (stream, peer) = ready!(self.meter().poll(Way::In, "UnixListener::accept", accept, accepted))?;
        Poll::Ready(Ok((UnixStream::from_tokio(stream), peer)))
    }
}

/// A path; empty: unnamed, or unknown.
fn words(address: io::Result<SocketAddr>) -> String {
    let path = address.ok().and_then(|address| Some(address.as_pathname()?.to_string_lossy().into_owned()));
    path.unwrap_or_default()
}
