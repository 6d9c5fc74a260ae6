//! The list of findings: which one is selected.

use crate::{
    lint::findings::Finding,
    model::World,
    screen::{
        findings::{FindingId, FindingView},
        task::TaskFinding,
    },
};

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

/// The selection follows the finding that the user has chosen; until then it stays on the most serious one.
#[derive(Debug)]
pub(crate) struct FindingList {
    selected: Option<FindingId>,
    follows: bool,
    index: usize,
    offset: usize,
    page: usize,
}

impl Default for FindingList {
    fn default() -> Self {
        Self { selected: None, follows: false, index: 0, offset: 0, page: 8 }
    }
}

impl FindingList {
    pub(super) fn view(&self, world: &World) -> Vec<FindingView> {
        let Some(store) = &world.store else { return Vec::new() };
        let list = world.findings.list.iter().enumerate();
        list.map(|(index, finding)| FindingView {
            id: finding.id,
            index,
            selected: self.selected == Some(finding.id),
            severity: finding.severity,
            seen_for_ns: store.now_ns.saturating_sub(finding.first_seen_ns),
            count: finding.count,
            message: finding.message.clone(),
            advice: finding.advice.to_owned(),
            place: store.place(finding.id.site),
            tasks: finding.tasks.clone(),
        })
        .collect()
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn page(&self) -> usize {
        self.page
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn selected(&self) -> Option<FindingId> {
        self.selected
    }

    pub(crate) fn set_page(&mut self, rows: usize) {
        self.page = rows.max(1);
    }

    pub(super) fn move_to(&mut self, index: usize, world: &World) {
        self.follows = index > 0;
        self.select(index, world);
    }

    fn select(&mut self, index: usize, world: &World) {
        let list = &world.findings.list;
        self.index = index.min(list.len().saturating_sub(1));
        self.selected = list.get(self.index).map(|finding| finding.id);
        if self.index < self.offset {
            self.offset = self.index;
        } else if self.index >= self.offset + self.page {
            self.offset = self.index + 1 - self.page;
        }
    }

    /// The list has changed.
    pub(super) fn settle(&mut self, world: &World) {
        let found = world.findings.list.iter().position(|finding| Some(finding.id) == self.selected);
        let index = if self.follows { found.unwrap_or(self.index) } else { 0 };
        self.select(index, world);
    }
}
