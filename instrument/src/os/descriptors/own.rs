//! Which descriptors are the tool's own: its server's listener and connections, the epoll of its runtime, and all that this epoll watches.
//!
//! Known by what they are connected to: the epoll that watches the listener is the one of the server's runtime. Where that is a runtime of the
//! server's own ([`Listener::on_own_runtime`]), nothing of the program's is on it, and all that it watches is the tool's. On a runtime of
//! the program's (`Server::serve`), or where the kernel does not show what an epoll watches, the listener is ours and the connections at
//! its address. Of tokio's own pair of sockets for signals, one for the whole process, the runtime's copy is ours and the
//! pair is the program's: that has it without us, too, unless it has no runtime with I/O.

use std::{collections::HashSet, net::SocketAddr};

use taskscope_proto::v1::{self, DescriptorKind};

use super::epoll::Epoll;

/// The server's listener: no other descriptor has both its number and its inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(super) fd: u32,
    pub(super) inode: u64,
    has_runtime: bool,
}

impl Listener {
    /// `None`: it is no open socket.
    pub(crate) fn of(socket: &impl std::os::fd::AsRawFd) -> Option<Self> {
        let fd = socket.as_raw_fd();
        Some(Self {
            fd: u32::try_from(fd).ok()?,
            inode: super::inode(&super::link(fd)?)?,
            has_runtime: false,
        })
    }

    /// It is served from a runtime that has nothing else to do.
    pub(crate) fn on_own_runtime(self) -> Self {
        Self { has_runtime: true, ..self }
    }

    fn is(self, descriptor: &v1::Descriptor) -> bool {
        (self.fd, self.inode) == (descriptor.fd, descriptor.inode)
    }

    /// The numbers of all that is the tool's own; none when the listener is gone.
    pub(super) fn family(self, descriptors: &[v1::Descriptor], epolls: &[Epoll]) -> HashSet<u32> {
        let Some(listener) = descriptors.iter().find(|descriptor| self.is(descriptor)) else {
            return HashSet::new();
        };
        // The epoll has two numbers: tokio keeps a copy to register with.
        let is_ours = |epoll: &&Epoll| self.has_runtime && epoll.watches(listener).is_some();
        let ours: Vec<&Epoll> = epolls.iter().filter(is_ours).collect();
        let own = |of: &&v1::Descriptor| {
            ours.iter().any(|epoll| epoll.watches(of).is_some()) || is_accepted(listener, of)
        };
        let watched = descriptors.iter().filter(own).map(|of| of.fd);
        ours.iter().map(|epoll| epoll.fd).chain(watched).chain([self.fd]).collect()
    }
}

/// Whether a connection is one that the listener accepted: it is at the same address.
fn is_accepted(listener: &v1::Descriptor, of: &v1::Descriptor) -> bool {
    match (listener.kind(), of.kind()) {
        (DescriptorKind::TcpListener, DescriptorKind::Tcp) => {
            let address = |of: &v1::Descriptor| of.local.parse::<SocketAddr>().ok();
            address(listener).zip(address(of)).is_some_and(|(listener, of)| {
                listener == of || (listener.ip().is_unspecified() && listener.port() == of.port())
            })
        }
        (DescriptorKind::UnixListener, DescriptorKind::Unix) => listener.local == of.local,
        _ => false,
    }
}
