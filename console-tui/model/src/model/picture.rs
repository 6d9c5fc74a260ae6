//! Which picture is shown: the live one; one that the user has frozen; or the old one, until the walk over the one that takes its
//! place is done.
//!
//! Invariant: a picture with its rows and findings is shown as a whole, or not at all. Limit: a picture that is no longer shown
//! is cleared away a bit at a time, the one before it at once.

use std::time::Duration;

use crate::{
    model::{Model, Restart, World, detail::Children, resource::ResourceOps},
    store::Store,
};

/// A picture that stands still while recording goes on behind it.
#[derive(Debug)]
pub(super) struct Frozen {
    pub(super) world: World,
    pub(super) since: Duration,
    /// The user wants it so. Otherwise it stands until the walk over the picture that takes its place is done.
    pub(super) by_user: bool,
}

impl Model {
    /// The old picture stays on the screen until a walk over the new one is done.
    pub(super) fn replaced(&mut self, old: Option<Box<Store>>) {
        if let Some(old) = old {
            let same = self.live.store.as_ref().is_some_and(|new| new.hello.instance == old.hello.instance);
            let findings =
                if same { self.live.findings.clone() } else { std::mem::take(&mut self.live.findings) };
            if !same {
                self.restart = Some(Restart { at: self.now, old_pid: old.hello.pid });
            }
            if self.frozen.is_none() {
                let world = World { store: Some(*old), findings };
                self.frozen = Some(Box::new(Frozen { world, since: self.now, by_user: false }));
            }
        }
        self.drop_walk();
        if !self.is_frozen() {
            self.due.force();
        }
    }

    /// Another process is on the screen: nothing that points to a task of the old one may stay.
    fn forget_process(&mut self) {
        self.route.forget_process(&mut self.tables);
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
            let world = self.live.clone();
            self.frozen = Some(Box::new(Frozen { world, since: self.now, by_user: true }));
        }
        self.drop_walk();
        self.due.data_changed();
        self.due.force();
    }

    /// The live picture has its rows: what stood in its place goes.
    pub(super) fn leave_old_picture(&mut self) {
        let Some(old) = self.frozen.take_if(|frozen| !frozen.by_user) else { return };
        let instance = |store: &Option<Store>| store.as_ref().map(|store| store.hello.instance);
        if instance(&old.world.store) != instance(&self.live.store) {
            self.forget_process();
        }
        self.rubbish = Some(old);
    }

    /// A bit of what is no longer shown.
    pub(super) fn clear_away(&mut self) {
        let store = self.rubbish.as_mut().and_then(|rubbish| rubbish.world.store.as_mut());
        if store.is_none_or(|store| store.shed(self.slice)) {
            self.rubbish = None;
        }
    }
}
