//! Which callsites are tokio's own.
//!
//! Names and targets as tokio 1.54.1 emits them (`tokio/src/util/trace.rs`, `tokio/src/runtime/task/waker.rs`); the older target
//! `runtime::waker` is of tokio before 1.13.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tracing_core::Metadata;

/// What a callsite is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The span of a task.
    Task,
    /// An event about a task's waker.
    Waker,
    /// A span or event of tokio's about a lock, a timer or an operation on them. Not recorded yet, and nobody else's either.
    Resource,
    /// Somebody else's.
    Other,
}

/// The kind of a callsite. Called when callsites register and when events arrive, so it looks at the cheapest difference first.
#[inline]
pub(crate) fn kind(metadata: &Metadata<'_>) -> Kind {
    if metadata.is_event() {
        return match metadata.target() {
            "tokio::task::waker" | "runtime::waker" => Kind::Waker,
            target if target.starts_with("runtime::resource") => Kind::Resource,
            _ => Kind::Other,
        };
    }
    match metadata.name() {
        "runtime.spawn" => Kind::Task,
        "runtime.resource" | "runtime.resource.async_op" | "runtime.resource.async_op.poll" => Kind::Resource,
        _ if is_probe(metadata) => Kind::Task,
        _ => Kind::Other,
    }
}

/// Most callsites of waker events that are known by their address: tokio has four.
const MAX_WAKER_CALLSITES: usize = 8;

/// The callsites of tokio's waker events by address, so that the hottest events are told apart without comparing text.
#[derive(Debug, Default)]
pub(crate) struct WakerCallsites([AtomicUsize; MAX_WAKER_CALLSITES]);

impl WakerCallsites {
    /// Remembers a callsite of [`Kind::Waker`].
    pub(crate) fn add(&self, metadata: &'static Metadata<'static>) {
        let address = std::ptr::from_ref(metadata) as usize;
        for known in &self.0 {
            let free = known.compare_exchange(0, address, Relaxed, Relaxed);
            if free.is_ok() || free == Err(address) {
                return;
            }
        }
    }

    /// Whether an event is about a waker; one of the remembered callsites, or by its text where there was no room.
    #[inline]
    pub(crate) fn has(&self, metadata: &'static Metadata<'static>) -> bool {
        let address = std::ptr::from_ref(metadata) as usize;
        for known in &self.0 {
            match known.load(Relaxed) {
                known if known == address => return true,
                0 => return false,
                _ => {}
            }
        }
        kind(metadata) == Kind::Waker
    }
}

/// Whether this is the span of [`super::probe`].
pub(crate) fn is_probe(metadata: &Metadata<'_>) -> bool {
    metadata.name() == "runtime.spawn.taskscope_probe"
}
