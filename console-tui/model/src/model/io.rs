//! Descriptors: one of them whole, and how often they are asked for.

use std::time::Duration;

use crate::{
    id::{DescriptorId, IoKey},
    lints::findings::Finding,
    model::{Model, finding_list, io_detail},
    nav::Screen,
    screen::{findings::Subject, io::DescriptorView},
};

/// How often descriptors are asked for while a screen shows them: as often as the server reads them at most.
const SHOWN_INTERVAL: Duration = Duration::from_secs(1);

impl Model {
    /// Everything known of a descriptor; `None`: nothing is (any more).
    pub fn descriptor(&self, id: DescriptorId) -> Option<DescriptorView> {
        let store = self.store()?;
        let mut view = io_detail::descriptor_view(store, &store.thing(IoKey::Descriptor(id))?);
        let about = |finding: &Finding| finding.id.subject == Subject::Descriptor(id);
        view.findings = finding_list::about(self.snapshot(), about);
        Some(view)
    }

    /// How often the descriptors are wanted.
    pub(super) fn descriptors_interval(&self) -> Duration {
        let store = self.states.store();
        let shows = |screen: Screen| match screen {
            Screen::Io | Screen::Descriptor(_) => true,
            Screen::Resource(key) => {
                store.is_some_and(|store| store.resources.streams.stream(key.slot).is_some())
            }
            _ => false,
        };
        if self.nav_stack.screens().any(shows) { SHOWN_INTERVAL } else { self.config.descriptors_interval }
    }
}
