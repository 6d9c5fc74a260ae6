//! UDP sockets.
//!
//! What receives or sends through the socket's number alone, and not by `try_io`, is on no record.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    panic::Location,
    task::{Context, Poll},
};

use tokio::{io::ReadBuf, net::ToSocketAddrs};

use super::tcp::words;
use crate::io::{
    Instrumented, descriptor,
    meter::{Call, Meter, Way, bytes, nothing},
};

/// tokio's `UdpSocket`, on record: each datagram is one operation.
pub type UdpSocket = Instrumented<tokio::net::UdpSocket>;

#[track_caller]
fn call(way: Way, method: &'static str) -> Call {
    Call { way, method, at: Location::caller() }
}

#[expect(clippy::unnecessary_wraps, reason = "one of several that say what a result moved")]
fn count_from((moved, _): &(usize, SocketAddr)) -> Option<u64> {
    Some(*moved as u64)
}

impl UdpSocket {
    /// Binds a socket to an address.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn bind<A: ToSocketAddrs>(address: A) -> impl Future<Output = io::Result<Self>> {
        let at = Location::caller();
        async move { Ok(Self::described(tokio::net::UdpSocket::bind(address).await?, at)) }
    }

    /// Puts a socket of the standard library on record; it must be non-blocking.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<Self> {
        Ok(Self::described(tokio::net::UdpSocket::from_std(socket)?, Location::caller()))
    }

    fn described(socket: tokio::net::UdpSocket, at: &'static Location<'static>) -> Self {
        let meter = Meter::new("UdpSocket", "", at);
        meter.describe(descriptor(&socket), &words(socket.local_addr()), &words(socket.peer_addr()));
        Self::metered(socket, meter.into())
    }

    /// The socket as the standard library has it, off the record.
    ///
    /// # Errors
    /// As tokio's.
    pub fn into_std(self) -> io::Result<std::net::UdpSocket> {
        self.into_inner().into_std()
    }

    /// Connects the socket: `send` and `recv` are with this peer alone.
    ///
    /// # Errors
    /// As tokio's.
    pub async fn connect<A: ToSocketAddrs>(&self, address: A) -> io::Result<()> {
        self.get_ref().connect(address).await?;
        let socket = self.get_ref();
        self.meter().describe(descriptor(socket), &words(socket.local_addr()), &words(socket.peer_addr()));
        Ok(())
    }

    /// Sends a datagram to the connected peer.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn send<'a>(&'a self, data: &'a [u8]) -> impl Future<Output = io::Result<usize>> + Send + 'a {
        self.meter().wait(call(Way::Out, "UdpSocket::send"), self.get_ref().send(data), bytes)
    }

    /// One poll of [`UdpSocket::send`].
    ///
    /// # Errors
    /// As tokio's.
    pub fn poll_send(&self, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.meter().poll(Way::Out, "UdpSocket::send", || self.get_ref().poll_send(context, data), bytes)
    }

    /// Sends a datagram to the connected peer, if there is room.
    ///
    /// # Errors
    /// As tokio's; `WouldBlock` without room.
    pub fn try_send(&self, data: &[u8]) -> io::Result<usize> {
        self.meter().attempt(Way::Out, || self.get_ref().try_send(data), bytes)
    }

    /// Sends a datagram.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn send_to<'a, A: ToSocketAddrs + 'a>(
        &'a self,
        data: &'a [u8],
        target: A,
    ) -> impl Future<Output = io::Result<usize>> + 'a {
        self.meter().wait(call(Way::Out, "UdpSocket::send_to"), self.get_ref().send_to(data, target), bytes)
    }

    /// One poll of [`UdpSocket::send_to`].
    ///
    /// # Errors
    /// As tokio's.
    pub fn poll_send_to(
        &self,
        context: &mut Context<'_>,
        data: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        let send = || self.get_ref().poll_send_to(context, data, target);
        self.meter().poll(Way::Out, "UdpSocket::send_to", send, bytes)
    }

    /// Sends a datagram, if there is room.
    ///
    /// # Errors
    /// As tokio's; `WouldBlock` without room.
    pub fn try_send_to(&self, data: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.meter().attempt(Way::Out, || self.get_ref().try_send_to(data, target), bytes)
    }

    /// Receives a datagram of the connected peer.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn recv<'a>(&'a self, buffer: &'a mut [u8]) -> impl Future<Output = io::Result<usize>> + Send + 'a {
        self.meter().wait(call(Way::In, "UdpSocket::recv"), self.get_ref().recv(buffer), bytes)
    }

    /// One poll of [`UdpSocket::recv`].
    ///
    /// # Errors
    /// As tokio's.
    pub fn poll_recv(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let receive =
            || self.get_ref().poll_recv(context, buffer).map_ok(|()| buffer.filled().len() - before);
        self.meter().poll(Way::In, "UdpSocket::recv", receive, bytes).map_ok(|_| ())
    }

    /// Receives a datagram of the connected peer, if there is one.
    ///
    /// # Errors
    /// As tokio's; `WouldBlock` when there is none.
    pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.meter().attempt(Way::In, || self.get_ref().try_recv(buffer), bytes)
    }

    /// Waits until there is a datagram.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn readable(&self) -> impl Future<Output = io::Result<()>> + Send + '_ {
        self.meter().wait(call(Way::In, "UdpSocket::readable"), self.get_ref().readable(), nothing)
    }

    /// Waits until there is room for a datagram.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn writable(&self) -> impl Future<Output = io::Result<()>> + Send + '_ {
        self.meter().wait(call(Way::Out, "UdpSocket::writable"), self.get_ref().writable(), nothing)
    }

    /// Receives a datagram of the connected peer behind what a buffer has.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn recv_buf<'a, B: ::bytes::BufMut>(
        &'a self,
        buffer: &'a mut B,
    ) -> impl Future<Output = io::Result<usize>> + 'a {
        self.meter().wait(call(Way::In, "UdpSocket::recv_buf"), self.get_ref().recv_buf(buffer), bytes)
    }

    /// The same, if there is one.
    ///
    /// # Errors
    /// As tokio's; `WouldBlock` when there is none.
    pub fn try_recv_buf<B: ::bytes::BufMut>(&self, buffer: &mut B) -> io::Result<usize> {
        self.meter().attempt(Way::In, || self.get_ref().try_recv_buf(buffer), bytes)
    }

    /// Receives a datagram behind what a buffer has, and from whom.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn recv_buf_from<'a, B: ::bytes::BufMut>(
        &'a self,
        buffer: &'a mut B,
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + 'a {
        let call = call(Way::In, "UdpSocket::recv_buf_from");
        self.meter().wait(call, self.get_ref().recv_buf_from(buffer), count_from)
    }

    /// The same, if there is one.
    ///
    /// # Errors
    /// As tokio's; `WouldBlock` when there is none.
    pub fn try_recv_buf_from<B: ::bytes::BufMut>(&self, buffer: &mut B) -> io::Result<(usize, SocketAddr)> {
        self.meter().attempt(Way::In, || self.get_ref().try_recv_buf_from(buffer), count_from)
    }

    /// Receives a datagram, and from whom.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn recv_from<'a>(
        &'a self,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + Send + 'a {
        let call = call(Way::In, "UdpSocket::recv_from");
        self.meter().wait(call, self.get_ref().recv_from(buffer), count_from)
    }

    /// One poll of [`UdpSocket::recv_from`].
    ///
    /// # Errors
    /// As tokio's.
    pub fn poll_recv_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        let before = buffer.filled().len();
        let receive = || {
            let received = self.get_ref().poll_recv_from(context, buffer);
            received.map_ok(|peer| (buffer.filled().len() - before, peer))
        };
        self.meter().poll(Way::In, "UdpSocket::recv_from", receive, count_from).map_ok(|(_, peer)| peer)
    }

    /// Receives a datagram, and from whom, if there is one.
    ///
    /// # Errors
    /// As tokio's; `WouldBlock` when there is none.
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.meter().attempt(Way::In, || self.get_ref().try_recv_from(buffer), count_from)
    }
}

impl TryFrom<std::net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    fn try_from(socket: std::net::UdpSocket) -> io::Result<Self> {
        Self::from_std(socket)
    }
}
