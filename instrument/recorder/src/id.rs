//! Task identity in one word.
//!
//! ```text
//!  63   62..55    54..24       23..0
//!  1    recorder  generation   slot index
//! ```
//!
//! The top bit tells our ids from those of a wrapped subscriber; the recorder's number keeps a dozen recorders in one process
//! apart; the generation makes a reused slot another task. 31 bits of generation last 12 days for a slot that is reused
//! 2,000 times a second, far above what the retention queue allows.

use std::num::NonZeroU64;

const INDEX_BITS: u32 = 24;
const GENERATION_BITS: u32 = 31;
const OURS: u64 = 1 << 63;

/// Slots a recorder can have at the very most.
pub const MAX_SLOTS: u32 = (1 << INDEX_BITS) - 1;
/// The index that stands for "counted, not watched"; its generation bits hold the spawn site.
const UNTRACKED_INDEX: u32 = MAX_SLOTS;

/// Names one task of one recorder for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskId(NonZeroU64);

impl TaskId {
    pub(crate) fn new(recorder: u8, generation: u32, index: u32) -> Self {
        let generation = u64::from(generation) & ((1 << GENERATION_BITS) - 1);
        let raw = OURS
            | u64::from(recorder) << (INDEX_BITS + GENERATION_BITS)
            | generation << INDEX_BITS
            | u64::from(index);
        Self(NonZeroU64::new(raw).unwrap_or(NonZeroU64::MAX))
    }

    pub(crate) fn untracked(recorder: u8, site: u32) -> Self {
        Self::new(recorder, site, UNTRACKED_INDEX)
    }

    /// Reads a word that may be a task id; `None` when its top bit says that it is somebody else's.
    #[inline]
    pub fn from_u64(raw: u64) -> Option<Self> {
        if raw & OURS == 0 { None } else { NonZeroU64::new(raw).map(Self) }
    }

    /// The word itself.
    #[inline]
    pub fn to_u64(self) -> u64 {
        self.0.get()
    }

    /// The word itself, as span ids want it.
    #[inline]
    pub fn to_non_zero_u64(self) -> NonZeroU64 {
        self.0
    }

    /// The slot's number.
    #[inline]
    pub fn index(self) -> u32 {
        (self.0.get() & u64::from(MAX_SLOTS)) as u32
    }

    /// How often the slot had been used before, plus one.
    #[inline]
    pub fn generation(self) -> u32 {
        ((self.0.get() >> INDEX_BITS) & ((1 << GENERATION_BITS) - 1)) as u32
    }

    /// The recorder's number.
    #[inline]
    pub fn recorder(self) -> u8 {
        ((self.0.get() & !OURS) >> (INDEX_BITS + GENERATION_BITS)) as u8
    }

    #[inline]
    pub(crate) fn is_untracked(self) -> bool {
        self.index() == UNTRACKED_INDEX
    }
}
