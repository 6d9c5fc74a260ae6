//! The record of a blocking lock: holds and waits.
//!
//! A hold is written by its holder alone, so with plain stores. A wait is an operation of the recorder, made when the lock was found taken, that says
//! which thread it blocks.

use std::panic::Location;

use taskscope_recorder::{HoldToken, LockRef, Recorder};

use crate::tracked::{ResourceKind, Tracked};

/// A lock's place in the recorder.
#[derive(Debug)]
pub(super) struct LockRecord {
    tracked: Tracked,
}

impl LockRecord {
    pub(super) const fn new(
        concrete_type: &'static str,
        name: &'static str,
        at: &'static Location<'static>,
    ) -> Self {
        Self { tracked: Tracked::named(kind(concrete_type), name, at) }
    }

    /// Of a constant.
    #[cfg(feature = "lock-api")]
    pub(super) const fn constant(concrete_type: &'static str) -> Self {
        Self { tracked: Tracked::constant(kind(concrete_type)) }
    }

    #[inline]
    fn get(&self) -> Option<(LockRef<'static>, &'static Recorder)> {
        let (recorder, _) = self.tracked.get()?;
        Some((self.tracked.lock()?, recorder))
    }

    /// The caller has it alone.
    #[inline]
    pub(super) fn acquired(&self, at: &'static Location<'static>) {
        if let Some((lock, recorder)) = self.get() {
            lock.acquired_exclusive(recorder.sites.place_number(at), recorder.clock().ticks());
        }
    }

    /// The caller, who has it alone, is about to let it go. Nothing happens when that hold is not on record.
    #[inline]
    pub(super) fn released(&self) {
        if let Some((lock, recorder)) = self.get() {
            lock.released_exclusive(recorder.clock().ticks());
        }
    }

    /// The caller has it beside others.
    #[inline]
    pub(super) fn shared(&self, at: &'static Location<'static>) -> Option<HoldToken> {
        let (lock, recorder) = self.get()?;
        Some(lock.acquired_shared(1, recorder.sites.place_number(at), recorder.clock().ticks()))
    }

    /// That hold is about to be let go.
    #[inline]
    pub(super) fn released_shared(&self, token: HoldToken) {
        if let Some((lock, recorder)) = self.get() {
            lock.released_shared(token, recorder.clock().ticks());
        }
    }

    /// One of the shared holds is about to be let go, for releases that don't know which.
    #[cfg(feature = "lock-api")]
    #[inline]
    pub(super) fn released_any_shared(&self) {
        if let Some((lock, recorder)) = self.get() {
            lock.released_any_shared(recorder.clock().ticks());
        }
    }

    pub(super) fn poisoned(&self, poisoned: bool) {
        if let Some((lock, _)) = self.get() {
            lock.poisoned(poisoned);
        }
    }

    /// Blocks in `acquire`, on record; `acquired` says whether that got the lock. Only for a lock that was found taken.
    #[cold]
    pub(super) fn wait<T>(
        &self,
        method: &'static str,
        at: &'static Location<'static>,
        acquire: impl FnOnce() -> T,
        acquired: impl FnOnce(&T) -> bool,
    ) -> T {
        let Some((lock, recorder)) = self.get() else { return acquire() };
        let since = recorder.clock().ticks();
        let result = self.block(method, at, acquire);
        if acquired(&result) {
            lock.waited(recorder.clock().ticks().saturating_sub(since));
        }
        result
    }

    /// Runs what blocks this thread, on record.
    pub(super) fn block<T>(
        &self,
        method: &'static str,
        at: &'static Location<'static>,
        block: impl FnOnce() -> T,
    ) -> T {
        match self.tracked.begin(method, at) {
            Some(pending) => pending.block(block),
            None => block(),
        }
    }
}

const fn kind(concrete_type: &'static str) -> ResourceKind {
    ResourceKind { concrete_type, purpose: "lock", record: taskscope_recorder::RecordKind::Lock }
}
