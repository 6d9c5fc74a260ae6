//! Rows of tasks.

use taskscope_await::{TaskKind, TaskState};
use taskscope_proto::{
    cut,
    limits::MAX_NAME_BYTES,
    rows::{StatRow, TaskRow},
    v1,
};

use super::{Filling, Frames, Graph, Round, TaskKey};
use taskscope_observe::SeenTask;

impl Frames {
    /// What is new of tasks, and what changed.
    pub(super) fn task_rows(&mut self, round: &Round<'_>, graph: &Graph, filling: &mut Filling) {
        let mut order: Vec<usize> = (0..round.tasks.len()).collect();
        order.sort_unstable_by_key(|number| round.tasks[*number].slot);
        for number in order {
            let (seen, slot) = (&round.observed.tasks[number], round.tasks[number]);
            let key = TaskKey::of(seen);
            let whole = graph.whole.get(number).copied().unwrap_or_default();
            let is_new = self.tasks.describe(&key);
            let state = state(seen.task.state);
            let changed = round.changed.get(number).copied().unwrap_or(true);
            if !is_new && !changed {
                continue;
            }
            // Tasks of one future are grouped by where its function is.
            let (file, line) = &seen.task.declared;
            let site = if is_new { self.site(file, *line, filling) } else { 0 };
            let rows = filling.rows();
            if is_new {
                self.spawned += 1;
                let first_ns = self.tasks.first_ns(&key).unwrap_or(round.now_ns);
                let row = TaskRow {
                    generation: slot.generation,
                    tokio_id: key.id,
                    site,
                    kind: kind(seen.task.kind),
                    name: rows.tasks.text(cut::start(&seen.task.name, MAX_NAME_BYTES)),
                    fields: rows.tasks.text(&about(round, seen)),
                    created_ago_ns: round.now_ns.saturating_sub(first_ns),
                    size_bytes: seen.task.size_bytes.and_then(|size| u32::try_from(size).ok()).unwrap_or(0),
                    knows: v1::Knows::LooksAlone as u32,
                    ..TaskRow::default()
                };
                rows.tasks.push(slot.slot, row);
            }
            rows.stats.push(slot.slot, StatRow { state, all_waits: whole, ..StatRow::default() });
        }
    }
}

/// `runtime=2`
fn about(round: &Round<'_>, seen: &SeenTask) -> String {
    match seen.runtime {
        Some(runtime) if round.observed.runtimes.len() > 1 => format!("runtime={}", runtime + 1),
        _ => String::new(),
    }
}

fn kind(kind: TaskKind) -> v1::TaskKind {
    match kind {
        TaskKind::Task => v1::TaskKind::Task,
        TaskKind::Local => v1::TaskKind::Local,
        TaskKind::Blocking => v1::TaskKind::Blocking,
        TaskKind::Root => v1::TaskKind::BlockOn,
    }
}

fn state(state: TaskState) -> v1::TaskState {
    match state {
        TaskState::Idle => v1::TaskState::Idle,
        TaskState::Scheduled => v1::TaskState::Scheduled,
        TaskState::Running => v1::TaskState::Running,
        TaskState::Done => v1::TaskState::Done,
    }
}
