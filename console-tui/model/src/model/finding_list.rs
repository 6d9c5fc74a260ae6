//! The findings about one task, resource or descriptor, for its screen.

use crate::{lints::findings::Finding, model::states::Snapshot, screen::task::TaskFinding};

/// Findings that are about more than one task, for the screen of one of those they are about.
pub(super) fn about(snapshot: &Snapshot, is_about: impl Fn(&Finding) -> bool) -> Vec<TaskFinding> {
    snapshot.findings.list.iter().filter(|finding| is_about(finding)).map(TaskFinding::from).collect()
}

impl From<&Finding> for TaskFinding {
    fn from(finding: &Finding) -> Self {
        Self {
            lint: finding.id.lint,
            severity: finding.severity,
            message: finding.message.clone(),
            advice: finding.advice.to_owned(),
        }
    }
}
