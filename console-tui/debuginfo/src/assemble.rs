//! From what the scan found to an index: roots, the types that they lead to, and of those what is kept.

use rustc_hash::{FxHashMap, FxHashSet};
use taskscope_await::{Index, TaskFn, ThreadLocal, types::TypeId};

use crate::{
    die::Shape,
    emit::Emitter,
    functions::{Functions, Resolved},
    graph::{Graph, HOPS_OF_ROOTS, Id},
    relevance::{Level, ROOT, Relevance, levels, relevance},
    scan::{Found, Role},
    units::{Place, Unit},
};

/// The level at which the types that are walked are kept.
const WALKED: Level = 1;

/// What an index is made of, in numbers of the graph.
#[derive(Default)]
struct Roots<'a> {
    tasks: Vec<Task<'a>>,
    polls: Vec<(u64, Id)>,
    block_ons: Vec<(u64, u64, Id)>,
    vtables: Vec<(u64, Id)>,
    named: Vec<(String, Id)>,
    context: Option<(u64, Id)>,
}

/// A function that polls tasks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Task<'a> {
    address: u64,
    name: &'a [u8],
    future: Option<Id>,
    cell: Option<Id>,
}

/// What was made, beside the index itself.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) read: u64,
    pub(crate) kept: u64,
    pub(crate) refused: u64,
}

pub(crate) fn index<'a>(
    units: &[Unit<'a>],
    found: &[Found<'a>],
    functions: &Functions<'a>,
    inlined: &[(u64, u64, Place)],
    tls_bytes: u64,
) -> (Index, Counts) {
    let mut graph = Graph::new(units);
    let roots = roots(&mut graph, found, functions, inlined, tls_bytes);
    graph.finish();
    let polled: FxHashSet<Id> = roots.polls.iter().map(|(_, id)| *id).collect();
    let relevance = relevance(&mut graph, &polled);
    let holds = |id: Id| relevance.get(id as usize).is_some_and(|it: &Relevance| it.holds);
    let kept = |(address, id): &(u64, Id)| *address != 0 && holds(*id);
    let starts = roots
        .tasks
        .iter()
        .flat_map(|task| [task.future, task.cell])
        .flatten()
        .chain(roots.polls.iter().filter(|it| kept(it)).map(|(_, id)| *id))
        .chain(roots.vtables.iter().filter(|it| kept(it)).map(|(_, id)| *id))
        .chain(roots.block_ons.iter().map(|(_, _, id)| *id))
        .map(|id| (id, WALKED))
        .chain(roots.named.iter().map(|(_, id)| (*id, ROOT)))
        .chain(roots.context.iter().map(|(_, id)| (*id, ROOT)));
    let levels = levels(&mut graph, &relevance, starts);
    let (read, refused) = (graph.dies.len() as u64, graph.refused);
    let mut emitter = Emitter::new(&mut graph, &levels);
    let mut index = write_roots(&mut emitter, &roots, holds);
    let past_limits;
    (index.types, index.texts, past_limits) = emitter.finish();
    let counts = Counts { read, kept: index.types.len() as u64, refused: refused + past_limits };
    (index, counts)
}

fn roots<'a>(
    graph: &mut Graph<'_, 'a>,
    found: &[Found<'a>],
    functions: &Functions<'a>,
    inlined: &[(u64, u64, Place)],
    tls_bytes: u64,
) -> Roots<'a> {
    let mut roots = Roots::default();
    let named: Vec<_> = found.iter().flat_map(|found| &found.named).copied().collect();
    let cells = cells(&named);
    for function in &functions.list {
        add_function(graph, &mut roots, &cells, function);
    }
    for (from, to, place) in inlined {
        roots.block_ons.extend(future_of(graph, *place).map(|id| (*from, *to, id)));
    }
    for (address, place) in found.iter().flat_map(|found| &found.vtables) {
        let containing = graph.resolve(*place).map(|id| graph.dies[id as usize].containing);
        roots.vtables.extend(containing.and_then(|it| graph.root(it, 0)).map(|id| (*address, id)));
    }
    for (name, place) in named {
        let mut parts = name.splitn(2, |byte| *byte == b'<');
        let base = parts.next().unwrap_or_default();
        // Of the generic ones the lists of tasks: the others are made anew for each type of future, and are reached from their cells.
        if parts.next().is_some() && !base.ends_with(b"OwnedTasks") {
            continue;
        }
        if let Some(id) = graph.root(place, HOPS_OF_ROOTS) {
            let name = format!("{}::{}", graph.path(id), String::from_utf8_lossy(base));
            roots.named.push((name, id));
        }
    }
    roots.context = context(graph, found, tls_bytes);
    roots.tasks.sort_unstable();
    roots.tasks.dedup();
    roots.polls.sort_unstable();
    roots.polls.dedup();
    roots.block_ons.sort_unstable();
    roots.block_ons.dedup();
    roots.vtables.sort_unstable();
    roots.vtables.dedup();
    roots.named.sort_unstable();
    roots.named.dedup();
    roots
}

/// The types `Cell<T, S>`, by `T, S`.
fn cells<'a>(named: &[(&'a [u8], Place)]) -> FxHashMap<&'a [u8], Place> {
    let arguments = |name: &'a [u8]| name.strip_prefix(b"Cell<")?.strip_suffix(b">");
    named.iter().filter_map(|(name, place)| Some((arguments(name)?, *place))).collect()
}

fn add_function<'a>(
    graph: &mut Graph<'_, 'a>,
    roots: &mut Roots<'a>,
    cells: &FxHashMap<&'a [u8], Place>,
    function: &Resolved<'a>,
) {
    let (from, to) = function.code;
    match function.role {
        Role::PollTask => {
            let name = function.name.strip_prefix(b"poll<").and_then(|name| name.strip_suffix(b">"));
            let name = name.unwrap_or_default();
            let cell = cells.get(name).and_then(|place| graph.root(*place, 0));
            let future = graph.root(function.ty, 0);
            roots.tasks.push(Task { address: from, name, future, cell });
        }
        Role::BlockOn => {
            roots.block_ons.extend(future_of(graph, function.ty).map(|id| (from, to, id)));
        }
        Role::PollFuture => roots.polls.extend(pinned(graph, function.ty).map(|id| (from, id))),
    }
}

/// `T` of `Pin<&mut T>`; nothing for another type.
fn pinned(graph: &mut Graph<'_, '_>, place: Place) -> Option<Id> {
    let (_, pin) = graph.glance(place)?;
    if !pin.name.starts_with(b"Pin<&mut ") {
        return None;
    }
    let id = graph.resolve(place)?;
    let pointer = graph.dies[id as usize].members.first()?.ty;
    let (_, pointer) = graph.glance(pointer)?;
    (pointer.shape == Shape::Pointer).then(|| graph.root(pointer.target, 0))?
}

/// The future that `block_on` got, which may be one behind a `Pin<&mut F>`.
fn future_of(graph: &mut Graph<'_, '_>, place: Place) -> Option<Id> {
    pinned(graph, place).or_else(|| graph.root(place, 0))
}

/// tokio's thread-local. Several are described and the linker left out all but one, whose offset it wrote as 0: then the one that is larger is
/// right, as it has the flag of its destructor.
fn context(graph: &mut Graph<'_, '_>, found: &[Found<'_>], tls_bytes: u64) -> Option<(u64, Id)> {
    let candidates = found.iter().flat_map(|found| &found.contexts);
    let sized = candidates.filter_map(|(offset, place)| {
        let size = graph.glance(*place)?.1.size;
        let fits = offset.checked_add(size).is_some_and(|end| end <= tls_bytes);
        fits.then_some((*offset != 0, size, *offset, *place))
    });
    let (_, _, offset, place) = sized.max()?;
    graph.root(place, HOPS_OF_ROOTS).map(|id| (offset, id))
}

/// Everything of an index but its types and its texts.
fn write_roots(emitter: &mut Emitter<'_, '_, '_>, roots: &Roots<'_>, holds: impl Fn(Id) -> bool) -> Index {
    let mut index = Index::default();
    for task in &roots.tasks {
        index.tasks.push(TaskFn {
            address: task.address,
            future: task.future.map_or(TypeId::UNKNOWN, |future| emitter.number(future)),
            cell: task.cell.map_or(TypeId::UNKNOWN, |cell| emitter.number(cell)),
            name: emitter.name(task.name),
        });
    }
    for (address, id) in roots.vtables.iter().filter(|(_, id)| holds(*id)) {
        index.vtables.push((*address, emitter.number(*id)));
    }
    for (from, to, id) in &roots.block_ons {
        index.block_ons.push((*from, *to, emitter.number(*id)));
    }
    for (name, id) in &roots.named {
        let text = emitter.text(name);
        index.named.push((text, emitter.number(*id)));
    }
    index.context = roots.context.map(|(offset, id)| ThreadLocal { offset, ty: emitter.number(id) });
    let with_code = roots.polls.iter().filter(|(address, _)| *address != 0);
    index.polls = with_code.map(|(address, id)| (*address, emitter.number(*id))).collect();
    emitter.write_all();
    // What is inlined everywhere it is polled has no address, and is a future all the same.
    let inlined = roots.polls.iter().filter(|(address, id)| *address == 0 && emitter.is_numbered(*id));
    let inlined: Vec<_> = inlined.map(|(_, id)| *id).collect();
    let inlined = inlined.into_iter().map(|id| (0, emitter.number(id)));
    index.polls.splice(0..0, inlined);
    index
}
