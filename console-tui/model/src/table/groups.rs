//! The tasks of each spawn site, summed up.

use rustc_hash::FxHashMap;

use crate::{
    id::SiteId,
    lint::Severity,
    store::{
        Store,
        history::Rates,
        task::{Live, Task},
    },
    text::TextId,
};

/// How a site's tasks stand in the list.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Each for itself.
    #[default]
    Loose,
    /// One row.
    Folded,
    /// One row, and each below it.
    Unfolded,
}

/// The tasks of a site that are shown or folded away: alive or ended lately, and matching the filter.
#[derive(Debug, Default, Clone)]
pub(crate) struct Group {
    pub(crate) shape: Shape,
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

/// Whether a task stands on its own although its group is folded.
pub(crate) fn is_suspect(task: &Task) -> bool {
    task.severity() > Some(Severity::Info)
}

/// Every site's group.
#[derive(Debug, Default, Clone)]
pub(crate) struct GroupMap {
    groups: FxHashMap<SiteId, Group>,
}

impl GroupMap {
    pub(crate) fn add(&mut self, store: &Store, task: &Task) {
        let group = self.groups.entry(task.facts.site).or_default();
        group.tasks.add(task);
        if let Some(rates) = store.rates(task) {
            group.rates.add(&rates);
        }
        group.name = match group.name {
            SharedName::Empty => SharedName::One(task.facts.name),
            SharedName::One(name) if name == task.facts.name => group.name,
            SharedName::One(_) | SharedName::Several => SharedName::Several,
        };
        let at = store.now_ns;
        group.longest_poll_ns = group.longest_poll_ns.max(task.longest_poll_ns(at));
        group.longest_scheduled_ns = group.longest_scheduled_ns.max(task.longest_scheduled_ns(at));
        group.worst = group.worst.max(task.severity());
        if is_suspect(task) {
            group.suspects += 1;
        } else {
            group.worst_minor = group.worst_minor.max(task.severity());
        }
    }

    pub(crate) fn get(&self, site: SiteId) -> Option<&Group> {
        self.groups.get(&site)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&SiteId, &Group)> {
        self.groups.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&SiteId, &mut Group)> {
        self.groups.iter_mut()
    }
}
