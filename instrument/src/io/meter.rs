//! What went through one stream, and who waits on it.
//!
//! A wait is an operation on the stream's resource: made when something was not ready, ended when it is or when the future that waited is
//! dropped. A `poll_…` method has no future that could be dropped: its wait stays until the next poll finds the stream ready.

use std::{
    fmt,
    future::Future,
    io,
    panic::Location,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use taskscope_recorder::{RecordKind, Ticks};
#[cfg(feature = "net")]
use tokio::io::Interest;

use crate::{
    recorded::{self, Book, Waiting, Waits},
    tracked::{Pending, ResourceKind, Tracked},
};

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    In,
    Out,
}

/// A call that may wait, as the console shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) way: Way,
    /// `TcpStream::read`.
    pub(crate) method: &'static str,
    pub(crate) at: &'static Location<'static>,
}

/// See the module's text.
pub(crate) struct Meter {
    tracked: Tracked,
    made_at: &'static Location<'static>,
    /// The waits of `poll_…` methods, which don't know who calls; one task polls a direction at a time.
    waits: [Mutex<Option<Wait>>; 2],
}

/// A wait under way; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Wait {
    op: Option<Pending>,
    since: Ticks,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("tracked", &self.tracked).finish_non_exhaustive()
    }
}

impl Meter {
    pub(crate) fn new(
        concrete_type: &'static str,
        name: &'static str,
        made_at: &'static Location<'static>,
    ) -> Self {
        let kind = ResourceKind { concrete_type, purpose: "I/O", record: RecordKind::Io };
        Self {
            tracked: Tracked::named(kind, name, made_at),
            made_at,
            waits: [Mutex::default(), Mutex::default()],
        }
    }

    /// Where the stream was made.
    pub(crate) fn made_at(&self) -> &'static Location<'static> {
        self.made_at
    }

    /// Says which descriptor it is, and between whom.
    pub(crate) fn describe(&self, fd: Option<u32>, local: &str, peer: &str) {
        if let Some(io) = self.tracked.io() {
            io.set_fd(fd);
            io.set_addresses(local, peer);
        }
    }

    /// One poll of a `poll_…` method; `moved` says how many bytes it moved, `None` for what is no read or write.
    pub(crate) fn poll<R>(
        &self,
        way: Way,
        method: &'static str,
        poll: impl FnOnce() -> Poll<io::Result<R>>,
        moved: impl FnOnce(&R) -> Option<u64>,
    ) -> Poll<io::Result<R>> {
        let mut wait = lock(&self.waits[way as usize]);
        let call = Call { way, method, at: self.made_at };
        recorded::poll(&mut Moves { meter: self, call, moved: Some(moved) }, &mut wait, poll)
    }

    /// A future that waits, on record until it is dropped.
    pub(crate) fn wait<F, R, M>(&self, call: Call, future: F, moved: M) -> Waiting<F, Moves<'_, M>>
    where
        F: Future<Output = io::Result<R>>,
        M: FnOnce(&R) -> Option<u64>,
    {
        Waiting::with(Moves { meter: self, call, moved: Some(moved) }, None, future)
    }

    /// An attempt that does not wait.
    pub(crate) fn attempt<R>(
        &self,
        way: Way,
        attempt: impl FnOnce() -> io::Result<R>,
        moved: impl FnOnce(&R) -> Option<u64>,
    ) -> io::Result<R> {
        let result = attempt();
        self.record(way, result.as_ref().map(moved), None);
        result
    }

    /// A system call of the program's own went through: it moved what it moved.
    #[cfg(feature = "net")]
    pub(crate) fn uncounted<R>(&self, interest: Interest, outcome: &io::Result<R>) {
        let Some(io) = self.tracked.io() else { return };
        match outcome {
            Ok(_) => {
                if interest.is_readable() {
                    io.read_uncounted();
                }
                if interest.is_writable() {
                    io.wrote_uncounted();
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => io.error(&error.to_string()),
        }
    }

    fn record(&self, way: Way, outcome: Result<Option<u64>, &io::Error>, waited: Option<Wait>) {
        let (Some(io), Some((recorder, _))) = (self.tracked.io(), self.tracked.get()) else { return };
        if let Some(wait) = waited {
            let waited = recorder.clock().ticks().saturating_sub(wait.since);
            match way {
                Way::In => io.read_wait(waited),
                Way::Out => io.write_wait(waited),
            }
        }
        match (outcome, way) {
            (Ok(None), _) => {}
            (Ok(Some(bytes)), Way::In) => io.read(bytes),
            (Ok(Some(bytes)), Way::Out) => io.wrote(bytes),
            // An attempt that would have to wait is no failure.
            (Err(error), _) if error.kind() == io::ErrorKind::WouldBlock => {}
            (Err(error), _) => io.error(&error.to_string()),
        }
    }
}

/// Of what moves a number of bytes.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    reason = "one of several that say what a result moved"
)]
pub(crate) fn bytes(moved: &usize) -> Option<u64> {
    Some(*moved as u64)
}

/// Of what waits, and moves nothing itself.
pub(crate) fn nothing<R>(_: &R) -> Option<u64> {
    None
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The waits and results of a call on a stream.
#[derive(Debug)]
pub(crate) struct Moves<'m, M> {
    meter: &'m Meter,
    call: Call,
    moved: Option<M>,
}

impl<M> Waits for Moves<'_, M> {
    type Wait = Wait;

    /// `None` without a recorder.
    fn begin(&mut self) -> Option<Wait> {
        let (recorder, _) = self.meter.tracked.get()?;
        let op = self.meter.tracked.begin(self.call.method, self.call.at);
        Some(Wait { op, since: recorder.clock().ticks() })
    }

    fn op(wait: &Wait) -> Option<&Pending> {
        wait.op.as_ref()
    }
}

impl<R, M: FnOnce(&R) -> Option<u64>> Book<io::Result<R>> for Moves<'_, M> {
    type Output = io::Result<R>;

    fn end(&mut self, result: io::Result<R>, wait: Option<Wait>) -> io::Result<R> {
        let moved = self.moved.take();
        let bytes = result.as_ref().map(|result| moved.and_then(|moved| moved(result)));
        self.meter.record(self.call.way, bytes, wait);
        result
    }
}
