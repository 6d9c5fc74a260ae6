//! What the server is asked for: again each time that the screen needs something else.

use std::time::Duration;

use taskscope_proto::limits::{MAX_DETAILS, MAX_RESOURCE_DETAILS};

use crate::{
    config::Config,
    effect::Effect,
    event::ConnectionEvent,
    id::TaskKey,
    model::{feed::Feed, states::States, ui::Ui},
    nav::Screen,
    store::{Store, ingest::Wish},
    table::{Subject, any::AnyTable as _},
};

/// The side pane's task must have been selected for so long before its details are asked for.
const DETAIL_DELAY: Duration = Duration::from_millis(200);
/// How often descriptors are asked for while a screen shows them: as often as the server reads them at most.
const SHOWN_INTERVAL: Duration = Duration::from_secs(1);

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Raised each time the user asks for an await tree.
    await_trees: u32,
    /// The last request that was sent on this stream.
    sent: Option<Wish>,
    /// What is selected among the tasks, and since when.
    selected: Option<(Subject, Duration)>,
}

impl Requests {
    pub(super) fn ask_for_await_tree(&mut self) {
        self.await_trees = self.await_trees.wrapping_add(1).max(1);
    }

    /// On another stream nothing has been asked for.
    pub(super) fn connection(&mut self, event: &ConnectionEvent) {
        match event {
            ConnectionEvent::Connected | ConnectionEvent::Lost { .. } => self.sent = None,
            ConnectionEvent::Connecting { .. } => {}
        }
    }

    /// The request for what the screen needs, when that has changed.
    pub(super) fn next(
        &mut self,
        feed: &mut Feed,
        ui: &Ui,
        config: &Config,
        now: Duration,
    ) -> Option<Effect> {
        let selected = feed.states.shown().context(config).and_then(|at| ui.tables.tasks.subject(at));
        if self.selected.map(|(subject, _)| subject) != selected {
            self.selected = selected.map(|subject| (subject, now));
        }
        if !feed.connection.is_open() {
            return None;
        }
        let descriptors = descriptors_interval(feed.states.store(), ui, config);
        let wish = Wish {
            interval_ms: config
                .interval
                .map_or(0, |interval| u32::try_from(interval.as_millis()).unwrap_or(u32::MAX)),
            resync: feed.stream.resync,
            details: self.details(ui, config, now),
            // The last ones on the way to the present screen.
            resource_details: first_of(ui.nav.resources(), MAX_RESOURCE_DETAILS),
            await_trees: self.await_trees,
            all_await_trees: config.all_await_trees,
            descriptors_interval_ms: u32::try_from(descriptors.as_millis()).unwrap_or(u32::MAX),
        };
        if self.sent.as_ref() == Some(&wish) {
            return None;
        }
        let request = Effect::SendRequest((&wish).into());
        self.sent = Some(wish);
        self.drop_unwanted(&mut feed.states);
        Some(request)
    }

    /// The tasks whose details were asked for.
    pub(super) fn wanted(&self) -> &[TaskKey] {
        self.sent.as_ref().map_or(&[], |sent| &sent.details)
    }

    /// Details that no screen shows (any more) are dropped.
    pub(super) fn drop_unwanted(&self, states: &mut States) {
        if let (Some(store), Some(sent)) = (states.store_mut(), &self.sent) {
            store.details.retain(|key, _| sent.details.contains(key));
            store.resources.locks.details.retain(|key, _| sent.resource_details.contains(key));
        }
    }

    /// The task on the screen first, then those on the way back to it.
    fn details(&self, ui: &Ui, config: &Config, now: Duration) -> Vec<TaskKey> {
        let settled = self.selected.is_some_and(|(_, since)| now.saturating_sub(since) >= DETAIL_DELAY);
        first_of(ui.nav.tasks().chain(ui.side_pane(config).filter(|_| settled)), MAX_DETAILS)
    }
}

/// So many, each once, in their order: the same wish in another order is the same wish.
fn first_of<K: Ord + Copy>(keys: impl Iterator<Item = K>, most: usize) -> Vec<K> {
    let mut wanted: Vec<K> = Vec::new();
    for key in keys {
        if wanted.len() < most && !wanted.contains(&key) {
            wanted.push(key);
        }
    }
    wanted.sort_unstable();
    wanted
}

/// How often the descriptors are wanted.
fn descriptors_interval(store: Option<&Store>, ui: &Ui, config: &Config) -> Duration {
    let shows = |screen: Screen| match screen {
        Screen::Io | Screen::Descriptor(_) => true,
        Screen::Resource(key) => {
            store.is_some_and(|store| store.resources.streams.stream(key.slot).is_some())
        }
        _ => false,
    };
    if ui.nav.screens().any(shows) { SHOWN_INTERVAL } else { config.descriptors_interval }
}
