//! The list of findings.

use crate::{
    id::{DescriptorId, ResourceKey, SiteId, TaskKey},
    lint::{LintKind, Severity},
};

/// What a finding is about, and where Enter leads.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The tasks of the finding's place.
    #[default]
    Site,
    /// One task, or a circle that it is in.
    Task(TaskKey),
    /// A lock, a channel, a stream.
    Resource(ResourceKey),
    /// A socket or file that no wrapper is around.
    Descriptor(DescriptorId),
    /// A thread outside any task, by its number.
    Thread(u32),
    /// A runtime, by its index.
    Runtime(u32),
}

/// Identity of a finding: it stays the same while numbers in it change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FindingId {
    /// The lint.
    pub lint: LintKind,
    /// The tasks of this spawn site; for a lock or a channel, where it was made.
    pub site: SiteId,
    /// What it is about.
    pub subject: Subject,
}

impl FindingId {
    /// A finding about the tasks of a spawn site.
    pub fn of_site(lint: LintKind, site: SiteId) -> Self {
        Self { lint, site, subject: Subject::Site }
    }
}

/// One finding: a lint, and the tasks of one spawn site, the lock or the circle that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingView {
    /// Identity.
    pub id: FindingId,
    /// Place in the list.
    pub index: usize,
    /// It is selected.
    pub selected: bool,
    /// How serious.
    pub severity: Severity,
    /// Time since it was first seen.
    pub seen_for_ns: u64,
    /// Tasks it is about.
    pub count: u64,
    /// What was seen: a sentence with names, ids, places and numbers.
    pub message: String,
    /// What to do next: a sentence.
    pub advice: String,
    /// `file:line:column`; `None`: unknown.
    pub place: Option<String>,
    /// Some of the tasks, the worst first.
    pub tasks: Vec<TaskKey>,
}
