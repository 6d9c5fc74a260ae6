//! Where bytes come from: a live process or a core file.

use std::ops::Range;

use taskscope_await::{Snapshot, Step};

/// Rounds of reading what a walk misses. A walk that is not done then is of a structure that never ends.
const MAX_ROUNDS: usize = 256;

/// A source of memory.
pub trait Memory {
    /// Fills the buffer with the bytes at an address. False: not all of them can be read.
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool;

    /// Of a range, what can be read without a cost to the process: ascending. The rest is not there yet, or was moved out of memory.
    fn resident(&self, range: Range<u64>) -> Vec<Range<u64>> {
        vec![range]
    }
}

/// Reads pieces into a snapshot; what can't be read is noted there as such.
pub(crate) fn fill(memory: &dyn Memory, snapshot: &mut Snapshot, pieces: &[(u64, u64)]) {
    for (address, len) in pieces {
        let mut bytes = vec![0; *len as usize].into_boxed_slice();
        let bytes = memory.read(*address, &mut bytes).then_some(bytes);
        snapshot.insert(*address, *len, bytes);
    }
}

/// Walks until nothing is missing. `None`: it does not end.
pub(crate) fn walk<T>(
    memory: &dyn Memory,
    snapshot: &mut Snapshot,
    mut step: impl FnMut(&Snapshot) -> Step<T>,
) -> Option<T> {
    for _ in 0..MAX_ROUNDS {
        match step(snapshot) {
            Step::Done(found) => return Some(found),
            Step::Missing(pieces) => fill(memory, snapshot, &pieces),
        }
    }
    None
}

/// Whether the memory still is what the snapshot has. It is read again, piece by piece.
pub(crate) fn is_unchanged(memory: &dyn Memory, snapshot: &Snapshot) -> bool {
    let mut buffer = Vec::new();
    snapshot.pieces().all(|(address, bytes)| {
        buffer.resize(bytes.len(), 0);
        memory.read(address, &mut buffer) && buffer == bytes
    })
}
