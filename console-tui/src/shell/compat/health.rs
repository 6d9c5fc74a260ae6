//! What keeps the picture from being whole, in sentences.

use console_api::instrument::Update;

/// Things that console-subscriber takes in each time it wakes: tokio's budget ends its loop after 127. A wake that took
/// fewer has emptied the queue; the few that don't show in an update are allowed for.
const FULL_TICK: usize = 120;

/// See the module.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Health {
    /// The other side has more than it has sent.
    trickling: bool,
    /// It sent nothing of what there was before this console came.
    beheaded: bool,
    /// Some console has paused it for all consoles.
    paused: bool,
}

impl Health {
    /// Looks at an update; the first of a stream is a dump, and says nothing of the queue.
    pub(super) fn look(&mut self, update: &Update, first: bool) {
        if first {
            // A dump always has metadata. Where it would be too large, there is none, and this is an update like any other.
            self.beheaded = update.new_metadata.is_none();
            return;
        }
        let tasks = update.task_update.as_ref().map_or(0, |tasks| tasks.new_tasks.len());
        let resources = update
            .resource_update
            .as_ref()
            .map_or(0, |resources| resources.new_resources.len() + resources.new_poll_ops.len());
        let ops = update.async_op_update.as_ref().map_or(0, |ops| ops.new_async_ops.len());
        let metadata = update.new_metadata.as_ref().map_or(0, |new| new.metadata.len());
        self.trickling = tasks + resources + ops + metadata >= FULL_TICK;
    }

    /// What `WatchState` said.
    pub(super) fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    pub(super) fn problems(self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.paused {
            problems.push(
                "Another console has paused this program, for every console: nothing new comes until it resumes."
                    .to_owned(),
            );
        }
        if self.trickling {
            problems.push(
                "Not everything is here yet: console-subscriber takes in about 127 new things per tick, and more wait."
                    .to_owned(),
            );
        }
        if self.beheaded {
            problems.push(
                "console-subscriber sent no first snapshot (above 4 MiB): idle tasks are missing, older ones have no name. \
                 Set a shorter retention there."
                    .to_owned(),
            );
        }
        problems.push(
            "This program has console-subscriber in it, not taskscope: what that does not record shows as –."
                .to_owned(),
        );
        problems
    }
}
