//! The descriptors of the process for the consoles that want them: one reading serves all.
//!
//! Limit: a reading that took time T is followed by [`REST`] times T without one, so that ten thousand sockets cost the server's thread
//! 5 % of a core at most.

use std::{sync::Arc, time::Duration};

use taskscope_proto::v1;
use taskscope_recorder::{Clock, Ticks};

use super::{Hub, lock, memory};
use crate::server::OwnListener;

const REST: u32 = 19;
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// The last reading.
#[derive(Debug, Default)]
pub(super) struct Shared {
    #[cfg(target_os = "linux")]
    reader: crate::os::descriptors::Reader,
    last: Option<Reading>,
    /// Readings so far.
    number: u64,
}

#[derive(Debug, Clone)]
struct Reading {
    at: Ticks,
    number: u64,
    descriptors: Arc<v1::Descriptors>,
}

impl Shared {
    /// `own`: the server's listener, if its own descriptors are to be left out.
    #[cfg(target_os = "linux")]
    pub(super) fn new(own: Option<OwnListener>) -> Self {
        Self { reader: crate::os::descriptors::Reader::new(own), last: None, number: 0 }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn new(_own: Option<OwnListener>) -> Self {
        Self::default()
    }

    /// Bytes of the last reading and of what is remembered for the next.
    pub(super) fn memory_bytes(&self) -> usize {
        let last = self.last.as_ref().map_or(0, |last| memory::descriptors_bytes(&last.descriptors));
        #[cfg(target_os = "linux")]
        return last + self.reader.memory_bytes();
        #[cfg(not(target_os = "linux"))]
        last
    }

    /// A reading that is no older than `interval`, as far as the pace allows.
    fn reading(&mut self, interval: Duration, clock: &Clock) -> Reading {
        if let Some(last) = &self.last {
            let rest = Duration::from_nanos(last.descriptors.reading_ns) * REST;
            let age = Duration::from_nanos(clock.between_ns(last.at, clock.ticks()));
            if age < interval.max(rest) {
                return last.clone();
            }
        }
        self.number += 1;
        let descriptors = Arc::new(self.read());
        let reading = Reading { at: clock.ticks(), number: self.number, descriptors };
        self.last = Some(reading.clone());
        reading
    }

    #[cfg(target_os = "linux")]
    fn read(&mut self) -> v1::Descriptors {
        self.reader.read()
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "as on Linux")]
    fn read(&mut self) -> v1::Descriptors {
        let problem = "Descriptors and sockets are read from Linux's /proc; this system has none.".to_owned();
        v1::Descriptors { problem, ..v1::Descriptors::default() }
    }
}

/// What one console wants of them, and what it has.
#[derive(Debug, Default)]
pub(super) struct DescriptorCursor {
    interval: Option<Duration>,
    /// Number of the reading that was sent last; 0: none.
    sent: u64,
    next: Option<Reading>,
}

impl DescriptorCursor {
    /// 0: never.
    pub(super) fn want(&mut self, interval_ms: u32) {
        let interval = Duration::from_millis(interval_ms.into()).max(MIN_INTERVAL);
        self.interval = (interval_ms > 0).then_some(interval);
    }

    /// The console knows nothing any more.
    pub(super) fn reset(&mut self) {
        (self.sent, self.next) = (0, None);
    }

    /// Reads them, if it is time.
    pub(super) fn begin_round(&mut self, hub: &Hub) {
        let Some(interval) = self.interval else { return };
        let reading = lock(&hub.descriptors).reading(interval, hub.handle.recorder().clock());
        self.next = (reading.number != self.sent).then_some(reading);
    }

    pub(super) fn is_sent(&self) -> bool {
        self.next.is_none()
    }

    /// What the console does not have yet, in a frame of this moment.
    pub(super) fn next(&mut self, clock: &Clock, now: Ticks) -> Option<v1::Descriptors> {
        let reading = self.next.take()?;
        self.sent = reading.number;
        let read_ago_ns = clock.between_ns(reading.at, now);
        Some(v1::Descriptors { read_ago_ns, ..(*reading.descriptors).clone() })
    }
}
