//! From frames to a state: sequence, snapshots, restarts of the process.
//!
//! Invariants: what is shown is always one whole state of one process: a snapshot is filled in behind it and takes its
//! place when it is complete; what changes is taken in by whole rounds ([`Rounds`]); after a gap or a refused frame nothing is applied
//! until the next snapshot.

pub(crate) mod rounds;

use std::time::Duration;

use taskscope_proto::v1;

use crate::{
    analysis::blame::explain_delays,
    losses::Losses,
    screen::header::Receiving,
    store::{
        Hello, Store,
        ingest::{self, CheckedFrame, WireError},
    },
};
use rounds::Rounds;

/// Time between two wishes for a fresh snapshot: a hostile server can't keep the client asking.
const MIN_RESYNC_GAP: Duration = Duration::from_secs(2);

/// What a frame did to the state that is shown.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Nothing.
    Unchanged,
    /// Nothing yet: the frame waits in [`FrameStream::rounds`], or a round is in the state in part.
    Waiting,
    /// It has changed a little.
    Changed,
    /// Another state took its place.
    Replaced {
        /// What was shown before.
        old: Option<Box<Store>>,
    },
}

/// The state of the stream.
#[derive(Debug)]
pub(crate) struct FrameStream {
    max_tasks: usize,
    expected: Option<u64>,
    /// Who is at the other end of this stream.
    hello: Option<Hello>,
    /// The snapshot that is on its way.
    incoming: Option<Box<Store>>,
    /// What has come and is not in the state yet.
    pub(crate) rounds: Rounds,
    /// Frames can't be applied until a snapshot comes.
    broken: bool,
    /// The other end speaks a protocol that this client does not: nothing of this stream is taken in.
    deaf: bool,
    /// Raised for each wish for a snapshot.
    pub(crate) resync: u32,
    resync_at: Option<Duration>,
    pub(crate) losses: Losses,
    /// The last refusal, until a whole state has come after it.
    pub(crate) error: Option<WireError>,
}

impl FrameStream {
    pub(crate) fn new(max_tasks: usize) -> Self {
        Self {
            max_tasks,
            expected: None,
            hello: None,
            incoming: None,
            rounds: Rounds::default(),
            broken: true,
            deaf: false,
            resync: 0,
            resync_at: None,
            losses: Losses::default(),
            error: None,
        }
    }

    /// A new stream is open.
    pub(crate) fn connected(&mut self, now: Duration) {
        self.expected = Some(1);
        self.hello = None;
        self.incoming = None;
        self.rounds.drop_unfinished();
        self.broken = true;
        self.deaf = false;
        self.error = None;
        self.resync = 0;
        // The first snapshot of a stream comes by itself.
        self.resync_at = Some(now);
    }

    /// The stream is no more.
    pub(crate) fn lost(&mut self) {
        self.expected = None;
        self.incoming = None;
        self.rounds.drop_unfinished();
        self.broken = true;
    }

    /// The other end of this stream is another process than the one that is shown.
    pub(crate) fn is_other_process(&self, shown: Option<&Store>) -> bool {
        match (&self.hello, shown) {
            (Some(hello), Some(shown)) => hello.instance != shown.hello.instance,
            _ => false,
        }
    }

    /// Progress of the snapshot.
    pub(crate) fn receiving(&self) -> Option<Receiving> {
        self.incoming.as_deref().map(|store| Receiving {
            tasks: store.records.len() as u64,
            of: store.process.map(|process| process.alive.saturating_sub(process.untracked)),
        })
    }

    /// Takes in one frame.
    pub(crate) fn frame(
        &mut self,
        shown: &mut Option<Store>,
        frame: Box<v1::Frame>,
        now: Duration,
    ) -> Outcome {
        if self.deaf {
            return Outcome::Unchanged;
        }
        let frame = match self.admit(frame) {
            Ok(frame) => frame,
            Err(error) => {
                self.refuse(error, now);
                return Outcome::Unchanged;
            }
        };
        if self.expected.is_some_and(|expected| expected != frame.sequence()) {
            self.losses.gaps += 1;
            self.break_off(now);
        }
        self.expected = frame.sequence().checked_add(1);
        self.greet(shown.as_mut(), frame.hello());
        if frame.starts_snapshot()
            && let Some(hello) = &self.hello
        {
            self.incoming = Some(Box::new(Store::new(hello.clone(), self.max_tasks)));
            self.broken = false;
        }
        if self.broken {
            // A wish may have been too early after the last one.
            self.break_off(now);
            return Outcome::Unchanged;
        }
        if let Some(incoming) = self.incoming.as_deref_mut() {
            let (starts, ends) = (frame.starts_snapshot(), frame.ends_snapshot());
            ingest::apply(incoming, frame, &mut self.losses);
            if starts {
                incoming.records.expect(incoming.process.map_or(0, |process| process.alive));
            }
            return if ends { self.replace(shown, now) } else { Outcome::Unchanged };
        }
        self.rounds.push(frame, now);
        self.look_for_end(now);
        Outcome::Waiting
    }

    /// A round whose end does not come is taken as it is.
    pub(crate) fn look_for_end(&mut self, now: Duration) {
        if self.rounds.is_overdue(now) {
            self.rounds.end_here();
            self.losses.rounds_without_end += 1;
        }
    }

    /// The next frame of a whole round goes into the state.
    pub(crate) fn go_on(&mut self, shown: &mut Option<Store>, now: Duration) -> Outcome {
        let Some((frame, last)) = self.rounds.next() else { return Outcome::Unchanged };
        let Some(store) = shown else { return Outcome::Unchanged };
        if ingest::apply(store, frame, &mut self.losses) {
            self.ask(now);
        }
        if !last {
            return Outcome::Waiting;
        }
        store.end_round();
        explain_delays(store);
        store.tick();
        Outcome::Changed
    }

    fn admit(&self, frame: Box<v1::Frame>) -> Result<CheckedFrame, WireError> {
        if self.hello.is_none() && frame.hello.is_none() {
            return Err(WireError::NoHello);
        }
        CheckedFrame::new(frame)
    }

    fn refuse(&mut self, error: WireError, now: Duration) {
        self.losses.rejected_frames += 1;
        self.error = Some(error);
        if matches!(error, WireError::Protocol(_)) {
            // Another snapshot would not be understood either.
            self.deaf = true;
        } else {
            self.break_off(now);
        }
    }

    fn greet(&mut self, shown: Option<&mut Store>, hello: Option<&v1::Hello>) {
        let Some(wire) = hello else { return };
        let hello = ingest::hello(wire, &mut self.losses);
        if self.hello.as_ref().is_some_and(|old| old.instance != hello.instance) {
            // Another process on the same stream: nothing known holds until its snapshot.
            self.incoming = None;
            self.rounds.drop_unfinished();
            self.broken = true;
        }
        if let Some(store) = shown
            && store.hello.instance == hello.instance
        {
            store.hello = hello.clone();
        }
        if let Some(incoming) = &mut self.incoming {
            incoming.hello = hello.clone();
        }
        self.hello = Some(hello);
    }

    fn replace(&mut self, shown: &mut Option<Store>, now: Duration) -> Outcome {
        let Some(mut fresh) = self.incoming.take() else { return Outcome::Unchanged };
        self.error = None;
        // What the new state takes over of the old one is as new as can be.
        while self.rounds.has_whole() {
            let _changed = self.go_on(shown, now);
        }
        self.rounds.clear();
        fresh.end_round();
        explain_delays(&mut fresh);
        let old = shown.take();
        fresh.complete(old.as_ref().filter(|old| old.hello.instance == fresh.hello.instance));
        *shown = Some(*fresh);
        Outcome::Replaced { old: old.map(Box::new) }
    }

    fn break_off(&mut self, now: Duration) {
        self.incoming = None;
        self.rounds.drop_unfinished();
        self.broken = true;
        self.ask(now);
    }

    fn ask(&mut self, now: Duration) {
        if self.resync_at.is_none_or(|at| now.saturating_sub(at) >= MIN_RESYNC_GAP) {
            self.resync = self.resync.wrapping_add(1);
            self.resync_at = Some(now);
        }
    }
}
