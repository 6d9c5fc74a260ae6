//! The order of the rows, sorted as far as anybody looks.
//!
//! The rows come in runs, each sorted on its own while a scan goes on. A window of the whole is found by halving all runs at
//! once, and only the window is merged: its cost follows the rows that are looked at, wherever they are. Any window
//! holds what a full sort would put there.
//!
//! Limit: two entries are equal only if a server reuses the identity of a task; they are two rows until the next scan.

use std::ops::Range;

use crate::{
    id::{SiteId, TaskKey},
    table::place::{self, Rows},
};

type RowKey = place::RowKey<TaskKey, SiteId>;

/// Rows merged beyond the window at each side, so that scrolling rarely merges again.
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
            _ => RowKey::One(TaskKey { slot: self.slot, generation: self.generation }),
        }
    }
}

/// The rows.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// Each is sorted.
    runs: Vec<Vec<Entry>>,
    len: usize,
    /// Rows at [`Self::window`], in their order.
    merged: Vec<Entry>,
    window: Range<usize>,
}

impl Order {
    /// Rows in runs, each of which is sorted.
    pub(crate) fn new(runs: Vec<Vec<Entry>>) -> Self {
        let len = runs.iter().map(Vec::len).sum();
        Self { runs, len, merged: Vec::new(), window: 0..0 }
    }

    /// The row at `index`; `None` outside of the merged window.
    fn entry(&self, index: usize) -> Option<&Entry> {
        if self.window.contains(&index) { self.merged.get(index - self.window.start) } else { None }
    }

    /// How many entries of each run are among the first `rank` of all.
    fn split(&self, rank: usize) -> Vec<usize> {
        // What is decided: below `low` they are, from `high` on they are not.
        let mut low = vec![0; self.runs.len()];
        let mut high: Vec<usize> = self.runs.iter().map(Vec::len).collect();
        loop {
            let open = low.iter().zip(&high).map(|(low, high)| high - low);
            let Some((widest, width)) = open.enumerate().max_by_key(|(_, width)| *width) else { return low };
            if width == 0 {
                return low;
            }
            let middle = low[widest] + width / 2;
            let pivot = self.runs[widest][middle];
            let cut = |(run, (low, high)): (&Vec<Entry>, (&usize, &usize))| {
                low + run[*low..*high].partition_point(|entry| *entry < pivot)
            };
            let mut cuts: Vec<usize> = self.runs.iter().zip(low.iter().zip(&high)).map(cut).collect();
            if cuts.iter().sum::<usize>() >= rank {
                high = cuts;
            } else {
                // The pivot is one of them too.
                cuts[widest] += 1;
                low = cuts;
            }
        }
    }
}

impl Rows<RowKey> for Order {
    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> Option<(RowKey, u8)> {
        self.entry(index).map(|entry| (entry.key(), u8::from(entry.is_member())))
    }

    /// Of any row, merged or not.
    fn position(&self, key: RowKey) -> Option<usize> {
        let entry = self.runs.iter().flatten().find(|entry| entry.key() == key)?;
        Some(self.runs.iter().map(|run| run.partition_point(|other| other < entry)).sum())
    }

    /// Merges the window, with a margin.
    fn show(&mut self, window: Range<usize>) {
        let window = window.start.min(self.len)..window.end.min(self.len);
        if self.window.start <= window.start && window.end <= self.window.end {
            return;
        }
        let wanted = window.start.saturating_sub(MARGIN)..(window.end + MARGIN).min(self.len);
        let (from, to) = (self.split(wanted.start), self.split(wanted.end));
        self.merged.clear();
        for ((run, from), to) in self.runs.iter().zip(from).zip(to) {
            self.merged.extend_from_slice(&run[from..to]);
        }
        self.merged.sort_unstable();
        self.window = wanted;
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

    /// Of unequal lengths, an empty one among them.
    fn runs(keys: &[u64]) -> Vec<Vec<Entry>> {
        let mut all = entries(keys);
        let mut runs = vec![Vec::new()];
        while !all.is_empty() {
            let mut run = all.split_off(all.len() - all.len().min(1 + 700 * runs.len()));
            run.sort_unstable();
            runs.push(run);
        }
        runs
    }

    proptest! {
        #[test]
        fn every_window_holds_what_a_full_sort_would(
            keys in prop::collection::vec(0_u64..50, 0..6000),
            windows in prop::collection::vec((0_usize..6000, 1_usize..80), 1..6),
        ) {
            let mut full = entries(&keys);
            full.sort();
            let mut order = Order::new(runs(&keys));
            for (start, len) in windows {
                order.show(start..start + len);
                for index in (start..start + len).take_while(|index| *index < full.len()) {
                    prop_assert_eq!(order.entry(index), Some(&full[index]));
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
        assert_eq!(all.map(|entry| entry.key()), [RowKey::Group(site), RowKey::One(task), RowKey::One(task)]);
        assert!(all[1].is_member() && !all[2].is_member());
    }

    #[test]
    fn the_cost_follows_the_window() {
        let keys: Vec<u64> = (0..200_000_u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let mut order = Order::new(runs(&keys));
        order.show(100_000..100_050);
        assert_eq!(order.merged.len(), 50 + 2 * MARGIN);
        let mut full = entries(&keys);
        full.sort();
        assert_eq!(order.entry(100_049), Some(&full[100_049]));
    }
}
