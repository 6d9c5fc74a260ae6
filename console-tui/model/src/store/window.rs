//! The last seconds of a resource: four counters, sampled with the store's ticks.
//!
//! Limit: [`MAX_WINDOWS`] resources of a kind with rates at a time: those that did something lately.

use rustc_hash::FxHashMap;

use crate::{
    format::SPARK_WIDTH,
    losses::Losses,
    store::{
        history::{SAMPLES, Ticks},
        locks::{Channel, LockSums},
    },
};

/// Resources of a kind whose last seconds are kept: 4 MB.
pub(crate) const MAX_WINDOWS: usize = 16_384;

/// Samples that a rate is the mean of, as for tasks.
const RATE_SAMPLES: usize = 3;
const NS_PER_US: u64 = 1000;

/// The counters of a lock, times in µs: acquisitions, those that waited, time held, time waited.
pub(crate) fn of_lock(sums: &LockSums) -> [u64; 4] {
    [sums.acquisitions, sums.contended, sums.hold_ns / NS_PER_US, sums.wait_ns / NS_PER_US]
}

/// Those of a channel, times in µs: sent, received, time blocked on full, on empty.
pub(crate) fn of_channel(channel: &Channel) -> [u64; 4] {
    let (full_us, empty_us) = (channel.blocked_full_ns / NS_PER_US, channel.blocked_empty_ns / NS_PER_US);
    [channel.sent, channel.received, full_us, empty_us]
}

/// Changes a second, over the last seconds: of a lock.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct LockRates {
    pub(crate) acquisitions: f64,
    pub(crate) contended: f64,
    /// Seconds held, a second; and seconds waited: above 1 with several waiters.
    pub(crate) hold: f64,
    pub(crate) wait: f64,
}

/// Those that did something lately, by slot.
#[derive(Debug, Default, Clone)]
pub(crate) struct Windows {
    by_slot: FxHashMap<u32, Window>,
    /// One had no room, at the last look.
    crowded: bool,
}

impl Windows {
    /// Counts from `base` on, unless it is counted already.
    pub(crate) fn open(&mut self, slot: u32, base: [u64; 4], losses: &mut Losses) {
        if self.by_slot.contains_key(&slot) {
            return;
        }
        if self.by_slot.len() >= MAX_WINDOWS {
            self.crowded = true;
            losses.histories_over_limit += 1;
            return;
        }
        self.by_slot.insert(slot, Window::new(base));
    }

    pub(crate) fn remove(&mut self, slot: u32) {
        self.by_slot.remove(&slot);
    }

    /// Takes a sample of each; `now`: its counters, `None`: it is no more.
    pub(crate) fn sample(&mut self, now: impl Fn(u32) -> Option<[u64; 4]>) {
        self.by_slot.retain(|slot, window| now(*slot).is_some_and(|now| window.sample(now)));
        self.crowded &= self.by_slot.len() >= MAX_WINDOWS;
    }

    /// Takes over those of before. `is_same`: the slot holds the same resource as before.
    pub(crate) fn adopt(&mut self, old: Self, is_same: impl Fn(u32) -> bool) {
        self.by_slot.extend(old.by_slot.into_iter().filter(|(slot, _)| is_same(*slot)));
    }

    /// The four counters a second; zero for what did nothing lately, `None`: unknown (yet, or for want of room).
    pub(crate) fn rates(&self, slot: u32, ticks: &Ticks) -> Option<[f64; 4]> {
        match self.by_slot.get(&slot) {
            Some(window) => window.rates(ticks),
            None if self.crowded || ticks.count == 0 => None,
            None => Some([0.0; 4]),
        }
    }

    /// One of the four over the last seconds; heights 0 to 8, oldest first.
    pub(crate) fn spark(&self, slot: u32, which: usize, ticks: &Ticks) -> Option<[u8; SPARK_WIDTH as usize]> {
        match self.by_slot.get(&slot) {
            Some(window) => Some(window.spark(which)),
            None if self.crowded || ticks.count == 0 => None,
            None => Some([0; SPARK_WIDTH as usize]),
        }
    }

    /// The samples of one of the four that there are, oldest first.
    pub(crate) fn series(&self, slot: u32, which: usize) -> Vec<u32> {
        self.by_slot.get(&slot).map_or_else(Vec::new, |window| window.series(which))
    }
}

/// The last samples.
#[derive(Debug, Clone)]
struct Window {
    base: [u64; 4],
    /// Newest last; the first `SAMPLES - len` are from before it existed.
    samples: [[u32; 4]; SAMPLES],
    len: u8,
    quiet: u8,
}

impl Window {
    /// Counts from `base` on.
    fn new(base: [u64; 4]) -> Self {
        Self { base, samples: [[0; 4]; SAMPLES], len: 0, quiet: 0 }
    }

    /// Takes a sample. Returns whether anything happened in the samples that are kept.
    fn sample(&mut self, now: [u64; 4]) -> bool {
        let change = |i: usize| u32::try_from(now[i].saturating_sub(self.base[i])).unwrap_or(u32::MAX);
        let sample: [u32; 4] = std::array::from_fn(change);
        self.base = now;
        self.quiet = if sample == [0; 4] { self.quiet.saturating_add(1) } else { 0 };
        self.samples.rotate_left(1);
        self.samples[SAMPLES - 1] = sample;
        self.len = (self.len + 1).min(SAMPLES as u8);
        usize::from(self.quiet) < SAMPLES
    }

    /// Changes a second of the four; `None` before the first sample.
    fn rates(&self, ticks: &Ticks) -> Option<[f64; 4]> {
        let used = usize::from(self.len).min(RATE_SAMPLES);
        let seconds = ticks.seconds(used);
        if used == 0 || seconds <= 0.0 {
            return None;
        }
        let kept = &self.samples[SAMPLES - used..];
        Some(std::array::from_fn(|i| kept.iter().map(|sample| f64::from(sample[i])).sum::<f64>() / seconds))
    }

    /// One of the four as heights 0 to 8, oldest first.
    fn spark(&self, which: usize) -> [u8; SPARK_WIDTH as usize] {
        let kept = &self.samples[SAMPLES - SPARK_WIDTH as usize..];
        heights(std::array::from_fn(|i| kept[i][which]))
    }

    /// The samples of one of the four that there are, oldest first.
    fn series(&self, which: usize) -> Vec<u32> {
        self.samples[SAMPLES - usize::from(self.len)..].iter().map(|sample| sample[which]).collect()
    }
}

/// Numbers as heights 0 to 8, relative to the largest.
pub(crate) fn heights(numbers: [u32; SPARK_WIDTH as usize]) -> [u8; SPARK_WIDTH as usize] {
    let most = numbers.into_iter().max().unwrap_or(0);
    numbers.map(|number| match number {
        0 => 0,
        // Anything at all is visible.
        some => (u64::from(some) * 8).div_ceil(u64::from(most)) as u8,
    })
}

// Windows are few, so that their record may be large.
const _: () = assert!(MAX_WINDOWS * size_of::<Window>() <= 8 << 20);
