//! What the lints found: one finding for each lint and what it is about, with the time it was first seen.
//!
//! Limit: [`MAX_FINDINGS`] entries, [`MAX_TASKS`] tasks in each.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::{
    analysis::pressure::Pressure,
    id::{DescriptorId, ResourceKey, SiteId, TaskKey},
    lints::LintKind,
    severity::{Confidence, Severity},
    store::task::Agent,
};

/// Findings listed.
pub(crate) const MAX_FINDINGS: usize = 1000;
/// Tasks that a finding keeps; its count says how many there are.
const MAX_TASKS: usize = 256;
/// Tasks that a finding about the tasks of one site keeps.
pub(crate) const SHOWN_TASKS: usize = 8;

/// What a finding is about, and where Enter leads.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The tasks of the finding's place.
    #[default]
    Site,
    /// One task, or a cycle that it is in.
    Task(TaskKey),
    /// A lock, a channel, a stream.
    Resource(ResourceKey),
    /// A socket or file without a wrapper.
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

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) id: FindingId,
    pub(crate) severity: Severity,
    pub(crate) confidence: Confidence,
    pub(crate) count: u64,
    pub(crate) message: String,
    pub(crate) advice: &'static str,
    /// The worst first.
    pub(crate) tasks: Vec<TaskKey>,
    pub(crate) first_seen_ns: u64,
}

/// Which lint found something, how serious it is, and how sure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) lint: LintKind,
    pub(crate) severity: Severity,
    pub(crate) confidence: Confidence,
}

/// What was measured, or follows from it.
impl From<(LintKind, Severity)> for Claim {
    fn from((lint, severity): (LintKind, Severity)) -> Self {
        Self { lint, severity, confidence: Confidence::Proven }
    }
}

impl From<(LintKind, Severity, Confidence)> for Claim {
    fn from((lint, severity, confidence): (LintKind, Severity, Confidence)) -> Self {
        Self { lint, severity, confidence }
    }
}

impl Finding {
    /// What was measured, or follows from it. `about`: the tasks and threads that it is about, the most important first.
    pub(crate) fn about(
        id: FindingId,
        severity: Severity,
        about: &[Agent],
        message: String,
        advice: &'static str,
    ) -> Self {
        let tasks = about.iter().filter_map(|who| who.task()).take(MAX_TASKS).collect();
        let count = about.len() as u64;
        let confidence = Confidence::Proven;
        Self { id, severity, confidence, count, message, advice, tasks, first_seen_ns: 0 }
    }

    /// The same, as sure as `confidence`.
    pub(crate) fn with(self, confidence: Confidence) -> Self {
        Self { confidence, ..self }
    }
}

/// What the lints found at their last run.
#[derive(Debug, Default, Clone)]
pub(crate) struct Findings {
    /// The most serious first; of those causes before effects, proofs before suspicions, the oldest first.
    pub(crate) list: Vec<Finding>,
    /// Less serious ones that [`MAX_FINDINGS`] keeps out.
    pub(crate) more: usize,
    /// Who waits for a worker, and what the blocking pool does.
    pub(crate) pressure: Pressure,
    first_seen: FxHashMap<FindingId, u64>,
}

impl Findings {
    /// `before`: what was found the last time; `more`: findings that were left out already.
    pub(crate) fn new(
        mut list: Vec<Finding>,
        more: usize,
        pressure: Pressure,
        before: &Self,
        now_ns: u64,
    ) -> Self {
        debug_assert!(list.iter().all(|of| of.id.lint.advice().contains(&of.advice)), "advice is listed");
        debug_assert!(
            list.iter().all(|of| of.id.lint.confidences().contains(&of.confidence)),
            "how sure a lint can be is listed"
        );
        for finding in &mut list {
            finding.first_seen_ns = before.first_seen_ns(finding.id, now_ns);
        }
        // A long poll is often what a deadlock looks like on its worker: the cause comes first.
        list.sort_by_key(|finding| {
            let sure = Reverse(finding.confidence);
            (Reverse(finding.severity), finding.id.lint.rank(), sure, finding.first_seen_ns, finding.id)
        });
        let more = more + list.len().saturating_sub(MAX_FINDINGS);
        list.truncate(MAX_FINDINGS);
        let first_seen = list.iter().map(|finding| (finding.id, finding.first_seen_ns)).collect();
        Self { list, more, pressure, first_seen }
    }

    /// When a finding of now was seen first.
    pub(crate) fn first_seen_ns(&self, id: FindingId, now_ns: u64) -> u64 {
        self.first_seen.get(&id).copied().unwrap_or(now_ns).min(now_ns)
    }

    /// The findings about spawn sites as a whole.
    pub(crate) fn of_sites(&self) -> FxHashMap<SiteId, Severity> {
        let of_sites = self.list.iter().filter(|finding| finding.id.lint.is_about_sites());
        of_sites.map(|finding| (finding.id.site, finding.severity)).collect()
    }

    pub(crate) fn get(&self, id: FindingId) -> Option<&Finding> {
        self.list.iter().find(|finding| finding.id == id)
    }
}
