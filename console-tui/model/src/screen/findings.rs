//! The list of findings.

pub use crate::lints::{FindingId, Subject};
use crate::{
    id::TaskKey,
    severity::{Confidence, Severity},
};

/// One finding: a lint, and the tasks of one spawn site, the lock or the cycle that it is about.
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
    /// How sure.
    pub confidence: Confidence,
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
