//! How whole rounds get into the picture: a frame at a time, so that a key never waits for all of them.
//!
//! Invariant: a walk never sees two rounds: one that is under way comes first, and none starts while a round is in the picture in part.

use crate::model::Model;

impl Model {
    /// A frame has come. What is small goes in at once, the rest by [`Model::work`].
    pub(super) fn take_rounds(&mut self) {
        if self.intake.rounds.is_full() {
            // The walk has to start again: what waits must not grow.
            self.drop_walk();
            while self.intake.rounds.has_whole() {
                self.go_on_round();
            }
        } else if self.intake.rounds.is_one_frame() && !self.walks_live() {
            self.go_on_round();
        }
    }

    /// The user does something: he must not meet half a round.
    pub(super) fn end_half_round(&mut self) {
        while self.intake.rounds.is_halfway() {
            self.go_on_round();
        }
    }

    /// Everything that has come is in the picture, and what is made of it is of the same moment.
    pub(super) fn settle(&mut self) {
        self.drop_walk();
        while self.intake.rounds.has_whole() {
            self.go_on_round();
        }
        self.due.data_changed();
        self.due.force();
        self.refresh();
        while self.is_walking() {
            self.work();
        }
    }

    /// The next frame that waits.
    pub(super) fn go_on_round(&mut self) {
        let outcome = self.intake.go_on(&mut self.live.store, self.now);
        self.took_in(outcome);
        self.drop_unwanted_details();
    }

    /// A walk is under way.
    pub(super) fn is_walking(&self) -> bool {
        self.walk.as_ref().is_some_and(|walk| !walk.is_done())
    }

    fn walks_live(&self) -> bool {
        self.walk.as_ref().is_some_and(|walk| !walk.is_done() && !walk.goal.on_frozen)
    }
}
