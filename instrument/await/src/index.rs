//! What the debug information of one program says, as far as a walk needs it.
//!
//! Addresses are those of the file, without the bias at which the program was loaded. An index is made once from debug information, written to a
//! file, and good for programs with the same build-id alone.
//!
//! Limit: all of it may come from a hostile file. So [`Index::read`] checks every number that points somewhere, and a walk trusts no size.

use serde::{Deserialize, Serialize};

use crate::types::{Kind, Text, Type, TypeId};

/// Types that an index may have.
pub const MAX_TYPES: usize = 4 << 20;
/// Texts that an index may have.
pub const MAX_TEXTS: usize = 4 << 20;
/// The first bytes of a file with an index; the last one is the version of the form.
const MAGIC: &[u8; 8] = b"tsindex\x01";

/// See the module's text.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// The build-id of the program; empty: it has none.
    pub build_id: Vec<u8>,
    /// The compiler, as it names itself.
    pub producer: String,
    /// All texts, each once; the first is empty.
    pub texts: Vec<String>,
    /// All types; the first is [`TypeId::UNKNOWN`].
    pub types: Vec<Type>,
    /// The functions `tokio::runtime::task::raw::poll::<T, S>`, ascending by address.
    pub tasks: Vec<TaskFn>,
    /// Vtables of `dyn` types whose concrete type can hold a future, ascending by address. One address with several types: the linker merged them.
    pub vtables: Vec<(u64, TypeId)>,
    /// Functions that poll a future, with its type, ascending by address: for vtables without debug information.
    pub polls: Vec<(u64, TypeId)>,
    /// Code of `block_on::<F>`, inlined copies too: from, to, and the type `F`.
    pub block_ons: Vec<(u64, u64, TypeId)>,
    /// Types of tokio that the search for tasks needs, by full name without generics: `tokio::runtime::task::core::Header`.
    pub named: Vec<(Text, TypeId)>,
    /// tokio's thread-local `CONTEXT`.
    pub context: Option<ThreadLocal>,
    /// Bytes of the program's thread-local block, aligned as the loader aligns it.
    pub tls_bytes: u64,
    /// Segments of the file: from, to. Vtables and functions are in one of them.
    pub segments: Vec<(u64, u64)>,
}

/// A function that polls tasks of one type.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskFn {
    /// Its address in the file.
    pub address: u64,
    /// The future.
    pub future: TypeId,
    /// The allocation of the whole task, `tokio::runtime::task::core::Cell<T, S>`; unknown where the debug information has none.
    pub cell: TypeId,
    /// `T, S` as the debug information writes them.
    pub name: Text,
}

/// A thread-local of the program.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadLocal {
    /// Bytes from the start of the thread-local block.
    pub offset: u64,
    /// Its type.
    pub ty: TypeId,
}

/// Why a file is no index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// It does not begin as one.
    #[error(
        "it is not an index of taskscope, or one of another version; make it again with `taskscope index`"
    )]
    Magic,
    /// It ends early, or a value is out of its range.
    #[error("it is damaged; make it again with `taskscope index`")]
    Damaged,
}

impl Index {
    /// Bytes that it takes in memory, without what the allocator needs for each part.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| text.capacity()).sum();
        let parts = |ty: &Type| {
            let variants = ty.variants.as_ref().map_or(0, |variants| size_of_val(&*variants.list));
            size_of_val(&*ty.members) + size_of_val(&*ty.params) + variants
        };
        let types: usize = self.types.iter().map(parts).sum();
        let lists = [
            size_of_val(&*self.texts),
            size_of_val(&*self.types),
            size_of_val(&*self.tasks),
            size_of_val(&*self.vtables),
            size_of_val(&*self.polls),
            size_of_val(&*self.block_ons),
            size_of_val(&*self.named),
            size_of_val(&*self.segments),
        ];
        texts + types + lists.iter().sum::<usize>()
    }

    /// The bytes of a file with this index.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        // Numbers, texts and vectors: there is nothing that could fail but memory.
        bytes.extend(postcard::to_allocvec(self).unwrap_or_default());
        bytes
    }

    /// The index of a file.
    ///
    /// # Errors
    /// The bytes are no index, or one that is damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, IndexError> {
        let body = bytes.strip_prefix(MAGIC).ok_or(IndexError::Magic)?;
        let index: Self = postcard::from_bytes(body).map_err(|_| IndexError::Damaged)?;
        if index.is_whole() { Ok(index) } else { Err(IndexError::Damaged) }
    }

    /// A type; the unknown one for a number that is none.
    #[must_use]
    pub fn ty(&self, id: TypeId) -> &Type {
        const UNKNOWN: &Type = &Type {
            path: Text(0),
            name: Text(0),
            size: 0,
            kind: Kind::Unknown,
            members: Vec::new(),
            variants: None,
            params: Vec::new(),
        };
        self.types.get(id.0 as usize).unwrap_or(UNKNOWN)
    }

    /// A text; the empty one for a number that is none.
    #[must_use]
    pub fn text(&self, text: Text) -> &str {
        self.texts.get(text.0 as usize).map_or("", String::as_str)
    }

    /// Path and name of a type: `tokio::sync::mutex::MutexGuard<u32>`.
    #[must_use]
    pub fn full_name(&self, id: TypeId) -> String {
        let ty = self.ty(id);
        match (self.text(ty.path), self.text(ty.name)) {
            ("", name) => name.to_owned(),
            (path, name) => format!("{path}::{name}"),
        }
    }

    /// Where the function of a coroutine is declared: file and line of the state in which it is not begun.
    #[must_use]
    pub fn declared(&self, ty: &Type) -> Option<(&str, u32)> {
        let list = &ty.variants.as_ref()?.list;
        let first = list.iter().find(|variant| self.text(variant.name) == "Unresumed")?;
        Some((self.text(first.file), first.line)).filter(|(file, line)| !file.is_empty() && *line > 0)
    }

    /// The type of tokio's with this full name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<TypeId> {
        self.named.iter().find(|(text, _)| self.text(*text) == name).map(|(_, ty)| *ty)
    }

    /// Whether every number points to something, and what must ascend does.
    fn is_whole(&self) -> bool {
        let types = u32::try_from(self.types.len()).unwrap_or(u32::MAX);
        let texts = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let is_type = |id: TypeId| id.0 < types;
        let is_text = |text: Text| text.0 < texts;
        let in_limits =
            (1..=MAX_TYPES).contains(&self.types.len()) && (1..=MAX_TEXTS).contains(&self.texts.len());
        in_limits
            && self.types.iter().all(|ty| is_whole(ty, is_type, is_text))
            && self.tasks.iter().all(|it| is_type(it.future) && is_type(it.cell) && is_text(it.name))
            && self.tasks.is_sorted_by_key(|it| it.address)
            && self.vtables.iter().chain(&self.polls).all(|(_, ty)| is_type(*ty))
            && self.vtables.is_sorted_by_key(|(address, _)| *address)
            && self.polls.is_sorted_by_key(|(address, _)| *address)
            && self.block_ons.iter().all(|(from, to, ty)| from <= to && is_type(*ty))
            && self.named.iter().all(|(text, ty)| is_text(*text) && is_type(*ty))
            && self.context.is_none_or(|context| is_type(context.ty))
    }
}

fn is_whole(ty: &Type, is_type: impl Fn(TypeId) -> bool, is_text: impl Fn(Text) -> bool) -> bool {
    let kind = match ty.kind {
        Kind::Pointer(to) | Kind::Array(to, _) => is_type(to),
        _ => true,
    };
    let variants = ty.variants.iter().flat_map(|variants| &variants.list);
    kind && is_text(ty.path)
        && is_text(ty.name)
        && ty.members.iter().all(|member| is_type(member.ty) && is_text(member.name))
        && variants.into_iter().all(|it| is_type(it.ty) && is_text(it.name) && is_text(it.file))
        && ty.params.iter().all(|(name, id)| is_text(*name) && is_type(*id))
}
