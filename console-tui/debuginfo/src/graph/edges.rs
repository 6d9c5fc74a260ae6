//! What a type leads to, and in which way.

use super::{Graph, Id};
use crate::{die::Shape, units::Place};

/// A way from one type to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Edge {
    /// It has one as a part.
    Value,
    /// It owns one or borrows one: what the other holds, it can reach when it is polled.
    Safe,
    /// It has one as a part, and is something that others have too: `Arc`, `Waker`, spans. What is behind it is not of this task.
    Shared,
    /// A raw pointer.
    Raw,
}

/// All of a type's.
pub(crate) fn edges(graph: &mut Graph<'_, '_>, id: Id) -> Vec<(Edge, Place)> {
    let is_shared = is_shared(graph, id);
    let is_of_futures = graph.dies[id as usize].name.starts_with(b"FuturesUnordered<");
    let mut found = Vec::new();
    let die = &graph.dies[id as usize];
    let value = if is_shared { Edge::Shared } else { Edge::Value };
    match die.shape {
        Shape::Pointer => {
            let edge = if is_safe(die.name) { Edge::Safe } else { Edge::Raw };
            found.push((edge, die.target));
        }
        Shape::Array => found.push((Edge::Value, die.target)),
        _ => {
            found.extend(die.members.iter().map(|part| (value, part.ty)));
            let variants = die.variants.iter().flat_map(|variants| &variants.list);
            found.extend(variants.map(|variant| (value, variant.part.ty)));
            let numbers = die.variants.iter().filter_map(|variants| variants.number);
            found.extend(numbers.map(|(_, ty)| (value, ty)));
        }
    }
    let item = if has_items(die.name) { Some(Edge::Safe) } else { None };
    let cell = if is_atomic_pointer(die.name) { Some(Edge::Raw) } else { None };
    if let Some(edge) = item.or(cell) {
        found.extend(param(graph, id, b"T").map(|ty| (edge, ty)));
    }
    if is_slice(graph, id) {
        found.extend(pointee_of_first(graph, id).map(|ty| (Edge::Safe, ty)));
    }
    if is_of_futures {
        found.extend(param(graph, id, b"Fut").map(|ty| (Edge::Safe, ty)));
    }
    found.retain(|(_, ty)| *ty != 0);
    found
}

/// A reference or a box, by the name of its pointer.
pub(crate) fn is_safe(name: &[u8]) -> bool {
    name.starts_with(b"&") || name.starts_with(b"alloc::boxed::Box<")
}

/// Several values behind a pointer.
pub(crate) fn is_list(graph: &Graph<'_, '_>, id: Id) -> bool {
    has_items(graph.dies[id as usize].name) || is_slice(graph, id)
}

fn has_items(name: &[u8]) -> bool {
    name.starts_with(b"Vec<") || name.starts_with(b"VecDeque<")
}

/// `AtomicPtr<T>`, which newer compilers write as `Atomic<*mut T>`.
fn is_atomic_pointer(name: &[u8]) -> bool {
    name.starts_with(b"AtomicPtr<") || name.starts_with(b"Atomic<*")
}

fn is_shared(graph: &mut Graph<'_, '_>, id: Id) -> bool {
    let name = graph.dies[id as usize].name;
    let path = graph.path(id);
    path == "alloc::sync"
        || path == "alloc::rc"
        || (path.starts_with("tracing") && !name.starts_with(b"Instrumented<"))
        || (path == "core::task::wake" && name == b"Waker")
}

/// A fat pointer to several values, other than a raw one.
fn is_slice(graph: &Graph<'_, '_>, id: Id) -> bool {
    let die = &graph.dies[id as usize];
    let has = |name: &[u8]| die.members.iter().any(|part| part.name == name);
    has(b"data_ptr") && has(b"length") && !die.name.starts_with(b"*")
}

fn pointee_of_first(graph: &Graph<'_, '_>, id: Id) -> Option<Place> {
    let part = graph.dies[id as usize].members.iter().find(|part| part.name == b"data_ptr")?;
    graph.glance(part.ty).map(|(_, glance)| glance.target)
}

fn param(graph: &Graph<'_, '_>, id: Id, name: &[u8]) -> Option<Place> {
    graph.dies[id as usize].params.iter().find(|(it, _)| *it == name).map(|(_, ty)| *ty)
}
