//! The order of the rows, sorted only where somebody looks.
//!
//! A million keys take a second to sort and nobody reads them: the window that is looked at is selected out of the rest
//! (linear), and only the window is sorted. Any window of a list sorted so holds what a full sort would put there.
//!
//! Invariant: no two entries are equal, so every position is decided.

use std::ops::Range;

use crate::{
    id::{SiteId, TaskKey},
    screen::table::RowKey,
};

/// Rows sorted beyond the window at each side, so that scrolling rarely sorts again.
const MARGIN: usize = 1024;

/// A row with its sort key: of what it stands under first, then its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    top: u64,
    /// Site plus one of a group's row and of those below it; 0: neither.
    group_plus1: u32,
    /// Key within the group plus one; 0: the group's own row.
    sub: u64,
    slot: u32,
    generation: u32,
}

impl Entry {
    pub(crate) fn loose(task: TaskKey, key: u64) -> Self {
        Self { top: key, group_plus1: 0, sub: 0, slot: task.slot, generation: task.generation }
    }

    pub(crate) fn header(site: SiteId, key: u64) -> Self {
        Self { top: key, group_plus1: site.0 + 1, sub: 0, slot: 0, generation: 0 }
    }

    pub(crate) fn member(site: SiteId, task: TaskKey, group_key: u64, key: u64) -> Self {
        Self {
            top: group_key,
            group_plus1: site.0 + 1,
            sub: key.saturating_add(1),
            slot: task.slot,
            generation: task.generation,
        }
    }

    pub(crate) fn is_member(&self) -> bool {
        self.group_plus1 > 0 && self.sub > 0
    }

    pub(crate) fn key(&self) -> RowKey {
        match self.group_plus1.checked_sub(1) {
            Some(site) if self.sub == 0 => RowKey::Group(SiteId(site)),
            _ => RowKey::Task(TaskKey { slot: self.slot, generation: self.generation }),
        }
    }
}

/// The rows, of which [`Self::sorted`] are where they belong.
#[derive(Debug, Default)]
pub(crate) struct Order {
    entries: Vec<Entry>,
    sorted: Range<usize>,
}

impl Order {
    pub(crate) fn new(entries: Vec<Entry>) -> Self {
        Self { entries, sorted: 0..0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The row at `index`; `None` outside of the sorted window.
    pub(crate) fn get(&self, index: usize) -> Option<&Entry> {
        if self.sorted.contains(&index) { self.entries.get(index) } else { None }
    }

    /// Puts the rows of `window` where they belong.
    pub(crate) fn sort_window(&mut self, window: Range<usize>) {
        let window = window.start.min(self.entries.len())..window.end.min(self.entries.len());
        if self.sorted.start <= window.start && window.end <= self.sorted.end {
            return;
        }
        let wanted = window.start.saturating_sub(MARGIN)..(window.end + MARGIN).min(self.entries.len());
        let tail = &mut self.entries[..];
        if wanted.start > 0 && wanted.start < tail.len() {
            tail.select_nth_unstable(wanted.start);
        }
        let tail = &mut tail[wanted.start..];
        let len = wanted.len();
        if len > 0 && len < tail.len() {
            tail.select_nth_unstable(len - 1);
        }
        tail[..len].sort_unstable();
        self.sorted = wanted;
    }

    /// Where a row belongs, whether its surroundings are sorted or not.
    pub(crate) fn position(&self, key: RowKey) -> Option<usize> {
        let entry = self.entries.iter().find(|entry| entry.key() == key)?;
        Some(self.entries.iter().filter(|other| *other < entry).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries(keys: &[u64]) -> Vec<Entry> {
        let task = |slot| TaskKey { slot: slot as u32, generation: 0 };
        keys.iter().enumerate().map(|(slot, key)| Entry::loose(task(slot), *key)).collect()
    }

    proptest! {
        #[test]
        fn every_window_holds_what_a_full_sort_would(
            keys in prop::collection::vec(0_u64..50, 0..6000),
            windows in prop::collection::vec((0_usize..6000, 1_usize..80), 1..6),
        ) {
            let mut full = entries(&keys);
            full.sort();
            let mut order = Order::new(entries(&keys));
            for (start, len) in windows {
                order.sort_window(start..start + len);
                for index in (start..start + len).take_while(|index| *index < full.len()) {
                    prop_assert_eq!(order.get(index), Some(&full[index]));
                    prop_assert_eq!(order.position(full[index].key()), Some(index));
                }
            }
        }
    }

    #[test]
    fn a_group_stands_above_its_tasks() {
        let (site, task) = (SiteId(3), TaskKey { slot: 9, generation: 1 });
        let mut all = [Entry::member(site, task, 5, 0), Entry::loose(task, 6), Entry::header(site, 5)];
        all.sort();
        assert_eq!(
            all.map(|entry| entry.key()),
            [RowKey::Group(site), RowKey::Task(task), RowKey::Task(task)]
        );
        assert!(all[1].is_member() && !all[2].is_member());
    }

    #[test]
    fn the_cost_follows_the_window() {
        // Sorting the whole would move every entry to its place; outside the window hardly any is.
        let keys: Vec<u64> = (0..200_000_u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let mut full = entries(&keys);
        full.sort();
        let mut order = Order::new(entries(&keys));
        order.sort_window(0..50);
        let placed = order.entries.iter().zip(&full).filter(|(a, b)| a == b).count();
        assert!(placed < 10_000, "{placed} of 200000 rows were sorted for a page of 50");
    }
}
