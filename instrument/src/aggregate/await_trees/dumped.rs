//! What tokio's task dump knows of a task.

use taskscope_recorder::{Recorder, TaskId};
use taskscope_stack::StackFrame;

use super::Tree;
use crate::await_tree::dump::{self, Asked, Taken};

/// Why a tree is empty.
pub(super) const NOTHING: &str = "The task was not idle when tokio's task dump was taken, or is none that a runtime dumps, and no future of it is traced.";

/// From the outermost function to the leaf.
pub(super) type Path = Vec<StackFrame>;

/// A dump, and who is not in it.
#[derive(Debug)]
pub(super) struct Dumped {
    state: State,
    /// Tokio's numbers of tasks on runtimes that are not dumped.
    refused: Vec<u64>,
}

/// Under way, there, or why there is none.
#[derive(Debug)]
enum State {
    UnderWay(Asked),
    Over(Result<Option<Taken>, String>),
}

impl Dumped {
    pub(super) fn ask(recorder: &Recorder, tasks: &[(TaskId, u64)]) -> Self {
        let (refused, tasks): (Vec<_>, Vec<_>) =
            tasks.iter().copied().partition(|(task, _)| dump::is_refused(recorder, *task));
        let state = if tasks.is_empty() {
            State::Over(Ok(None))
        } else {
            dump::ask(recorder, &tasks).map_or_else(|why| State::Over(Err(why)), State::UnderWay)
        };
        Self { state, refused: refused.into_iter().map(|(_, number)| number).collect() }
    }

    pub(super) fn is_ready(&mut self) -> bool {
        if let State::UnderWay(asked) = &self.state
            && let Some(result) = asked.ready()
        {
            self.state = State::Over(result.map(Some));
        }
        matches!(self.state, State::Over(_))
    }

    /// How long ago the dump was taken; 0: there is none.
    pub(super) fn taken_ago_ns(&self) -> u64 {
        let State::Over(Ok(Some(taken))) = &self.state else { return 0 };
        u64::try_from(taken.at.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The paths of a task, by tokio's number of it; the error says why there is no dump.
    pub(super) fn of(&self, number: u64) -> Result<&[Path], &str> {
        if self.refused.contains(&number) {
            return Err(dump::ON_ONE_THREAD);
        }
        match &self.state {
            State::Over(Ok(taken)) => {
                Ok(taken.as_ref().and_then(|taken| taken.paths.get(&number)).map_or(&[], |paths| paths))
            }
            State::Over(Err(why)) => Err(why),
            State::UnderWay(_) => Ok(&[]),
        }
    }
}

/// Adds the paths as one tree: what they have in common from the outermost function on is there once.
pub(super) fn add(paths: &[Path], tree: &mut Tree<'_>) {
    let mut paths: Vec<&Path> = paths.iter().collect();
    // Those with the same beginning side by side.
    paths.sort_by_cached_key(|path| {
        path.iter().map(|frame| (frame.function.clone(), frame.line)).collect::<Vec<_>>()
    });
    let mut last: &[StackFrame] = &[];
    for path in paths {
        let common = path.iter().zip(last).take_while(|(one, other)| one == other).count();
        for (depth, frame) in path.iter().enumerate().skip(common) {
            let place = (!frame.file.is_empty()).then_some((frame.file.as_str(), frame.line));
            tree.add(depth as u32, text(&frame.function), place, None);
        }
        last = path;
    }
}

/// An async function's name without the closure that its body is.
fn text(function: &str) -> &str {
    let suffixes = ["::{{closure}}", "::{closure#0}", "::{async_fn#0}"];
    suffixes.iter().find_map(|suffix| function.strip_suffix(suffix)).unwrap_or(function)
}
