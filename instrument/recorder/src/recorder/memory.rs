//! What a recorder holds, in bytes, and the texts of tasks, whose size is not known beforehand.

use std::sync::{PoisonError, atomic::Ordering::Relaxed};

use super::{Recorder, Spawn};
use crate::{
    task::{Extra, MAX_FIELDS_BYTES, MAX_NAME_BYTES, TaskFacts},
    text::cut,
};

/// Of the queue of finished tasks, a place: a number and a stamp.
const CLOSED_BYTES: usize = 16;

impl Recorder {
    /// Bytes held: slots, histograms and rings, places, names, the texts of tasks.
    pub fn memory_bytes(&self) -> usize {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let rings_bytes: usize = rings.iter().map(|ring| ring.memory_bytes()).sum();
        self.tasks.memory_bytes()
            + self.blocks.memory_bytes()
            + self.resources.memory_bytes()
            + self.ops.memory_bytes()
            + self.frames.memory_bytes()
            + self.records.memory_bytes()
            + self.worker_bytes()
            + self.sites.memory_bytes()
            + self.names.memory_bytes()
            + self.extra_bytes.load(Relaxed)
            + self.closed.capacity() * CLOSED_BYTES
            + rings_bytes
    }

    pub(super) fn extra(&self, spawn: &Spawn<'_>) -> Option<Box<Extra>> {
        if spawn.name.is_empty() && spawn.fields.is_empty() && spawn.original_size_bytes == 0 {
            return None;
        }
        let extra = Box::new(Extra {
            name: self.kept(spawn.name, MAX_NAME_BYTES).into(),
            fields: self.kept(spawn.fields, MAX_FIELDS_BYTES).into(),
            original_size_bytes: u32::try_from(spawn.original_size_bytes).unwrap_or(u32::MAX),
            wakers: None,
        });
        self.extra_bytes.fetch_add(extra.memory_bytes(), Relaxed);
        Some(extra)
    }

    pub(super) fn change_extra(&self, facts: &mut TaskFacts, change: impl FnOnce(&mut Extra)) {
        let before = facts.extra.as_ref().map_or(0, |extra| extra.memory_bytes());
        let extra = facts.extra.get_or_insert_default();
        change(extra);
        self.extra_bytes.fetch_add(extra.memory_bytes().wrapping_sub(before), Relaxed);
    }

    pub(super) fn kept<'t>(&self, text: &'t str, max_bytes: usize) -> &'t str {
        let kept = cut(text, max_bytes);
        if kept.len() < text.len() {
            self.truncated.fetch_add(1, Relaxed);
        }
        kept
    }
}
