//! What was counted instead of shown: each limit that was hit, and each frame that made no sense.

/// What was counted instead of shown.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Losses {
    /// Tasks beyond the recorder's limit: counted, not watched.
    pub untracked: u64,
    /// Timeline events lost in the process.
    pub lost_events: u64,
    /// Names and fields cut in the process.
    pub truncated: u64,
    /// Places or threads beyond the recorder's limit.
    pub folded_sites: u64,
    /// Resources and operations beyond the recorder's limit: not watched.
    pub untracked_resources: u64,
    /// Frames refused, because they made no sense.
    pub rejected_frames: u64,
    /// Times that a gap in the sequence was seen.
    pub gaps: u64,
    /// Rounds whose end did not come: they were taken in as far as they came.
    pub rounds_without_end: u64,
    /// Tasks beyond the client's own limit.
    pub tasks_over_limit: u64,
    /// Resources and operations beyond the client's own limit.
    pub resources_over_limit: u64,
    /// Attributes of resources and operations beyond the client's own limit.
    pub attributes_over_limit: u64,
    /// Texts not kept, because the client's own limit of text was reached.
    pub texts_over_limit: u64,
    /// Texts that were cut or cleaned of control characters.
    pub texts_cleaned: u64,
    /// Histories (sparklines) not kept, because of the client's own limit.
    pub histories_over_limit: u64,
    /// Await trees not kept, because of the client's own limit.
    pub await_trees_over_limit: u64,
    /// Changes that named a task, a resource or an operation that were never announced.
    pub orphans: u64,
}

impl Losses {
    /// What makes the numbers on the screen incomplete: the header's `lost`. Cut and cleaned texts don't.
    pub fn total(&self) -> u64 {
        [
            self.untracked,
            self.lost_events,
            self.folded_sites,
            self.untracked_resources,
            self.rejected_frames,
            self.rounds_without_end,
            self.tasks_over_limit,
            self.resources_over_limit,
            self.attributes_over_limit,
            self.texts_over_limit,
            self.histories_over_limit,
            self.await_trees_over_limit,
            self.orphans,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }

    /// Each count that is not 0, in words.
    pub fn words(&self) -> Vec<(u64, &'static str)> {
        [
            (self.untracked, "tasks beyond the recorder's limit: counted, not watched"),
            (self.lost_events, "timeline events lost in the process"),
            (self.truncated, "names or fields cut in the process"),
            (self.folded_sites, "places or threads beyond the recorder's limit"),
            (self.untracked_resources, "resources or operations beyond the recorder's limit: not watched"),
            (self.rejected_frames, "frames refused because they made no sense"),
            (self.rounds_without_end, "rounds whose end did not come: some values are of different moments"),
            (self.gaps, "gaps in the sequence of frames, healed by a fresh snapshot"),
            (self.tasks_over_limit, "tasks beyond this client's limit"),
            (self.resources_over_limit, "resources or operations beyond this client's limit"),
            (self.attributes_over_limit, "attributes of resources beyond this client's limit"),
            (self.texts_over_limit, "texts beyond this client's limit"),
            (self.texts_cleaned, "texts cut, or cleaned of control characters"),
            (self.histories_over_limit, "sparklines beyond this client's limit"),
            (self.await_trees_over_limit, "await trees beyond this client's limit"),
            (self.orphans, "changes of tasks or resources that were never announced"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .collect()
    }
}
