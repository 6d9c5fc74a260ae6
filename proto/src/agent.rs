//! An agent, which is a task or a thread that acts, as one number on the wire (`StatColumns.last_waker`, `WakerCount.waker`, `Event.by`).
//!
//! | number | meaning |
//! |---|---|
//! | 0 | unknown |
//! | odd: `index * 2 + 1` | a thread, outside any task: the driver, a timer, a thread of the program |
//! | even: `(generation << 24 \| slot) * 2 + 2` | the task that was being polled |
//!
//! Invariant: an [`AgentRef`] survives the way there and back; a number that no sender makes is `Unknown`.
//!
//! Limit: a slot has 24 bits ([`MAX_SLOTS`]) and a generation 32, so the largest code has 57.

use crate::limits::MAX_SLOTS;

const SLOT_BITS: u32 = MAX_SLOTS.trailing_zeros();

/// Who woke a task, holds a lock or sent a message; of a poll, its thread.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AgentRef {
    /// The source does not know.
    #[default]
    Unknown,
    /// A thread that polled no task at that time; the 1-based index of a `Thread`.
    Thread(u32),
    /// The task that was being polled.
    Task {
        /// Its slot, below [`MAX_SLOTS`].
        slot: u32,
        /// The generation of that slot.
        generation: u32,
    },
}

impl AgentRef {
    /// The number on the wire. A slot that can't exist is `Unknown`.
    pub fn encode(self) -> u64 {
        match self {
            Self::Thread(index) => u64::from(index) * 2 + 1,
            Self::Task { slot, generation } if slot < MAX_SLOTS => {
                (u64::from(generation) << SLOT_BITS | u64::from(slot)) * 2 + 2
            }
            Self::Task { .. } | Self::Unknown => 0,
        }
    }

    /// Reads a number from the wire; one that no sender makes is `Unknown`.
    pub fn decode(code: u64) -> Self {
        if code == 0 {
            return Self::Unknown;
        }
        if code % 2 == 1 {
            return u32::try_from(code / 2).map_or(Self::Unknown, Self::Thread);
        }
        let task = code / 2 - 1;
        let slot = (task % u64::from(MAX_SLOTS)) as u32;
        u32::try_from(task >> SLOT_BITS).map_or(Self::Unknown, |generation| Self::Task { slot, generation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_agent() -> impl Strategy<Value = AgentRef> {
        prop_oneof![
            Just(AgentRef::Unknown),
            any::<u32>().prop_map(AgentRef::Thread),
            (0..MAX_SLOTS, any::<u32>()).prop_map(|(slot, generation)| AgentRef::Task { slot, generation }),
        ]
    }

    proptest! {
        #[test]
        fn survives_the_wire(agent in any_agent()) {
            prop_assert_eq!(AgentRef::decode(agent.encode()), agent);
        }

        #[test]
        fn hostile_numbers_are_unknown_or_mean_one_thing(code in any::<u64>()) {
            let agent = AgentRef::decode(code);
            prop_assert!(agent == AgentRef::Unknown || agent.encode() == code);
        }
    }

    #[test]
    fn follows_the_schema() {
        assert_eq!(AgentRef::Unknown.encode(), 0);
        assert_eq!(AgentRef::Thread(3).encode(), 7);
        assert_eq!(AgentRef::Task { slot: 0, generation: 0 }.encode(), 2);
        assert_eq!(AgentRef::Task { slot: 5, generation: 2 }.encode(), (2 << 24 | 5) * 2 + 2);
        assert_eq!(AgentRef::Task { slot: MAX_SLOTS, generation: 0 }.encode(), 0);
    }
}
