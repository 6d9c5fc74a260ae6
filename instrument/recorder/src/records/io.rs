//! A stream, socket or file: bytes, operations and waits in both directions.
//!
//! 192 bytes and its texts. A socket may be read and written by several threads at once, so sums are atomic additions: next to the
//! system call that each comes with, they cost nothing. Limit: [`MAX_TEXT_BYTES`] a text.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{
        AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use crate::{
    arena::{Page, Slot, is_slot_of},
    clock::{Clock, Ticks},
    resource::Resource,
    text::cut,
};

/// Bytes of each text that are kept.
pub const MAX_TEXT_BYTES: usize = 512;

/// See the module's text.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Io {
    inward: Direction,
    fd_plus1: AtomicU32,
    outward: Direction,
    errors: AtomicU64,
    texts: Mutex<Texts>,
}

#[derive(Debug, Default)]
struct Direction {
    bytes: AtomicU64,
    operations: AtomicU64,
    wait: AtomicU64,
    last: AtomicU64,
    uncounted: AtomicU64,
}

#[derive(Debug, Default, Clone)]
struct Texts {
    local: Arc<str>,
    peer: Arc<str>,
    last_error: Arc<str>,
}

const _: () = assert!(is_slot_of::<Io>(192), "the module's text says so");

impl Slot for Io {
    const PAGE: usize = 256;
    type Shared = ();
}

impl Direction {
    fn reset(&self) {
        for zero in [&self.bytes, &self.operations, &self.wait, &self.last, &self.uncounted] {
            zero.store(0, Relaxed);
        }
    }

    fn moved(&self, bytes: u64, now: Ticks) {
        self.bytes.fetch_add(bytes, Relaxed);
        self.operations.fetch_add(1, Relaxed);
        self.last.store(now, Relaxed);
    }

    fn moved_uncounted(&self, now: Ticks) {
        self.uncounted.fetch_add(1, Relaxed);
        self.operations.fetch_add(1, Relaxed);
        self.last.store(now, Relaxed);
    }

    fn read(&self) -> IoDirection {
        IoDirection {
            bytes: self.bytes.load(Relaxed),
            operations: self.operations.load(Relaxed),
            wait: self.wait.load(Relaxed),
            last: self.last.load(Relaxed),
            uncounted: self.uncounted.load(Relaxed),
        }
    }
}

impl Io {
    pub(super) fn reset(&self) {
        self.inward.reset();
        self.outward.reset();
        self.errors.store(0, Relaxed);
        self.fd_plus1.store(0, Relaxed);
        *self.texts.lock().unwrap_or_else(PoisonError::into_inner) = Texts::default();
    }

    pub(crate) fn read(&self) -> IoReading {
        let texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        IoReading {
            fd: self.fd_plus1.load(Acquire).checked_sub(1),
            inward: self.inward.read(),
            outward: self.outward.read(),
            errors: self.errors.load(Relaxed),
            local: texts.local,
            peer: texts.peer,
            last_error: texts.last_error,
        }
    }
}

/// One direction of a stream; times in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IoDirection {
    /// Bytes moved.
    pub bytes: u64,
    /// Operations that moved them.
    pub operations: u64,
    /// Finished waits.
    pub wait: Ticks,
    /// When the last one moved something; 0: never.
    pub last: Ticks,
    /// Operations that may have moved bytes that were not counted.
    pub uncounted: u64,
}

/// A stream as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IoReading {
    /// Its descriptor.
    pub fd: Option<u32>,
    /// What was read.
    pub inward: IoDirection,
    /// What was written.
    pub outward: IoDirection,
    /// Operations that failed.
    pub errors: u64,
    /// This end's address, or a path; empty: unknown.
    pub local: Arc<str>,
    /// The other end's address; empty: unknown.
    pub peer: Arc<str>,
    /// The last failure; empty: none yet.
    pub last_error: Arc<str>,
}

/// Writes a stream. Each call costs about 15 ns; reads and writes one read of the clock more.
#[derive(Debug, Clone, Copy)]
pub struct IoRef<'r> {
    pub(crate) clock: &'r Clock,
    pub(crate) page: &'r Page<Resource>,
    pub(crate) io: &'r Io,
}

impl IoRef<'_> {
    /// A read that moved `bytes`.
    pub fn read(&self, bytes: u64) {
        self.io.inward.moved(bytes, self.clock.ticks());
        self.page.shared.set();
    }

    /// A write that moved `bytes`.
    pub fn wrote(&self, bytes: u64) {
        self.io.outward.moved(bytes, self.clock.ticks());
        self.page.shared.set();
    }

    /// The program's own system call read something: how much, only it knows.
    pub fn read_uncounted(&self) {
        self.io.inward.moved_uncounted(self.clock.ticks());
        self.page.shared.set();
    }

    /// The program's own system call wrote something: how much, only it knows.
    pub fn wrote_uncounted(&self) {
        self.io.outward.moved_uncounted(self.clock.ticks());
        self.page.shared.set();
    }

    /// A finished wait for something to read.
    pub fn read_wait(&self, waited: Ticks) {
        self.io.inward.wait.fetch_add(waited, Relaxed);
        self.page.shared.set();
    }

    /// A finished wait to be able to write.
    pub fn write_wait(&self, waited: Ticks) {
        self.io.outward.wait.fetch_add(waited, Relaxed);
        self.page.shared.set();
    }

    /// An operation failed. Takes a lock: failures are rare.
    pub fn error(&self, what: &str) {
        self.io.errors.fetch_add(1, Relaxed);
        let mut texts = self.io.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if *texts.last_error != *cut(what, MAX_TEXT_BYTES) {
            texts.last_error = cut(what, MAX_TEXT_BYTES).into();
        }
        self.page.shared.set();
    }

    /// Its descriptor; `None`: it has none any more.
    pub fn set_fd(&self, fd: Option<u32>) {
        self.io.fd_plus1.store(fd.map_or(0, |fd| fd.saturating_add(1)), Release);
        self.page.shared.set();
    }

    /// What it is connected to, or a path; empty: unknown.
    pub fn set_addresses(&self, local: &str, peer: &str) {
        let mut texts = self.io.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.local = cut(local, MAX_TEXT_BYTES).into();
        texts.peer = cut(peer, MAX_TEXT_BYTES).into();
        self.page.shared.set();
    }
}
