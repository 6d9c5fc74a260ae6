//! Who waits on what, in words and as trees.
//!
//! Invariant: nothing is guessed. An operation belongs to the task that polled it last; that a task waits is said of
//! operations only that were polled and not ready.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    format::{UNKNOWN, exact},
    id::{OpKey, ResourceKey, TaskKey},
    store::{
        Store,
        resources::{Attribute, Op, Resource, Value},
    },
};

/// Operations of a task that are looked at.
const MAX_OPS_OF_TASK: usize = 1024;
/// Levels of a tree of operations; tokio has two.
const MAX_TREE_DEPTH: u8 = 8;

/// The tasks that wait on a resource.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Waits {
    pub(crate) tasks: u64,
    /// When the one that waits longest began; 0 when `tasks` is.
    pub(crate) since_ns: u64,
    pub(crate) longest: Option<TaskKey>,
}

impl Waits {
    /// Another one waits.
    pub(crate) fn add(&mut self, other: &Self) {
        if other.tasks > 0 && (self.tasks == 0 || other.since_ns < self.since_ns) {
            (self.since_ns, self.longest) = (other.since_ns, other.longest);
        }
        self.tasks += other.tasks;
    }

    /// How long the longest waits; `None`: nobody does.
    pub(crate) fn longest_ns(&self, at: u64) -> Option<u64> {
        (self.tasks > 0).then(|| at.saturating_sub(self.since_ns))
    }
}

impl Store {
    /// The tasks that wait on each resource or on a part of it, each task once: one walk over all operations.
    pub(crate) fn waits(&self) -> FxHashMap<ResourceKey, Waits> {
        let mut waits: FxHashMap<ResourceKey, Waits> = FxHashMap::default();
        // What began first counts: it is the outermost of a task's operations.
        let mut waiting: Vec<&Op> = self.resources.ops().filter(|op| op.is_waiting()).collect();
        waiting.sort_unstable_by_key(|op| (op.created_ns, op.key));
        let mut seen: FxHashSet<(ResourceKey, TaskKey)> = FxHashSet::default();
        for op in waiting {
            let (Some(resource), Some(task)) = (op.resource, op.stats.task) else { continue };
            for resource in self.resources.chain(resource) {
                if seen.insert((resource.key, task)) {
                    let one = Waits { tasks: 1, since_ns: op.created_ns, longest: Some(task) };
                    waits.entry(resource.key).or_default().add(&one);
                }
            }
        }
        waits
    }

    /// The operations of a task that are not over, each followed by its parts; the one begun first comes first.
    pub(crate) fn ops_of_task(&self, task: TaskKey) -> (Vec<(u8, &Op)>, usize) {
        let ops = self.resources.ops_of_task(task).take(MAX_OPS_OF_TASK);
        tree(ops.filter(|op| op.is_waiting() || op.stats.state == super::task::State::Running).collect())
    }

    /// The first of the operations that an idle task waits on, and how many others there are beside it.
    pub(crate) fn waits_on(&self, task: &super::task::Task) -> Option<(&Op, usize)> {
        if task.stats.state != super::task::State::Idle {
            return None;
        }
        let (ops, _) = self.ops_of_task(task.key);
        let mut outermost = ops.iter().filter(|(depth, op)| *depth == 0 && op.is_waiting());
        let first = outermost.next()?;
        Some((first.1, outermost.count()))
    }

    /// The resource of an operation that the program knows: a lock, not the semaphore in it.
    pub(crate) fn resource_of(&self, op: &Op) -> Option<&Resource> {
        self.resources.visible(op.resource?)
    }

    /// `Mutex src/state.rs:12`
    pub(crate) fn resource_words(&self, resource: &Resource) -> String {
        let name = self.texts.text(resource.concrete_type).unwrap_or(UNKNOWN);
        match self.short_place(resource.site) {
            Some(place) if resource.internal => format!("{name} in {place}"),
            Some(place) => format!("{name} {place}"),
            None => format!("{name} {}", resource.key.id()),
        }
    }

    /// `Mutex state.rs:12`: as few characters as tell it.
    pub(crate) fn resource_short(&self, resource: &Resource) -> String {
        let name = self.texts.text(resource.concrete_type).unwrap_or(UNKNOWN);
        match self.place_parts(resource.site) {
            Some((file, line, _)) => {
                format!("{name} {}:{line}", file.rsplit(['/', '\\']).next().unwrap_or(file))
            }
            None => format!("{name} {}", resource.key.id()),
        }
    }

    /// `Mutex::lock`
    pub(crate) fn op_words(&self, op: &Op) -> &str {
        self.texts.text(op.source).unwrap_or(UNKNOWN)
    }

    /// `locked yes, permits 3`
    pub(crate) fn attribute_words(&self, attributes: &[Attribute]) -> String {
        let words = |attribute: &Attribute| {
            let name = self.texts.text(attribute.name).unwrap_or(UNKNOWN);
            format!("{name} {}", self.attribute_value(attribute))
        };
        attributes.iter().map(words).collect::<Vec<_>>().join(", ")
    }

    /// `yes`, `3`, `20 ms`
    pub(crate) fn attribute_value(&self, attribute: &Attribute) -> String {
        let value = match attribute.value {
            Value::Number(number) => exact(number),
            Value::Bool(true) => "yes".to_owned(),
            Value::Bool(false) => "no".to_owned(),
            Value::Text(text) => self.texts.text(text).unwrap_or(UNKNOWN).to_owned(),
            Value::Unknown => UNKNOWN.to_owned(),
        };
        match self.texts.text(attribute.unit) {
            Some(unit) => format!("{value} {unit}"),
            None => value,
        }
    }
}

/// Operations in the order of their begin, each followed by its parts; and how many don't fit (or run in a circle).
pub(crate) fn tree(mut ops: Vec<&Op>) -> (Vec<(u8, &Op)>, usize) {
    use crate::screen::resource::MAX_OPS_LISTED;
    ops.sort_unstable_by_key(|op| (!op.is_waiting(), op.created_ns, op.key));
    let keys: FxHashSet<OpKey> = ops.iter().map(|op| op.key).collect();
    let mut parts: FxHashMap<OpKey, Vec<&Op>> = FxHashMap::default();
    let mut stack: Vec<(u8, &Op)> = Vec::new();
    for op in ops.iter().rev() {
        match op.parent.filter(|parent| keys.contains(parent)) {
            Some(parent) => parts.entry(parent).or_default().push(op),
            None => stack.push((0, op)),
        }
    }
    let mut list = Vec::new();
    while let Some((depth, op)) = stack.pop() {
        if list.len() == MAX_OPS_LISTED {
            break;
        }
        list.push((depth, op));
        if depth < MAX_TREE_DEPTH {
            stack.extend(parts.remove(&op.key).unwrap_or_default().into_iter().map(|part| (depth + 1, part)));
        }
    }
    let more = ops.len() - list.len();
    (list, more)
}
