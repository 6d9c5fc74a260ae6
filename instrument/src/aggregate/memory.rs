//! Bytes that the tool holds in the program: `Process.own_memory_bytes`.
//!
//! Counted is what it holds now: the recorder (slots, histograms, rings, places, texts), what each console's place in the state takes, of both
//! protocols, what waits for consoles, the last reading of descriptors, the stacks that were taken, the await index, and the largest frame: as columns, and
//! [`COPIES_OF_A_FRAME`] times encoded. What is the same in every program is [`BASE_BYTES`], a measured number. Not counted
//! is the code itself: pages of the executable, which the system takes away when it needs them.
//!
//! Limit of the truth: the allocator keeps some of what was given back. So everything large is either mapped by itself and goes back to the
//! system ([`super::events`]), or freed for the program to use. `tests/tests/programs/memory.rs` holds the number against the
//! kernel's `Private_Dirty`.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use taskscope_proto::v1;
use taskscope_recorder::Event;

use super::{Hub, Watched, lock};

/// The two threads of the tool with what they touched of their stacks, its runtime and transport, as measured in an idle program.
const BASE_BYTES: usize = 256 * 1024;
/// A frame lives encoded, and in the transport's queue.
const COPIES_OF_A_FRAME: usize = 2;
/// An entry of a map beside key and value, as hash tables are never full.
const ENTRY_BYTES: usize = 16;

/// What consoles hold, all together.
#[derive(Debug, Default)]
pub(super) struct Consoles {
    held_bytes: AtomicUsize,
    largest_frame_bytes: AtomicUsize,
}

/// One console's share, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    hub: Arc<Hub>,
    bytes: usize,
}

impl Held {
    pub(crate) fn new(hub: &Arc<Hub>) -> Self {
        Self { hub: Arc::clone(hub), bytes: 0 }
    }

    /// What the console's place in the state takes now.
    pub(crate) fn set(&mut self, bytes: usize) {
        let held = &self.hub.consoles.held_bytes;
        held.fetch_add(bytes, Relaxed);
        held.fetch_sub(std::mem::replace(&mut self.bytes, bytes), Relaxed);
    }

    /// A frame goes out that has so many bytes as columns, and so many encoded.
    pub(crate) fn send(&self, columns_bytes: usize, encoded_bytes: usize) {
        let bytes = columns_bytes + encoded_bytes * COPIES_OF_A_FRAME;
        self.hub.consoles.largest_frame_bytes.fetch_max(bytes, Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Hub {
    /// See the module's text. Takes each lock of the hub for a moment, one after the other.
    pub(super) fn own_memory_bytes(&self) -> u64 {
        let queues: usize = lock(&self.streams).iter().map(|queue| lock(queue).memory_bytes()).sum();
        let watched: usize = lock(&self.watched).values().map(Watched::memory_bytes).sum();
        let bytes = BASE_BYTES
            + self.handle.recorder().memory_bytes()
            + self.consoles.held_bytes.load(Relaxed)
            + self.consoles.largest_frame_bytes.load(Relaxed)
            + queues
            + watched
            + lock(&self.rounds).memory_bytes()
            + lock(&self.descriptors).memory_bytes()
            + self.watchdog.memory_bytes()
            + self.walker.memory_bytes();
        bytes as u64
    }
}

impl super::Rounds {
    fn memory_bytes(&self) -> usize {
        [&self.tasks, &self.resources, &self.ops].map(|changes| size_of_val(&*changes.0)).iter().sum()
    }
}

impl Watched {
    fn memory_bytes(&self) -> usize {
        self.events.capacity() * size_of::<Event>()
            + self.wakers.capacity() * (size_of::<(u64, u64)>() + ENTRY_BYTES)
    }
}

/// Bytes of a reading of descriptors.
pub(super) fn descriptors_bytes(of: &v1::Descriptors) -> usize {
    let texts = of.descriptors.iter().map(|it| {
        let tcp = if it.tcp.is_some() { size_of::<v1::TcpInfo>() } else { 0 };
        it.local.capacity() + it.peer.capacity() + it.state.capacity() + tcp
    });
    of.descriptors.capacity() * size_of::<v1::Descriptor>() + texts.sum::<usize>()
}
