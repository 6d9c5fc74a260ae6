//! TCP: streams and listeners.

use std::{
    future::Future,
    io::{self, IoSlice, IoSliceMut},
    net::SocketAddr,
    panic::Location,
    task::{Context, Poll, ready},
};

use tokio::{io::ReadBuf, net::ToSocketAddrs};

use super::stream::{halves, reading, writing};
use crate::io::{
    Instrumented, descriptor,
    meter::{Call, Meter, Way, bytes, nothing},
};

/// tokio's `TcpStream`, on record.
pub type TcpStream = Instrumented<tokio::net::TcpStream>;

/// tokio's `TcpListener`, on record; what it accepts is on record, too.
pub type TcpListener = Instrumented<tokio::net::TcpListener>;

halves!(super::TcpStream, tokio::net::TcpStream, halves, tokio::net::tcp);
reading!(TcpStream, "TcpStream");
writing!(TcpStream, "TcpStream");
reading!(halves::ReadHalf<'_>, "TcpStream");
writing!(halves::WriteHalf<'_>, "TcpStream");
reading!(halves::OwnedReadHalf, "TcpStream");
writing!(halves::OwnedWriteHalf, "TcpStream");

impl TcpStream {
    /// Opens a connection.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(address: A) -> impl Future<Output = io::Result<Self>> {
        let at = Location::caller();
        async move {
            // A connection under way is seen, too: its wait has no bytes.
            let meter = Meter::new("TcpStream", "", at);
            let call = Call { way: Way::Out, method: "TcpStream::connect", at };
            let stream = meter.wait(call, tokio::net::TcpStream::connect(address), nothing).await?;
            Ok(Self::described(stream, meter))
        }
    }

    /// Puts a stream of the standard library on record; it must be non-blocking.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<Self> {
        Ok(Self::from_tokio(tokio::net::TcpStream::from_std(stream)?))
    }

    /// Puts a stream of tokio's on record.
    #[track_caller]
    pub fn from_tokio(stream: tokio::net::TcpStream) -> Self {
        Self::described(stream, Meter::new("TcpStream", "", Location::caller()))
    }

    fn described(stream: tokio::net::TcpStream, meter: Meter) -> Self {
        meter.describe(descriptor(&stream), &words(stream.local_addr()), &words(stream.peer_addr()));
        Self::metered(stream, meter.into())
    }

    /// The stream as the standard library has it, off the record.
    ///
    /// # Errors
    /// As tokio's.
    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
        self.into_inner().into_std()
    }

    /// Looks at what comes next without taking it.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn peek<'a>(&'a self, buffer: &'a mut [u8]) -> impl Future<Output = io::Result<usize>> + Send + 'a {
        let call = Call { way: Way::In, method: "TcpStream::peek", at: Location::caller() };
        self.meter().wait(call, self.get_ref().peek(buffer), nothing)
    }

    /// One poll of [`TcpStream::peek`].
    ///
    /// # Errors
    /// As tokio's.
    pub fn poll_peek(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        self.get_ref().poll_peek(context, buffer)
    }
}

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        Self::from_std(stream)
    }
}

impl TcpListener {
    /// Listens at an address.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn bind<A: ToSocketAddrs>(address: A) -> impl Future<Output = io::Result<Self>> {
        let at = Location::caller();
        async move { Ok(Self::described(tokio::net::TcpListener::bind(address).await?, at)) }
    }

    /// Puts a listener of the standard library on record; it must be non-blocking.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<Self> {
        Ok(Self::described(tokio::net::TcpListener::from_std(listener)?, Location::caller()))
    }

    /// Puts a listener of tokio's on record.
    #[track_caller]
    pub fn from_tokio(listener: tokio::net::TcpListener) -> Self {
        Self::described(listener, Location::caller())
    }

    fn described(listener: tokio::net::TcpListener, at: &'static Location<'static>) -> Self {
        let meter = Meter::new("TcpListener", "", at);
        meter.describe(descriptor(&listener), &words(listener.local_addr()), "");
        Self::metered(listener, meter.into())
    }

    /// The listener as the standard library has it, off the record.
    ///
    /// # Errors
    /// As tokio's.
    pub fn into_std(self) -> io::Result<std::net::TcpListener> {
        self.into_inner().into_std()
    }

    /// Waits for a connection. An accepted one counts as a read.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send + '_ {
        self.accept_at(Location::caller())
    }

    /// The connection is made at `at`.
    fn accept_at(
        &self,
        at: &'static Location<'static>,
    ) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send + '_ {
        let call = Call { way: Way::In, method: "TcpListener::accept", at };
        let accepted = self.meter().wait(call, self.get_ref().accept(), accepted);
        async move {
            let (stream, peer) = accepted.await?;
            Ok((TcpStream::described(stream, Meter::new("TcpStream", "", at)), peer))
        }
    }

    /// One poll of [`TcpListener::accept`].
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.poll_accept_at(context, Location::caller())
    }

    fn poll_accept_at(
        &self,
        context: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accept = || self.get_ref().poll_accept(context);
        let (stream, peer) = ready!(self.meter().poll(Way::In, "TcpListener::accept", accept, accepted))?;
        Poll::Ready(Ok((TcpStream::described(stream, Meter::new("TcpStream", "", at)), peer)))
    }

    /// The place of connections that no code of the program accepts: that of the listener.
    fn made_at(&self) -> &'static Location<'static> {
        self.meter().made_at()
    }

    /// The connections as a stream, as tonic's `serve_with_incoming` wants them.
    #[cfg(feature = "server")]
    pub fn incoming(self) -> Incoming {
        Incoming(self)
    }
}

impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    fn try_from(listener: std::net::TcpListener) -> io::Result<Self> {
        Self::from_std(listener)
    }
}

/// Connections of a [`TcpListener`], without end.
#[cfg(feature = "server")]
#[derive(Debug)]
pub struct Incoming(TcpListener);

#[cfg(feature = "server")]
impl tokio_stream::Stream for Incoming {
    type Item = io::Result<TcpStream>;

    fn poll_next(self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let accepted = ready!(self.0.poll_accept_at(context, self.0.made_at()));
        Poll::Ready(Some(accepted.map(|(stream, _)| stream)))
    }
}

#[cfg(feature = "tonic")]
impl tonic::transport::server::Connected for TcpStream {
    type ConnectInfo = tonic::transport::server::TcpConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.get_ref().connect_info()
    }
}

#[cfg(feature = "axum")]
impl axum::serve::Listener for TcpListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.accept_at(self.made_at()).await {
                Ok(accepted) => return accepted,
                // No descriptor is free: a moment later there may be one. The others are of the connection that is gone.
                Err(error) if is_of_the_connection(&error) => {}
                Err(_) => tokio::time::sleep(std::time::Duration::from_secs(1)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.get_ref().local_addr()
    }
}

#[cfg(feature = "axum")]
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// An accepted connection is an operation without bytes.
#[expect(clippy::unnecessary_wraps, reason = "one of several that say what a result moved")]
pub(super) fn accepted<R>(_: &R) -> Option<u64> {
    Some(0)
}

/// An address in words; empty: unknown, as of a connection that is gone.
pub(super) fn words(address: io::Result<SocketAddr>) -> String {
    address.map_or_else(|_| String::new(), |address| address.to_string())
}
