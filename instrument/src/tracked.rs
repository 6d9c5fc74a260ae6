//! A wrapper's own resource: registered with the default recorder at its first use, gone when the wrapper is dropped.
//!
//! Invariant: without a recorder everything passes through and nothing is kept. A wrapper that is used before there is one is registered at its first use
//! after, and so is one that is used while nothing is recorded; what happened before is unknown. Cost after that: one atomic load.

use std::{panic::Location, sync::OnceLock};

use taskscope_recorder::{
    AnyId, ChannelRef, IoRef, LockRef, NewResource, OpId, RecordKind, Recorder, ResourceId,
};

use crate::handle::Handle;

/// What a wrapper is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResourceKind {
    /// `Mutex`, `mpsc`, `TcpStream`, …
    pub(crate) concrete_type: &'static str,
    /// What it is for: `Sync`, `lock`, `I/O`, …
    pub(crate) purpose: &'static str,
    /// What is kept of it.
    pub(crate) record: RecordKind,
}

impl ResourceKind {
    /// The room of a channel, and who keeps some of it: a part of the channel.
    pub(crate) const ROOM: Self =
        Self { concrete_type: "room", purpose: "channel", record: RecordKind::Lock };

    fn is_part(self) -> bool {
        self.concrete_type == Self::ROOM.concrete_type
    }
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Tracked {
    kind: ResourceKind,
    name: &'static str,
    /// `None`: unknown, as in a constant.
    made_at: Option<&'static Location<'static>>,
    /// `None` inside: there was no room for it, and it is not tried again.
    registered: OnceLock<Option<Registered>>,
}

/// A resource that lives as long as its wrapper, and so does what is kept of it: neither is looked up again.
#[derive(Debug, Clone, Copy)]
struct Registered {
    recorder: &'static Recorder,
    id: ResourceId,
    record: Record,
}

#[derive(Debug, Clone, Copy)]
enum Record {
    None,
    Lock(LockRef<'static>),
    Channel(ChannelRef<'static>),
    Io(IoRef<'static>),
}

impl Tracked {
    pub(crate) const fn new(kind: ResourceKind, made_at: &'static Location<'static>) -> Self {
        Self { kind, name: "", made_at: Some(made_at), registered: OnceLock::new() }
    }

    /// With the name that the program gives it.
    pub(crate) const fn named(
        kind: ResourceKind,
        name: &'static str,
        made_at: &'static Location<'static>,
    ) -> Self {
        Self { kind, name, made_at: Some(made_at), registered: OnceLock::new() }
    }

    /// Of a constant, which is made nowhere.
    #[cfg(feature = "lock-api")]
    pub(crate) const fn constant(kind: ResourceKind) -> Self {
        Self { kind, name: "", made_at: None, registered: OnceLock::new() }
    }

    /// As a part of `whole` that the program never sees, registered now if it is not.
    pub(crate) fn register_in(&self, whole: &Self) {
        let Some((recorder, id)) = whole.get().filter(|_| self.registered.get().is_none()) else { return };
        recorder.enter_any(AnyId::Resource(id));
        let _registered = self.registered();
        recorder.exit_any(AnyId::Resource(id));
    }

    /// The recorder and the resource in it; `None` without a recorder, or without room.
    #[inline]
    pub(crate) fn get(&self) -> Option<(&'static Recorder, ResourceId)> {
        self.registered().map(|registered| (registered.recorder, registered.id))
    }

    /// The resource alone.
    #[inline]
    pub(crate) fn id(&self) -> Option<ResourceId> {
        self.get().map(|(_, id)| id)
    }

    /// It as a lock.
    #[inline]
    pub(crate) fn lock(&self) -> Option<LockRef<'static>> {
        match self.registered()?.record {
            Record::Lock(lock) => Some(lock),
            _ => None,
        }
    }

    /// It as a channel.
    #[inline]
    pub(crate) fn channel(&self) -> Option<ChannelRef<'static>> {
        match self.registered()?.record {
            Record::Channel(channel) => Some(channel),
            _ => None,
        }
    }

    /// It as a stream.
    #[inline]
    pub(crate) fn io(&self) -> Option<IoRef<'static>> {
        match self.registered()?.record {
            Record::Io(io) => Some(io),
            _ => None,
        }
    }

    /// A new operation on it, begun at `place`.
    pub(crate) fn begin(&self, source: &str, place: &'static Location<'static>) -> Option<Pending> {
        let (recorder, id) = self.get()?;
        Pending::begin(recorder, Some(id), source, place)
    }

    #[inline]
    fn registered(&self) -> Option<&Registered> {
        match self.registered.get() {
            Some(registered) => registered.as_ref(),
            None => self.register(Handle::recording()?),
        }
    }

    #[cold]
    fn register(&self, handle: &'static Handle) -> Option<&Registered> {
        let register = || {
            crate::source::mark(&handle.sources().resources);
            let recorder = handle.recorder();
            let id = recorder.resources.new_resource(&NewResource {
                concrete_type: self.kind.concrete_type,
                kind: self.kind.purpose,
                name: self.name,
                site: self.made_at.map(|at| recorder.sites.place_number(at)),
                record: self.kind.record,
                internal: self.kind.is_part(),
                ..NewResource::default()
            })?;
            let lock = recorder.resources.lock(id).map(Record::Lock);
            let channel = || recorder.resources.channel(id).map(Record::Channel);
            let io = || recorder.resources.io(id).map(Record::Io);
            Some(Registered {
                recorder,
                id,
                record: lock.or_else(channel).or_else(io).unwrap_or(Record::None),
            })
        };
        self.registered.get_or_init(register).as_ref()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        if let Some(Some(registered)) = self.registered.get() {
            registered.recorder.release_any(AnyId::Resource(registered.id));
        }
    }
}

/// An operation that waits: seen from [`Tracked::begin`] until it is dropped.
#[derive(Debug)]
pub(crate) struct Pending {
    recorder: &'static Recorder,
    op: OpId,
}

impl Pending {
    /// A new operation on a resource whose wrapper is out of reach; `None`: it is not known.
    pub(crate) fn begin(
        recorder: &'static Recorder,
        resource: Option<ResourceId>,
        source: &str,
        place: &'static Location<'static>,
    ) -> Option<Self> {
        let op = recorder.resources.new_op(source, resource, recorder.sites.place_number(place))?;
        Some(Self { recorder, op })
    }

    /// Runs one poll of the future that waits.
    pub(crate) fn poll<R>(&self, poll: impl FnOnce() -> R) -> R {
        /// Leaves even if the poll panics.
        struct Entered<'p>(&'p Pending);
        impl Drop for Entered<'_> {
            fn drop(&mut self) {
                self.0.recorder.exit_any(AnyId::OpPoll(self.0.op));
            }
        }
        self.recorder.enter_any(AnyId::OpPoll(self.op));
        let _entered = Entered(self);
        poll()
    }

    /// Runs what blocks this thread until the operation is done.
    pub(crate) fn block<R>(&self, block: impl FnOnce() -> R) -> R {
        /// Goes on even if it panics.
        struct Blocked<'p>(&'p Pending);
        impl Drop for Blocked<'_> {
            fn drop(&mut self) {
                self.0.recorder.resources.unblock(self.0.op);
            }
        }
        self.recorder.resources.block_on_op(self.op);
        let _blocked = Blocked(self);
        block()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.recorder.release_any(AnyId::Op(self.op));
    }
}
