//! `std`'s condition variable, on record.

use std::{
    fmt,
    panic::Location,
    sync::{self as inner, LockResult},
    time::Duration,
};

use super::{
    WaitTimeoutResult, guarded,
    mutex::{Hold, MutexGuard},
    record::LockRecord,
};
use crate::tracked::{ResourceKind, Tracked};

const KIND: ResourceKind =
    ResourceKind { concrete_type: "Condvar", purpose: "lock", record: taskscope_recorder::RecordKind::None };

/// A condition variable, as [`std::sync::Condvar`], for [`super::Mutex`].
///
/// Who waits is on record with the thread that it blocks; the mutex is free meanwhile. When the thread is notified, it takes the mutex again
/// within the same wait: that time counts as part of the wait.
///
/// ```
/// use taskscope::lock::{Condvar, Mutex};
///
/// let (ready, condition) = (Mutex::new(false), Condvar::new());
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         *ready.lock().unwrap() = true;
///         condition.notify_one();
///     });
///     let guard = condition.wait_while(ready.lock().unwrap(), |ready| !*ready).unwrap();
///     assert!(*guard);
/// });
/// ```
pub struct Condvar {
    tracked: Tracked,
    inner: inner::Condvar,
}

impl Condvar {
    /// One without waiters.
    #[track_caller]
    pub const fn new() -> Self {
        Self::with_name("")
    }

    /// The same with a name for the console; empty: none.
    #[track_caller]
    pub const fn with_name(name: &'static str) -> Self {
        Self { tracked: Tracked::named(KIND, name, Location::caller()), inner: inner::Condvar::new() }
    }

    /// Lets the mutex go, blocks the thread until it is notified, or for no reason, and takes the mutex again.
    ///
    /// # Errors
    /// A holder panicked; the guard is in the error.
    ///
    /// # Panics
    /// It may, when it was used with another mutex before.
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let at = Location::caller();
        let (record, inner) = let_go(guard);
        guarded(self.block("Condvar::wait", at, || self.inner.wait(inner)), |inner| hold(record, inner, at))
    }

    /// The same, again and again as long as `condition` holds.
    ///
    /// # Errors
    /// A holder panicked; the guard is in the error.
    ///
    /// # Panics
    /// It may, when it was used with another mutex before.
    #[track_caller]
    pub fn wait_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        let at = Location::caller();
        while condition(&mut guard) {
            let (record, inner) = let_go(guard);
            let waited = self.block("Condvar::wait_while", at, || self.inner.wait(inner));
            guard = guarded(waited, |inner| hold(record, inner, at))?;
        }
        Ok(guard)
    }

    /// As [`Self::wait`], for so long at most.
    ///
    /// # Errors
    /// A holder panicked; the guard is in the error.
    ///
    /// # Panics
    /// It may, when it was used with another mutex before.
    #[track_caller]
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let at = Location::caller();
        let (record, inner) = let_go(guard);
        let waited = self.block("Condvar::wait_timeout", at, || self.inner.wait_timeout(inner, timeout));
        guarded(waited, |(inner, timed_out)| (hold(record, inner, at), timed_out))
    }

    /// As [`Self::wait_timeout`], in milliseconds.
    ///
    /// # Errors
    /// A holder panicked; the guard is in the error.
    ///
    /// # Panics
    /// It may, when it was used with another mutex before.
    #[track_caller]
    #[deprecated(note = "replaced by `wait_timeout`, as in `std`")]
    pub fn wait_timeout_ms<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout_ms: u32,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        let waited = self.wait_timeout(guard, Duration::from_millis(u64::from(timeout_ms)));
        guarded(waited, |(guard, timeout)| (guard, !timeout.timed_out()))
    }

    /// As [`Self::wait_while`], for so long at most.
    ///
    /// # Errors
    /// A holder panicked; the guard is in the error.
    ///
    /// # Panics
    /// It may, when it was used with another mutex before.
    #[track_caller]
    pub fn wait_timeout_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let at = Location::caller();
        let waits = condition(&mut guard);
        let (kept, inner) = guard.into_parts();
        let record = kept.record();
        // Only `std` can make the result, so it has the loop; it holds the mutex while it asks for the condition.
        let mut kept = Some(kept);
        let mut first = Some(waits);
        let wait = || {
            self.inner.wait_timeout_while(inner, timeout, |value| {
                let hold = kept.take().unwrap_or_else(|| Hold::new(record, at));
                let again = first.take().unwrap_or_else(|| condition(value));
                if !again {
                    kept = Some(hold);
                }
                again
            })
        };
        let waited = if waits { self.block("Condvar::wait_timeout_while", at, wait) } else { wait() };
        guarded(waited, |(inner, timed_out)| {
            let hold = kept.unwrap_or_else(|| Hold::new(record, at));
            (MutexGuard::from_parts(hold, inner), timed_out)
        })
    }

    /// Wakes one of those who wait.
    pub fn notify_one(&self) {
        self.inner.notify_one();
    }

    /// Wakes all who wait.
    pub fn notify_all(&self) {
        self.inner.notify_all();
    }

    fn block<R>(&self, method: &'static str, at: &'static Location<'static>, block: impl FnOnce() -> R) -> R {
        match self.tracked.begin(method, at) {
            Some(pending) => pending.block(block),
            None => block(),
        }
    }
}

impl Default for Condvar {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// The hold ends here, just before `std` releases the mutex.
fn let_go<T>(guard: MutexGuard<'_, T>) -> (&LockRecord, inner::MutexGuard<'_, T>) {
    let (hold, inner) = guard.into_parts();
    (hold.record(), inner)
}

fn hold<'a, T>(
    record: &'a LockRecord,
    inner: inner::MutexGuard<'a, T>,
    at: &'static Location<'static>,
) -> MutexGuard<'a, T> {
    MutexGuard::from_parts(Hold::new(record, at), inner)
}
