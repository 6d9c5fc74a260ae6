//! Who asked for a pause: the protocol's requests name no stream, so a pause is for every stream of the same connection.
//!
//! A connection is known by its TCP peer, or by the process at the other end of a Unix socket. Where a transport gives neither, all of its
//! consoles share one pause. Memory: an entry a connection that has a stream.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::watch;
use tonic::Request;

/// What is known of the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Peer {
    Address(SocketAddr),
    #[cfg(unix)]
    Process(i32),
    Unknown,
}

impl Peer {
    pub(super) fn of<T>(request: &Request<T>) -> Self {
        if let Some(address) = request.remote_addr() {
            return Self::Address(address);
        }
        #[cfg(unix)]
        {
            let unix = request.extensions().get::<tonic::transport::server::UdsConnectInfo>();
            if let Some(process) = unix.and_then(|info| info.peer_cred?.pid()) {
                return Self::Process(process);
            }
        }
        Self::Unknown
    }
}

/// A connection's pause, held by each of its streams.
#[derive(Debug)]
pub(super) struct Switch(watch::Sender<bool>);

impl Switch {
    /// Waits until there is no pause.
    pub(super) async fn live(&self) {
        let mut paused = self.0.subscribe();
        // Can't fail: the sender is `self`.
        let _live = paused.wait_for(|paused| !paused).await;
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }
}

/// The pauses of all connections that have a stream.
#[derive(Debug, Default)]
pub(super) struct Pauses(Mutex<HashMap<Peer, Weak<Switch>>>);

impl Pauses {
    /// The pause of a connection, to be held as long as its stream lives.
    pub(super) fn join(&self, peer: &Peer) -> Arc<Switch> {
        let mut switches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(switch) = switches.get(peer).and_then(Weak::upgrade) {
            return switch;
        }
        switches.retain(|_, switch| switch.strong_count() > 0);
        let switch = Arc::new(Switch(watch::Sender::new(false)));
        switches.insert(peer.clone(), Arc::downgrade(&switch));
        switch
    }

    /// Pauses or resumes the streams of a connection; one without streams has nothing to pause.
    pub(super) fn set(&self, peer: &Peer, paused: bool) {
        let switches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(switch) = switches.get(peer).and_then(Weak::upgrade) {
            switch.0.send_replace(paused);
        }
    }
}
