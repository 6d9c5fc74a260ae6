//! Identity in one word.
//!
//! ```text
//!  63   62..61  60..53    52        51       50..24       23..0
//!  1    kind    recorder  borrowed  shared   generation   slot index
//! ```
//!
//! The top bit separates our ids from those of a wrapped subscriber; the recorder's number keeps a dozen recorders in one process
//! apart; the generation makes a reused slot another task. 27 bits of generation last 18 hours for a slot that is reused
//! 2,000 times a second, far above what the retention queue allows.
//!
//! A span that is cloned while its owner stays is *borrowed*: the clone's word says so, and neither clone nor drop reaches the slot. Only a
//! resource that several own (the two ends of a oneshot channel) is *shared*: its clones are counted.

use std::num::NonZeroU64;

const INDEX_BITS: u32 = 24;
const GENERATION_BITS: u32 = 27;
/// Of a resource: every clone of its span is one more owner.
const SHARED: u64 = 1 << (INDEX_BITS + GENERATION_BITS);
/// Of a resource or an operation: the span is a clone, or stands for an operation that another source made.
const BORROWED: u64 = SHARED << 1;
const RECORDER_SHIFT: u32 = INDEX_BITS + GENERATION_BITS + 2;
const RECORDER_BITS: u32 = 8;
const KIND_SHIFT: u32 = RECORDER_SHIFT + RECORDER_BITS;
const OURS: u64 = 1 << 63;

/// The bits of a kind.
const KINDS: u64 = 3;
const TASK: u64 = 0;
const RESOURCE: u64 = 1;
/// With one more bit: the operation's polls.
const OP: u64 = 2;

/// Slots a recorder can have of each kind at the very most: one less than an index has values, as the last one stands for "no slot".
pub const MAX_SLOTS: u32 = (1 << INDEX_BITS) - 1;
/// The index that stands for "counted, not watched"; of a task, its generation bits hold the spawn site.
const UNTRACKED_INDEX: u32 = MAX_SLOTS;

fn word(kind: u64, recorder: u8, generation: u32, index: u32) -> NonZeroU64 {
    let generation = u64::from(generation) & ((1 << GENERATION_BITS) - 1);
    let raw = OURS
        | kind << KIND_SHIFT
        | u64::from(recorder) << RECORDER_SHIFT
        | generation << INDEX_BITS
        | u64::from(index);
    NonZeroU64::new(raw).unwrap_or(NonZeroU64::MAX)
}

fn index(raw: u64) -> u32 {
    (raw & u64::from(MAX_SLOTS)) as u32
}

fn generation(raw: u64) -> u32 {
    ((raw >> INDEX_BITS) & ((1 << GENERATION_BITS) - 1)) as u32
}

fn recorder(raw: u64) -> u8 {
    (raw >> RECORDER_SHIFT) as u8
}

/// Any word of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnyId {
    /// A task.
    Task(TaskId),
    /// A lock, a timer, …
    Resource(ResourceId),
    /// An operation on a resource.
    Op(OpId),
    /// The poll of an operation: the same slot, another span.
    OpPoll(OpId),
    /// A resource or operation that is not to be seen, or had no room: neither is what is made or happens in it.
    Unrecorded,
}

/// The word of [`AnyId::Unrecorded`]: an operation of a slot that no arena has.
pub(crate) const UNRECORDED: u64 = OURS | OP << KIND_SHIFT | UNTRACKED_INDEX as u64;

impl AnyId {
    /// The word itself, as span ids want it.
    pub fn to_non_zero_u64(self) -> NonZeroU64 {
        match self {
            Self::Task(task) => task.0,
            Self::Resource(resource) => resource.0,
            Self::Op(op) => op.0,
            Self::OpPoll(op) => op.poll_span(),
            Self::Unrecorded => NonZeroU64::new(UNRECORDED).unwrap_or(NonZeroU64::MAX),
        }
    }

    /// Reads a word that may be ours; `None` when its top bit says that it is a subscriber's.
    #[inline]
    pub fn from_u64(raw: u64) -> Option<Self> {
        if raw & OURS == 0 {
            return None;
        }
        let raw = raw & !BORROWED;
        let id = NonZeroU64::new(raw)?;
        if raw == UNRECORDED {
            return Some(Self::Unrecorded);
        }
        Some(match raw >> KIND_SHIFT & KINDS {
            TASK => Self::Task(TaskId(id)),
            RESOURCE => Self::Resource(ResourceId(id)),
            OP => Self::Op(OpId(id)),
            _ => Self::OpPoll(OpId(NonZeroU64::new(raw & !(1 << KIND_SHIFT)).unwrap_or(id))),
        })
    }
}

/// A word of ours by its kind, without what a borrowed one is marked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpanWord {
    Task(TaskId),
    OpPoll(OpId),
    /// A resource, an operation, or [`UNRECORDED`]: that it is entered is all that happens.
    Other(u64),
}

impl SpanWord {
    #[inline]
    pub(crate) fn of(raw: u64) -> Self {
        let raw = raw & !BORROWED;
        let id = NonZeroU64::new(raw | OURS).unwrap_or(NonZeroU64::MAX);
        match raw >> KIND_SHIFT & KINDS {
            TASK => Self::Task(TaskId(id)),
            RESOURCE | OP => Self::Other(raw),
            _ => Self::OpPoll(OpId(NonZeroU64::new(raw & !(1 << KIND_SHIFT) | OURS).unwrap_or(id))),
        }
    }
}

/// What a span that is entered on a thread says, for one of these questions: which resource, operation, polled operation is the innermost one of a
/// recorder. `None`: nothing, ask the one around it; `Some(None)`: there is none.
#[expect(clippy::option_option, reason = "three answers: this one, none, ask further")]
pub(crate) mod entered {
    use super::{KIND_SHIFT, KINDS, NonZeroU64, OP, OpId, RESOURCE, ResourceId, TASK, UNRECORDED, recorder};

    #[inline]
    fn kind(raw: u64) -> u64 {
        raw >> KIND_SHIFT & KINDS
    }

    #[inline]
    pub(crate) fn resource(raw: u64, of: u8) -> Option<Option<ResourceId>> {
        match kind(raw) {
            RESOURCE if recorder(raw) == of => Some(NonZeroU64::new(raw).map(ResourceId)),
            OP if raw == UNRECORDED => Some(None),
            _ => None,
        }
    }

    /// An operation, or its poll.
    #[inline]
    pub(crate) fn op(raw: u64, of: u8) -> Option<Option<OpId>> {
        if kind(raw) & OP == 0 {
            return None;
        }
        if raw == UNRECORDED {
            return Some(None);
        }
        (recorder(raw) == of).then_some(NonZeroU64::new(raw & !(1 << KIND_SHIFT)).map(OpId))
    }

    /// An operation, or its poll, within the innermost task.
    #[inline]
    pub(crate) fn op_in_task(raw: u64, of: u8) -> Option<Option<OpId>> {
        if kind(raw) == TASK { Some(None) } else { op(raw, of) }
    }

    /// Within the innermost task.
    #[inline]
    pub(crate) fn polled_op(raw: u64, of: u8) -> Option<Option<OpId>> {
        const POLL: u64 = OP | 1;
        match kind(raw) {
            POLL if recorder(raw) == of => Some(NonZeroU64::new(raw & !(1 << KIND_SHIFT)).map(OpId)),
            TASK => Some(None),
            _ => None,
        }
    }
}

/// Whether a word may be ours: its top bit says so.
#[inline]
pub fn is_ours(raw: u64) -> bool {
    raw & OURS != 0
}

/// The word of a clone of the span that `raw`, a word of ours, names; `None`: the clone is one more owner, and counts.
#[inline]
pub fn borrowed(raw: u64) -> Option<u64> {
    let is_task = raw >> KIND_SHIFT & KINDS == TASK;
    (!is_task && raw & SHARED == 0).then_some(raw | BORROWED)
}

/// Whether a word of ours is that of a clone, whose drop is no event.
#[inline]
pub fn is_borrowed(raw: u64) -> bool {
    raw & (OURS | BORROWED) == OURS | BORROWED
}

/// Names one task of one recorder for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskId(NonZeroU64);

/// Names one resource of one recorder for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResourceId(NonZeroU64);

/// Names one async operation of one recorder for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpId(NonZeroU64);

/// Names one frame of an await tree of one recorder for good. Frames have cells of their own, where no other kind of word is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameId(NonZeroU64);

macro_rules! words {
    ($id:ident, $kind:ident, $what:literal) => {
        impl $id {
            pub(crate) fn new(recorder: u8, generation: u32, index: u32) -> Self {
                Self(word($kind, recorder, generation, index))
            }

            #[doc = concat!("Reads a word that may be ", $what, "'s id; `None` when it is a subscriber's or of another kind.")]
            #[inline]
            pub fn from_u64(raw: u64) -> Option<Self> {
                if raw & (OURS | KINDS << KIND_SHIFT) == (OURS | $kind << KIND_SHIFT) {
                    NonZeroU64::new(raw & !BORROWED).map(Self)
                } else {
                    None
                }
            }

            /// The word itself, as span ids want it.
            #[inline]
            pub fn to_non_zero_u64(self) -> NonZeroU64 {
                self.0
            }

            /// The word itself.
            #[inline]
            pub fn to_u64(self) -> u64 {
                self.0.get()
            }

            /// What stands in its slot from its end until the slot is used again: no other word finds it then.
            #[inline]
            #[allow(dead_code, reason = "tasks and frames stay to be found")]
            pub(crate) fn gone(self) -> u64 {
                self.0.get() | BORROWED
            }

            /// The slot's number.
            #[inline]
            pub fn index(self) -> u32 {
                index(self.0.get())
            }

            /// How often the slot had been used before, plus one.
            #[inline]
            pub fn generation(self) -> u32 {
                generation(self.0.get())
            }

            /// The recorder's number.
            #[inline]
            pub fn recorder(self) -> u8 {
                recorder(self.0.get())
            }
        }
    };
}

words!(TaskId, TASK, "a task");
words!(ResourceId, RESOURCE, "a resource");
words!(OpId, OP, "an operation");
words!(FrameId, OP, "a frame of an await tree");

impl TaskId {
    pub(crate) fn untracked(recorder: u8, site: u32) -> Self {
        Self::new(recorder, site, UNTRACKED_INDEX)
    }

    #[inline]
    pub(crate) fn is_untracked(self) -> bool {
        self.index() == UNTRACKED_INDEX
    }
}

impl ResourceId {
    /// The same, as of one that several own.
    pub(crate) fn shared(self) -> Self {
        Self(self.0 | SHARED)
    }

    /// Whether several own it.
    #[inline]
    pub(crate) fn is_shared(self) -> bool {
        self.0.get() & SHARED != 0
    }
}

impl OpId {
    /// The word of the operation's poll span.
    pub fn poll_span(self) -> NonZeroU64 {
        self.0 | (1 << KIND_SHIFT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_as_itself() {
        let (task, resource, op) = (TaskId::new(7, 3, 9), ResourceId::new(7, 3, 9), OpId::new(7, 3, 9));
        assert_eq!(AnyId::from_u64(task.to_u64()), Some(AnyId::Task(task)));
        assert_eq!(AnyId::from_u64(resource.to_u64()), Some(AnyId::Resource(resource)));
        assert_eq!(AnyId::from_u64(op.to_u64()), Some(AnyId::Op(op)));
        assert_eq!(AnyId::from_u64(op.poll_span().get()), Some(AnyId::OpPoll(op)));
        assert_eq!(AnyId::from_u64(AnyId::Unrecorded.to_non_zero_u64().get()), Some(AnyId::Unrecorded));
        assert_eq!(AnyId::from_u64(42), None);
        let shared = resource.shared();
        assert_eq!(
            (AnyId::from_u64(shared.to_u64()), shared.generation()),
            (Some(AnyId::Resource(shared)), 3)
        );
        for word in [resource.to_u64(), op.to_u64(), op.poll_span().get(), UNRECORDED] {
            let clone = borrowed(word).unwrap();
            assert!(is_borrowed(clone) && !is_borrowed(word));
            assert_eq!(AnyId::from_u64(clone), AnyId::from_u64(word));
        }
        assert_eq!((borrowed(task.to_u64()), borrowed(shared.to_u64())), (None, None));
        assert_eq!(TaskId::from_u64(resource.to_u64()), None);
        assert_eq!((op.recorder(), op.generation(), op.index()), (7, 3, 9));
    }
}
