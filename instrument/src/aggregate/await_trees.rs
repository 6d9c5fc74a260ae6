//! The await trees that a console asked for.
//!
//! With the feature `await-index` and an index of this build the tool walks the tasks' memory by itself, as long as a console shows them and does not read
//! the memory itself. What is asked for with a number is sent once: the futures that are traced, and the operations awaited in them, are read from the recorder. With the feature `taskdump` tokio's dump of the same
//! tasks comes below them; it takes a while, and the answer waits for it, but no round does.
//!
//! Limits: [`limits::MAX_AWAIT_FRAMES`] frames and [`MAX_TREE_BYTES`] of text a tree; what does not fit is said.

#[cfg(all(
    feature = "taskdump",
    tokio_unstable,
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod dumped;
#[cfg(not(all(
    feature = "taskdump",
    tokio_unstable,
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
#[path = "await_trees/undumped.rs"]
mod dumped;
mod traced;
#[cfg_attr(
    not(all(feature = "await-index", target_os = "linux", target_arch = "x86_64")),
    path = "await_trees/unwalked.rs"
)]
mod walked;

use taskscope_proto::{limits, v1};
use taskscope_recorder::{Clock, Recorder, TaskId, Ticks};

pub(super) use self::walked::Walker;
use self::{dumped::Dumped, walked::Walked};
use super::{Hub, stuck::cut};

/// Bytes of text of a tree, so that all trees of a frame and what else is in it fit.
const MAX_TREE_BYTES: usize = 64 * 1024;

/// What one console asked for.
#[derive(Debug, Default)]
pub(super) struct AwaitTrees {
    /// The number of its last request.
    asked: u32,
    due: Option<Due>,
    walked: Walked,
}

#[derive(Debug)]
struct Due {
    tasks: Vec<v1::TaskRef>,
    dumped: Dumped,
}

impl AwaitTrees {
    /// The console's request; another number than the last one asks anew.
    pub(super) fn want(&mut self, hub: &Hub, request: &v1::WatchRequest) {
        let (number, tasks) = (request.await_trees, request.details.as_slice());
        let walks = request.memory_reader_pid == 0 && !request.paused;
        self.walked.want(hub, if walks { tasks } else { &[] });
        if number == 0 || number == self.asked {
            return;
        }
        self.asked = number;
        let tasks: Vec<v1::TaskRef> = tasks.iter().take(limits::MAX_DETAILS).copied().collect();
        let recorder = hub.handle.recorder();
        let live: Vec<(TaskId, u64)> = tasks.iter().filter_map(|task| live(recorder, *task)).collect();
        self.due = Some(Due { dumped: Dumped::ask(recorder, &live), tasks });
    }

    /// The trees that are new, as soon as they can be had; else none.
    pub(super) fn take(&mut self, hub: &Hub, now: Ticks) -> Vec<v1::AwaitTree> {
        let mut trees = self.walked.take();
        trees.extend(self.take_asked(hub, now));
        trees
    }

    /// Those that were asked for with a number, once.
    fn take_asked(&mut self, hub: &Hub, now: Ticks) -> Vec<v1::AwaitTree> {
        if !self.due.as_mut().is_some_and(|due| due.dumped.is_ready()) {
            return Vec::new();
        }
        let Some(Due { tasks, dumped }) = self.due.take() else { return Vec::new() };
        let recorder = hub.handle.recorder();
        let taken_ago_ns = dumped.taken_ago_ns();
        tasks
            .iter()
            .map(|task| match live(recorder, *task) {
                Some((id, number)) => message(recorder, id, dumped.of(number), now),
                None => {
                    v1::AwaitTree { problem: "The task has ended.".to_owned(), ..v1::AwaitTree::default() }
                }
            })
            .zip(&tasks)
            .map(|(tree, task)| v1::AwaitTree { task: Some(*task), taken_ago_ns, ..tree })
            .collect()
    }
}

/// A task that has not ended, and tokio's number of it.
fn live(recorder: &Recorder, task: v1::TaskRef) -> Option<(TaskId, u64)> {
    let id = recorder.tasks.id(task.slot, task.generation);
    let slot = recorder.tasks.get(id)?;
    let ended = slot.counters()?.state == taskscope_recorder::State::Done;
    (!ended).then_some((id, slot.description()?.tokio_id))
}

fn message(
    recorder: &Recorder,
    task: TaskId,
    dumped: Result<&[dumped::Path], &str>,
    now: Ticks,
) -> v1::AwaitTree {
    let mut tree = Tree::new(recorder.clock(), now);
    traced::add(recorder, task, &mut tree);
    if let Ok(paths) = dumped {
        dumped::add(paths, &mut tree);
    }
    let problem = match (dumped, tree.more) {
        (Err(why), _) => why.to_owned(),
        (Ok(_), 1..) => format!("{} frames further in are not shown.", tree.more),
        (Ok(_), 0) if tree.frames.is_empty() => dumped::NOTHING.to_owned(),
        (Ok(_), 0) => String::new(),
    };
    v1::AwaitTree { frames: tree.frames, problem: cut(problem), ..v1::AwaitTree::default() }
}

/// A tree under way, depth first.
struct Tree<'c> {
    clock: &'c Clock,
    now: Ticks,
    frames: Vec<v1::AwaitFrame>,
    text_bytes: usize,
    /// Those that found no room.
    more: usize,
}

impl<'c> Tree<'c> {
    fn new(clock: &'c Clock, now: Ticks) -> Self {
        Self { clock, now, frames: Vec::new(), text_bytes: 0, more: 0 }
    }

    fn add(&mut self, depth: u32, text: &str, place: Option<(&str, u32)>, since: Option<Ticks>) {
        let (file, line) = place.unwrap_or_default();
        let bytes = text.len() + file.len();
        if self.frames.len() == limits::MAX_AWAIT_FRAMES || self.text_bytes + bytes > MAX_TREE_BYTES {
            self.more += 1;
            return;
        }
        self.text_bytes += bytes;
        self.frames.push(v1::AwaitFrame {
            depth,
            text: cut(text.to_owned()),
            file: cut(file.to_owned()),
            line,
            since_ago_ns_plus1: since.map_or(0, |since| self.clock.between_ns(since, self.now) + 1),
            ..v1::AwaitFrame::default()
        });
    }
}
