//! Slots for objects that the other side knows by the id of a span.
//!
//! Invariant: a slot with its generation names one object for the life of the table. Limit: the table's own, set when it is made.

use std::collections::HashMap;

use taskscope_proto::{limits::MAX_SLOTS, rows::SlotRef};

#[derive(Debug)]
struct Entry<T> {
    place: SlotRef,
    value: T,
}

/// Objects by the id of their span.
#[derive(Debug)]
pub(super) struct Slots<T> {
    by_id: HashMap<u64, Entry<T>>,
    /// By slot: its generation now, and the id of what is in it (0: nothing).
    in_use: Vec<(u32, u64)>,
    free: Vec<u32>,
    max: usize,
}

impl<T> Slots<T> {
    /// For at most `max` objects at a time.
    pub(super) fn new(max: usize) -> Self {
        Self { by_id: HashMap::new(), in_use: Vec::new(), free: Vec::new(), max: max.min(MAX_SLOTS as usize) }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn place(&self, id: u64) -> Option<SlotRef> {
        self.by_id.get(&id).map(|entry| entry.place)
    }

    pub(super) fn find(&self, id: u64) -> Option<(SlotRef, &T)> {
        self.by_id.get(&id).map(|entry| (entry.place, &entry.value))
    }

    /// The id of what is in a place, as long as it is.
    pub(super) fn id_at(&self, place: SlotRef) -> Option<u64> {
        let (generation, id) = *self.in_use.get(place.slot as usize)?;
        (generation == place.generation && id != 0).then_some(id)
    }

    /// Keeps a new object. `None`: the table is full, or the id is taken or 0, which is no id.
    pub(super) fn insert(&mut self, id: u64, value: T) -> Option<SlotRef> {
        if id == 0 || self.by_id.contains_key(&id) {
            return None;
        }
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None if self.in_use.len() < self.max => {
                self.in_use.push((0, 0));
                (self.in_use.len() - 1) as u32
            }
            None => return None,
        };
        let (generation, in_it) = &mut self.in_use[slot as usize];
        *generation = generation.wrapping_add(1);
        *in_it = id;
        let place = SlotRef { slot, generation: *generation };
        self.by_id.insert(id, Entry { place, value });
        Some(place)
    }

    /// Forgets an object. Its slot is used again only after [`Self::release`].
    pub(super) fn remove(&mut self, id: u64) -> Option<(SlotRef, T)> {
        let entry = self.by_id.remove(&id)?;
        self.in_use[entry.place.slot as usize].1 = 0;
        Some((entry.place, entry.value))
    }

    /// Others may have the slot of a removed object now.
    pub(super) fn release(&mut self, slot: u32) {
        self.free.push(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_used_again_with_another_generation() {
        let mut slots = Slots::new(1);
        let first = slots.insert(7, ()).unwrap();
        assert_eq!(slots.insert(8, ()), None, "full");
        assert_eq!(slots.id_at(first), Some(7));
        slots.remove(7).unwrap();
        assert_eq!(slots.insert(8, ()), None, "not released yet");
        slots.release(first.slot);
        let second = slots.insert(8, ()).unwrap();
        assert_eq!((second.slot, second.generation), (first.slot, first.generation + 1));
        assert_eq!((slots.id_at(first), slots.id_at(second)), (None, Some(8)));
        assert_eq!(slots.insert(0, ()), None, "0 is no id");
    }
}
