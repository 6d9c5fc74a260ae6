//! Times, and what they are mostly and at worst.

use std::time::Duration;

/// Times in any order.
#[derive(Debug, Default)]
pub(crate) struct Spread(Vec<Duration>);

impl Spread {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// `p50 | p99 | max`, in milliseconds.
    pub(crate) fn cells(&self) -> String {
        format!("{:.2} | {:.2} | {:.2}", self.ms(0.5), self.ms(0.99), self.ms(1.0))
    }

    pub(crate) fn median(&self) -> Duration {
        self.at(0.5)
    }

    fn ms(&self, share: f64) -> f64 {
        self.at(share).as_secs_f64() * 1e3
    }

    /// The time that this share of them does not exceed.
    fn at(&self, share: f64) -> Duration {
        let mut times = self.0.clone();
        times.sort_unstable();
        let rank = (times.len() as f64 * share).ceil() as usize;
        times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}
