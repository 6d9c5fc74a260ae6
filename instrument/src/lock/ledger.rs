//! The record of a blocking lock: holds and waits.
//!
//! A hold is written by its holder alone, so with plain stores. A wait is an operation of the recorder, made when the lock was found taken, that says
//! which thread it blocks.

use std::panic::Location;

use taskscope_recorder::{HoldToken, LockRef, Recorder};

use crate::tracked::{Kind, Tracked};

/// A lock's place in the recorder.
#[derive(Debug)]
pub(super) struct Ledger {
    tracked: Tracked,
}

/// A hold on record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    recorder: &'static Recorder,
    lock: LockRef<'static>,
}

impl Ledger {
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
    fn get(&self) -> Option<Held> {
        let (recorder, id) = self.tracked.get()?;
        Some(Held { recorder, lock: recorder.lock(id)? })
    }

    /// The caller has it alone.
    #[inline]
    pub(super) fn acquired(&self, at: &'static Location<'static>) -> Option<Held> {
        let held = self.get()?;
        held.lock.acquired_exclusive(held.recorder.place_number(at), held.recorder.clock().ticks());
        Some(held)
    }

    /// The caller has it beside others.
    #[inline]
    pub(super) fn shared(&self, at: &'static Location<'static>) -> Option<(Held, HoldToken)> {
        let held = self.get()?;
        let place = held.recorder.place_number(at);
        Some((held, held.lock.acquired_shared(1, place, held.recorder.clock().ticks())))
    }

    /// For releases that don't know whether the hold is on record.
    #[cfg(feature = "lock-api")]
    #[inline]
    pub(super) fn released(&self) {
        if let Some(held) = self.get() {
            held.released();
        }
    }

    /// For releases that don't know which of the shared holds is theirs.
    #[cfg(feature = "lock-api")]
    #[inline]
    pub(super) fn released_any_shared(&self) {
        if let Some(Held { recorder, lock }) = self.get() {
            lock.released_any_shared(recorder.clock().ticks());
        }
    }

    pub(super) fn poisoned(&self, poisoned: bool) {
        if let Some(held) = self.get() {
            held.lock.poisoned(poisoned);
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
        let Some(Held { recorder, lock }) = self.get() else { return acquire() };
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

impl Held {
    /// Its only holder is about to let it go.
    #[inline]
    pub(super) fn released(self) {
        self.lock.released_exclusive(self.recorder.clock().ticks());
    }

    /// One of its holders is about to let it go.
    #[inline]
    pub(super) fn released_shared(self, token: HoldToken) {
        self.lock.released_shared(token, self.recorder.clock().ticks());
    }

    pub(super) fn poisoned(self) {
        self.lock.poisoned(true);
    }
}

const fn kind(concrete_type: &'static str) -> Kind {
    Kind { concrete_type, kind: "lock", ledger: taskscope_recorder::Ledger::Lock }
}
