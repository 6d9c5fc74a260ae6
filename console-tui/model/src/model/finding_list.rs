//! The findings about one task, resource or descriptor, for its screen.

use crate::{lint::findings::Finding, model::World, screen::task::TaskFinding};

/// Findings that are about more than one task, for the screen of one of those they are about.
pub(super) fn about(world: &World, is_about: impl Fn(&Finding) -> bool) -> Vec<TaskFinding> {
    let found = world.findings.list.iter().filter(|finding| is_about(finding));
    found
        .map(|finding| TaskFinding {
            lint: finding.id.lint,
            severity: finding.severity,
            message: finding.message.clone(),
            advice: finding.advice.to_owned(),
        })
        .collect()
}
