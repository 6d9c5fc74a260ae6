//! What happens, passed on to the parts of the model, and what one part made of it passed on to the others.

use std::time::Duration;

use super::{Model, feed::News, scan::Scan};
use crate::{action::Action, effect::Effect, event::Event, stream::rounds::Rounds};

/// Lets one event happen. What the shell has to do about it comes back; the order matters. An effect that is not done is lost: the
/// model takes it for done.
#[must_use = "the model takes the effects for done"]
pub fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    if !matches!(event, Event::Work | Event::Tick { .. } | Event::Frame(_)) {
        // The user does something: they must not meet half a round.
        model.take_rounds(Rounds::is_halfway);
    }
    match event {
        Event::Tick { now } => model.tick(now),
        Event::Work => model.work(),
        Event::Settle => model.settle(),
        Event::Resize { width, height } => {
            (model.ui.width, model.ui.height) = (width, height);
            model.changed();
        }
        Event::PageRows(rows) => {
            model.ui.tables.each(|table| table.set_page(usize::from(rows)));
            model.changed();
        }
        Event::Extent(extent) => {
            // It says what was drawn: nothing is to be drawn again.
            model.ui.nav.set_extent(extent);
            return effects;
        }
        Event::Action(_) | Event::Edit(_) | Event::Click(_) | Event::Scroll(_) => {
            model.user(event, &mut effects);
        }
        Event::Connection(event) => {
            model.requests.connection(&event);
            model.memory.connection(&event);
            model.feed.connection(event, model.now);
            model.changed();
        }
        Event::Frame(frame) => {
            let news = model.feed.frame(frame, model.now);
            model.frame_came(news);
        }
        Event::Memory(news) => {
            let (states, losses) = (&mut model.feed.states, &mut model.feed.stream.losses);
            model.memory.news(news, states.store_mut(), losses);
            model.changed();
        }
    }
    model.refresh();
    effects.extend(model.requests.next(&mut model.feed, &model.ui, &model.config, model.now));
    effects.extend(model.memory.next(model.feed.states.store(), model.requests.wanted(), &model.config));
    effects
}

impl Model {
    pub(super) fn changed(&mut self) {
        self.revision += 1;
    }

    fn tick(&mut self, now: Duration) {
        let before = self.now;
        self.now = now.max(before);
        let ages = self.feed.tick(self.now) || self.scanner.late_by(self.now).is_some();
        // Ages that advance by themselves are shown to a tenth of a second.
        if ages && self.now.as_millis() / 100 != before.as_millis() / 100 {
            self.changed();
        }
    }

    /// The user does something.
    fn user(&mut self, event: Event, effects: &mut Vec<Effect>) {
        self.changed();
        let at = self.feed.shown().context(&self.config);
        let mut next = match event {
            Event::Action(action) => Some(action),
            Event::Click(target) => self.ui.click(target, at),
            Event::Edit(edit) => {
                self.ui.edit(&edit);
                None
            }
            Event::Scroll(rows) => {
                self.ui.move_by(isize::from(rows), at);
                None
            }
            _ => None,
        };
        // One may stand for another: what Enter does in the palette.
        while let Some(action) = next.take() {
            match action {
                Action::Freeze => {
                    self.feed.states.set_frozen(!self.feed.states.is_frozen(), self.now);
                    self.scanner.restart();
                }
                Action::AwaitTree => self.requests.ask_for_await_tree(),
                action => {
                    next = self.ui.perform(action, self.feed.shown().context(&self.config), effects);
                }
            }
        }
    }

    /// A frame has come. What is small goes in at once, the rest by [`Self::work`].
    fn frame_came(&mut self, news: News) {
        self.data_came(news);
        if self.feed.rounds().is_full() {
            // The scan has to start again: what waits must not grow.
            self.scanner.drop_scan();
            self.take_rounds(Rounds::has_whole);
        } else if self.feed.rounds().is_one_frame() && !self.scanner.is_scanning_live() {
            self.take_frame();
        }
    }

    fn data_came(&mut self, news: News) {
        if news != News::Nothing {
            self.changed();
        }
        self.scanner.data_came(news, self.feed.states.is_frozen());
    }

    /// The next frame that waits goes into the state.
    fn take_frame(&mut self) {
        let news = self.feed.go_on(self.now);
        self.data_came(news);
        self.requests.drop_unwanted(&mut self.feed.states);
    }

    /// Frames go into the state as long as it is so.
    fn take_rounds(&mut self, is_so: impl Fn(&Rounds) -> bool) {
        while is_so(self.feed.rounds()) {
            self.take_frame();
        }
    }

    /// Starts a scan if one is due, and shows what one has made. A scan never sees two rounds: one that is under way comes first, and
    /// none starts while a round is in the state in part.
    fn refresh(&mut self) {
        self.scanner.user_wants(self.ui.take_wants(), self.now);
        if self.feed.rounds().is_halfway() {
            return;
        }
        if self.scanner.is_due(self.now) {
            if !self.scanner.start(&mut self.feed.states, &self.ui, &self.config, self.now) {
                self.changed();
            }
            self.work();
        } else {
            self.show_scan();
        }
    }

    /// A bit of what takes long.
    fn work(&mut self) {
        if self.scanner.is_scanning() {
            self.scanner.go_on(&mut self.feed.states, &mut self.ui, &self.config);
            self.show_scan();
        } else if self.feed.rounds().has_whole() {
            self.take_frame();
        } else {
            self.feed.states.clear_away(self.scanner.slice);
        }
    }

    /// Everything that has come is in the state, and what is made of it is of the same moment.
    fn settle(&mut self) {
        self.scanner.drop_scan();
        self.take_rounds(Rounds::has_whole);
        self.scanner.restart();
        self.refresh();
        while self.scanner.is_scanning() {
            self.work();
        }
    }

    /// What the scan has made takes the place of what is shown at once.
    fn show_scan(&mut self) {
        let Some(Scan { goal, found, .. }) = self.scanner.take_done(self.now) else { return };
        if let Some(found) = found {
            self.feed.states.found(found);
        }
        if let Some(rows) = goal.rows {
            if self.feed.states.show_live() {
                self.ui.forget_process();
            }
            let Some(at) = self.feed.shown().context(&self.config) else { return };
            self.ui.install(rows, goal.children, at);
            self.has_rows = true;
        }
        self.changed();
    }
}
