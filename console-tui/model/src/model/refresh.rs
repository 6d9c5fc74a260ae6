//! What costs a walk over all tasks (lints, rows, children) and is therefore done at most once a second.

use std::time::Duration;

use taskscope_proto::limits::{MAX_DETAILS, MAX_RESOURCE_DETAILS};

use crate::{
    effect::Effect,
    id::{ResourceKey, TaskKey},
    model::{Model, World, detail::Children, resource::ResourceOps},
    nav::Screen,
    screen::table::RowKey,
    store::ingest::Wish,
};

/// Time between two walks.
const MIN_GAP: Duration = Duration::from_secs(1);
/// The rows stay as they are for so long after the user moved: a key is down, or the eye is on its way.
const STILL_AFTER_MOVE: Duration = Duration::from_millis(400);
/// The side pane's task must have been selected for so long before its details are asked for.
const DETAIL_DELAY: Duration = Duration::from_millis(200);

/// When what is due.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// Data came since the last walk.
    data: bool,
    /// The user asked for other rows, or the picture is another one.
    force: bool,
    walked_at: Option<Duration>,
    moved_at: Option<Duration>,
    selected: Option<(RowKey, Duration)>,
}

impl Due {
    pub(crate) fn data_changed(&mut self) {
        self.data = true;
    }

    pub(crate) fn force(&mut self) {
        self.force = true;
    }

    pub(crate) fn moved(&mut self, now: Duration) {
        self.moved_at = Some(now);
    }

    fn walk(&self, now: Duration) -> bool {
        let rested = |at: Option<Duration>, gap: Duration| at.is_none_or(|at| now.saturating_sub(at) >= gap);
        self.force
            || (self.data && rested(self.walked_at, MIN_GAP) && rested(self.moved_at, STILL_AFTER_MOVE))
    }
}

impl Model {
    /// Runs the lints and makes the rows anew, if that is due.
    pub(super) fn refresh(&mut self) {
        if !self.due.walk(self.now) {
            return;
        }
        if self.due.data {
            let keep: Vec<TaskKey> = self.route.tasks().chain(self.table.selected_task()).collect();
            let World { store, findings } = &mut self.live;
            if let Some(store) = store {
                store.purge(u64::try_from(self.config.retention.as_nanos()).unwrap_or(u64::MAX), &keep);
                findings.run(store, &self.config.lints);
            }
        }
        let asked_for = self.due.force;
        (self.due.data, self.due.force, self.due.walked_at) = (false, false, Some(self.now));
        if self.frozen.is_some() && !asked_for {
            return;
        }
        let world = self.frozen.as_ref().map_or(&self.live, |frozen| &frozen.world);
        if let Some(store) = &world.store {
            self.table.rebuild(store, &world.findings, &self.config);
            self.children = match self.watched_task() {
                Some(key) => Children::find(store, key),
                None => Children::default(),
            };
            if self.route.screens().any(|screen| screen == Screen::Resources) {
                self.resource_table.rebuild(store, &self.config);
            }
            self.resource_ops = match self.route.screen() {
                Screen::Resource(key) => ResourceOps::find(store, key),
                _ => ResourceOps::default(),
            };
        }
        self.finding_list.settle(self.frozen.as_ref().map_or(&self.live, |frozen| &frozen.world));
        self.changed();
    }

    /// The task whose detail is on the screen.
    pub(super) fn watched_task(&self) -> Option<TaskKey> {
        match self.screen() {
            Screen::Task(key) => Some(key),
            Screen::Tasks | Screen::Findings => self.side_pane(),
            Screen::Resources | Screen::Resource(_) => None,
        }
    }

    /// Asks the server for what the screen needs, when that has changed.
    pub(super) fn upkeep(&mut self, effects: &mut Vec<Effect>) {
        let selected = self.table.selected();
        if self.due.selected.map(|(key, _)| key) != selected {
            self.due.selected = selected.map(|key| (key, self.now));
        }
        if !self.link.is_open() {
            return;
        }
        let wish = Wish {
            client: self.config.client.clone(),
            interval_ms: self
                .config
                .interval
                .map_or(0, |interval| u32::try_from(interval.as_millis()).unwrap_or(u32::MAX)),
            resync: self.intake.resync,
            details: self.wanted_details(),
            resource_details: self.wanted_resources(),
        };
        if self.sent.as_ref() == Some(&wish) {
            return;
        }
        effects.push(Effect::SendRequest((&wish).into()));
        self.sent = Some(wish);
        self.drop_unwanted_details();
    }

    /// Details that nobody asked for (any more) are not kept.
    pub(super) fn drop_unwanted_details(&mut self) {
        if let (Some(store), Some(sent)) = (&mut self.live.store, &self.sent) {
            store.details.retain(|key, _| sent.details.contains(key));
            store.resources.locks.details.retain(|key, _| sent.resource_details.contains(key));
        }
    }

    /// The resources on the way to the present screen, the last ones.
    fn wanted_resources(&self) -> Vec<ResourceKey> {
        let mut open: Vec<ResourceKey> = self.route.resources().collect();
        open.reverse();
        let mut wanted: Vec<ResourceKey> = Vec::new();
        for key in open {
            if wanted.len() < MAX_RESOURCE_DETAILS && !wanted.contains(&key) {
                wanted.push(key);
            }
        }
        wanted.sort_unstable();
        wanted
    }

    fn wanted_details(&self) -> Vec<TaskKey> {
        let mut wanted: Vec<TaskKey> = Vec::new();
        // The task on the screen first, then those on the way back to it.
        let mut open: Vec<TaskKey> = self.route.tasks().collect();
        open.reverse();
        let settled =
            self.due.selected.is_some_and(|(_, since)| self.now.saturating_sub(since) >= DETAIL_DELAY);
        open.extend(self.side_pane().filter(|_| settled));
        for key in open {
            if wanted.len() < MAX_DETAILS && !wanted.contains(&key) {
                wanted.push(key);
            }
        }
        // The same wish in another order is the same wish.
        wanted.sort_unstable();
        wanted
    }
}
