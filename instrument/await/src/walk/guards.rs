//! Lock guards and permits among a frame's variables.

use rustc_hash::FxHashSet;

use super::{MAX_UNNAMED, Walk, coroutine::DropFlags};
use crate::{
    leaves::GUARDS,
    roles::Keeps,
    snapshot::FIRST_ADDRESS,
    tree::Guard,
    types::{Kind, Type, TypeId},
};

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

    /// The lock that a function of tokio's takes: `lock(&self)` has it.
    pub(super) fn lock_of(&mut self, state: &Type, address: u64) -> Option<u64> {
        let own = state.members.iter().find(|member| self.index.text(member.name) == "self")?;
        let Kind::Pointer(_) = self.index.ty(own.ty).kind else { return None };
        self.address(address.wrapping_add(own.offset))
    }

    /// Addresses in a coroutine's memory, outside of the variables of its state.
    pub(super) fn unnamed(&mut self, state: &Type, size: u64, address: u64) -> Vec<u64> {
        let covered: Vec<(u64, u64)> = state
            .members
            .iter()
            .map(|member| (member.offset, member.offset.saturating_add(self.index.ty(member.ty).size)))
            .collect();
        let mut found = Vec::new();
        let Some(bytes) = self.bytes(address, size) else { return found };
        for (number, word) in bytes.chunks_exact(8).enumerate() {
            let at = 8 * number as u64;
            let word = word.try_into().map_or(0, u64::from_le_bytes);
            let is_named = covered.iter().any(|(from, to)| *from < at + 8 && at < *to);
            let may_point = word >= FIRST_ADDRESS && word >> 47 == 0 && word.is_multiple_of(8);
            if !is_named && may_point && !found.contains(&word) && found.len() < MAX_UNNAMED {
                found.push(word);
            }
        }
        found
    }

    /// A guard in a value, through live variants alone.
    fn guard_in(&mut self, id: TypeId, address: u64, depth: u32) -> Option<Guard> {
        let ty = self.index.ty(id);
        if ty.kind != Kind::Struct || depth > MAX_GUARD_DEPTH || !self.program.roles.may_keep(id) {
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
        let Some(Keeps::Guard(number)) = self.program.roles.keeps(id) else { return None };
        let (base, field, kind) = GUARDS.get(number)?;
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
        if at < FIRST_ADDRESS || permits == 0 {
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
