//! Who waits on what, in words and as trees.
//!
//! Invariant: nothing is guessed. An operation belongs to the task that polled it last; that a task waits is said of
//! operations only that were polled and not ready.
//!
//! Limit: a timer that is set again keeps its operation, so that a wait for a timer counts from the last poll.

use std::cmp::Reverse;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    analysis::Analysis,
    format::{UNKNOWN, exact},
    id::{OpKey, ResourceKey, TaskKey},
    store::{
        resources::{Attribute, Op, Resource, Value},
        task::{State, Task},
    },
};

/// Operations listed for a resource or a task.
pub const MAX_OPS_LISTED: usize = 256;
/// Operations of a task that are looked at.
const MAX_OPS_OF_TASK: usize = 1024;
/// Levels of parts of a resource, itself included; tokio has two.
const MAX_PART_DEPTH: usize = 4;
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

    /// How long the longest waits; `None`: none does.
    pub(crate) fn longest_ns(&self, at: u64) -> Option<u64> {
        (self.tasks > 0).then(|| at.saturating_sub(self.since_ns))
    }
}

impl<'a> Analysis<'a> {
    /// The tasks that wait on each resource or on a part of it, each task once: one scan over all operations.
    pub(crate) fn waits(self) -> FxHashMap<ResourceKey, Waits> {
        let mut waits: FxHashMap<ResourceKey, Waits> = FxHashMap::default();
        // What began first counts.
        let ops = self.store.resources.ops().filter(|op| op.is_waiting());
        let mut waiting: Vec<(u64, &Op)> = ops.map(|op| (self.waits_since_ns(op), op)).collect();
        waiting.sort_unstable_by_key(|(since_ns, op)| (*since_ns, op.key));
        let mut seen: FxHashSet<(ResourceKey, TaskKey)> = FxHashSet::default();
        for (since_ns, op) in waiting {
            let (Some(resource), Some(task)) = (op.resource, op.stats.task) else { continue };
            for resource in self.store.resources.chain(resource) {
                if seen.insert((resource.key, task)) {
                    let one = Waits { tasks: 1, since_ns, longest: Some(task) };
                    waits.entry(resource.key).or_default().add(&one);
                }
            }
        }
        waits
    }

    /// The tasks that wait on a resource or on a part of it, each once.
    pub(crate) fn waits_on_thing(self, key: ResourceKey) -> Waits {
        let resources = &self.store.resources;
        let mut waiting: Vec<(u64, OpKey, TaskKey)> = Vec::new();
        let mut level = vec![key];
        for _ in 0..MAX_PART_DEPTH {
            let ops = level.iter().flat_map(|key| resources.ops_on(*key)).filter(|op| op.is_waiting());
            waiting.extend(ops.filter_map(|op| Some((self.waits_since_ns(op), op.key, op.stats.task?))));
            level = level.iter().flat_map(|key| resources.parts(*key)).map(|part| part.key).collect();
            if level.is_empty() {
                break;
            }
        }
        waiting.sort_unstable();
        let mut waits = Waits::default();
        let mut seen: FxHashSet<TaskKey> = FxHashSet::default();
        for (since_ns, _, task) in waiting {
            if seen.insert(task) {
                waits.add(&Waits { tasks: 1, since_ns, longest: Some(task) });
            }
        }
        waits
    }

    /// Since when whoever polled this operation waits in it.
    pub(crate) fn waits_since_ns(self, op: &Op) -> u64 {
        let kind =
            op.resource.and_then(|key| self.store.resources.resource(key)).map(|resource| resource.kind);
        let timer = kind
            .and_then(|kind| self.store.texts.text(kind))
            .is_some_and(|kind| kind.eq_ignore_ascii_case("timer"));
        if timer { op.stats.state_since_ns } else { op.created_ns }
    }

    /// A resource that the program's author never sees: a part of another one, or made in tokio's own files.
    pub(crate) fn is_hidden(self, resource: &Resource) -> bool {
        resource.internal || self.store.site(resource.site).is_some_and(|site| site.in_tokio)
    }

    /// The operations of a task that are not over, each followed by its parts. The one polled last comes first: of two that
    /// are polled together, it is the one around the other.
    pub(crate) fn ops_of_task(self, task: TaskKey) -> (Vec<(u8, &'a Op)>, usize) {
        let ops = self.store.resources.ops_of_task(task).take(MAX_OPS_OF_TASK);
        let mut ops: Vec<&Op> =
            ops.filter(|op| op.is_waiting() || op.stats.state == State::Running).collect();
        ops.sort_unstable_by_key(|op| (Reverse(op.stats.state_since_ns), op.key));
        tree(&ops)
    }

    /// The first of the operations that an idle task waits on, and how many others there are beside it; those inside of
    /// tokio only when there is no other.
    pub(crate) fn waits_on(self, task: &Task) -> Option<(&'a Op, usize)> {
        if task.stats.state != State::Idle {
            return None;
        }
        let (ops, _) = self.ops_of_task(task.key);
        let is_hidden = |op: &Op| self.resource_of(op).is_some_and(|resource| self.is_hidden(resource));
        let outermost = ops.iter().filter(|(depth, op)| *depth == 0 && op.is_waiting()).map(|(_, op)| *op);
        let (inner, mut own): (Vec<&Op>, Vec<&Op>) = outermost.partition(|op| is_hidden(op));
        own.extend(inner.first().filter(|_| own.is_empty()));
        Some((*own.first()?, own.len() - 1))
    }

    /// The resource of an operation that the program knows: a lock, not the semaphore in it.
    pub(crate) fn resource_of(self, op: &Op) -> Option<&'a Resource> {
        self.store.resources.visible(op.resource?)
    }

    /// `Mutex accounts`, or `Mutex src/state.rs:12`
    pub(crate) fn resource_words(self, resource: &Resource) -> String {
        let name = self.type_words(resource);
        if let Some(given) = self.store.texts.text(resource.name) {
            return format!("{name} {given}");
        }
        if let Some(addresses) = self.stream_words(resource) {
            return format!("{name} {addresses}");
        }
        match self.store.short_place(resource.site) {
            Some(place) if resource.internal => format!("{name} in {place}"),
            Some(place) => format!("{name} {place}"),
            None => format!("{name} {}", resource.key.id()),
        }
    }

    /// `Mutex`; of what tokio calls `Sender|Receiver` what people call it.
    fn type_words(self, resource: &Resource) -> &'a str {
        match self.store.texts.text(resource.concrete_type) {
            Some("Sender|Receiver") => "oneshot",
            name => name.unwrap_or(UNKNOWN),
        }
    }

    /// What an operation waits for, and who is in the way: `Mutex accounts ◂ transfer #91`; or what for: `TcpStream … read`.
    pub(crate) fn wait_words(self, op: &Op) -> String {
        let on = self.resource_of(op).map(|resource| self.resource_short(resource));
        let on = on.unwrap_or_else(|| self.op_words(op).to_owned());
        // What is read is written, too.
        let is_stream =
            op.resource.is_some_and(|key| self.store.resources.streams.stream(key.slot).is_some());
        let aside = if is_stream { Some(self.method(op).to_owned()) } else { self.in_the_way_words(op) };
        aside.into_iter().fold(on, |on, aside| format!("{on} {aside}"))
    }

    /// `Mutex accounts`, or `Mutex state.rs:12`: as few characters as needed.
    pub(crate) fn resource_short(self, resource: &Resource) -> String {
        let name = self.type_words(resource);
        if let Some(given) = self.store.texts.text(resource.name) {
            return format!("{name} {given}");
        }
        if let Some(addresses) = self.stream_words(resource) {
            return format!("{name} {addresses}");
        }
        match self.store.place_parts(resource.site) {
            Some((file, line, _)) => {
                format!("{name} {}:{line}", file.rsplit(['/', '\\']).next().unwrap_or(file))
            }
            None => format!("{name} {}", resource.key.id()),
        }
    }

    /// `Mutex::lock`
    pub(crate) fn op_words(self, op: &Op) -> &'a str {
        self.store.texts.text(op.source).unwrap_or(UNKNOWN)
    }

    /// `locked yes, permits 3`
    pub(crate) fn attribute_words(self, attributes: &[Attribute]) -> String {
        let words = |attribute: &Attribute| {
            let name = self.store.texts.text(attribute.name).unwrap_or(UNKNOWN);
            format!("{name} {}", self.attribute_value(attribute))
        };
        attributes.iter().map(words).collect::<Vec<_>>().join(", ")
    }

    /// `yes`, `3`, `20 ms`
    pub(crate) fn attribute_value(self, attribute: &Attribute) -> String {
        let value = match attribute.value {
            Value::Number(number) => exact(number),
            Value::Bool(true) => "yes".to_owned(),
            Value::Bool(false) => "no".to_owned(),
            Value::Text(text) => self.store.texts.text(text).unwrap_or(UNKNOWN).to_owned(),
            Value::Unknown => UNKNOWN.to_owned(),
        };
        match self.store.texts.text(attribute.unit) {
            Some(unit) => format!("{value} {unit}"),
            None => value,
        }
    }
}

/// Operations in their order, each followed by its parts; and how many don't fit (or run in a cycle).
pub(crate) fn tree<'a>(ops: &[&'a Op]) -> (Vec<(u8, &'a Op)>, usize) {
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
