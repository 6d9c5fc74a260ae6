//! The connection, as far as the model knows it: from the shell's news and the frames.

use std::time::Duration;

use crate::{event::ConnectionEvent, screen::header::ConnectionState, text::clean};

/// Nothing for this long on an open stream: the data is old, and says so.
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(1);
/// Nothing for this long although the server promised more: it is silent.
const SILENT_AFTER: Duration = Duration::from_secs(3);
/// Bytes kept of a reason.
const MAX_REASON_BYTES: usize = 512;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum Phase {
    #[default]
    Idle,
    Connecting {
        attempt: u32,
    },
    Open,
    Lost {
        reason: String,
        retry_at: Option<Duration>,
    },
}

/// The state of the connection.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    phase: Phase,
    /// When the newest frame came that the state on the screen took in.
    pub(crate) data_at: Option<Duration>,
    /// When the newest frame came at all.
    pub(crate) heard_at: Option<Duration>,
    /// Wanted time between frames.
    pace: Duration,
}

impl Connection {
    pub(crate) fn new(pace: Duration) -> Self {
        Self { pace, ..Self::default() }
    }

    pub(crate) fn event(&mut self, event: ConnectionEvent, now: Duration) {
        self.phase = match event {
            ConnectionEvent::Connecting { attempt } => Phase::Connecting { attempt },
            ConnectionEvent::Connected => {
                self.heard_at = None;
                Phase::Open
            }
            ConnectionEvent::Lost { reason, retry_in } => Phase::Lost {
                reason: clean(&reason, MAX_REASON_BYTES).into_owned(),
                retry_at: retry_in.map(|retry_in| now.saturating_add(retry_in)),
            },
        };
    }

    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    pub(crate) fn data_age(&self, now: Duration) -> Option<Duration> {
        self.data_at.map(|at| now.saturating_sub(at))
    }

    pub(crate) fn is_stale(&self, now: Duration) -> bool {
        self.data_at.is_some()
            && (!self.is_open() || self.data_age(now) > Some(STALE_AFTER.max(self.expected())))
    }

    /// Frames come at the user's pace; slower than a second is not late.
    fn expected(&self) -> Duration {
        self.pace * 2
    }

    pub(crate) fn state(&self, receiving: bool, now: Duration) -> ConnectionState {
        match &self.phase {
            Phase::Idle => ConnectionState::Idle,
            Phase::Connecting { attempt } => ConnectionState::Connecting { attempt: *attempt },
            Phase::Lost { reason, retry_at } => ConnectionState::Lost {
                reason: reason.clone(),
                retry_in: retry_at.map(|at| at.saturating_sub(now)),
            },
            Phase::Open => match self.heard_at {
                None => ConnectionState::Waiting,
                Some(at) if now.saturating_sub(at) > SILENT_AFTER.max(self.expected()) => {
                    ConnectionState::Silent
                }
                Some(_) if receiving => ConnectionState::Receiving,
                Some(_) => ConnectionState::Live,
            },
        }
    }
}
