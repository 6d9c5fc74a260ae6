//! How long to wait before the next try to connect: a pure function of the number of failures.
//!
//! Invariant: without jitter the delays never shrink, and with it none is longer than [`CAP`] or than
//! [`FIRST`] for the first retry. Limit: it knows nothing of why the last try failed.

use std::time::Duration;

/// Longest wait for the first retry: a restarted program is back on the screen at once.
pub const FIRST: Duration = Duration::from_millis(250);

/// Longest wait of all. A person looking at the screen gives up soon after this.
pub const CAP: Duration = Duration::from_secs(5);

/// The wait before retry number `failures` (1 for the first), before jitter.
pub fn delay(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    FIRST.saturating_mul(1 << doublings).min(CAP)
}

/// Takes up to half of `delay` off it, by `chance` in 0..1: a dozen consoles that lost the same program
/// don't come back in step, and none waits longer than [`delay`].
pub fn jittered(delay: Duration, chance: f64) -> Duration {
    let chance = if chance.is_finite() { chance.clamp(0.0, 1.0) } else { 0.0 };
    delay.mul_f64(1.0 - chance / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_retry_is_quick_and_the_last_is_capped() {
        assert_eq!(delay(1), FIRST);
        assert_eq!(delay(2), FIRST * 2);
        assert_eq!(delay(u32::MAX), CAP);
    }

    proptest! {
        #[test]
        fn delays_never_shrink_and_stay_under_the_cap(failures in 0_u32..10_000) {
            prop_assert!(delay(failures) <= delay(failures + 1));
            prop_assert!(delay(failures) <= CAP);
        }

        #[test]
        fn jitter_keeps_between_half_and_all(failures in any::<u32>(), chance in any::<f64>()) {
            let whole = delay(failures);
            let got = jittered(whole, chance);
            prop_assert!(got <= whole);
            prop_assert!(got >= whole.mul_f64(0.499));
        }
    }
}
