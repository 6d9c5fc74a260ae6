//! The descriptors of the process, as they were when the operating system was last asked.
//!
//! Invariants: a descriptor is found by its [`DescriptorId`], never by its number alone, which is used again; what follows from two
//! readings (rates, since when something stands still) belongs to that id, and starts anew with another one.
//!
//! Limit: [`MAX_DESCRIPTORS`](taskscope_proto::limits::MAX_DESCRIPTORS) of them; the process's further ones are counted.

mod past;

use rustc_hash::{FxHashMap, FxHashSet};

pub(crate) use past::Past;

use crate::{id::DescriptorId, store::io::IoKind};

/// Ports of listeners that are kept.
const MAX_PORTS: usize = 4096;

/// What the kernel knows of the TCP connection.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tcp {
    pub(crate) rtt_ns: u64,
    pub(crate) rtt_var_ns: u64,
    /// Of the segment under way, and of all.
    pub(crate) retransmits: u32,
    pub(crate) total_retransmits: u64,
    pub(crate) congestion_window: u32,
    /// Segments under way.
    pub(crate) unacked: u64,
    /// Data, not bare acknowledgements.
    pub(crate) last_sent_ns: Option<u64>,
    pub(crate) last_received_ns: Option<u64>,
    pub(crate) delivery_rate_bytes: Option<u64>,
    pub(crate) acked_bytes: Option<u64>,
    pub(crate) received_bytes: Option<u64>,
    pub(crate) unsent_bytes: Option<u64>,
}

/// Events of a descriptor, as poll(2) and epoll(7) number them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Events(pub(crate) u32);

/// The bits that have a word, in the order in which they are shown.
const EVENTS: [(u32, &str); 6] =
    [(1, "read"), (4, "write"), (2, "urgent"), (0x2000, "peer closed"), (16, "hung up"), (8, "error")];

impl Events {
    pub(crate) fn is_readable(self) -> bool {
        self.0 & 1 != 0
    }

    pub(crate) fn is_writable(self) -> bool {
        self.0 & 4 != 0
    }

    /// Without what is always reported: that it hung up, or failed.
    pub(crate) fn wanted(self) -> Self {
        Self(self.0 & 7)
    }

    /// What can be done: `read, write`; `nothing`.
    pub(crate) fn words(self) -> String {
        let words: Vec<&str> =
            EVENTS.iter().filter(|(bit, _)| self.0 & bit != 0).map(|(_, word)| *word).collect();
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    }
}

/// One descriptor. Times are on the recorder's clock; what is unknown is `None` or empty.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Descriptor {
    pub(crate) id: DescriptorId,
    pub(crate) fd: u32,
    pub(crate) kind: IoKind,
    pub(crate) local: String,
    pub(crate) peer: String,
    pub(crate) state: String,
    /// What the process's epoll wants to hear of it; `None`: it is not watched.
    pub(crate) interest: Option<Events>,
    pub(crate) ready: Events,
    pub(crate) first_seen_ns: u64,
    pub(crate) recv_queue_bytes: Option<u64>,
    pub(crate) send_queue_bytes: Option<u64>,
    pub(crate) backlog: Option<u64>,
    pub(crate) max_backlog: Option<u64>,
    pub(crate) drops: Option<u64>,
    pub(crate) tcp: Option<Tcp>,
    pub(crate) peer_pid: Option<u32>,
    /// Of a socket or pipe, as in `ss -e`.
    pub(crate) inode: Option<u64>,
    pub(crate) past: Past,
}

impl Descriptor {
    /// Bytes that the program has read of what was received; only differences between two readings mean something.
    fn consumed_bytes(&self) -> Option<u64> {
        let received = self.tcp.as_ref()?.received_bytes?;
        Some(received.saturating_sub(self.recv_queue_bytes.unwrap_or(0)))
    }

    /// What can be done; `None`: the process does not watch files, and the kernel knows nothing of them.
    pub(crate) fn ready_words(&self) -> Option<String> {
        (self.kind != IoKind::File).then(|| self.ready.words())
    }

    /// The port that it has here; `None`: none, or not of the internet.
    fn local_port(&self) -> Option<u16> {
        port(&self.local)
    }
}

/// The port of `10.0.0.4:8080`.
pub(crate) fn port(address: &str) -> Option<u16> {
    let (_, port) = address.rsplit_once(':')?;
    port.parse().ok()
}

/// One look at all descriptors.
#[derive(Debug, Default, Clone)]
pub(crate) struct Reading {
    pub(crate) list: Vec<Descriptor>,
    /// Further ones, which are only counted.
    pub(crate) more: u64,
    pub(crate) at_ns: u64,
    /// How long it took the process.
    pub(crate) took_ns: u64,
    /// Why there is nothing or not all: a sentence; empty: all is there.
    pub(crate) problem: String,
    pub(crate) open: Option<u64>,
    pub(crate) limit: Option<u64>,
}

/// The last reading, and what followed from those before it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Descriptors {
    reading: Option<Reading>,
    by_id: FxHashMap<DescriptorId, usize>,
    by_fd: FxHashMap<u32, usize>,
    /// Ports that the process listens at, or did: a connection with one of them was accepted, and outlives its listener.
    listened: FxHashSet<u16>,
}

impl Descriptors {
    /// `None`: they were not read yet.
    pub(crate) fn reading(&self) -> Option<&Reading> {
        self.reading.as_ref()
    }

    pub(crate) fn list(&self) -> &[Descriptor] {
        self.reading.as_ref().map_or(&[], |reading| &reading.list)
    }

    pub(crate) fn get(&self, id: DescriptorId) -> Option<&Descriptor> {
        self.list().get(*self.by_id.get(&id)?)
    }

    pub(crate) fn with_fd(&self, fd: u32) -> Option<&Descriptor> {
        self.list().get(*self.by_fd.get(&fd)?)
    }

    /// The other end opened a connection that has this port here; `None`: not all listeners are known.
    pub(crate) fn was_accepted_at(&self, port: u16) -> Option<bool> {
        let reading = self.reading.as_ref()?;
        // With so many ports this is a proxy or a scanner, and a guess is no finding.
        if self.listened.contains(&port) || self.listened.len() >= MAX_PORTS {
            return Some(true);
        }
        (reading.more == 0 && reading.problem.is_empty()).then_some(false)
    }

    /// A new reading takes the place of the last one.
    pub(crate) fn set(&mut self, mut reading: Reading) {
        let before_ns = self.reading.as_ref().map(|before| before.at_ns);
        for descriptor in &mut reading.list {
            if let (Some(old), Some(before_ns)) = (self.get(descriptor.id), before_ns) {
                descriptor.past = old.past.next(old, descriptor, (before_ns, reading.at_ns));
            } else {
                descriptor.past = Past::new(descriptor, reading.at_ns);
            }
        }
        self.index(reading);
    }

    fn index(&mut self, reading: Reading) {
        let numbered = || reading.list.iter().enumerate();
        self.by_id = numbered().map(|(index, descriptor)| (descriptor.id, index)).collect();
        self.by_fd = numbered().map(|(index, descriptor)| (descriptor.fd, index)).collect();
        let listeners = reading.list.iter().filter(|descriptor| descriptor.kind == IoKind::TcpListener);
        for port in listeners.filter_map(Descriptor::local_port) {
            if self.listened.len() < MAX_PORTS {
                self.listened.insert(port);
            }
        }
        self.reading = Some(reading);
    }

    /// Leaves out what is known to be closed since the last reading.
    pub(crate) fn forget(&mut self, closed: &FxHashSet<DescriptorId>) {
        if closed.is_empty() {
            return;
        }
        if let Some(mut reading) = self.reading.take() {
            reading.list.retain(|descriptor| !closed.contains(&descriptor.id));
            self.index(reading);
        }
    }

    /// Takes over the readings from before a snapshot: it does not wait for a new one.
    pub(crate) fn adopt(&mut self, old: &Self) {
        match self.reading.take() {
            None => *self = old.clone(),
            Some(reading) => {
                *self = old.clone();
                self.set(reading);
            }
        }
    }
}
