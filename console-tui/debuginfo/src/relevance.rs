//! Which types can hold a future, and which of the others an index keeps with their parts.

use rustc_hash::FxHashSet;

use crate::{
    die::Shape,
    graph::{Edge, Graph, HOPS, HOPS_OF_ROOTS, Id, edges, is_list, is_safe},
    scan::is_dull_trait,
};

/// What is known of a type.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Relevance {
    /// A value of it can hold a future that is polled with it.
    pub(crate) holds: bool,
    /// That, or something that a future waits for or keeps: tokio's types, guards, sockets.
    pub(crate) matters: bool,
}

/// How much of a type is kept. Ascending: what is kept at a level is kept at those above it.
pub(crate) type Level = u8;

/// Its name and its size.
pub(crate) const SHELL: Level = 0;
/// Its parts, and of those what matters.
const PARTS: Level = 1;
/// All of it that is of the standard library's and tokio's, and what raw pointers lead to, one for each level above this one.
const WHOLE: Level = 2;
/// What the search for tasks starts at.
pub(crate) const ROOT: Level = WHOLE + HOPS_OF_ROOTS;

/// Of each type, whether it holds a future or matters.
pub(crate) fn relevance(graph: &mut Graph<'_, '_>, polled: &FxHashSet<Id>) -> Vec<Relevance> {
    let count = graph.dies.len() as Id;
    let mut found = vec![Relevance::default(); count as usize];
    let mut queue = Vec::new();
    for id in 0..count {
        let holds = polled.contains(&id) || is_future(graph, id);
        let matters = holds || own_level(graph, id) > WHOLE;
        found[id as usize] = Relevance { holds, matters };
        if matters {
            queue.push(id);
        }
    }
    let users = users(graph);
    while let Some(id) = queue.pop() {
        let of = found[id as usize];
        let start = users.partition_point(|(to, _)| *to < id);
        for (_, from) in users[start..].iter().take_while(|(to, _)| *to == id) {
            let user = &mut found[*from as usize];
            let now = Relevance { holds: user.holds || of.holds, matters: true };
            if *user != now {
                *user = now;
                queue.push(*from);
            }
        }
    }
    found
}

/// Pairs of a type and one that has it, owns it or borrows it; ascending.
fn users(graph: &mut Graph<'_, '_>) -> Vec<(Id, Id)> {
    let mut users = Vec::new();
    for id in 0..graph.dies.len() as Id {
        for (edge, place) in edges(graph, id) {
            if let (Edge::Value | Edge::Safe, Some(to)) = (edge, graph.known(place)) {
                users.push((to, id));
            }
        }
    }
    users.sort_unstable();
    users.dedup();
    users
}

/// A coroutine, a trait object that may be a future, or a set of futures.
fn is_future(graph: &Graph<'_, '_>, id: Id) -> bool {
    let die = &graph.dies[id as usize];
    if die.shape != Shape::Struct {
        return false;
    }
    let is_fat = die.members.len() == 2 && die.members.iter().any(|part| part.name == b"vtable");
    is_coroutine(graph, id)
        || is_fat && is_owned_object(die.name)
        || die.name.starts_with(b"FuturesUnordered<")
}

fn is_coroutine(graph: &Graph<'_, '_>, id: Id) -> bool {
    const COROUTINES: [&[u8]; 3] = [b"{async_", b"{gen_", b"{coroutine_"];
    let die = &graph.dies[id as usize];
    die.variants.is_some() && COROUTINES.iter().any(|it| die.name.starts_with(it))
}

/// A box or a reference of a trait object whose trait is not one of those that are never polled.
fn is_owned_object(name: &[u8]) -> bool {
    let object = name.windows(4).position(|window| window == b"dyn ");
    is_safe(name) && object.is_some_and(|at| !is_dull_trait(&name[at + 4..]))
}

/// Of each type how much is kept, from the roots with their levels.
pub(crate) fn levels(
    graph: &mut Graph<'_, '_>,
    relevance: &[Relevance],
    roots: impl IntoIterator<Item = (Id, Level)>,
) -> Vec<Level> {
    let mut levels = vec![SHELL; graph.dies.len()];
    let mut queue = Vec::new();
    for (id, level) in roots {
        raise(graph, &mut levels, &mut queue, id, level);
    }
    while let Some(id) = queue.pop() {
        let level = levels[id as usize];
        let is_list = relevance[id as usize].holds && is_list(graph, id);
        for (edge, place) in edges(graph, id) {
            let Some(to) = graph.known(place) else { continue };
            let whole = match edge {
                Edge::Value | Edge::Safe | Edge::Shared => level,
                Edge::Raw => level - 1,
            };
            let matters = relevance[to as usize].matters && (level >= WHOLE || edge < Edge::Shared);
            // Each state of a coroutine is kept with its locals, also where what it awaits holds nothing that is known.
            let matters = matters || is_coroutine(graph, id);
            let next = if whole >= WHOLE && is_library(graph.path(to)) {
                whole
            } else if is_list && edge == Edge::Value {
                // Where its values are is in a part without any.
                WHOLE
            } else if matters {
                PARTS
            } else {
                own_level(graph, to).min(WHOLE)
            };
            raise(graph, &mut levels, &mut queue, to, next);
        }
    }
    levels
}

fn raise(graph: &mut Graph<'_, '_>, levels: &mut [Level], queue: &mut Vec<Id>, id: Id, level: Level) {
    let level = if level == SHELL { SHELL } else { level.max(own_level(graph, id)) };
    if level > levels[id as usize] {
        levels[id as usize] = level;
        queue.push(id);
    }
}

/// The level of a type by what it is.
fn own_level(graph: &mut Graph<'_, '_>, id: Id) -> Level {
    let name = graph.dies[id as usize].name;
    let is_guard = name.windows(5).any(|window| window == b"Guard");
    let path = graph.path(id);
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| path.starts_with(prefix));
    if path.starts_with("tokio") {
        WHOLE + HOPS
    } else if name.starts_with(b"FuturesUnordered<")
        || starts(&["std::net", "std::os::fd", "std::os::unix::net", "mio::"])
        || is_guard && starts(&["std::sync", "lock_api", "parking_lot"])
    {
        WHOLE + 1
    } else if name == b"&str" || (path == "alloc::string" && name == b"String") {
        WHOLE
    } else {
        SHELL
    }
}

/// Of libraries whose values a look into tokio's goes through; base types, pointers and tuples too.
fn is_library(path: &str) -> bool {
    const LIBRARIES: [&str; 8] =
        ["tokio", "core", "alloc", "std", "lock_api", "parking_lot", "mio", "futures_"];
    path.is_empty() || LIBRARIES.iter().any(|library| path.starts_with(library))
}
