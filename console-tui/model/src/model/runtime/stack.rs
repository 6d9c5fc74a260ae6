//! A stack and an await tree, as lines.

use crate::{
    analysis::Analysis,
    format::duration_ns,
    id::TaskKey,
    screen::runtime::{AwaitLine, AwaitTreeView, StackLine, StackView, TreeSource},
    store::{
        detail::AwaitTree,
        scheduler::{StackFrame, StuckPoll},
    },
};

/// Frames that are not the program's own and stand one by one before the first that is: they show what it has called.
const INNERMOST: usize = 4;
/// Levels of an await tree that are drawn as such.
const MAX_LEVELS: u32 = 64;

/// The stack of a poll; `None`: nothing was captured of it.
pub(in crate::model) fn stack(store: Analysis<'_>, poll: &StuckPoll) -> Option<StackView> {
    if poll.stack.is_empty() && poll.problem.is_none() {
        return None;
    }
    let when = poll.captured_ns.map_or_else(String::new, |at_ns| {
        let ago = duration_ns(store.now_ns.saturating_sub(at_ns));
        let into = duration_ns(at_ns.saturating_sub(poll.started_ns));
        format!("taken {ago} ago, {into} into the poll")
    });
    Some(StackView {
        when,
        goes_on: poll.ended_ns.is_none(),
        kernel: poll.kernel_state.clone(),
        lines: lines(&poll.stack),
        problem: poll.problem.clone(),
    })
}

/// The program's own frames, and what the innermost of them has called; runs of others are counted.
fn lines(stack: &[StackFrame]) -> Vec<StackLine> {
    let has_own = stack.iter().any(|frame| frame.own);
    let mut lines = Vec::new();
    let mut others = 0_usize;
    let flush = |others: &mut usize, lines: &mut Vec<StackLine>| {
        if *others > 0 {
            let frames = if *others == 1 { "frame" } else { "frames" };
            let text = format!("{others} {frames} of std, tokio and taskscope");
            lines.push(StackLine { text, place: String::new(), own: false });
        }
        *others = 0;
    };
    let first_own = stack.iter().position(|frame| frame.own).unwrap_or(stack.len());
    for (i, frame) in stack.iter().enumerate() {
        let innermost = i < first_own && first_own - i <= INNERMOST;
        if frame.own || !has_own || innermost {
            flush(&mut others, &mut lines);
            lines.push(StackLine {
                text: frame.words(),
                place: frame.place.clone().unwrap_or_default(),
                own: frame.own,
            });
        } else {
            others += 1;
        }
    }
    flush(&mut others, &mut lines);
    lines
}

/// The await trees of a task.
pub(in crate::model) fn await_trees(store: Analysis<'_>, task: TaskKey) -> Vec<AwaitTreeView> {
    let Some(trees) = store.await_trees.get(&task) else { return Vec::new() };
    let walked = trees.walked.as_ref().map(|tree| await_tree(store, tree, TreeSource::Memory));
    let traced = trees.traced.as_ref().map(|tree| await_tree(store, tree, TreeSource::Traced));
    walked.into_iter().chain(traced).collect()
}

fn await_tree(store: Analysis<'_>, tree: &AwaitTree, source: TreeSource) -> AwaitTreeView {
    let ago_ns = |at_ns: u64| store.now_ns.saturating_sub(at_ns);
    AwaitTreeView {
        source,
        taken_ago_ns: ago_ns(tree.taken_ns),
        lines: tree
            .frames
            .iter()
            .map(|frame| AwaitLine {
                depth: frame.depth.min(MAX_LEVELS) as u16,
                text: frame.text.clone(),
                detail: frame.detail.clone().unwrap_or_default(),
                not_polled: frame.not_polled,
                place: frame.place.clone().unwrap_or_default(),
                // As of when it was taken: it may have ended since.
                age: frame
                    .since_ns
                    .map(|since_ns| duration_ns(tree.taken_ns.saturating_sub(since_ns)))
                    .unwrap_or_default(),
            })
            .collect(),
        problem: tree.problem.clone(),
    }
}
