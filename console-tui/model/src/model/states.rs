//! Which state is shown: the live one; one that the user has frozen; or the old one, until the scan over the one that takes its
//! place is done.
//!
//! Invariant: a state with its rows and findings is shown as a whole, or not at all. Limit: a state that is no longer shown
//! is cleared away a bit at a time, the one before it at once.

use std::time::Duration;

use crate::{analysis::Analysis, config::Config, lints::findings::Findings, store::Store, table::Context};

/// One state of one process, with what the lints found in it.
#[derive(Debug, Default, Clone)]
pub(super) struct Snapshot {
    pub(super) store: Option<Store>,
    pub(super) findings: Findings,
}

/// A state that stands still while recording goes on behind it.
#[derive(Debug)]
struct Frozen {
    snapshot: Snapshot,
    since: Duration,
    /// The user wants it so. Otherwise it stands until the scan over the state that takes its place is done.
    by_user: bool,
}

/// What is known of a restart of the process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Restart {
    pub(super) at: Duration,
    pub(super) old_pid: Option<u32>,
}

/// The live state, and what is shown in its place.
#[derive(Debug, Default)]
pub(super) struct States {
    pub(super) live: Snapshot,
    frozen: Option<Box<Frozen>>,
    /// A state that is not shown any more.
    discarded: Option<Box<Frozen>>,
    pub(super) restart: Option<Restart>,
}

impl Snapshot {
    pub(super) fn analysis(&self) -> Option<Analysis<'_>> {
        self.store.as_ref().map(Analysis::of)
    }

    pub(super) fn context<'a>(&'a self, config: &'a Config) -> Option<Context<'a>> {
        Some(Context { store: self.analysis()?, findings: &self.findings, config })
    }

    fn instance(&self) -> Option<u64> {
        self.store.as_ref().map(|store| store.hello.instance)
    }
}

impl States {
    pub(super) fn shown(&self) -> &Snapshot {
        self.frozen.as_ref().map_or(&self.live, |frozen| &frozen.snapshot)
    }

    /// What a scan goes over: the frozen state, or the live one.
    pub(super) fn scanned(&self, frozen: bool) -> &Snapshot {
        if frozen { self.shown() } else { &self.live }
    }

    /// As [`Self::scanned`].
    pub(super) fn scanned_mut(&mut self, frozen: bool) -> &mut Snapshot {
        match &mut self.frozen {
            Some(of) if frozen => &mut of.snapshot,
            _ => &mut self.live,
        }
    }

    /// The live state, if it has come.
    pub(super) fn store(&self) -> Option<&Store> {
        self.live.store.as_ref()
    }

    /// As [`Self::store`].
    pub(super) fn store_mut(&mut self) -> Option<&mut Store> {
        self.live.store.as_mut()
    }

    /// What the lints found in the live state.
    pub(super) fn found(&mut self, findings: Findings) {
        self.live.findings = findings;
        let Snapshot { store, findings } = &mut self.live;
        if let Some(store) = store {
            store.records.show_next_marks();
            store.note_trends(&findings.pressure.longest.woken);
        }
    }

    /// What is shown is of another process than the live state.
    pub(super) fn is_other_shown(&self) -> bool {
        self.frozen.is_some() && self.shown().instance() != self.live.instance()
    }

    /// The live state took the place of `old`, which stays on the screen until [`Self::show_live`].
    pub(super) fn replaced(&mut self, old: Store, now: Duration) {
        let same = self.live.instance() == Some(old.hello.instance);
        let findings =
            if same { self.live.findings.clone() } else { std::mem::take(&mut self.live.findings) };
        if !same {
            self.restart = Some(Restart { at: now, old_pid: old.hello.pid });
        }
        if self.frozen.is_none() {
            let snapshot = Snapshot { store: Some(old), findings };
            self.frozen = Some(Box::new(Frozen { snapshot, since: now, by_user: false }));
        }
    }

    /// The live state has its rows: what was shown in its place goes, unless the user has frozen it. True: it was of another process.
    pub(super) fn show_live(&mut self) -> bool {
        let Some(old) = self.frozen.take_if(|frozen| !frozen.by_user) else { return false };
        let is_other = old.snapshot.instance() != self.live.instance();
        self.discarded = Some(old);
        is_other
    }

    /// The user has frozen the screen.
    pub(super) fn is_frozen(&self) -> bool {
        self.frozen_since().is_some()
    }

    /// Since when.
    pub(super) fn frozen_since(&self) -> Option<Duration> {
        self.frozen.as_ref().filter(|frozen| frozen.by_user).map(|frozen| frozen.since)
    }

    pub(super) fn set_frozen(&mut self, on: bool, now: Duration) {
        if let Some(frozen) = &mut self.frozen {
            (frozen.by_user, frozen.since) = (on, now);
        } else if on && self.live.store.is_some() {
            let snapshot = self.live.clone();
            self.frozen = Some(Box::new(Frozen { snapshot, since: now, by_user: true }));
        }
    }

    /// There is something to [`Self::clear_away`].
    pub(super) fn has_discarded(&self) -> bool {
        self.discarded.is_some()
    }

    /// A bit of what is no longer shown.
    pub(super) fn clear_away(&mut self, units: usize) {
        let store = self.discarded.as_mut().and_then(|discarded| discarded.snapshot.store.as_mut());
        if store.is_none_or(|store| store.release_some(units)) {
            self.discarded = None;
        }
    }
}
