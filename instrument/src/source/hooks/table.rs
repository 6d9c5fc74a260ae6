//! From tokio's task id to our task, without a lock or a hash on the poll path.
//!
//! Tokio numbers tasks one after the other, so the number itself, cut to the table's size, is a bucket in it; a bucket that an older live
//! task holds is passed over, up to [`WINDOW`] buckets. What finds no bucket goes to a locked map, which is looked at only while it holds
//! something. Memory: 16 bytes a bucket, 256 KiB in all, made at the first task.

use std::{
    collections::HashMap,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{
            AtomicU64, AtomicUsize,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
    },
};

use taskscope_recorder::TaskId;

/// Buckets; a power of two.
const BUCKETS: usize = 16_384;
/// Buckets tried for a task.
const WINDOW: usize = 8;

#[derive(Debug)]
pub(super) struct Table {
    buckets: OnceLock<Box<[Bucket]>>,
    spilled: AtomicUsize,
    spill: Mutex<HashMap<u64, TaskId>>,
}

/// A task's bucket: tokio's id (0: free), then ours.
#[derive(Debug, Default)]
struct Bucket {
    tokio_id: AtomicU64,
    task: AtomicU64,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { buckets: OnceLock::new(), spilled: AtomicUsize::new(0), spill: Mutex::default() }
    }

    pub(super) fn insert(&self, tokio_id: u64, task: TaskId) {
        let buckets = self.buckets.get_or_init(|| (0..BUCKETS).map(|_| Bucket::default()).collect());
        for bucket in window(buckets, tokio_id) {
            // Reserved first with a number that no lookup asks for, so that no lookup finds the bucket without its task.
            if bucket.tokio_id.compare_exchange(0, u64::MAX, AcqRel, Relaxed).is_ok() {
                bucket.task.store(task.to_u64(), Relaxed);
                bucket.tokio_id.store(tokio_id, Release);
                return;
            }
        }
        self.spilled.fetch_add(1, Relaxed);
        self.spill.lock().unwrap_or_else(PoisonError::into_inner).insert(tokio_id, task);
    }

    /// Whether it ever had a task; where it had none, a poll is spared the reading of its task's id.
    #[inline]
    pub(super) fn is_used(&self) -> bool {
        self.buckets.get().is_some()
    }

    #[inline]
    pub(super) fn find(&self, tokio_id: u64) -> Option<TaskId> {
        let buckets = self.buckets.get()?;
        for bucket in window(buckets, tokio_id) {
            if bucket.tokio_id.load(Acquire) == tokio_id {
                return TaskId::from_u64(bucket.task.load(Relaxed));
            }
        }
        if self.spilled.load(Relaxed) == 0 {
            return None;
        }
        self.spill.lock().unwrap_or_else(PoisonError::into_inner).get(&tokio_id).copied()
    }

    pub(super) fn remove(&self, tokio_id: u64) -> Option<TaskId> {
        let buckets = self.buckets.get()?;
        for bucket in window(buckets, tokio_id) {
            if bucket.tokio_id.load(Acquire) == tokio_id {
                let task = TaskId::from_u64(bucket.task.load(Relaxed));
                bucket.tokio_id.store(0, Release);
                return task;
            }
        }
        if self.spilled.load(Relaxed) == 0 {
            return None;
        }
        let task = self.spill.lock().unwrap_or_else(PoisonError::into_inner).remove(&tokio_id)?;
        self.spilled.fetch_sub(1, Relaxed);
        Some(task)
    }
}

fn window(buckets: &[Bucket], tokio_id: u64) -> impl Iterator<Item = &Bucket> {
    (0..WINDOW).map(move |step| &buckets[(tokio_id as usize).wrapping_add(step) & (BUCKETS - 1)])
}

#[cfg(test)]
mod tests {
    use taskscope_recorder::{Recorder, Spawn};

    use super::*;

    #[test]
    fn finds_every_task_also_past_its_size() {
        let recorder = Recorder::default();
        let table = Table::new();
        let tasks: Vec<(u64, TaskId)> =
            (1..=2 * BUCKETS as u64).map(|id| (id, recorder.spawn(&Spawn::default()))).collect();
        for (id, task) in &tasks {
            table.insert(*id, *task);
        }
        assert!(table.spilled.load(Relaxed) > 0);
        for (id, task) in &tasks {
            assert_eq!(table.find(*id), Some(*task));
            assert_eq!(table.remove(*id), Some(*task));
            assert_eq!(table.find(*id), None);
        }
        assert_eq!(table.spilled.load(Relaxed), 0);
    }
}
