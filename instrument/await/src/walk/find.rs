//! Where in a type a part is, without a value of it.

use super::{Program, Walk};
use crate::types::{Kind, Type, TypeId};

/// Types inside one another that are searched.
const MAX_FIND_DEPTH: u32 = 12;
/// As [`MAX_FIND_DEPTH`], where only what is live is searched.
const MAX_LIVE_DEPTH: u32 = 20;

/// Offsets of the parts of a `FuturesUnordered`'s list.
pub(super) struct Set {
    /// Of the pointer to the first entry, in the set.
    pub(super) head: u64,
    /// Of the pointer to the next entry, in an entry.
    pub(super) next: u64,
    /// Of the future in an entry, and its type.
    pub(super) future: (u64, TypeId),
    pub(super) entry_bytes: u64,
}

impl Program {
    /// The first part of a value that fits: its offset and type.
    pub(crate) fn find(&self, id: TypeId, fits: &dyn Fn(TypeId, &Type) -> bool) -> Option<(u64, TypeId)> {
        self.find_below(id, fits, 0)
    }

    fn find_below(
        &self,
        id: TypeId,
        fits: &dyn Fn(TypeId, &Type) -> bool,
        depth: u32,
    ) -> Option<(u64, TypeId)> {
        let ty = self.index.ty(id);
        if fits(id, ty) {
            return Some((0, id));
        }
        if depth >= MAX_FIND_DEPTH || !matches!(ty.kind, Kind::Struct | Kind::Union) {
            return None;
        }
        let members = ty.members.iter().map(|member| (member.offset, member.ty));
        let variants = ty.variants.iter().flat_map(|variants| &variants.list);
        members.chain(variants.map(|variant| (variant.offset, variant.ty))).find_map(|(offset, part)| {
            let (inner, found) = self.find_below(part, fits, depth + 1)?;
            Some((offset.checked_add(inner)?, found))
        })
    }

    /// A field by its name.
    pub(crate) fn field(&self, id: TypeId, name: &str) -> Option<(u64, TypeId)> {
        let member = self.index.ty(id).members.iter().find(|member| self.index.text(member.name) == name)?;
        Some((member.offset, member.ty))
    }

    /// The first pointer in a field: where it is, and the type that it points to.
    pub(crate) fn pointer_in(&self, id: TypeId, field: &str) -> Option<(u64, TypeId)> {
        let (offset, ty) = self.field(id, field)?;
        let (inner, to) = self.first_pointer(ty)?;
        Some((offset.checked_add(inner)?, to))
    }

    /// The first thin pointer in a value.
    pub(crate) fn first_pointer(&self, id: TypeId) -> Option<(u64, TypeId)> {
        let (offset, ty) = self.find(id, &|_, ty| matches!(ty.kind, Kind::Pointer(_)))?;
        match self.index.ty(ty).kind {
            Kind::Pointer(to) => Some((offset, to)),
            _ => None,
        }
    }

    /// Whether the type has this path and name, whatever its generic arguments are.
    pub(crate) fn is(&self, ty: &Type, path: &str, name: &str) -> bool {
        let own = self.index.text(ty.name);
        self.index.text(ty.path) == path
            && own.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('<'))
    }

    pub(super) fn set(&self, ty: &Type) -> Option<Set> {
        let head = ty.members.iter().find(|member| self.index.text(member.name) == "head_all")?;
        // `AtomicPtr<Task>`, or `Atomic<*mut Task>` from 1.96 on: the parameter, or what that points to.
        let (_, param) =
            self.index.ty(head.ty).params.iter().find(|(name, _)| self.index.text(*name) == "T")?;
        let entry = match self.index.ty(*param).kind {
            Kind::Pointer(to) => to,
            _ => *param,
        };
        Some(Set {
            head: head.offset,
            next: self.field(entry, "next_all")?.0,
            future: self.field(entry, "future")?,
            entry_bytes: self.index.ty(entry).size,
        })
    }

    /// Whether an address of the file is in one of its segments.
    pub(crate) fn is_in_file(&self, address: u64) -> bool {
        self.index.segments.iter().any(|(from, to)| (*from..*to).contains(&address))
    }
}

impl Walk<'_> {
    /// The first part of a value that fits, through live variants alone: its address and type.
    pub(crate) fn find_live(
        &mut self,
        id: TypeId,
        address: u64,
        fits: &dyn Fn(&Self, TypeId) -> bool,
    ) -> Option<(u64, TypeId)> {
        self.find_live_below(id, address, fits, 0)
    }

    fn find_live_below(
        &mut self,
        id: TypeId,
        address: u64,
        fits: &dyn Fn(&Self, TypeId) -> bool,
        depth: u32,
    ) -> Option<(u64, TypeId)> {
        if fits(self, id) {
            return Some((address, id));
        }
        let ty = self.program().index.ty(id);
        if depth >= MAX_LIVE_DEPTH || !matches!(ty.kind, Kind::Struct | Kind::Union) {
            return None;
        }
        if let Some(variant) = self.variant(ty, address) {
            let at = address.wrapping_add(variant.offset);
            if let Some(found) = self.find_live_below(variant.ty, at, fits, depth + 1) {
                return Some(found);
            }
        }
        ty.members.iter().find_map(|member| {
            self.find_live_below(member.ty, address.wrapping_add(member.offset), fits, depth + 1)
        })
    }
}
