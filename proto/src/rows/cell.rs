//! What a field of a row is in its column.

use crate::{agent::AgentRef, limits::MAX_SLOTS, v1};

/// Something by its slot and generation: a task, a resource, or an operation, as the field says.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SlotRef {
    /// Below [`MAX_SLOTS`].
    pub slot: u32,
    /// See `TaskRef` in the schema.
    pub generation: u32,
}

/// A value of one column.
///
/// A number is itself. An `Option` of one is the number + 1, and `None` is 0; the largest number loses 1. What an enum does not know is its
/// `Unspecified`.
pub trait Cell: Copy {
    /// The column's type.
    type Wire: Copy + Default + PartialEq;
    /// Bytes that it takes encoded, at most, as a sender makes it.
    const MAX_BYTES: usize;
    /// As the column holds it.
    fn to_wire(self) -> Self::Wire;
    /// From the column.
    fn from_wire(wire: Self::Wire) -> Self;
}

macro_rules! plain {
    ($($number:ty: $bytes:literal),*) => {$(
        impl Cell for $number {
            type Wire = Self;
            const MAX_BYTES: usize = $bytes;

            #[inline]
            fn to_wire(self) -> Self {
                self
            }

            #[inline]
            fn from_wire(wire: Self) -> Self {
                wire
            }
        }
    )*};
}

macro_rules! plus_1 {
    ($($number:ty),*) => {$(
        impl Cell for Option<$number> {
            type Wire = $number;
            const MAX_BYTES: usize = <$number as Cell>::MAX_BYTES;

            #[inline]
            fn to_wire(self) -> $number {
                self.map_or(0, |number| number.saturating_add(1))
            }

            #[inline]
            fn from_wire(wire: $number) -> Self {
                wire.checked_sub(1)
            }
        }
    )*};
}

macro_rules! enums {
    ($($name:ident),*) => {$(
        impl Cell for v1::$name {
            type Wire = i32;
            const MAX_BYTES: usize = 1;

            #[inline]
            fn to_wire(self) -> i32 {
                self.into()
            }

            #[inline]
            fn from_wire(wire: i32) -> Self {
                Self::try_from(wire).unwrap_or_default()
            }
        }
    )*};
}

plain!(bool: 1, u32: 5, u64: 10, i64: 10);
plus_1!(u32, u64);
enums!(AttributeKind, EventKind, TaskKind, TaskState);

impl Cell for AgentRef {
    type Wire = u64;
    const MAX_BYTES: usize = 9;

    #[inline]
    fn to_wire(self) -> u64 {
        self.encode()
    }

    #[inline]
    fn from_wire(wire: u64) -> Self {
        Self::decode(wire)
    }
}

impl SlotRef {
    /// Bytes of the two columns together, at most.
    pub(super) const MAX_BYTES: usize = 4 + 5;
    /// The largest value of the column that holds the slot + 1.
    pub(super) const MAX_PLUS_1: u32 = MAX_SLOTS;

    /// As two columns hold it: slot + 1 and generation.
    #[inline]
    pub(super) fn to_wire(of: Option<Self>) -> (u32, u32) {
        of.map_or((0, 0), |of| (of.slot.saturating_add(1), of.generation))
    }

    #[inline]
    pub(super) fn from_wire(slot_plus1: u32, generation: u32) -> Option<Self> {
        slot_plus1.checked_sub(1).map(|slot| Self { slot, generation })
    }
}
