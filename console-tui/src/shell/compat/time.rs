//! Their moments of the wall clock, as nanoseconds since the oldest thing that they sent.
//!
//! Invariant: no number of theirs overflows; now never goes back. Limit: what began before the start is shown as begun at the start.

use prost_types::{Duration, Timestamp};

const NS_PER_S: u64 = 1_000_000_000;

/// The start and the present of a stream.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// Unix time of 0; `None`: nothing was heard yet.
    start_unix_ns: Option<u64>,
    /// The start stands: a moment was sent.
    fixed: bool,
    pub(super) now_ns: u64,
}

impl Clock {
    /// An update came, recorded at `now`; the oldest of its objects began at `oldest`, if it has any.
    pub(super) fn advance(&mut self, now: Option<&Timestamp>, oldest: Option<u64>) {
        let now = now.map(unix_ns);
        if !self.fixed {
            let earliest = [self.start_unix_ns, now, oldest].into_iter().flatten().min();
            self.start_unix_ns = earliest;
            self.fixed = oldest.is_some();
        }
        if let Some(now) = now {
            self.now_ns = self.now_ns.max(self.since_start(now));
        }
    }

    pub(super) fn at(&self, moment: Option<&Timestamp>) -> Option<u64> {
        moment.map(|moment| self.since_start(unix_ns(moment)))
    }

    /// Time from a moment to now.
    pub(super) fn ago_ns(&self, at_ns: u64) -> u64 {
        self.now_ns.saturating_sub(at_ns)
    }

    fn since_start(&self, unix_ns: u64) -> u64 {
        unix_ns.saturating_sub(self.start_unix_ns.unwrap_or(unix_ns))
    }
}

/// Unix time; what is before 1970 is 1970.
pub(super) fn unix_ns(moment: &Timestamp) -> u64 {
    nanos(moment.seconds, moment.nanos)
}

/// A length; less than nothing is nothing.
pub(super) fn length_ns(length: Option<&Duration>) -> u64 {
    length.map_or(0, |length| nanos(length.seconds, length.nanos))
}

fn nanos(seconds: i64, nanos: i32) -> u64 {
    let seconds = u64::try_from(seconds).unwrap_or(0);
    seconds.saturating_mul(NS_PER_S).saturating_add(u64::try_from(nanos).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp { seconds, nanos: 0 }
    }

    #[test]
    fn the_start_is_the_oldest_thing_of_the_first_update_that_has_any() {
        let mut clock = Clock::default();
        clock.advance(Some(&at(100)), None);
        assert_eq!(clock.now_ns, 0);
        clock.advance(Some(&at(101)), Some(90 * NS_PER_S));
        assert_eq!(clock.now_ns, 11 * NS_PER_S);
        assert_eq!(clock.at(Some(&at(95))), Some(5 * NS_PER_S));
        // Too late: moments were sent.
        clock.advance(Some(&at(102)), Some(50 * NS_PER_S));
        assert_eq!((clock.now_ns, clock.at(Some(&at(60)))), (12 * NS_PER_S, Some(0)));
        // And it never goes back.
        clock.advance(Some(&at(1)), None);
        assert_eq!(clock.now_ns, 12 * NS_PER_S);
    }

    #[test]
    fn hostile_times_are_bounded() {
        assert_eq!(unix_ns(&Timestamp { seconds: i64::MIN, nanos: i32::MIN }), 0);
        assert_eq!(unix_ns(&Timestamp { seconds: i64::MAX, nanos: i32::MAX }), u64::MAX);
        assert_eq!(length_ns(None), 0);
    }
}
