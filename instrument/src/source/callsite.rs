//! Which callsites are tokio's own.
//!
//! Names and targets as tokio 1.54.1 emits them (`tokio/src/util/trace.rs`, `tokio/src/runtime/task/waker.rs`, `tokio/src/sync`); the
//! older target `runtime::waker` is of tokio before 1.13.

use std::sync::atomic::{
    AtomicU8, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

use tracing_core::Metadata;

/// What a callsite is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Somebody else's.
    Other,
    /// The span of a task.
    Task,
    /// An event about a task's waker.
    Waker,
    /// The span of a lock, a timer, …
    Resource,
    /// The span of an operation on one.
    Op,
    /// The span of such an operation's polls.
    OpPoll,
    /// An event about an attribute of a resource.
    ResourceUpdate,
    /// An event about an attribute of an operation.
    OpUpdate,
    /// Tokio's, and of no use to us: whether a poll of an operation was ready shows in its end.
    Unused,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Other,
        Self::Task,
        Self::Waker,
        Self::Resource,
        Self::Op,
        Self::OpPoll,
        Self::ResourceUpdate,
        Self::OpUpdate,
        Self::Unused,
    ];

    /// Whether we record it.
    pub(crate) fn is_recorded(self) -> bool {
        !matches!(self, Self::Other | Self::Unused)
    }
}

/// The kind of a callsite, by its text. For callsites that register; events and spans go by [`Callsites`].
pub(crate) fn kind(metadata: &Metadata<'_>) -> Kind {
    if metadata.is_event() {
        return match metadata.target() {
            "tokio::task::waker" | "runtime::waker" => Kind::Waker,
            "runtime::resource::state_update" => Kind::ResourceUpdate,
            "runtime::resource::async_op::state_update" => Kind::OpUpdate,
            "runtime::resource::poll_op" => Kind::Unused,
            _ => Kind::Other,
        };
    }
    match metadata.name() {
        "runtime.spawn" => Kind::Task,
        "runtime.resource" => Kind::Resource,
        "runtime.resource.async_op" => Kind::Op,
        "runtime.resource.async_op.poll" => Kind::OpPoll,
        _ if is_probe(metadata) => Kind::Task,
        _ => Kind::Other,
    }
}

/// Whether this is the span of [`super::probe`].
pub(crate) fn is_probe(metadata: &Metadata<'_>) -> bool {
    metadata.name() == "runtime.spawn.taskscope_probe"
}

/// Callsites kept by address; tokio has about seventy. A power of two.
const PLACES: usize = 512;
/// Places tried for a callsite.
const WINDOW: usize = 8;

/// The kinds of callsites by their address, so that the hottest events are told apart without comparing text: about 1 ns.
#[derive(Debug)]
pub(crate) struct Callsites(Box<[Place]>);

/// 16 bytes.
#[derive(Debug, Default)]
struct Place {
    address: AtomicUsize,
    kind: AtomicU8,
}

impl Callsites {
    pub(crate) fn new() -> Self {
        Self((0..PLACES).map(|_| Place::default()).collect())
    }

    /// Remembers a callsite of tokio's and returns its kind.
    pub(crate) fn register(&self, metadata: &'static Metadata<'static>) -> Kind {
        let kind = kind(metadata);
        if kind == Kind::Other {
            return kind;
        }
        let address = address(metadata);
        for place in self.window(address) {
            // The kind first: who sees the address must see its kind. Registration holds tracing's own lock, so nobody races us.
            if place.address.load(Relaxed) == 0 {
                place.kind.store(kind as u8, Relaxed);
                place.address.store(address, Release);
            }
            if place.address.load(Relaxed) == address {
                break;
            }
        }
        kind
    }

    /// The kind of a callsite.
    #[inline]
    pub(crate) fn kind(&self, metadata: &'static Metadata<'static>) -> Kind {
        let address = address(metadata);
        for place in self.window(address) {
            match place.address.load(Acquire) {
                0 => return Kind::Other,
                known if known == address => {
                    return Kind::ALL[place.kind.load(Relaxed) as usize % Kind::ALL.len()];
                }
                _ => {}
            }
        }
        kind(metadata)
    }

    fn window(&self, address: usize) -> impl Iterator<Item = &Place> {
        // Statics lie a metadata's size apart: the upper bits of a product spread them.
        let first = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        (0..WINDOW).map(move |step| &self.0[(first as usize + step) & (PLACES - 1)])
    }
}

fn address(metadata: &'static Metadata<'static>) -> usize {
    std::ptr::from_ref(metadata) as usize
}
