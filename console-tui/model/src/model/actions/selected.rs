//! What is selected on the screen: what copying, opening and trees begin with.

use crate::{
    model::Model,
    nav::{Screen, WaitsOf},
    store::task::Task,
    table::Subject,
};

impl Model {
    /// What the screen is about; of a list, what its selected row is about.
    pub(super) fn subject(&self) -> Option<Subject> {
        if let Some(table) = self.list() {
            return table.subject(self.context()?);
        }
        match self.screen() {
            Screen::Task(key) | Screen::Waits(WaitsOf::Task(key)) => Some(Subject::Task(key)),
            Screen::Resource(key) | Screen::Waits(WaitsOf::Resource(key)) => Some(Subject::Resource(key)),
            Screen::Descriptor(id) => Some(Subject::Descriptor(id)),
            // The task that the chosen link leads to.
            _ => {
                let (links, chosen) = self.link_list()?;
                match links.get(chosen?)?.to {
                    Screen::Task(key) => Some(Subject::Task(key)),
                    _ => None,
                }
            }
        }
    }

    pub(super) fn copied_id(&self) -> Option<String> {
        match self.subject()? {
            Subject::Task(key) => self.store()?.task(key).map(Task::id),
            Subject::Resource(key) => Some(key.id()),
            Subject::Descriptor(id) => Some(id.id()),
            Subject::Site(_) => None,
        }
    }

    pub(super) fn copied_place(&self) -> Option<String> {
        let store = self.store()?;
        let site = match self.subject()? {
            Subject::Task(key) => store.task(key)?.facts.site,
            Subject::Resource(key) => store.resources.resource(key)?.site,
            Subject::Site(site) => site,
            Subject::Descriptor(_) => return None,
        };
        store.place(site)
    }
}
