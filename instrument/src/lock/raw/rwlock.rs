//! A raw read-write lock on record.

use std::panic::Location;

use lock_api::{
    RawRwLock as Raw, RawRwLockDowngrade, RawRwLockFair, RawRwLockRecursive, RawRwLockRecursiveTimed,
    RawRwLockTimed, RawRwLockUpgrade, RawRwLockUpgradeDowngrade, RawRwLockUpgradeFair, RawRwLockUpgradeTimed,
};

use crate::lock::record::LockRecord;

/// A raw read-write lock of the `lock_api` crate, with its holders and its waiters on record.
///
/// An upgradable reader is shown as a reader. While it waits to be the writer it is shown as a waiter alone, as what it waits for are the others.
/// `lock_api` makes locks from a constant, so where one was made is unknown unless it is made by [`RawRwLock::with_name`].
#[derive(Debug)]
pub struct RawRwLock<R> {
    record: LockRecord,
    raw: R,
}

impl<R: Raw> RawRwLock<R> {
    /// A free lock with a name for the console; empty: none.
    #[track_caller]
    pub const fn with_name(name: &'static str) -> Self {
        Self { record: LockRecord::new("RwLock", name, Location::caller()), raw: R::INIT }
    }
}

impl<R> RawRwLock<R> {
    /// Waits where the attempt failed; true when the lock is held.
    #[inline]
    fn or_wait(
        &self,
        got: bool,
        method: &'static str,
        at: &'static Location<'static>,
        acquire: impl FnOnce() -> bool,
    ) -> bool {
        got || self.record.wait(method, at, acquire, |got| *got)
    }

    #[inline]
    fn read(&self, got: bool, at: &'static Location<'static>) -> bool {
        if got {
            // The release finds it by its holder.
            let _token = self.record.shared(at);
        }
        got
    }

    #[inline]
    fn written(&self, got: bool, at: &'static Location<'static>) -> bool {
        if got {
            self.record.acquired(at);
        }
        got
    }

    /// From upgradable reader to writer, or back to what it was.
    fn upgraded(&self, at: &'static Location<'static>, upgrade: impl FnOnce() -> bool) -> bool {
        self.record.released_any_shared();
        let upgraded = upgrade();
        if upgraded { self.written(true, at) } else { !self.read(true, at) }
    }
}

fn always(acquire: impl FnOnce()) -> bool {
    acquire();
    true
}

// SAFETY: every method that locks returns (with success) only after `raw` was locked so by `R`'s own method, and those that unlock do no more
// than to unlock it: the exclusion is that of `R`.
unsafe impl<R: Raw> Raw for RawRwLock<R> {
    const INIT: Self = Self { record: LockRecord::constant("RwLock"), raw: R::INIT };

    type GuardMarker = R::GuardMarker;

    #[inline]
    #[track_caller]
    fn lock_shared(&self) {
        let at = Location::caller();
        let wait = || always(|| self.raw.lock_shared());
        self.read(self.or_wait(self.raw.try_lock_shared(), "RwLock::read", at, wait), at);
    }

    #[inline]
    #[track_caller]
    fn try_lock_shared(&self) -> bool {
        self.read(self.raw.try_lock_shared(), Location::caller())
    }

    #[inline]
    unsafe fn unlock_shared(&self) {
        self.record.released_any_shared();
        // SAFETY: the caller holds this lock so, and so the one inside.
        unsafe { self.raw.unlock_shared() }
    }

    #[inline]
    #[track_caller]
    fn lock_exclusive(&self) {
        let at = Location::caller();
        let wait = || always(|| self.raw.lock_exclusive());
        self.written(self.or_wait(self.raw.try_lock_exclusive(), "RwLock::write", at, wait), at);
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive(&self) -> bool {
        self.written(self.raw.try_lock_exclusive(), Location::caller())
    }

    #[inline]
    unsafe fn unlock_exclusive(&self) {
        self.record.released();
        // SAFETY: the caller holds this lock so, and so the one inside.
        unsafe { self.raw.unlock_exclusive() }
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    #[inline]
    fn is_locked_exclusive(&self) -> bool {
        self.raw.is_locked_exclusive()
    }
}

// SAFETY: as above; the bumps are `R`'s own.
unsafe impl<R: RawRwLockFair> RawRwLockFair for RawRwLock<R> {
    #[inline]
    unsafe fn unlock_shared_fair(&self) {
        self.record.released_any_shared();
        // SAFETY: the caller holds this lock so, and so the one inside.
        unsafe { self.raw.unlock_shared_fair() }
    }

    #[inline]
    unsafe fn unlock_exclusive_fair(&self) {
        self.record.released();
        // SAFETY: the caller holds this lock so, and so the one inside.
        unsafe { self.raw.unlock_exclusive_fair() }
    }

    #[inline]
    #[track_caller]
    unsafe fn bump_shared(&self) {
        self.record.released_any_shared();
        // SAFETY: the caller holds this lock so, and so the one inside; it holds it again after.
        unsafe { self.raw.bump_shared() }
        self.read(true, Location::caller());
    }

    #[inline]
    #[track_caller]
    unsafe fn bump_exclusive(&self) {
        self.record.released();
        // SAFETY: the caller holds this lock so, and so the one inside; it holds it again after.
        unsafe { self.raw.bump_exclusive() }
        self.written(true, Location::caller());
    }
}

// SAFETY: as above: the downgrade is `R`'s own.
unsafe impl<R: RawRwLockDowngrade> RawRwLockDowngrade for RawRwLock<R> {
    #[inline]
    #[track_caller]
    unsafe fn downgrade(&self) {
        self.record.released();
        // SAFETY: the caller is the writer of this lock, and so of the one inside.
        unsafe { self.raw.downgrade() }
        self.read(true, Location::caller());
    }
}

// SAFETY: as above: true is returned only when `R` returned it.
unsafe impl<R: RawRwLockTimed> RawRwLockTimed for RawRwLock<R> {
    type Duration = R::Duration;
    type Instant = R::Instant;

    #[track_caller]
    fn try_lock_shared_for(&self, timeout: R::Duration) -> bool {
        let at = Location::caller();
        let wait = || self.raw.try_lock_shared_for(timeout);
        self.read(self.or_wait(self.raw.try_lock_shared(), "RwLock::try_read_for", at, wait), at)
    }

    #[track_caller]
    fn try_lock_shared_until(&self, timeout: R::Instant) -> bool {
        let at = Location::caller();
        let wait = || self.raw.try_lock_shared_until(timeout);
        self.read(self.or_wait(self.raw.try_lock_shared(), "RwLock::try_read_until", at, wait), at)
    }

    #[track_caller]
    fn try_lock_exclusive_for(&self, timeout: R::Duration) -> bool {
        let at = Location::caller();
        let wait = || self.raw.try_lock_exclusive_for(timeout);
        self.written(self.or_wait(self.raw.try_lock_exclusive(), "RwLock::try_write_for", at, wait), at)
    }

    #[track_caller]
    fn try_lock_exclusive_until(&self, timeout: R::Instant) -> bool {
        let at = Location::caller();
        let wait = || self.raw.try_lock_exclusive_until(timeout);
        self.written(self.or_wait(self.raw.try_lock_exclusive(), "RwLock::try_write_until", at, wait), at)
    }
}

// SAFETY: as above.
unsafe impl<R: RawRwLockRecursive> RawRwLockRecursive for RawRwLock<R> {
    #[inline]
    #[track_caller]
    fn lock_shared_recursive(&self) {
        let at = Location::caller();
        let wait = || always(|| self.raw.lock_shared_recursive());
        let got = self.raw.try_lock_shared_recursive();
        self.read(self.or_wait(got, "RwLock::read_recursive", at, wait), at);
    }

    #[inline]
    #[track_caller]
    fn try_lock_shared_recursive(&self) -> bool {
        self.read(self.raw.try_lock_shared_recursive(), Location::caller())
    }
}

// SAFETY: as above: true is returned only when `R` returned it.
unsafe impl<R: RawRwLockRecursiveTimed> RawRwLockRecursiveTimed for RawRwLock<R> {
    #[track_caller]
    fn try_lock_shared_recursive_for(&self, timeout: R::Duration) -> bool {
        let at = Location::caller();
        let wait = || self.raw.try_lock_shared_recursive_for(timeout);
        let got = self.raw.try_lock_shared_recursive();
        self.read(self.or_wait(got, "RwLock::try_read_recursive_for", at, wait), at)
    }

    #[track_caller]
    fn try_lock_shared_recursive_until(&self, timeout: R::Instant) -> bool {
        let at = Location::caller();
        let wait = || self.raw.try_lock_shared_recursive_until(timeout);
        let got = self.raw.try_lock_shared_recursive();
        self.read(self.or_wait(got, "RwLock::try_read_recursive_until", at, wait), at)
    }
}

// SAFETY: as above; an upgrade is `R`'s own.
unsafe impl<R: RawRwLockUpgrade> RawRwLockUpgrade for RawRwLock<R> {
    #[inline]
    #[track_caller]
    fn lock_upgradable(&self) {
        let at = Location::caller();
        let wait = || always(|| self.raw.lock_upgradable());
        self.read(self.or_wait(self.raw.try_lock_upgradable(), "RwLock::upgradable_read", at, wait), at);
    }

    #[inline]
    #[track_caller]
    fn try_lock_upgradable(&self) -> bool {
        self.read(self.raw.try_lock_upgradable(), Location::caller())
    }

    #[inline]
    unsafe fn unlock_upgradable(&self) {
        self.record.released_any_shared();
        // SAFETY: the caller holds this lock so, and so the one inside.
        unsafe { self.raw.unlock_upgradable() }
    }

    #[inline]
    #[track_caller]
    unsafe fn upgrade(&self) {
        let at = Location::caller();
        self.upgraded(at, || {
            // SAFETY: the caller holds this lock so, and so the one inside, also when the attempt fails.
            let (got, wait) = unsafe { (self.raw.try_upgrade(), || always(|| self.raw.upgrade())) };
            self.or_wait(got, "RwLock::upgrade", at, wait)
        });
    }

    #[inline]
    #[track_caller]
    unsafe fn try_upgrade(&self) -> bool {
        // SAFETY: the caller holds this lock so, and so the one inside.
        self.upgraded(Location::caller(), || unsafe { self.raw.try_upgrade() })
    }
}

// SAFETY: as above; the bump is `R`'s own.
unsafe impl<R: RawRwLockUpgradeFair> RawRwLockUpgradeFair for RawRwLock<R> {
    #[inline]
    unsafe fn unlock_upgradable_fair(&self) {
        self.record.released_any_shared();
        // SAFETY: the caller holds this lock so, and so the one inside.
        unsafe { self.raw.unlock_upgradable_fair() }
    }

    #[inline]
    #[track_caller]
    unsafe fn bump_upgradable(&self) {
        self.record.released_any_shared();
        // SAFETY: the caller holds this lock so, and so the one inside; it holds it again after.
        unsafe { self.raw.bump_upgradable() }
        self.read(true, Location::caller());
    }
}

// SAFETY: as above; the downgrades are `R`'s own.
unsafe impl<R: RawRwLockUpgradeDowngrade> RawRwLockUpgradeDowngrade for RawRwLock<R> {
    #[inline]
    unsafe fn downgrade_upgradable(&self) {
        // A reader before and after: its hold goes on.
        // SAFETY: the caller holds this lock so, and so the one inside.
        unsafe { self.raw.downgrade_upgradable() }
    }

    #[inline]
    #[track_caller]
    unsafe fn downgrade_to_upgradable(&self) {
        self.record.released();
        // SAFETY: the caller is the writer of this lock, and so of the one inside.
        unsafe { self.raw.downgrade_to_upgradable() }
        self.read(true, Location::caller());
    }
}

// SAFETY: as above: true is returned only when `R` returned it.
unsafe impl<R: RawRwLockUpgradeTimed> RawRwLockUpgradeTimed for RawRwLock<R> {
    #[track_caller]
    fn try_lock_upgradable_for(&self, timeout: R::Duration) -> bool {
        let at = Location::caller();
        let wait = || self.raw.try_lock_upgradable_for(timeout);
        let got = self.raw.try_lock_upgradable();
        self.read(self.or_wait(got, "RwLock::try_upgradable_read_for", at, wait), at)
    }

    #[track_caller]
    fn try_lock_upgradable_until(&self, timeout: R::Instant) -> bool {
        let at = Location::caller();
        let wait = || self.raw.try_lock_upgradable_until(timeout);
        let got = self.raw.try_lock_upgradable();
        self.read(self.or_wait(got, "RwLock::try_upgradable_read_until", at, wait), at)
    }

    #[track_caller]
    unsafe fn try_upgrade_for(&self, timeout: R::Duration) -> bool {
        let at = Location::caller();
        self.upgraded(at, || {
            // SAFETY: the caller holds this lock so, and so the one inside, also when the attempt fails.
            let (got, wait) = unsafe { (self.raw.try_upgrade(), || self.raw.try_upgrade_for(timeout)) };
            self.or_wait(got, "RwLock::try_upgrade_for", at, wait)
        })
    }

    #[track_caller]
    unsafe fn try_upgrade_until(&self, timeout: R::Instant) -> bool {
        let at = Location::caller();
        self.upgraded(at, || {
            // SAFETY: the caller holds this lock so, and so the one inside, also when the attempt fails.
            let (got, wait) = unsafe { (self.raw.try_upgrade(), || self.raw.try_upgrade_until(timeout)) };
            self.or_wait(got, "RwLock::try_upgrade_until", at, wait)
        })
    }
}
