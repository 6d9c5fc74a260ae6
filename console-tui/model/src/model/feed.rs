//! What comes from a process: the connection, the frames on it, and the state that they make.
//!
//! Whole rounds get into the state a frame at a time, so that a key never waits for all of them.

use std::time::Duration;

use taskscope_proto::{limits::DEFAULT_INTERVAL, v1};

use crate::{
    config::Config,
    event::ConnectionEvent,
    losses::Losses,
    model::{
        connection::Connection,
        states::{Snapshot, States},
    },
    stream::{FrameStream, Outcome, rounds::Rounds},
};

/// See the module's text.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) connection: Connection,
    pub(super) stream: FrameStream,
    pub(super) states: States,
}

/// What a frame did to what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "rows are made anew of other data"]
pub(super) enum News {
    Nothing,
    /// No task has changed, but the progress of a snapshot has, or a count of losses.
    Progress,
    Data,
    /// Another state took the place of the live one.
    Replaced,
}

impl Feed {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            connection: Connection::new(config.interval.unwrap_or(DEFAULT_INTERVAL)),
            stream: FrameStream::new(config.max_tasks),
            states: States::default(),
        }
    }

    pub(super) fn shown(&self) -> &Snapshot {
        self.states.shown()
    }

    pub(super) fn rounds(&self) -> &Rounds {
        &self.stream.rounds
    }

    /// There is work that can be done a bit at a time.
    pub(super) fn wants_work(&self) -> bool {
        self.states.has_discarded() || self.rounds().has_whole()
    }

    /// Time passed. True: something on the screen gets older by itself.
    pub(super) fn tick(&mut self, now: Duration) -> bool {
        self.stream.look_for_end(now);
        self.connection.is_stale(now) || !self.connection.is_open() || self.states.is_frozen()
    }

    pub(super) fn connection(&mut self, event: ConnectionEvent, now: Duration) {
        match &event {
            ConnectionEvent::Connected => self.stream.connected(now),
            ConnectionEvent::Lost { .. } => self.stream.lost(),
            ConnectionEvent::Connecting { .. } => {}
        }
        self.connection.event(event, now);
    }

    pub(super) fn frame(&mut self, frame: Box<v1::Frame>, now: Duration) -> News {
        self.connection.heard_at = Some(now);
        let outcome = self.stream.frame(&mut self.states.live.store, frame, now);
        self.took_in(outcome, now)
    }

    /// The next frame of a whole round goes into the state.
    pub(super) fn go_on(&mut self, now: Duration) -> News {
        let outcome = self.stream.go_on(&mut self.states.live.store, now);
        self.took_in(outcome, now)
    }

    fn took_in(&mut self, outcome: Outcome, now: Duration) -> News {
        let news = match outcome {
            Outcome::Waiting => return News::Nothing,
            Outcome::Unchanged => return News::Progress,
            Outcome::Changed => News::Data,
            Outcome::Replaced { old } => {
                if let Some(old) = old {
                    self.states.replaced(*old, now);
                }
                News::Replaced
            }
        };
        self.connection.data_at = Some(now);
        news
    }

    /// What the process and this client had to leave out.
    pub(super) fn losses(&self) -> Losses {
        let process = self.shown().analysis().and_then(|store| store.process).unwrap_or_default();
        Losses {
            untracked: process.untracked,
            lost_events: process.lost_events,
            truncated: process.truncated,
            folded_sites: process.folded_sites,
            untracked_resources: process.untracked_resources,
            ..self.stream.losses
        }
    }
}
