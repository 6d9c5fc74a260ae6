//! What is selected on the screen: what copying, opening and trees begin with.

use super::Ui;
use crate::{
    nav::{Screen, WaitsOf},
    store::task::Task,
    table::{Context, Subject},
};

impl Ui {
    /// What the screen is about; of a list, what its selected row is about.
    pub(super) fn subject(&self, at: Option<Context<'_>>) -> Option<Subject> {
        if let Some(table) = self.list() {
            return table.subject(at?);
        }
        match self.nav.screen() {
            Screen::Task(key) | Screen::Waits(WaitsOf::Task(key)) => Some(Subject::Task(key)),
            Screen::Resource(key) | Screen::Waits(WaitsOf::Resource(key)) => Some(Subject::Resource(key)),
            Screen::Descriptor(id) => Some(Subject::Descriptor(id)),
            // What the chosen link leads to.
            _ => {
                let (links, chosen) = self.links(at)?;
                match links.get(chosen?)?.to {
                    Screen::Task(key) | Screen::Waits(WaitsOf::Task(key)) => Some(Subject::Task(key)),
                    Screen::Resource(key) => Some(Subject::Resource(key)),
                    Screen::Descriptor(id) => Some(Subject::Descriptor(id)),
                    _ => None,
                }
            }
        }
    }
}

/// The id of a subject, as it is copied.
pub(super) fn id(at: Option<Context<'_>>, of: Subject) -> Option<String> {
    match of {
        Subject::Task(key) => at?.store.task(key).map(Task::id),
        Subject::Resource(key) => Some(key.id()),
        Subject::Descriptor(id) => Some(id.id()),
        Subject::Site(_) => None,
    }
}

/// The place of a subject, as it is copied.
pub(super) fn place(at: Option<Context<'_>>, of: Subject) -> Option<String> {
    let store = at?.store;
    let site = match of {
        Subject::Task(key) => store.task(key)?.facts.site,
        Subject::Resource(key) => store.resources.resource(key)?.site,
        Subject::Site(site) => site,
        Subject::Descriptor(_) => return None,
    };
    store.place(site)
}
