//! The descriptors of the process for the consoles that want them: one reading serves all.
//!
//! Limit: a reading that took time T is followed by [`REST`] times T without one, so that ten thousand sockets cost the server's thread
//! 5 % of a core at most.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use taskscope_proto::v1::{self, DescriptorKind};
use taskscope_recorder::{Clock, Ticks};

use super::{Hub, lock};
use crate::server::Address;

const REST: u32 = 19;
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// The last reading.
#[derive(Debug, Default)]
pub(super) struct Shared {
    #[cfg(target_os = "linux")]
    reader: crate::os::descriptors::Reader,
    /// The server's own sockets are not told.
    own: Option<Address>,
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
    pub(super) fn new(own: Option<Address>) -> Self {
        Self { own, ..Self::default() }
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
        let mut descriptors = self.read();
        if let Some(own) = &self.own {
            descriptors.descriptors.retain(|descriptor| !is_of(own, descriptor.kind(), &descriptor.local));
        }
        let descriptors = Arc::new(descriptors);
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

/// Whether this is a server's listener, or a connection that it accepted.
fn is_of(server: &Address, kind: DescriptorKind, local: &str) -> bool {
    use DescriptorKind::{Tcp, TcpListener, Unix, UnixListener};
    match server {
        Address::Tcp(server) if matches!(kind, Tcp | TcpListener) => {
            local.parse().is_ok_and(|local: SocketAddr| {
                local == *server || (server.ip().is_unspecified() && local.port() == server.port())
            })
        }
        Address::Unix(path) if matches!(kind, Unix | UnixListener) => path.to_str() == Some(local),
        Address::Tcp(_) | Address::Unix(_) => false,
    }
}

/// What one console wants of them and was told.
#[derive(Debug, Default)]
pub(super) struct DescriptorCursor {
    interval: Option<Duration>,
    told: u64,
    next: Option<Reading>,
}

impl DescriptorCursor {
    /// 0: never.
    pub(super) fn want(&mut self, interval_ms: u32) {
        let interval = Duration::from_millis(interval_ms.into()).max(MIN_INTERVAL);
        self.interval = (interval_ms > 0).then_some(interval);
    }

    /// Forgets what was told.
    pub(super) fn reset(&mut self) {
        (self.told, self.next) = (0, None);
    }

    /// Reads them, if it is time.
    pub(super) fn begin_round(&mut self, hub: &Hub) {
        let Some(interval) = self.interval else { return };
        let reading = lock(&hub.descriptors).reading(interval, hub.handle.recorder().clock());
        self.next = (reading.number != self.told).then_some(reading);
    }

    pub(super) fn is_told(&self) -> bool {
        self.next.is_none()
    }

    /// What the console has not been told yet, in a frame of this moment.
    pub(super) fn next(&mut self, clock: &Clock, now: Ticks) -> Option<v1::Descriptors> {
        let reading = self.next.take()?;
        self.told = reading.number;
        let read_ago_ns = clock.between_ns(reading.at, now);
        Some(v1::Descriptors { read_ago_ns, ..(*reading.descriptors).clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_sockets_are_known_by_where_they_are() {
        let tcp = |text: &str| Address::Tcp(text.parse().unwrap());
        let unix = || Address::Unix("/run/taskscope".into());
        let (stream, path) = (DescriptorKind::Tcp, DescriptorKind::UnixListener);
        let cases = [
            (tcp("127.0.0.1:6669"), stream, "127.0.0.1:6669", true),
            (tcp("127.0.0.1:6669"), DescriptorKind::Udp, "127.0.0.1:6669", false),
            (tcp("127.0.0.1:6669"), stream, "127.0.0.1:8080", false),
            (tcp("127.0.0.1:6669"), stream, "10.0.0.4:6669", false),
            (tcp("0.0.0.0:6669"), stream, "10.0.0.4:6669", true),
            (tcp("127.0.0.1:6669"), stream, "", false),
            (unix(), path, "/run/taskscope", true),
            (unix(), path, "/run/app", false),
            (unix(), DescriptorKind::File, "/run/taskscope", false),
        ];
        for (server, kind, local, own) in cases {
            assert_eq!(is_of(&server, kind, local), own, "{server} {kind:?} {local}");
        }
    }
}
