//! Several futures in one value: vectors, slices, sets.

use super::{MAX_ITEMS, MAX_SET, Walk};
use crate::{
    tree::{Frame, FrameKind},
    types::{Kind, Type, TypeId},
};

impl<'w> Walk<'w> {
    pub(super) fn vec(&mut self, id: TypeId, ty: &Type, address: u64, depth: u32) {
        let index = self.index;
        let length = ty.members.iter().find(|member| index.text(member.name) == "len");
        let element = ty.params.iter().find(|(name, _)| index.text(*name) == "T");
        let pointer = self.program.find(id, &|_, ty| matches!(ty.kind, Kind::Pointer(_)));
        let (Some(length), Some((_, element)), Some((offset, _))) = (length, element, pointer) else {
            return;
        };
        let (Some(at), Some(count)) =
            (self.word(address.wrapping_add(offset)), self.word(address.wrapping_add(length.offset)))
        else {
            return;
        };
        self.items(*element, at, count, depth);
    }

    pub(super) fn items(&mut self, of: TypeId, address: u64, count: u64, depth: u32) {
        let size = self.index.ty(of).size;
        let seen = count.min(MAX_ITEMS);
        if count == 0 || !self.program.roles.holds(of) {
            return;
        }
        if !self.has(address, size.saturating_mul(seen)) {
            return self.problem(|| format!("a list of {count} values at {address:#x} can't be read"));
        }
        for number in 0..seen {
            self.value(of, address.wrapping_add(number.wrapping_mul(size)), depth + 1);
        }
        if count > seen {
            self.problem(|| format!("of {count} futures in a list {seen} are shown"));
        }
    }

    /// The list of a `FuturesUnordered`.
    pub(super) fn set(&mut self, ty: &'w Type, address: u64, depth: u32) {
        let Some(set) = self.program.set(ty) else {
            let frame =
                Frame { kind: FrameKind::Set, name: "FuturesUnordered".to_owned(), ..Frame::default() };
            return self.frame(frame, |_| {});
        };
        let at = self.frames.len();
        let frame = Frame { kind: FrameKind::Set, ..Frame::default() };
        let mut count = 0;
        self.frame(frame, |walk| {
            let mut next = walk.word(address.wrapping_add(set.head));
            while let Some(entry) = next.filter(|entry| *entry != 0) {
                if count == MAX_SET {
                    walk.problem(|| format!("of a set of futures {MAX_SET} are shown"));
                    break;
                }
                if !walk.has(entry, set.entry_bytes) {
                    walk.problem(|| format!("an entry of a set of futures at {entry:#x} can't be read"));
                    break;
                }
                walk.value(set.future.1, entry.wrapping_add(set.future.0), depth + 1);
                count += 1;
                next = walk.word(entry.wrapping_add(set.next));
            }
        });
        if let Some(frame) = self.frames.get_mut(at) {
            frame.name = format!("FuturesUnordered of {count}");
        }
    }
}
