//! Types of a program, as its debug information has them.
//!
//! Numbers, not pointers: a [`TypeId`] points into [`Index::types`](crate::Index), a [`Text`] into its texts. Every size and offset is in bytes.

use serde::{Deserialize, Serialize};

/// Number of a type in its index. [`TypeId::UNKNOWN`] is one that the index does not have.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TypeId(pub u32);

impl TypeId {
    /// The type that is not known; the first of every index.
    pub const UNKNOWN: Self = Self(0);
}

/// Number of a text in its index; 0 is the empty one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Text(pub u32);

/// A type.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Type {
    /// Modules that it is in: `tokio::sync::mutex`. Empty for base types and pointers.
    pub path: Text,
    /// Its name with generic arguments: `MutexGuard<u32>`, `{async_fn_env#0}`, `&str`.
    pub name: Text,
    /// Bytes of a value.
    pub size: u64,
    /// What it is.
    pub kind: Kind,
    /// Fields, with those that all variants share.
    pub members: Vec<Member>,
    /// Variants of an enumeration or of a coroutine.
    pub variants: Option<Variants>,
    /// Generic type parameters by name.
    pub params: Vec<(Text, TypeId)>,
}

/// What a type is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Not known, or nothing that can hold a future.
    #[default]
    Unknown,
    /// `bool`.
    Bool,
    /// An unsigned integer.
    Unsigned,
    /// A signed integer.
    Signed,
    /// Another base type, or an enumeration without data.
    Base,
    /// A structure, a tuple, a closure, a coroutine, or an enumeration with data.
    Struct,
    /// A union.
    Union,
    /// A thin pointer or reference to a value of a type. A pointer with a length or vtable is a [`Kind::Struct`].
    Pointer(TypeId),
    /// So many values of a type.
    Array(TypeId, u64),
}

/// A field.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name: `lock`, `__0`, `__awaitee`.
    pub name: Text,
    /// Its type.
    pub ty: TypeId,
    /// Bytes from the start of the value.
    pub offset: u64,
}

/// The variants of a type, and where the number of the live one is.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variants {
    /// Bytes from the start of the value to that number.
    pub offset: u64,
    /// Bytes of that number; 0: there is no number, and the first variant is the live one.
    pub size: u64,
    /// In the order of the debug information.
    pub list: Vec<Variant>,
}

/// A variant.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The number that says that it is the live one; `None`: every number that no other variant has.
    pub value: Option<u64>,
    /// Its name: `Some`, `Suspend0`.
    pub name: Text,
    /// The type of its fields.
    pub ty: TypeId,
    /// Bytes from the start of the value to the fields.
    pub offset: u64,
    /// Of a coroutine's state: the file of the `.await` that it is parked at.
    pub file: Text,
    /// The line there; 0: unknown.
    pub line: u32,
}
