//! The clock: raw ticks on the hot path, nanoseconds only for readers.
//!
//! Ticks are the TSC where the machine has an invariant one and the operating system's monotonic clock elsewhere; `quanta`
//! decides and calibrates. One read costs about 11 ns on the TSC (`cargo bench -p taskscope-recorder`).

use quanta::Clock as Source;

/// A point in time in the clock's own unit. 0 means "never".
pub type Ticks = u64;

/// Reads ticks and turns differences of them into nanoseconds.
#[derive(Debug, Clone)]
pub struct Clock {
    source: Source,
    origin: Ticks,
}

impl Clock {
    /// Starts a clock whose time 0 is now. The first one in a process calibrates the TSC, which takes some milliseconds.
    pub fn start() -> Self {
        let source = Source::new();
        let origin = source.raw();
        Self { source, origin }
    }

    /// Now, in ticks; never 0.
    #[inline]
    pub fn ticks(&self) -> Ticks {
        self.source.raw() | 1
    }

    /// Nanoseconds from `earlier` to `later`; 0 when they are the wrong way round, as two cores' reads can be by a few ns.
    #[inline]
    pub fn between_ns(&self, earlier: Ticks, later: Ticks) -> u64 {
        if later <= earlier { 0 } else { self.source.delta_as_nanos(earlier, later) }
    }

    /// Nanoseconds of a length in ticks.
    #[inline]
    pub fn length_ns(&self, ticks: Ticks) -> u64 {
        self.source.delta_as_nanos(0, ticks)
    }

    /// About how many ticks a length in nanoseconds is.
    pub fn ticks_of_ns(&self, length_ns: u64) -> Ticks {
        const SAMPLE: Ticks = 1 << 30;
        let sample_ns = self.length_ns(SAMPLE).max(1);
        (u128::from(length_ns) * u128::from(SAMPLE) / u128::from(sample_ns)).try_into().unwrap_or(Ticks::MAX)
    }

    /// Nanoseconds since the clock was started.
    pub fn since_start_ns(&self, at: Ticks) -> u64 {
        self.between_ns(self.origin, at)
    }
}
