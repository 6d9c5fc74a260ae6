//! Slots and generations for things that are known by their addresses.

use std::hash::Hash;

use rustc_hash::{FxHashMap, FxHashSet};
use taskscope_proto::{limits::MAX_SLOTS, rows::SlotRef};

/// Who has which slot.
#[derive(Debug)]
pub(super) struct Slots<K> {
    by_key: FxHashMap<K, Entry>,
    /// Of every slot that was ever used.
    generations: Vec<u32>,
    free: Vec<u32>,
    round: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    slot: SlotRef,
    first_ns: u64,
    changed_ns: u64,
    /// The round that saw it last.
    round: u64,
    /// What was sent of what never changes.
    is_described: bool,
    /// Hash of what was sent of the rest.
    sent: u64,
}

impl<K> Default for Slots<K> {
    fn default() -> Self {
        Self { by_key: FxHashMap::default(), generations: Vec::new(), free: Vec::new(), round: 0 }
    }
}

impl<K: Hash + Eq + Copy + Ord> Slots<K> {
    /// The slot of something that was seen in this round; a new one where it was not known. Past [`MAX_SLOTS`] all share the last one.
    pub(super) fn slot(&mut self, key: K, now_ns: u64) -> SlotRef {
        let round = self.round;
        if let Some(entry) = self.by_key.get_mut(&key) {
            entry.round = round;
            return entry.slot;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            if self.generations.len() < MAX_SLOTS as usize {
                self.generations.push(0);
            }
            self.generations.len() as u32 - 1
        });
        let generation = &mut self.generations[slot as usize];
        *generation = generation.wrapping_add(1).max(1);
        let slot = SlotRef { slot, generation: *generation };
        self.by_key.insert(
            key,
            Entry { slot, first_ns: now_ns, changed_ns: now_ns, round, is_described: false, sent: 0 },
        );
        slot
    }

    /// The slot of something known.
    pub(super) fn get(&self, key: &K) -> Option<SlotRef> {
        self.by_key.get(key).map(|entry| entry.slot)
    }

    /// When it was seen first.
    pub(super) fn first_ns(&self, key: &K) -> Option<u64> {
        self.by_key.get(key).map(|entry| entry.first_ns)
    }

    /// When the rest of it was another the last time.
    pub(super) fn changed_ns(&self, key: &K) -> Option<u64> {
        self.by_key.get(key).map(|entry| entry.changed_ns)
    }

    /// Whether what never changes of it must be sent; it counts as sent from now on.
    pub(super) fn describe(&mut self, key: &K) -> bool {
        self.by_key.get_mut(key).is_some_and(|entry| !std::mem::replace(&mut entry.is_described, true))
    }

    /// Whether the rest of it is another than what was sent; it counts as sent from now on.
    pub(super) fn changed(&mut self, key: &K, hash: u64, now_ns: u64) -> bool {
        let Some(entry) = self.by_key.get_mut(key) else { return false };
        let changed = std::mem::replace(&mut entry.sent, hash) != hash;
        if changed {
            entry.changed_ns = now_ns;
        }
        changed
    }

    /// Frees what this round did not see. Returns the slots, ascending.
    pub(super) fn end_round(&mut self) -> Vec<u32> {
        let round = self.round;
        self.round += 1;
        let mut freed = Vec::new();
        self.by_key.retain(|_, entry| {
            let seen = entry.round == round;
            if !seen {
                freed.push(entry.slot.slot);
            }
            seen
        });
        self.take_back(freed)
    }

    /// Frees what is not among these. Returns the slots, ascending.
    pub(super) fn retain(&mut self, keys: impl Iterator<Item = K>) -> Vec<u32> {
        let keys: FxHashSet<K> = keys.collect();
        let mut freed = Vec::new();
        self.by_key.retain(|key, entry| {
            let seen = keys.contains(key);
            if !seen {
                freed.push(entry.slot.slot);
            }
            seen
        });
        self.take_back(freed)
    }

    fn take_back(&mut self, mut freed: Vec<u32>) -> Vec<u32> {
        freed.sort_unstable();
        freed.dedup();
        self.free.extend(freed.iter().rev());
        freed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_is_used_again_has_another_generation() {
        let mut slots = Slots::default();
        let first = slots.slot(7_u64, 1);
        assert_eq!(slots.slot(7, 5), first);
        assert_eq!(slots.first_ns(&7), Some(1));
        assert!(slots.describe(&7) && !slots.describe(&7));
        assert!(slots.changed(&7, 3, 2) && !slots.changed(&7, 3, 3) && slots.changed(&7, 4, 4));
        assert_eq!(slots.changed_ns(&7), Some(4));
        assert!(slots.end_round().is_empty());
        let other = slots.slot(8, 6);
        assert_eq!(slots.end_round(), [first.slot]);
        let again = slots.slot(9, 7);
        assert_eq!((again.slot, again.generation), (first.slot, first.generation + 1));
        assert_eq!(slots.retain([9].into_iter()), [other.slot]);
    }
}
