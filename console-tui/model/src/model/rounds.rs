//! How whole rounds get into the state: a frame at a time, so that a key never waits for all of them.
//!
//! Invariant: a scan never sees two rounds: one that is under way comes first, and none starts while a round is in the state in part.

use crate::model::Model;

impl Model {
    /// A frame has come. What is small goes in at once, the rest by [`Model::work`].
    pub(super) fn take_rounds(&mut self) {
        if self.stream.rounds.is_full() {
            // The scan has to start again: what waits must not grow.
            self.drop_scan();
            while self.stream.rounds.has_whole() {
                self.go_on_round();
            }
        } else if self.stream.rounds.is_one_frame() && !self.scans_live() {
            self.go_on_round();
        }
    }

    /// The user does something: he must not meet half a round.
    pub(super) fn end_half_round(&mut self) {
        while self.stream.rounds.is_halfway() {
            self.go_on_round();
        }
    }

    /// Everything that has come is in the state, and what is made of it is of the same moment.
    pub(super) fn settle(&mut self) {
        self.drop_scan();
        while self.stream.rounds.has_whole() {
            self.go_on_round();
        }
        self.schedule.data_changed();
        self.schedule.force();
        self.refresh();
        while self.is_scanning() {
            self.work();
        }
    }

    /// The next frame that waits.
    pub(super) fn go_on_round(&mut self) {
        let outcome = self.stream.go_on(&mut self.states.live.store, self.now);
        self.took_in(outcome);
        self.drop_unwanted_details();
    }

    /// A scan is under way.
    pub(super) fn is_scanning(&self) -> bool {
        self.scan.as_ref().is_some_and(|scan| !scan.is_done())
    }

    fn scans_live(&self) -> bool {
        self.scan.as_ref().is_some_and(|scan| !scan.is_done() && !scan.goal.on_frozen)
    }
}
