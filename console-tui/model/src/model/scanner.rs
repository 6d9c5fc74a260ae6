//! When a scan over all tasks (lints, rows, children) is due, and the one under way: at most one a second, or when the user asks for
//! other rows.

use std::time::Duration;

use crate::{
    config::Config,
    id::TaskKey,
    model::{
        detail::ChildSearch,
        feed::News,
        scan::{Goal, SLICE, Scan},
        states::States,
        ui::{Ui, Wants},
    },
};

/// Time between two scans: less than two rounds of a server take by default, so that what the lints say is of this round or of the last.
const MIN_GAP: Duration = Duration::from_millis(900);
/// The rows stay as they are for so long after the user moved: a key is down, or the eye is on its way.
const STILL_AFTER_MOVE: Duration = Duration::from_millis(400);

/// See the module's text.
#[derive(Debug)]
pub(super) struct Scanner {
    /// Data came since the last scan.
    has_new_data: bool,
    /// The user asked for other rows, or the state is another one.
    is_forced: bool,
    scanned_at: Option<Duration>,
    moved_at: Option<Duration>,
    /// The one under way.
    scan: Option<Scan>,
    /// What a scan may do in one event.
    pub(super) slice: usize,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            has_new_data: false,
            is_forced: false,
            scanned_at: None,
            moved_at: None,
            scan: None,
            slice: SLICE,
        }
    }
}

impl Scanner {
    /// Everything is to be looked at anew: what is half done is thrown away.
    pub(super) fn restart(&mut self) {
        self.drop_scan();
        (self.has_new_data, self.is_forced) = (true, true);
    }

    /// What a frame did.
    pub(super) fn data_came(&mut self, news: News, is_frozen: bool) {
        if news == News::Replaced {
            self.drop_scan();
            self.is_forced |= !is_frozen;
        }
        self.has_new_data |= matches!(news, News::Data | News::Replaced);
    }

    /// What the user did.
    pub(super) fn user_wants(&mut self, wants: Wants, now: Duration) {
        if wants.moved {
            self.moved_at = Some(now);
        }
        if wants.rows {
            self.is_forced = true;
        }
        if self.is_forced {
            self.drop_scan();
        }
    }

    /// What is half done is thrown away: the state is another one, or other rows are wanted.
    pub(super) fn drop_scan(&mut self) {
        if self.scan.take().is_some_and(|scan| scan.goal.lints) {
            self.has_new_data = true;
        }
    }

    /// Nothing is moved that the user is looking for.
    fn is_still(&self, now: Duration) -> bool {
        has_passed(self.moved_at, STILL_AFTER_MOVE, now)
    }

    pub(super) fn is_due(&self, now: Duration) -> bool {
        let again = self.has_new_data && has_passed(self.scanned_at, MIN_GAP, now) && self.is_still(now);
        self.scan.is_none() && (self.is_forced || again)
    }

    fn under_way(&self) -> Option<&Scan> {
        self.scan.as_ref().filter(|scan| !scan.is_done())
    }

    pub(super) fn is_scanning(&self) -> bool {
        self.under_way().is_some()
    }

    pub(super) fn is_scanning_live(&self) -> bool {
        self.under_way().is_some_and(|scan| !scan.goal.on_frozen)
    }

    /// How long the rows that the user asked for have been in the making, once that is worth a word.
    pub(super) fn late_by(&self, now: Duration) -> Option<Duration> {
        let scan = self.under_way().filter(|scan| scan.goal.forced)?;
        Some(now.saturating_sub(scan.started)).filter(|late| *late >= MIN_GAP)
    }

    /// Starts a scan. False: there is nothing to look at yet.
    pub(super) fn start(&mut self, states: &mut States, ui: &Ui, config: &Config, now: Duration) -> bool {
        let forced = std::mem::take(&mut self.is_forced);
        self.scanned_at = Some(now);
        let on_frozen = forced && states.is_frozen();
        let lints = self.has_new_data && !on_frozen;
        if lints {
            self.has_new_data = false;
            let keep: Vec<TaskKey> = ui.nav.tasks().chain(ui.tables.tasks.selected_key()).collect();
            if let Some(store) = states.store_mut() {
                store.purge(u64::try_from(config.retention.as_nanos()).unwrap_or(u64::MAX), &keep);
            }
        }
        let Some(store) = states.scanned(on_frozen).analysis() else { return false };
        let is_other = !on_frozen && states.is_other_shown();
        let rows = on_frozen || !states.is_frozen();
        let goal = Goal {
            forced,
            on_frozen,
            lints,
            rows: rows.then(|| ui.tables.tasks.draft(store, config, is_other)),
            children: ui.watched_task(config).filter(|_| rows).map(ChildSearch::new),
        };
        self.scan = Some(Scan::new(goal, store, now));
        true
    }

    /// A bit of the scan under way.
    pub(super) fn go_on(&mut self, states: &mut States, ui: &mut Ui, config: &Config) {
        let Some(scan) = &mut self.scan else { return };
        scan.go_on(states.scanned_mut(scan.goal.on_frozen), ui, config, self.slice);
    }

    /// What the scan has made, if it is done and nothing is moved under the user's eyes.
    pub(super) fn take_done(&mut self, now: Duration) -> Option<Scan> {
        let is_still = self.is_still(now);
        self.scan.take_if(|scan| scan.is_done() && (scan.goal.forced || is_still))
    }
}

/// `at`: never, if `None`.
fn has_passed(at: Option<Duration>, gap: Duration, now: Duration) -> bool {
    at.is_none_or(|at| now.saturating_sub(at) >= gap)
}
