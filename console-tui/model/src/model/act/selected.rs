//! What is selected on the screen: what copying, opening and trees begin with.

use crate::{
    id::{IoKey, ResourceKey, SiteId},
    model::Model,
    nav::{Screen, WaitsOf},
    screen::table::RowKey,
};

impl Model {
    pub(super) fn copied_id(&self) -> Option<String> {
        let store = self.store()?;
        if let Some(key) = self.selected_resource() {
            return Some(key.id());
        }
        match self.selected_subject()? {
            RowKey::Task(key) => store.task(key).map(crate::store::task::Task::id),
            RowKey::Group(_) => None,
        }
    }

    /// The resource that is on the screen or selected there.
    pub(super) fn selected_resource(&self) -> Option<ResourceKey> {
        match self.screen() {
            Screen::Resource(key) | Screen::Waits(WaitsOf::Resource(key)) => Some(key),
            Screen::Resources => self.resource_table.selected_resource(),
            Screen::Locks => self.listed_table().selected_resource(),
            Screen::Io => match self.io_tables.shown().selected() {
                Some(IoKey::Resource(key)) => Some(key),
                Some(IoKey::Descriptor(_)) | None => None,
            },
            Screen::Tasks
            | Screen::Task(_)
            | Screen::Findings
            | Screen::Descriptor(_)
            | Screen::Waits(WaitsOf::Task(_))
            | Screen::Runtime
            | Screen::Worker(_) => None,
        }
    }

    pub(super) fn copied_place(&self) -> Option<String> {
        let store = self.store()?;
        match self.screen() {
            Screen::Resources => return store.place(self.resource_table.selected_site(store)?),
            Screen::Locks => return store.place(self.listed_table().selected_site(store)?),
            Screen::Resource(key) | Screen::Waits(WaitsOf::Resource(key)) => {
                return store.place(store.resources.resource(key)?.site);
            }
            Screen::Io => return store.place(self.io_tables.shown().selected_site(store)?),
            _ => {}
        }
        let site: SiteId = match self.selected_subject()? {
            RowKey::Task(key) => store.task(key)?.facts.site,
            RowKey::Group(site) => site,
        };
        store.place(site)
    }

    pub(super) fn selected_subject(&self) -> Option<RowKey> {
        match self.screen() {
            Screen::Task(key) | Screen::Waits(WaitsOf::Task(key)) => Some(RowKey::Task(key)),
            Screen::Tasks => self.table.selected(),
            // The task that the chosen door leads to.
            Screen::Runtime | Screen::Worker(_) => {
                let (doors, chosen) = self.door_list()?;
                match doors.get(chosen?)?.to {
                    Screen::Task(key) => Some(RowKey::Task(key)),
                    _ => None,
                }
            }
            Screen::Locks
            | Screen::Resources
            | Screen::Resource(_)
            | Screen::Io
            | Screen::Descriptor(_)
            | Screen::Waits(WaitsOf::Resource(_)) => None,
            Screen::Findings => {
                let finding = self.world().findings.get(self.finding_list.selected()?)?;
                match finding.tasks.as_slice() {
                    [only] => Some(RowKey::Task(*only)),
                    _ => Some(RowKey::Group(finding.id.site)),
                }
            }
        }
    }
}
