//! The variables of a frame: numbers and truth values, and texts where they were asked for.

use rustc_hash::FxHashSet;

use super::{MAX_LOCALS, Program, Walk};
use crate::types::{Kind, Type, TypeId};

/// Bytes of a text that are shown.
const MAX_TEXT_BYTES: u64 = 32;
/// A text longer than this is none.
const MAX_TEXT_LEN: u64 = 1 << 30;

impl Walk<'_> {
    /// Name and value, in the order of the debug information.
    pub(super) fn locals(&mut self, state: &Type, address: u64) -> Vec<(String, String)> {
        let index = self.index;
        let mut seen = FxHashSet::default();
        let mut locals = Vec::new();
        for member in &state.members {
            let name = index.text(member.name);
            // `select!` has these.
            if name.starts_with("__") || matches!(name, "disabled" | "futures") || !seen.insert(member.name) {
                continue;
            }
            if locals.len() == MAX_LOCALS {
                break;
            }
            if let Some(value) = self.local(member.ty, address.wrapping_add(member.offset)) {
                locals.push((name.to_owned(), value));
            }
        }
        locals
    }

    fn local(&mut self, id: TypeId, address: u64) -> Option<String> {
        let ty = self.index.ty(id);
        match ty.kind {
            Kind::Bool => Some((self.uint(address, 1)? != 0).to_string()),
            Kind::Unsigned => Some(self.uint(address, ty.size)?.to_string()),
            Kind::Signed => {
                let unused = 64 - 8 * u32::try_from(ty.size.clamp(1, 8)).ok()?;
                let value = (self.uint(address, ty.size)? << unused).cast_signed() >> unused;
                Some(value.to_string())
            }
            Kind::Struct if self.options.strings => self.text(id, address),
            _ => None,
        }
    }

    fn text(&mut self, id: TypeId, address: u64) -> Option<String> {
        let (data, length) = match self.index.text(self.index.ty(id).name) {
            "&str" => (self.program.field(id, "data_ptr")?.0, self.program.field(id, "length")?.0),
            "String" => self.program.string_parts(id)?,
            _ => return None,
        };
        let (at, len) = (self.word(address.wrapping_add(data))?, self.word(address.wrapping_add(length))?);
        if len > MAX_TEXT_LEN {
            return None;
        }
        if len == 0 {
            return Some("\"\"".to_owned());
        }
        let bytes = self.bytes(at, len.min(MAX_TEXT_BYTES))?;
        let more = if len > MAX_TEXT_BYTES { "…" } else { "" };
        Some(format!("{:?}{more}", String::from_utf8_lossy(bytes)))
    }
}

impl Program {
    /// Where in a `String` its data's address and its length are.
    pub(crate) fn string_parts(&self, id: TypeId) -> Option<(u64, u64)> {
        let (offset, vec) = self.field(id, "vec")?;
        let (data, _) = self.first_pointer(vec)?;
        Some((offset.checked_add(data)?, offset.checked_add(self.field(vec, "len")?.0)?))
    }
}
