//! Lock guards and permits among a frame's variables.

use rustc_hash::FxHashSet;

use super::{Walk, coroutine::DropFlags};
use crate::{
    names,
    tree::{Guard, LockKind},
    types::{Kind, Type, TypeId},
};

/// Guards by full name without arguments, the field that leads to the lock, and the lock's kind.
const GUARDS: &[(&str, &str, LockKind)] = &[
    ("tokio::sync::mutex::MutexGuard", "lock", LockKind::Mutex),
    ("tokio::sync::mutex::OwnedMutexGuard", "lock", LockKind::Mutex),
    ("tokio::sync::mutex::MappedMutexGuard", "s", LockKind::Mutex),
    ("tokio::sync::mutex::OwnedMappedMutexGuard", "lock", LockKind::Mutex),
    ("tokio::sync::rwlock::read_guard::RwLockReadGuard", "s", LockKind::Read),
    ("tokio::sync::rwlock::owned_read_guard::OwnedRwLockReadGuard", "lock", LockKind::Read),
    ("tokio::sync::rwlock::write_guard::RwLockWriteGuard", "s", LockKind::Write),
    ("tokio::sync::rwlock::owned_write_guard::OwnedRwLockWriteGuard", "lock", LockKind::Write),
    ("tokio::sync::semaphore::SemaphorePermit", "sem", LockKind::Semaphore),
    ("tokio::sync::semaphore::OwnedSemaphorePermit", "sem", LockKind::Semaphore),
    ("std::sync::poison::mutex::MutexGuard", "lock", LockKind::Blocking),
    ("std::sync::poison::rwlock::RwLockReadGuard", "inner_lock", LockKind::Blocking),
    ("std::sync::poison::rwlock::RwLockWriteGuard", "lock", LockKind::Blocking),
    ("std::sync::mutex::MutexGuard", "lock", LockKind::Blocking),
    ("lock_api::mutex::MutexGuard", "mutex", LockKind::Blocking),
    ("lock_api::rwlock::RwLockReadGuard", "rwlock", LockKind::Blocking),
    ("lock_api::rwlock::RwLockWriteGuard", "rwlock", LockKind::Blocking),
];
/// Types inside one another that a guard is looked for in: `Option<Result<Guard, _>>`.
const MAX_GUARD_DEPTH: u32 = 6;
/// Guards of a frame.
const MAX_GUARDS: usize = 16;

impl<'w> Walk<'w> {
    /// The guards of a state's variables.
    pub(super) fn guards(&mut self, state: &'w Type, address: u64, flags: DropFlags) -> Vec<Guard> {
        let mut guards = Vec::new();
        if flags == DropFlags::OneGone {
            return guards;
        }
        let mut seen = FxHashSet::default();
        for member in &state.members {
            let name = self.index.text(member.name);
            if name == "__awaitee" || !seen.insert(member.offset) || guards.len() == MAX_GUARDS {
                continue;
            }
            let at = address.wrapping_add(member.offset);
            if let Some(mut guard) = self.guard_in(member.ty, at, 0) {
                name.clone_into(&mut guard.variable);
                guard.maybe_gone = flags == DropFlags::SomeGone;
                guards.push(guard);
            }
        }
        guards
    }

    /// A guard in a value, through live variants alone.
    fn guard_in(&mut self, id: TypeId, address: u64, depth: u32) -> Option<Guard> {
        let ty = self.index.ty(id);
        if ty.kind != Kind::Struct || depth > MAX_GUARD_DEPTH {
            return None;
        }
        if let Some(guard) = self.guard(id, address) {
            return Some(guard);
        }
        // The guards of a future that it has are that future's.
        if crate::roles::is_coroutine(self.index.text(ty.name)) {
            return None;
        }
        if let Some(variant) = self.variant(ty, address) {
            return self.guard_in(variant.ty, address.wrapping_add(variant.offset), depth + 1);
        }
        ty.members
            .iter()
            .find_map(|part| self.guard_in(part.ty, address.wrapping_add(part.offset), depth + 1))
    }

    fn guard(&mut self, id: TypeId, address: u64) -> Option<Guard> {
        let base = names::base(&self.index.full_name(id));
        let (_, field, kind) = GUARDS.iter().find(|(name, _, _)| *name == base)?;
        let (offset, lock) = self.program.pointer_in(id, field)?;
        let at = self.word(address.wrapping_add(offset))?;
        let permits = match self.program.field(id, "permits") {
            Some((offset, ty)) => {
                let size = self.index.ty(ty).size;
                self.uint(address.wrapping_add(offset), size)?
            }
            None => 1,
        };
        // A permit that was forgotten has none.
        if at < 4096 || permits == 0 {
            return None;
        }
        let semaphore = self
            .program
            .find(lock, &|_, ty| self.program.is(ty, "tokio::sync::batch_semaphore", "Semaphore"));
        let lock = at.wrapping_add(semaphore.map_or(0, |(offset, _)| offset));
        let free = semaphore.and_then(|(_, ty)| self.free_permits(ty, lock));
        let name = base.rsplit("::").next().unwrap_or_default().to_owned();
        Some(Guard { variable: String::new(), name, lock, kind: *kind, permits, free, maybe_gone: false })
    }
}
