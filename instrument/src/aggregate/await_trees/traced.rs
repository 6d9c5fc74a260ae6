//! The traced futures of a task, and the operations on resources that are awaited in them.

use std::collections::HashMap;

use taskscope_proto::limits;
use taskscope_recorder::{FrameId, FrameReading, Op, OpId, OpReading, Recorder, TaskId, Ticks};

use super::Tree;

/// What is looked at of a task: more than a tree can show, so that it can say how many are missing.
const MAX_PARTS: usize = 8 * limits::MAX_AWAIT_FRAMES;

/// A frame or an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Frame(FrameId),
    Op(OpId),
}

struct Part {
    key: Key,
    inside: Option<Key>,
    text: &'static str,
    name: u32,
    place: Option<(&'static str, u32)>,
    site: u32,
    created: Ticks,
}

impl From<FrameReading> for Part {
    fn from(frame: FrameReading) -> Self {
        Self {
            key: Key::Frame(frame.id),
            inside: frame.parent.map(Key::Frame),
            text: frame.text,
            name: 0,
            place: Some((frame.place.file(), frame.place.line())),
            site: 0,
            created: frame.created,
        }
    }
}

impl From<OpReading> for Part {
    fn from(op: OpReading) -> Self {
        Self {
            key: Key::Op(op.id),
            // An operation inside of another one is inside of that one's frame too.
            inside: op.parent.map(Key::Op).or(op.frame.map(Key::Frame)),
            text: "",
            name: op.source,
            place: None,
            site: op.site,
            created: op.created,
        }
    }
}

/// Adds the tree; what is beside each other in the order in which it was begun.
pub(super) fn add(recorder: &Recorder, task: TaskId, tree: &mut Tree<'_>) {
    let mut parts: Vec<Part> = recorder.frames.of_task(task).into_iter().map(Part::from).collect();
    let of_task = |op: &OpReading| op.task == Some(task) && op.polls > 0;
    let ops =
        recorder.resources.op_pages().flat_map(|page| page.slots.iter()).filter_map(Op::read).filter(of_task);
    parts.extend(ops.map(Part::from).take(MAX_PARTS));
    parts.truncate(MAX_PARTS);
    // The last begun first, as they are taken from the end.
    parts.sort_by_key(|part| std::cmp::Reverse(part.created));
    let known: HashMap<Key, usize> = parts.iter().enumerate().map(|(at, part)| (part.key, at)).collect();
    let mut inside: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut next: Vec<(u32, usize)> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        match part.inside.and_then(|around| known.get(&around)).filter(|around| **around != at) {
            Some(around) => inside.entry(*around).or_default().push(at),
            None => next.push((0, at)),
        }
    }
    while let Some((depth, at)) = next.pop() {
        let part = &parts[at];
        let text = if part.name == 0 { part.text } else { recorder.resources.name_of(part.name) };
        let site = recorder.sites.site(part.site).filter(|_| part.site != 0).map(|site| site.place());
        let place = part.place.or(site.map(|place| (place.file, place.line)));
        tree.add(depth, text, place, Some(part.created));
        // Taken out: each part is there once, whatever the slots said.
        let children = inside.remove(&at).unwrap_or_default();
        next.extend(children.into_iter().map(|child| (depth + 1, child)));
    }
}
