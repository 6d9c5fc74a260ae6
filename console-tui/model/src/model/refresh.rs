//! When a scan over all tasks (lints, rows, children) is due: at most once a second, or when the user asks for other rows. What
//! it makes takes the place of what is shown at once.

use std::time::Duration;

use taskscope_proto::limits::{MAX_DETAILS, MAX_RESOURCE_DETAILS};

use crate::{
    effect::Effect,
    id::{ResourceKey, TaskKey},
    model::{
        Model,
        detail::{ChildSearch, Children},
        resource::ResourceOps,
        scan::{Goal, Scan},
    },
    nav::{Screen, Tab},
    store::{Store, ingest::Wish},
    table::{Subject, any::AnyTable as _},
};

/// Time between two scans: less than two rounds of a server take by default, so that what the lints say is of this round or of the last.
const MIN_GAP: Duration = Duration::from_millis(900);
/// The rows stay as they are for so long after the user moved: a key is down, or the eye is on its way.
const STILL_AFTER_MOVE: Duration = Duration::from_millis(400);
/// The side pane's task must have been selected for so long before its details are asked for.
const DETAIL_DELAY: Duration = Duration::from_millis(200);

/// When what is due.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    /// Data came since the last scan.
    data: bool,
    /// The user asked for other rows, or the state is another one.
    force: bool,
    scanned_at: Option<Duration>,
    moved_at: Option<Duration>,
    selected: Option<(Subject, Duration)>,
}

impl Schedule {
    pub(crate) fn data_changed(&mut self) {
        self.data = true;
    }

    pub(crate) fn force(&mut self) {
        self.force = true;
    }

    pub(crate) fn moved(&mut self, now: Duration) {
        self.moved_at = Some(now);
    }

    fn rested(at: Option<Duration>, gap: Duration, now: Duration) -> bool {
        at.is_none_or(|at| now.saturating_sub(at) >= gap)
    }

    /// Nothing is moved that the user is looking for.
    fn still(&self, now: Duration) -> bool {
        Self::rested(self.moved_at, STILL_AFTER_MOVE, now)
    }

    fn scan(&self, now: Duration) -> bool {
        self.force || (self.data && Self::rested(self.scanned_at, MIN_GAP, now) && self.still(now))
    }
}

impl Model {
    /// Starts a scan if one is due, and shows what one has made.
    pub(super) fn refresh(&mut self) {
        if self.schedule.force {
            self.drop_scan();
        }
        if self.stream.rounds.is_halfway() {
            return;
        }
        if self.scan.is_none() && self.schedule.scan(self.now) {
            self.start_scan();
            self.work();
        } else {
            self.show_scan();
        }
    }

    /// A bit of the scan.
    pub(super) fn work(&mut self) {
        let Some(scan) = self.scan.as_mut().filter(|scan| !scan.is_done()) else {
            return if self.stream.rounds.has_whole() {
                self.go_on_round()
            } else {
                self.states.clear_away(self.slice)
            };
        };
        let snapshot = self.states.scanned_mut(scan.goal.on_frozen);
        if let Some(store) = &mut snapshot.store {
            scan.go_on(store, &snapshot.findings, &self.config, self.slice);
        }
        self.show_scan();
    }

    /// What is half done is thrown away: the state is another one, or other rows are wanted.
    pub(super) fn drop_scan(&mut self) {
        if self.scan.take().is_some_and(|scan| scan.goal.lints) {
            self.schedule.data = true;
        }
    }

    fn start_scan(&mut self) {
        let forced = std::mem::take(&mut self.schedule.force);
        self.schedule.scanned_at = Some(self.now);
        let on_frozen = forced && self.states.is_frozen();
        let lints = self.schedule.data && !on_frozen;
        if lints {
            self.schedule.data = false;
            let keep: Vec<TaskKey> = self.nav_stack.tasks().chain(self.tables.tasks.selected_key()).collect();
            if let Some(store) = self.states.store_mut() {
                store.purge(u64::try_from(self.config.retention.as_nanos()).unwrap_or(u64::MAX), &keep);
            }
        }
        let Some(store) = self.states.scanned(on_frozen).analysis() else { return self.changed() };
        let is_other = !on_frozen && self.states.is_other_shown();
        let rows = on_frozen || !self.states.is_frozen();
        let goal = Goal {
            forced,
            on_frozen,
            lints,
            rows: rows.then(|| self.tables.tasks.draft(store, &self.config, is_other)),
            children: self.watched_task().filter(|_| rows).map(ChildSearch::new),
        };
        self.scan = Some(Scan::new(goal, store, self.now));
    }

    /// Shows what the scan has made, if it is done and nothing is moved under the user's eyes.
    fn show_scan(&mut self) {
        let may = |scan: &mut Scan| scan.is_done() && (scan.goal.forced || self.schedule.still(self.now));
        if let Some(scan) = self.scan.take_if(may) {
            self.install(scan);
        }
    }

    fn install(&mut self, scan: Scan) {
        let Scan { goal, found, .. } = scan;
        if let Some(found) = found {
            self.states.live.findings = found;
            if let Some(store) = self.states.store_mut() {
                store.records.show_next_marks();
            }
        }
        if let Some(rows) = goal.rows {
            if self.states.show_live() {
                self.forget_process();
            }
            let Some(store) = self.states.shown().analysis() else { return };
            self.tables.tasks.install(rows, store);
            self.children = goal.children.map_or_else(Children::default, ChildSearch::finish);
            self.rebuild_tables();
            let Some(store) = self.store() else { return };
            self.resource_ops = match self.nav_stack.screen() {
                Screen::Resource(key) => ResourceOps::find(store, key),
                _ => ResourceOps::default(),
            };
            self.has_rows = true;
        }
        self.changed();
    }

    /// A whole snapshot took the place of the live state.
    pub(super) fn replaced(&mut self, old: Option<Box<Store>>) {
        if let Some(old) = old {
            self.states.replaced(*old, self.now);
        }
        self.drop_scan();
        if !self.states.is_frozen() {
            self.schedule.force();
        }
    }

    pub(super) fn set_frozen(&mut self, on: bool) {
        self.states.set_frozen(on, self.now);
        self.drop_scan();
        self.schedule.data_changed();
        self.schedule.force();
    }

    /// Another process is on the screen: nothing that points to a task of the old one may stay.
    fn forget_process(&mut self) {
        self.nav_stack.forget_process(&mut self.tables);
        self.tables.each(|table| table.forget());
        self.resource_ops = ResourceOps::default();
        self.children = Children::default();
    }

    /// Makes the rows of the tables on the way to the screen anew, and counts what the tables beside them list.
    fn rebuild_tables(&mut self) {
        let Some(at) = self.states.shown().context(&self.config) else { return };
        let tabs: Vec<Tab> = self.nav_stack.screens().filter_map(Screen::tab).collect();
        for tab in tabs {
            let shown = self.tables.on(tab.screen());
            for id in tab.tables() {
                let table = self.tables.get_mut(*id);
                if shown == Some(*id) { table.rebuild(at) } else { table.recount(at) }
            }
        }
        // They are on every screen: as a strip, and as a number.
        self.tables.findings.rebuild(at);
    }

    /// How long the rows that the user asked for have been in the making, once that is worth a word.
    pub(super) fn late_by(&self) -> Option<Duration> {
        let scan = self.scan.as_ref().filter(|scan| scan.goal.forced && !scan.is_done())?;
        Some(self.now.saturating_sub(scan.started)).filter(|late| *late >= MIN_GAP)
    }

    /// The task whose detail is on the screen.
    pub(super) fn watched_task(&self) -> Option<TaskKey> {
        match self.screen() {
            Screen::Task(key) => Some(key),
            Screen::Tasks | Screen::Findings => self.side_pane(),
            _ => None,
        }
    }

    /// Asks the server for what the screen needs, when that has changed.
    pub(super) fn upkeep(&mut self, effects: &mut Vec<Effect>) {
        let selected = self.context().and_then(|at| self.tables.tasks.subject(at));
        if self.schedule.selected.map(|(key, _)| key) != selected {
            self.schedule.selected = selected.map(|key| (key, self.now));
        }
        if !self.connection.is_open() {
            return;
        }
        let wish = Wish {
            interval_ms: self
                .config
                .interval
                .map_or(0, |interval| u32::try_from(interval.as_millis()).unwrap_or(u32::MAX)),
            resync: self.stream.resync,
            details: self.wanted_details(),
            resource_details: self.wanted_resources(),
            await_trees: self.await_trees,
            descriptors_interval_ms: u32::try_from(self.descriptors_interval().as_millis())
                .unwrap_or(u32::MAX),
        };
        if self.sent.as_ref() == Some(&wish) {
            return;
        }
        effects.push(Effect::SendRequest((&wish).into()));
        self.sent = Some(wish);
        self.drop_unwanted_details();
    }

    /// Details that no screen shows (any more) are dropped.
    pub(super) fn drop_unwanted_details(&mut self) {
        if let (Some(store), Some(sent)) = (self.states.store_mut(), &self.sent) {
            store.details.retain(|key, _| sent.details.contains(key));
            store.resources.locks.details.retain(|key, _| sent.resource_details.contains(key));
        }
    }

    /// The resources on the way to the present screen, the last ones.
    fn wanted_resources(&self) -> Vec<ResourceKey> {
        let mut open: Vec<ResourceKey> = self.nav_stack.resources().collect();
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
        let mut open: Vec<TaskKey> = self.nav_stack.tasks().collect();
        open.reverse();
        let settled =
            self.schedule.selected.is_some_and(|(_, since)| self.now.saturating_sub(since) >= DETAIL_DELAY);
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
