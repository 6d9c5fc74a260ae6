//! The futures of `block_on`: `#[tokio::main]`'s own, and those of threads with a runtime of their own.
//!
//! A thread that sleeps in a `block_on` has return addresses into its code on the stack, which say what type the future has. Where it is, no debug information
//! says that is cheap to read: it is on the stack, or the stack has pointers to it, and such a future is parked there. It is searched for once, and then read where it was found.
//!
//! Limits: [`MAX_STACK_BYTES`] of a stack, [`MAX_CANDIDATES`] pointers, [`MAX_TYPES`] types for each thread. A thread whose code sleeps in the midst of a poll shows where
//! its future was parked before.

use rustc_hash::{FxHashMap, FxHashSet};
use taskscope_await::{Task, types::TypeId};

use super::{SeenTask, SeenThread, look::Look};
use crate::{
    maps::Map,
    memory::Memory as _,
    process::{KernelState, Thread},
};

/// Bytes of a stack that are read.
const MAX_STACK_BYTES: u64 = 1 << 20;
/// Pointers that are followed.
const MAX_CANDIDATES: usize = 4096;
/// Types of future that are looked for.
const MAX_TYPES: usize = 4;

/// Any byte may be a future that is smaller.
const LEAST_BYTES: u64 = 16;

/// By the system's ids of threads.
#[derive(Debug, Default)]
pub(super) struct Roots(FxHashMap<u32, Place>);

/// What is known of a thread.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Its future is there.
    Found(TypeId, u64),
    /// There was none while its stack ended there.
    Missed(u64),
}

impl Roots {
    /// The futures of all threads that sleep in a `block_on`.
    pub(super) fn look(&mut self, look: &Look<'_>, threads: &[SeenThread], maps: &[Map]) -> Vec<SeenTask> {
        let ids: FxHashSet<u32> = threads.iter().map(|seen| seen.thread.os_id).collect();
        self.0.retain(|id, _| ids.contains(id));
        threads.iter().filter_map(|seen| self.of_thread(look, seen, maps)).collect()
    }

    fn of_thread(&mut self, look: &Look<'_>, seen: &SeenThread, maps: &[Map]) -> Option<SeenTask> {
        // Of a core file no thread's state is known; there all of them stand still.
        let sleeps = !matches!(seen.thread.kernel_state, Some(KernelState::Running));
        // Outside of a runtime there is no `block_on`, and a thread that polls a task does not wait in one.
        let may_wait = sleeps && seen.runtime.is_some() && seen.task_id.is_none();
        let stack = seen.thread.stack.filter(|_| may_wait)?;
        let id = seen.thread.os_id;
        let known = match self.0.get(&id) {
            Some(Place::Missed(at)) if *at == stack => return None,
            Some(Place::Found(ty, address)) => look.root(*ty, *address),
            _ => None,
        };
        let task = known.or_else(|| {
            let found = search(look, &seen.thread, stack, maps);
            let place =
                found.as_ref().map_or(Place::Missed(stack), |(ty, task)| Place::Found(*ty, task.header));
            self.0.insert(id, place);
            found.map(|(_, task)| task)
        })?;
        Some(SeenTask { task, runtime: seen.runtime, changed: false })
    }
}

/// Which future the thread blocks on, and where it is.
fn search(look: &Look<'_>, thread: &Thread, stack: u64, maps: &[Map]) -> Option<(TypeId, Task)> {
    let words = words(look, thread, stack, maps)?;
    let mut types: Vec<TypeId> = Vec::new();
    for ty in words.iter().filter_map(|word| look.blocks_on(*word)) {
        if !types.contains(&ty) && types.len() < MAX_TYPES {
            types.push(ty);
        }
    }
    if types.is_empty() {
        return None;
    }
    let candidates = candidates(&words, stack, maps);
    types.into_iter().find_map(|ty| Some((ty, place(look, ty, &candidates)?)))
}

/// Where the stack points to, and the stack itself: optimized code has its future there and no pointer to it.
fn candidates(words: &[u64], stack: u64, maps: &[Map]) -> Vec<u64> {
    let is_memory = |address: &u64| {
        let map = maps.iter().find(|map| (map.from..map.to).contains(address));
        map.is_some_and(|map| map.readable && map.writable)
    };
    let mut tried = FxHashSet::default();
    let pointed = words.iter().copied().filter(is_memory).take(MAX_CANDIDATES);
    let own = (stack & !7..).step_by(8).take(words.len().min(MAX_CANDIDATES));
    pointed.chain(own).filter(|address| tried.insert(*address)).collect()
}

/// The future of this type that is parked at one of the addresses. Bytes that look like one by chance lead elsewhere: where two say different things, neither counts.
fn place(look: &Look<'_>, ty: TypeId, candidates: &[u64]) -> Option<Task> {
    if look.observer().program.index().ty(ty).size < LEAST_BYTES {
        return None;
    }
    let mut found = candidates.iter().filter_map(|address| look.root(ty, *address));
    let task = found.next()?;
    let shape = places(&task);
    found.all(|other| places(&other) == shape).then_some(task)
}

/// What its tree shows.
fn places(task: &Task) -> Vec<(String, u32)> {
    task.tree.frames.iter().map(|frame| (frame.name.clone(), frame.line)).collect()
}

/// The words of a thread's stack, from its end on.
fn words(look: &Look<'_>, thread: &Thread, stack: u64, maps: &[Map]) -> Option<Vec<u64>> {
    let map = maps.iter().find(|map| (map.from..map.to).contains(&stack))?;
    let from = stack & !7;
    // Above the stack of each thread but the first its thread-locals begin.
    let to = thread.pointer.filter(|pointer| (from..map.to).contains(pointer)).unwrap_or(map.to);
    let mut bytes = vec![0; usize::try_from((to - from).min(MAX_STACK_BYTES)).ok()?];
    if !look.observer().source().read(from, &mut bytes) {
        return None;
    }
    let words = bytes.chunks_exact(8).filter_map(|word| word.try_into().ok().map(u64::from_le_bytes));
    Some(words.collect())
}
