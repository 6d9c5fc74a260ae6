//! The last seconds of a lock or a channel: four counters, sampled with the store's ticks.

use crate::{
    columns::SPARK_WIDTH,
    store::{
        history::{SAMPLES, Ticks},
        locks::{Channel, LockSums},
    },
};

/// Samples that a rate is the mean of, as for tasks.
const RATE_SAMPLES: usize = 3;
const NS_PER_US: u64 = 1000;

/// The counters of a lock, times in µs: acquisitions, those that waited, time held, time waited.
pub(super) fn of_lock(sums: &LockSums) -> [u64; 4] {
    [sums.acquisitions, sums.contended, sums.hold_ns / NS_PER_US, sums.wait_ns / NS_PER_US]
}

/// Those of a channel, times in µs: sent, received, time blocked on full, on empty.
pub(super) fn of_channel(channel: &Channel) -> [u64; 4] {
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

/// The last samples.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    base: [u64; 4],
    /// Newest last; the first `SAMPLES - len` are from before it existed.
    samples: [[u32; 4]; SAMPLES],
    len: u8,
    quiet: u8,
}

impl Window {
    /// Counts from `base` on.
    pub(super) fn new(base: [u64; 4]) -> Self {
        Self { base, samples: [[0; 4]; SAMPLES], len: 0, quiet: 0 }
    }

    /// Takes a sample. Returns whether anything happened in the samples that are kept.
    pub(super) fn sample(&mut self, now: [u64; 4]) -> bool {
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
    pub(super) fn rates(&self, ticks: &Ticks) -> Option<[f64; 4]> {
        let used = usize::from(self.len).min(RATE_SAMPLES);
        let seconds = ticks.seconds(used);
        if used == 0 || seconds <= 0.0 {
            return None;
        }
        let kept = &self.samples[SAMPLES - used..];
        Some(std::array::from_fn(|i| kept.iter().map(|sample| f64::from(sample[i])).sum::<f64>() / seconds))
    }

    /// One of the four as heights 0 to 8, oldest first.
    pub(super) fn spark(&self, which: usize) -> [u8; SPARK_WIDTH as usize] {
        let kept = &self.samples[SAMPLES - SPARK_WIDTH as usize..];
        let most = kept.iter().map(|sample| sample[which]).max().unwrap_or(0);
        std::array::from_fn(|i| match kept[i][which] {
            0 => 0,
            // Anything at all is visible.
            some => (u64::from(some) * 8).div_ceil(u64::from(most)) as u8,
        })
    }

    /// The samples of one of the four that there are, oldest first.
    pub(super) fn series(&self, which: usize) -> Vec<u32> {
        self.samples[SAMPLES - usize::from(self.len)..].iter().map(|sample| sample[which]).collect()
    }
}
