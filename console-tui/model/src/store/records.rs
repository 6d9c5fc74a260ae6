//! The records of tasks: those that are alive by their slot, and the finished ones that are still shown.
//!
//! Invariant: a task is found by its [`TaskKey`] as long as it is kept, wherever its record lies.
//!
//! Limit: the number of live records that [`Records::new`] gets, and [`MAX_RETIRED`] finished ones.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::{
    cow::{Pages, Shards},
    id::TaskKey,
    store::task::{Marks, Task},
};

/// Finished tasks kept after the server has dropped them; the oldest go first.
pub(crate) const MAX_RETIRED: usize = 16_384;

/// Tasks that room is made for before they come, whatever number is announced.
const MAX_EXPECTED: usize = 1 << 20;

#[derive(Debug, Clone, Copy)]
struct Retired {
    index: u32,
    since_ns: u64,
}

/// The records. A record stays at its index until its task is forgotten.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    max_live: usize,
    list: Pages<Task>,
    free: Vec<u32>,
    by_slot: Shards<u32, u32>,
    retired: VecDeque<Retired>,
    retired_by_key: FxHashMap<TaskKey, u32>,
    /// Which of each task's two marks are shown.
    shown_marks: usize,
}

impl Records {
    pub(crate) fn new(max_live: usize) -> Self {
        Self {
            max_live,
            list: Pages::default(),
            free: Vec::new(),
            by_slot: Shards::default(),
            retired: VecDeque::new(),
            retired_by_key: FxHashMap::default(),
            shown_marks: 0,
        }
    }

    /// Makes room for the tasks that are announced.
    pub(crate) fn expect(&mut self, tasks: u64) {
        let tasks = usize::try_from(tasks).unwrap_or(usize::MAX).min(self.max_live).min(MAX_EXPECTED);
        self.list.expect(tasks);
    }

    /// Live and finished ones.
    pub(crate) fn len(&self) -> usize {
        self.by_slot.len() + self.retired.len()
    }

    /// Finished ones.
    pub(crate) fn retired(&self) -> usize {
        self.retired.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.by_slot.len() >= self.max_live
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Task> {
        self.list.iter()
    }

    /// At most `most` records from number `from` on, the empty ones too; none: that was the last.
    pub(crate) fn range(&self, from: usize, most: usize) -> impl ExactSizeIterator<Item = Option<&Task>> {
        self.list.range(from, most)
    }

    pub(crate) fn get(&self, key: TaskKey) -> Option<&Task> {
        match self.at_slot(key.slot).and_then(|index| self.at(index)) {
            Some(task) if task.key == key => Some(task),
            _ => self.retired_by_key.get(&key).and_then(|&index| self.at(index)),
        }
    }

    pub(crate) fn at(&self, index: u32) -> Option<&Task> {
        self.list.get(index as usize)
    }

    pub(crate) fn at_mut(&mut self, index: u32) -> Option<&mut Task> {
        self.list.get_mut(index as usize)
    }

    /// The record of the live task in a slot.
    pub(crate) fn at_slot(&self, slot: u32) -> Option<u32> {
        self.by_slot.get(&slot).copied()
    }

    /// Puts a changed task back.
    pub(crate) fn set(&mut self, index: u32, task: Task) {
        self.list.set(index as usize, task);
    }

    /// A live task that is new.
    pub(crate) fn insert(&mut self, task: Task) {
        let slot = task.key.slot;
        let index = self.free.pop().unwrap_or(self.list.len() as u32);
        if index as usize == self.list.len() {
            self.list.push(task);
        } else {
            self.set(index, task);
        }
        self.by_slot.insert(slot, index);
    }

    /// The live task in `slot` leaves its slot: [`Self::retire`] it.
    pub(crate) fn leave_slot(&mut self, slot: u32) -> Option<u32> {
        self.by_slot.remove(&slot)
    }

    /// Keeps a task that has ended. Returns the oldest of them, if they are too many: [`Self::forget`] it.
    pub(crate) fn retire(&mut self, index: u32, task: Task) -> Option<u32> {
        let since_ns = task.stats.state_since_ns;
        self.retired_by_key.insert(task.key, index);
        self.set(index, task);
        self.retired.push_back(Retired { index, since_ns });
        if self.retired.len() > MAX_RETIRED {
            self.retired.pop_front().map(|oldest| oldest.index)
        } else {
            None
        }
    }

    /// A finished task of an older state of the same process.
    pub(crate) fn adopt_retired(&mut self, task: Task, since_ns: u64) {
        let index = self.list.len() as u32;
        self.retired_by_key.insert(task.key, index);
        self.list.push(task);
        self.retired.push_back(Retired { index, since_ns });
    }

    /// Finished ones, each with the time of its end.
    pub(crate) fn retired_tasks(&self) -> impl Iterator<Item = (&Task, u64)> {
        self.retired.iter().filter_map(|retired| Some((self.at(retired.index)?, retired.since_ns)))
    }

    /// Takes those out of the finished ones that `is_over` by their end, and are not in `keep`: [`Self::forget`] them.
    pub(crate) fn purge(&mut self, is_over: impl Fn(u64) -> bool, keep: &[TaskKey]) -> Vec<u32> {
        let mut over = Vec::new();
        let retired = std::mem::take(&mut self.retired);
        for retired in retired {
            let is_kept = self.at(retired.index).is_some_and(|task| keep.contains(&task.key));
            if is_kept || !is_over(retired.since_ns) {
                self.retired.push_back(retired);
            } else {
                over.push(retired.index);
            }
        }
        over
    }

    /// Frees a record; what was in it.
    pub(crate) fn forget(&mut self, index: u32) -> Option<Task> {
        let task = self.list.take(index as usize)?;
        if self.retired_by_key.get(&task.key) == Some(&index) {
            self.retired_by_key.remove(&task.key);
        }
        self.free.push(index);
        Some(task)
    }

    /// What the lints said of a task when they last looked at all of them.
    pub(crate) fn marks(&self, task: &Task) -> Marks {
        task.marks[self.shown_marks]
    }

    /// What a scan set on a task; it is not shown yet.
    pub(crate) fn next_marks(&self, task: &Task) -> Marks {
        task.marks[1 - self.shown_marks]
    }

    /// What a scan makes of the task in a record. It is not shown before [`Self::show_next_marks`].
    pub(crate) fn set_next_marks(&mut self, record: usize, marks: Marks) {
        let next = 1 - self.shown_marks;
        if self.list.get(record).is_some_and(|task| task.marks[next] != marks)
            && let Some(task) = self.list.get_mut(record)
        {
            task.marks[next] = marks;
        }
    }

    /// The marks that a scan has set on every task take the place of those that are shown.
    pub(crate) fn show_next_marks(&mut self) {
        self.shown_marks = 1 - self.shown_marks;
    }

    /// Forgets some records, `units` of them; true: none is left. Nothing else may be asked after that.
    pub(crate) fn release_some(&mut self, units: usize) -> bool {
        if self.list.is_empty() {
            return true;
        }
        self.list.drop_last(units, |_| {});
        false
    }
}
