//! The sums of spawn sites, by thread: a spawn and an end write no line that another thread writes.
//!
//! Invariant: sums only rise, and a task that is in `finished` is in `spawned`, for who reads them in this order. Memory: 4 KiB for each thread and 64 sites
//! that it spawns or ends tasks of.

use std::sync::{
    OnceLock,
    atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use super::{CHUNK, MAX_SITES, SiteTotals};

/// What ended tasks add to the sums of their site.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) polls: u64,
    pub(crate) busy: u64,
    pub(crate) scheduled: u64,
    pub(crate) wakes: u64,
    pub(crate) self_wakes: u64,
}

/// Of one site.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Sums {
    spawned: AtomicU64,
    finished: AtomicU64,
    polls: AtomicU64,
    busy: AtomicU64,
    scheduled: AtomicU64,
    wakes: AtomicU64,
    self_wakes: AtomicU64,
}

/// Who else writes the sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writers {
    /// Only this thread.
    One,
    /// All threads without a number of their own.
    Many,
}

impl Writers {
    #[inline]
    fn add(self, sum: &AtomicU64, amount: u64) {
        match self {
            Self::One => sum.store(sum.load(Relaxed) + amount, Release),
            Self::Many => drop(sum.fetch_add(amount, Release)),
        }
    }
}

impl Sums {
    #[inline]
    pub(super) fn spawned(&self, writers: Writers) {
        writers.add(&self.spawned, 1);
    }

    /// The count comes last: who finds a task in it finds the rest.
    #[inline]
    pub(super) fn finished(&self, ended: &Ended, writers: Writers) {
        writers.add(&self.polls, ended.polls);
        writers.add(&self.busy, ended.busy);
        writers.add(&self.scheduled, ended.scheduled);
        writers.add(&self.wakes, ended.wakes);
        writers.add(&self.self_wakes, ended.self_wakes);
        writers.add(&self.finished, 1);
    }

    /// A task past the limit ended.
    pub(super) fn finished_untracked(&self, writers: Writers) {
        writers.add(&self.finished, 1);
    }
}

/// Adds up the sums of one site over all who write some. The ended ones first: none can be more than were spawned, and what an ended one adds is there.
pub(super) fn totals(sums: &[&Sums]) -> SiteTotals {
    let all = |sum: fn(&Sums) -> &AtomicU64| sums.iter().map(|sums| sum(sums).load(Acquire)).sum();
    let finished = all(|sums| &sums.finished);
    SiteTotals {
        finished,
        polls: all(|sums| &sums.polls),
        busy: all(|sums| &sums.busy),
        scheduled: all(|sums| &sums.scheduled),
        wakes: all(|sums| &sums.wakes),
        self_wakes: all(|sums| &sums.self_wakes),
        spawned: all(|sums| &sums.spawned),
    }
}

/// Of one thread, by site.
#[derive(Debug)]
pub(super) struct ThreadSums([OnceLock<Box<[Sums; CHUNK]>>; MAX_SITES / CHUNK]);

impl Default for ThreadSums {
    fn default() -> Self {
        Self(std::array::from_fn(|_| OnceLock::new()))
    }
}

impl ThreadSums {
    /// `None`: no such site.
    #[inline]
    pub(super) fn of(&self, site: u32) -> Option<&Sums> {
        let chunk = self.0.get(site as usize / CHUNK)?;
        let sums = match chunk.get() {
            Some(sums) => sums,
            None => make(chunk),
        };
        sums.get(site as usize % CHUNK)
    }

    /// `None`: it has none of this site.
    pub(super) fn get(&self, site: u32) -> Option<&Sums> {
        self.0.get(site as usize / CHUNK)?.get()?.get(site as usize % CHUNK)
    }

    /// Bytes beside itself.
    pub(super) fn memory_bytes(&self) -> usize {
        self.0.iter().filter(|chunk| chunk.get().is_some()).count() * size_of::<[Sums; CHUNK]>()
    }
}

#[cold]
fn make(chunk: &OnceLock<Box<[Sums; CHUNK]>>) -> &[Sums; CHUNK] {
    chunk.get_or_init(|| Box::new(std::array::from_fn(|_| Sums::default())))
}
