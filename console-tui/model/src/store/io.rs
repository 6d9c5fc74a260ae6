//! Streams: what wrappers report of their sockets, pipes, files, signals and children, by slot of the resource.
//!
//! Invariants: a row belongs to the resource that is in its slot and goes with it, and so do its texts; who used a stream last is
//! found without a scan.
//!
//! Limit: what the resources themselves are limited to.

mod same;

use rustc_hash::FxHashMap;

use crate::{
    cow::{PairSet, Shards},
    id::{SiteId, TaskKey},
    losses::Losses,
    store::{resources::Resource, window::Windows},
    text::{TextId, Texts},
};

/// Places whose closed streams are counted: as many as there can be.
const MAX_PLACES: usize = taskscope_proto::limits::MAX_SITES + 1;

/// The counters of a window: bytes in, bytes out, operations, bytes both ways.
pub(crate) const BOTH_WAYS: usize = 3;

/// What something of I/O is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum IoKind {
    Tcp,
    TcpListener,
    Udp,
    Unix,
    UnixListener,
    Pipe,
    /// A wrapped stream that is none of these: in memory, or TLS around another one.
    Stream,
    File,
    Eventfd,
    Timerfd,
    Signalfd,
    Epoll,
    Inotify,
    Pidfd,
    Other,
    /// Of the program, not of the system: what it waits for beside its descriptors.
    Timer,
    Signal,
    Child,
}

impl IoKind {
    /// Stable word, as in the report and the filter.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::TcpListener => "tcp-listener",
            Self::Udp => "udp",
            Self::Unix => "unix",
            Self::UnixListener => "unix-listener",
            Self::Pipe => "pipe",
            Self::Stream => "stream",
            Self::File => "file",
            Self::Eventfd => "eventfd",
            Self::Timerfd => "timerfd",
            Self::Signalfd => "signalfd",
            Self::Epoll => "epoll",
            Self::Inotify => "inotify",
            Self::Pidfd => "pidfd",
            Self::Other => "other",
            Self::Timer => "timer",
            Self::Signal => "signal",
            Self::Child => "child",
        }
    }

    /// As a column has room for: the address shows whether it is of TCP or Unix.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::TcpListener | Self::UnixListener => "listener",
            kind => kind.word(),
        }
    }

    /// It has another end.
    pub(crate) fn connects(self) -> bool {
        matches!(
            self,
            Self::Tcp
                | Self::TcpListener
                | Self::Udp
                | Self::Unix
                | Self::UnixListener
                | Self::Pipe
                | Self::Stream
        )
    }

    /// A signal or a child: of the process as a whole, not of a descriptor.
    pub(crate) fn is_of_the_process(self) -> bool {
        matches!(self, Self::Signal | Self::Child)
    }

    pub(crate) fn listens(self) -> bool {
        matches!(self, Self::TcpListener | Self::UnixListener)
    }

    /// Of a wrapper, by the name of its type.
    pub(crate) fn of_type(name: &str) -> Self {
        match name {
            "TcpStream" => Self::Tcp,
            "TcpListener" => Self::TcpListener,
            "UdpSocket" => Self::Udp,
            "UnixStream" | "UnixDatagram" => Self::Unix,
            "UnixListener" => Self::UnixListener,
            "File" => Self::File,
            "Signal" => Self::Signal,
            "Child" => Self::Child,
            name if name.contains("Pipe") => Self::Pipe,
            _ => Self::Stream,
        }
    }
}

/// What went through a stream. Times are on the recorder's clock; what is unknown is `None`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) fd: Option<u32>,
    pub(crate) in_bytes: u64,
    pub(crate) out_bytes: u64,
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    /// Finished waits.
    pub(crate) read_wait_ns: u64,
    pub(crate) write_wait_ns: u64,
    pub(crate) errors: u64,
    /// Reads and writes whose bytes were not counted.
    pub(crate) uncounted_reads: u64,
    pub(crate) uncounted_writes: u64,
    pub(crate) last_in_ns: Option<u64>,
    pub(crate) last_out_ns: Option<u64>,
    pub(crate) local: TextId,
    pub(crate) peer: TextId,
    pub(crate) last_error: TextId,
}

impl Stream {
    fn texts(&self) -> [TextId; 3] {
        [self.local, self.peer, self.last_error]
    }

    fn counters(&self) -> [u64; 4] {
        let operations = self.reads.saturating_add(self.writes);
        [self.in_bytes, self.out_bytes, operations, self.in_bytes.saturating_add(self.out_bytes)]
    }

    /// When something last went through it.
    pub(crate) fn last_ns(&self) -> Option<u64> {
        self.last_in_ns.max(self.last_out_ns)
    }
}

/// All of them.
#[derive(Debug, Default, Clone)]
pub(crate) struct Streams {
    by_slot: Shards<u32, Stream>,
    pub(crate) windows: Windows,
    /// Who waited on it last.
    last_users: Shards<u32, TaskKey>,
    used_by: PairSet<TaskKey>,
    /// Descriptor and slot.
    by_fd: PairSet<u32>,
    /// Streams that were seen to go, by the place where they were made.
    closed: FxHashMap<SiteId, u64>,
}

impl Streams {
    pub(crate) fn stream(&self, slot: u32) -> Option<&Stream> {
        self.by_slot.get(&slot)
    }

    /// All of them, in no order.
    pub(crate) fn streams(&self) -> impl Iterator<Item = (u32, &Stream)> {
        self.by_slot.iter().map(|(slot, stream)| (*slot, stream))
    }

    /// Slots of those that a task waited on, and none since.
    pub(crate) fn used_by(&self, task: TaskKey) -> impl Iterator<Item = u32> {
        self.used_by.of(task)
    }

    /// Slots of those that claim this descriptor; one at most is right.
    pub(crate) fn with_fd(&self, fd: u32) -> impl Iterator<Item = u32> {
        self.by_fd.of(fd)
    }

    /// How many made at a place are gone, since this console connected.
    pub(crate) fn closed(&self, site: SiteId) -> u64 {
        self.closed.get(&site).copied().unwrap_or(0)
    }

    // --- changing ---

    /// `is_news`: what changed since the row before happened now, not before the snapshot. The holds on its texts pass to it.
    pub(crate) fn set(
        &mut self,
        slot: u32,
        stream: Stream,
        is_news: bool,
        texts: &mut Texts,
        losses: &mut Losses,
    ) {
        let (counters, fd) = (stream.counters(), stream.fd);
        let old = self.by_slot.insert(slot, stream);
        if let Some(old_fd) = old.as_ref().and_then(|old| old.fd) {
            self.by_fd.remove(old_fd, slot);
        }
        if let Some(fd) = fd {
            self.by_fd.insert(fd, slot);
        }
        let base = old.as_ref().map_or([0; 4], Stream::counters);
        if is_news && base != counters {
            self.windows.open(slot, base, losses);
        }
        for text in old.iter().flat_map(Stream::texts) {
            texts.release(text);
        }
    }

    /// A task waits on it, or did.
    pub(crate) fn note_user(&mut self, slot: u32, task: TaskKey) {
        if self.by_slot.contains_key(&slot) {
            if let Some(old) = self.last_users.insert(slot, task) {
                self.used_by.remove(old, slot);
            }
            self.used_by.insert(task, slot);
        }
    }

    /// The resource is no more.
    pub(crate) fn remove(&mut self, of: &Resource, texts: &mut Texts) {
        let slot = of.key.slot;
        let Some(stream) = self.by_slot.remove(&slot) else { return };
        for text in stream.texts() {
            texts.release(text);
        }
        self.windows.remove(slot);
        if let Some(fd) = stream.fd {
            self.by_fd.remove(fd, slot);
        }
        if let Some(task) = self.last_users.remove(&slot) {
            self.used_by.remove(task, slot);
        }
        self.note_closed(of.site);
    }

    fn note_closed(&mut self, site: SiteId) {
        if self.closed.len() < MAX_PLACES || self.closed.contains_key(&site) {
            *self.closed.entry(site).or_default() += 1;
        }
    }

    /// Takes a sample of those that did something lately.
    pub(crate) fn sample(&mut self) {
        let Self { by_slot, windows, .. } = self;
        windows.sample(|slot| by_slot.get(&slot).map(Stream::counters));
    }

    /// Takes over what the wire does not carry. `is_same`: the slot holds the same resource as before; `old_site`: the place of that one.
    pub(crate) fn adopt(
        &mut self,
        old: &Self,
        is_same: impl Fn(u32) -> bool,
        old_site: impl Fn(u32) -> Option<SiteId>,
    ) {
        for (slot, task) in old.last_users.iter() {
            if is_same(*slot) && !self.last_users.contains_key(slot) {
                self.note_user(*slot, *task);
            }
        }
        self.closed.clone_from(&old.closed);
        // They went while no console was connected.
        let gone = old.by_slot.iter().map(|(slot, _)| *slot).filter(|slot| !is_same(*slot));
        for site in gone.filter_map(old_site) {
            self.note_closed(site);
        }
        self.windows.adopt(old.windows.clone(), is_same);
    }
}
