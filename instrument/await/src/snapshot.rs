//! Pieces of another process's memory, read once: every look of a walk is at the same bytes.
//!
//! A walk that needs bytes that are not here says so, and is begun anew when they are: see [`crate::walk`]. So one system call reads what
//! many tasks need. Reading all pieces again and comparing shows whether the program wrote meanwhile.

use std::collections::BTreeMap;

/// Bytes of a piece.
pub const MAX_PIECE_BYTES: u64 = 1 << 20;
/// Bytes of all pieces of a snapshot.
pub const MAX_SNAPSHOT_BYTES: usize = 8 << 20;
/// Pieces of a snapshot.
pub const MAX_PIECES: usize = 8192;
/// Addresses below are of no value.
pub(crate) const FIRST_ADDRESS: u64 = 4096;
/// Pieces that may lie over one another and are looked through.
const OVERLAPS: usize = 4;

/// See the module's text.
#[derive(Debug, Default, Clone)]
pub struct Snapshot {
    /// By their address; `None`: the memory can't be read.
    pieces: BTreeMap<u64, Piece>,
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Piece {
    len: u64,
    /// `None`: the memory can't be read.
    bytes: Option<Box<[u8]>>,
}

/// What a snapshot says of a piece of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look<'s> {
    /// Its bytes.
    Bytes(&'s [u8]),
    /// It was not read yet.
    Missing,
    /// It can't be read, or no value is there, or the snapshot is full.
    Unreadable,
}

impl Snapshot {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets all of it.
    pub fn clear(&mut self) {
        self.pieces.clear();
        self.bytes = 0;
    }

    /// Adds what was read at an address; `None`: so many bytes can't be read there.
    pub fn insert(&mut self, address: u64, len: u64, bytes: Option<Box<[u8]>>) {
        let bytes = bytes.filter(|bytes| bytes.len() as u64 == len);
        if self.pieces.len() >= MAX_PIECES {
            return;
        }
        // A piece that is there already and longer says more.
        if self.pieces.get(&address).is_some_and(|piece| piece.bytes.is_some() && piece.len >= len) {
            return;
        }
        self.bytes += bytes.as_ref().map_or(0, |bytes| bytes.len());
        self.pieces.insert(address, Piece { len, bytes });
    }

    /// All that was read, by address.
    pub fn pieces(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.pieces.iter().filter_map(|(address, piece)| Some((*address, piece.bytes.as_deref()?)))
    }

    /// Bytes of all pieces.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it has room for more.
    fn is_full(&self) -> bool {
        self.bytes >= MAX_SNAPSHOT_BYTES || self.pieces.len() >= MAX_PIECES
    }

    /// What is known of these bytes.
    pub(crate) fn look(&self, address: u64, len: u64) -> Look<'_> {
        let Some(end) = address.checked_add(len).filter(|_| address >= FIRST_ADDRESS) else {
            return Look::Unreadable;
        };
        if len > MAX_PIECE_BYTES {
            return Look::Unreadable;
        }
        for (start, piece) in self.pieces.range(..=address).rev().take(OVERLAPS) {
            if end <= start.saturating_add(piece.len) {
                let Some(bytes) = &piece.bytes else {
                    // Of a piece that can't be read a part may be.
                    if *start == address && piece.len == len {
                        return Look::Unreadable;
                    }
                    continue;
                };
                let from = (address - start) as usize;
                return bytes.get(from..from + len as usize).map_or(Look::Unreadable, Look::Bytes);
            }
        }
        if self.is_full() { Look::Unreadable } else { Look::Missing }
    }
}
