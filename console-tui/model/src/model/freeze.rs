//! Which state is shown: the live one; one that the user has frozen; or the old one, until the scan over the one that takes its
//! place is done.
//!
//! Invariant: a state with its rows and findings is shown as a whole, or not at all. Limit: a state that is no longer shown
//! is cleared away a bit at a time, the one before it at once.

use std::time::Duration;

use crate::{
    model::{Model, Restart, Snapshot, detail::Children, resource::ResourceOps},
    store::Store,
};

/// A state that stands still while recording goes on behind it.
#[derive(Debug)]
pub(super) struct Frozen {
    pub(super) snapshot: Snapshot,
    pub(super) since: Duration,
    /// The user wants it so. Otherwise it stands until the scan over the state that takes its place is done.
    pub(super) by_user: bool,
}

impl Model {
    /// The old state stays on the screen until a scan over the new one is done.
    pub(super) fn replaced(&mut self, old: Option<Box<Store>>) {
        if let Some(old) = old {
            let same = self.live.store.as_ref().is_some_and(|new| new.hello.instance == old.hello.instance);
            let findings =
                if same { self.live.findings.clone() } else { std::mem::take(&mut self.live.findings) };
            if !same {
                self.restart = Some(Restart { at: self.now, old_pid: old.hello.pid });
            }
            if self.frozen.is_none() {
                let snapshot = Snapshot { store: Some(*old), findings };
                self.frozen = Some(Box::new(Frozen { snapshot, since: self.now, by_user: false }));
            }
        }
        self.drop_scan();
        if !self.is_frozen() {
            self.schedule.force();
        }
    }

    /// Another process is on the screen: nothing that points to a task of the old one may stay.
    fn forget_process(&mut self) {
        self.nav_stack.forget_process(&mut self.tables);
        self.tables.each(|table| table.forget());
        self.resource_ops = ResourceOps::default();
        self.children = Children::default();
    }

    /// The user has frozen the screen.
    pub(super) fn is_frozen(&self) -> bool {
        self.frozen.as_ref().is_some_and(|frozen| frozen.by_user)
    }

    pub(super) fn set_frozen(&mut self, on: bool) {
        if let Some(frozen) = &mut self.frozen {
            (frozen.by_user, frozen.since) = (on, self.now);
        } else if on && self.live.store.is_some() {
            let snapshot = self.live.clone();
            self.frozen = Some(Box::new(Frozen { snapshot, since: self.now, by_user: true }));
        }
        self.drop_scan();
        self.schedule.data_changed();
        self.schedule.force();
    }

    /// The live state has its rows: what stood in its place goes.
    pub(super) fn leave_old_state(&mut self) {
        let Some(old) = self.frozen.take_if(|frozen| !frozen.by_user) else { return };
        let instance = |store: &Option<Store>| store.as_ref().map(|store| store.hello.instance);
        if instance(&old.snapshot.store) != instance(&self.live.store) {
            self.forget_process();
        }
        self.discarded = Some(old);
    }

    /// A bit of what is no longer shown.
    pub(super) fn clear_away(&mut self) {
        let store = self.discarded.as_mut().and_then(|discarded| discarded.snapshot.store.as_mut());
        if store.is_none_or(|store| store.release_some(self.slice)) {
            self.discarded = None;
        }
    }
}
