//! The tasks of each spawn site, summed up.

use crate::{
    id::SiteId,
    severity::Severity,
    store::{
        history::Rates,
        live::Live,
        task::{Marks, Sums, Task},
    },
    table::fold::Shape,
    text::TextId,
};

/// The tasks of a site that are shown or folded away: alive or ended lately, and matching the filter.
#[derive(Debug, Default, Clone)]
pub(crate) struct Group {
    pub(crate) shape: Shape,
    /// From so many tasks on it is folded for certain.
    pub(crate) folds_at: u64,
    /// What its row is sorted by.
    pub(crate) key: u64,
    pub(crate) tasks: Live,
    pub(crate) rates: Rates,
    /// The name that all of them have.
    pub(crate) name: SharedName,
    /// `None`: unknown of all.
    pub(crate) longest_poll_ns: Option<u64>,
    pub(crate) longest_scheduled_ns: Option<u64>,
    /// Tasks with a finding that is more than an information.
    pub(crate) suspects: u64,
    pub(crate) worst: Option<Severity>,
    /// The worst of those that are no suspects.
    pub(crate) worst_minor: Option<Severity>,
    /// Of what does not stand on its own.
    pub(crate) severity: Option<Severity>,
}

/// Whether the tasks of a group have one name.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SharedName {
    #[default]
    Empty,
    One(TextId),
    Several,
}

impl Group {
    /// `at`: the moment that is shown.
    pub(crate) fn add(&mut self, task: &Task, marks: Marks, rates: Option<&Rates>, at: u64) {
        self.tasks.add(task);
        if let Some(rates) = rates {
            self.rates.add(rates);
        }
        self.name = match self.name {
            SharedName::Empty => SharedName::One(task.facts.name),
            SharedName::One(name) if name == task.facts.name => self.name,
            SharedName::One(_) | SharedName::Several => SharedName::Several,
        };
        self.longest_poll_ns = self.longest_poll_ns.max(task.longest_poll_ns(at));
        self.longest_scheduled_ns = self.longest_scheduled_ns.max(task.longest_scheduled_ns(at));
        self.worst = self.worst.max(marks.severity());
        if marks.is_suspect() {
            self.suspects += 1;
        } else {
            self.worst_minor = self.worst_minor.max(marks.severity());
        }
    }
}

impl Group {
    /// The sums of a group whose polls are known of each task.
    pub(super) fn polls(&self, at: u64) -> Option<Sums> {
        self.tasks.polls_known().then(|| self.tasks.sums(at))
    }

    /// The sums of a group whose wakes are known of each task.
    pub(super) fn wakes(&self, at: u64) -> Option<Sums> {
        self.tasks.wakes_known().then(|| self.tasks.sums(at))
    }
}

/// Every site's group, by the site's number.
#[derive(Debug, Default, Clone)]
pub(crate) struct GroupMap {
    groups: Vec<Option<Box<Group>>>,
}

impl GroupMap {
    /// The group of a site, made by `new` if there is none.
    pub(crate) fn entry(&mut self, site: SiteId, new: impl FnOnce() -> Group) -> &mut Group {
        let index = site.0 as usize;
        if self.groups.len() <= index {
            self.groups.resize_with(index + 1, || None);
        }
        self.groups[index].get_or_insert_with(|| Box::new(new()))
    }

    pub(crate) fn get(&self, site: SiteId) -> Option<&Group> {
        self.groups.get(site.0 as usize)?.as_deref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SiteId, &Group)> {
        (0..).map(SiteId).zip(&self.groups).filter_map(|(site, group)| Some((site, group.as_deref()?)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (SiteId, &mut Group)> {
        let groups = (0..).map(SiteId).zip(&mut self.groups);
        groups.filter_map(|(site, group)| Some((site, group.as_deref_mut()?)))
    }
}
