//! The last seconds of whoever did something: a handful of samples, one a second, only for active tasks.
//!
//! Limit: [`MAX_HISTORIES`] tasks at a time; a task that does nothing for [`SAMPLES`] seconds gives its place back.

use crate::{format::SPARK_WIDTH, store::task::Sums};

/// Samples kept.
pub(crate) const SAMPLES: usize = 12;
/// Tasks with a history at a time: 30 MB.
pub(crate) const MAX_HISTORIES: usize = 100_000;
/// Samples that a rate is the mean of: long enough not to flicker.
const RATE_SAMPLES: usize = 3;
/// What happened in a shorter time is no rate.
const MIN_RATE_NS: u64 = SAMPLE_NS / 2;
/// Time between samples.
pub(crate) const SAMPLE_NS: u64 = 1_000_000_000;
const NS_PER_US: u64 = 1000;

/// Lengths of the last samples; the same for all histories.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ticks {
    last_ns: Option<u64>,
    lengths_ns: [u64; SAMPLES],
    /// Samples taken in all.
    pub(crate) count: u64,
}

impl Ticks {
    /// Whether a sample is due at `now`. The first call only starts the clock.
    pub(crate) fn due(&mut self, now_ns: u64) -> bool {
        let Some(last) = self.last_ns else {
            self.last_ns = Some(now_ns);
            return false;
        };
        let length = now_ns.saturating_sub(last);
        if length < SAMPLE_NS {
            return false;
        }
        self.last_ns = Some(now_ns);
        self.lengths_ns.rotate_left(1);
        self.lengths_ns[SAMPLES - 1] = length;
        self.count += 1;
        true
    }

    /// Time since the last sample; `None`: the clock has not started.
    pub(super) fn since_last_ns(&self, now_ns: u64) -> Option<u64> {
        Some(now_ns.saturating_sub(self.last_ns?))
    }

    pub(super) fn seconds(&self, samples: usize) -> f64 {
        self.lengths_ns[SAMPLES - samples..].iter().sum::<u64>() as f64 / 1e9
    }
}

/// What happened in one sample; times in µs, so that they fit.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Sample {
    polls: u32,
    wakes: u32,
    self_wakes: u32,
    busy_us: u32,
    scheduled_us: u32,
}

impl Sample {
    fn between(old: &Sums, new: &Sums) -> Self {
        let count = |old: u64, new: u64| u32::try_from(new.saturating_sub(old)).unwrap_or(u32::MAX);
        let time =
            |old: u64, new: u64| u32::try_from(new.saturating_sub(old) / NS_PER_US).unwrap_or(u32::MAX);
        Self {
            polls: count(old.polls, new.polls),
            wakes: count(old.wakes, new.wakes),
            self_wakes: count(old.self_wakes, new.self_wakes),
            busy_us: time(old.busy_ns, new.busy_ns),
            scheduled_us: time(old.scheduled_ns, new.scheduled_ns),
        }
    }

    /// As if it had taken so long.
    fn rates(&self, seconds: f64) -> Rates {
        Rates {
            polls: f64::from(self.polls) / seconds,
            wakes: f64::from(self.wakes) / seconds,
            self_wakes: f64::from(self.self_wakes) / seconds,
            busy: f64::from(self.busy_us) / 1e6 / seconds,
            scheduled: f64::from(self.scheduled_us) / 1e6 / seconds,
        }
    }
}

/// Changes a second, over the last seconds.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Rates {
    pub(crate) polls: f64,
    pub(crate) wakes: f64,
    pub(crate) self_wakes: f64,
    /// Seconds in polls, a second: 0 to 1 for a task.
    pub(crate) busy: f64,
    /// Seconds of waiting, a second.
    pub(crate) scheduled: f64,
}

impl Rates {
    pub(crate) fn add(&mut self, other: &Self) {
        self.polls += other.polls;
        self.wakes += other.wakes;
        self.self_wakes += other.self_wakes;
        self.busy += other.busy;
        self.scheduled += other.scheduled;
    }
}

/// The last samples of a task, a site or the process.
#[derive(Debug, Clone)]
pub(crate) struct History {
    base: Sums,
    /// Newest last; the first `SAMPLES - len` are from before it existed.
    samples: [Sample; SAMPLES],
    len: u8,
    quiet: u8,
}

impl History {
    /// Counts from `base` on.
    pub(crate) fn new(base: Sums) -> Self {
        Self { base, samples: [Sample::default(); SAMPLES], len: 0, quiet: 0 }
    }

    /// Takes a sample. Returns whether anything happened in the samples that are kept.
    pub(crate) fn sample(&mut self, now: Sums) -> bool {
        let sample = Sample::between(&self.base, &now);
        self.base = now;
        self.quiet = if sample == Sample::default() { self.quiet.saturating_add(1) } else { 0 };
        self.samples.rotate_left(1);
        self.samples[SAMPLES - 1] = sample;
        self.len = (self.len + 1).min(SAMPLES as u8);
        usize::from(self.quiet) < SAMPLES
    }

    /// `None` before the first sample.
    pub(crate) fn rates(&self, ticks: &Ticks) -> Option<Rates> {
        let used = usize::from(self.len).min(RATE_SAMPLES);
        let seconds = ticks.seconds(used);
        if used == 0 || seconds <= 0.0 {
            return None;
        }
        let mut rates = Rates::default();
        for sample in &self.samples[SAMPLES - used..] {
            rates.add(&sample.rates(seconds));
        }
        Some(rates)
    }

    /// Of what happened since the last sample, `since_ns` ago, or since the beginning if that came later.
    pub(super) fn since_sample(&self, now: &Sums, since_ns: u64) -> Option<Rates> {
        (since_ns >= MIN_RATE_NS).then(|| Sample::between(&self.base, now).rates(since_ns as f64 / 1e9))
    }

    /// Polls of the last samples as heights 0 to 8, oldest first.
    pub(crate) fn spark(&self) -> [u8; SPARK_WIDTH as usize] {
        let polls = &self.samples[SAMPLES - SPARK_WIDTH as usize..];
        let most = polls.iter().map(|sample| sample.polls).max().unwrap_or(0);
        std::array::from_fn(|i| match polls[i].polls {
            0 => 0,
            // Anything at all is visible.
            some => (u64::from(some) * 8).div_ceil(u64::from(most)) as u8,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polls(polls: u64) -> Sums {
        Sums { polls, busy_ns: polls * 1_000_000, ..Sums::default() }
    }

    #[test]
    fn a_rate_is_the_mean_of_the_last_samples() {
        let mut ticks = Ticks::default();
        let mut history = History::new(polls(100));
        assert!(!ticks.due(5 * SAMPLE_NS));
        assert_eq!(history.rates(&ticks), None);
        for (second, total) in [(6, 110), (7, 120), (9, 160)] {
            assert!(ticks.due(second * SAMPLE_NS));
            history.sample(polls(total));
        }
        let rates = history.rates(&ticks).unwrap();
        assert!((rates.polls - 15.0).abs() < 1e-9, "{rates:?}");
        assert!((rates.busy - 0.015).abs() < 1e-9, "{rates:?}");
        assert_eq!(history.spark(), [0, 0, 0, 0, 0, 2, 2, 8]);
    }

    #[test]
    fn silence_gives_the_place_back() {
        let mut history = History::new(polls(0));
        assert!(history.sample(polls(1)));
        for _ in 1..SAMPLES {
            assert!(history.sample(polls(1)));
        }
        assert!(!history.sample(polls(1)));
    }
}
