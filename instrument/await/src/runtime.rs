//! Runtimes of tokio's by what a thread's `CONTEXT` says: which runtime it is in, which task it polls, and where that runtime's lists of tasks begin.

use crate::{
    Options, Program, Snapshot, Step,
    types::{Kind, TypeId},
    walk::Walk,
};

/// Lists of tasks of one runtime: tokio makes at most 65,536 shards, and four a worker.
const MAX_LISTS: u64 = 4096;
/// Bytes of a runtime's name that are read.
const MAX_NAME_BYTES: u64 = 64;

/// What a thread's context says.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ThreadContext {
    /// The runtime that it is in.
    pub runtime: Option<RuntimeRef>,
    /// tokio's id of the task that it polls.
    pub task_id: Option<u64>,
    /// It runs the runtime's scheduler: it is a worker, or the thread of a `block_on`.
    pub is_worker: bool,
}

/// A runtime by the address of what its handles share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RuntimeRef {
    /// Where it is.
    pub address: u64,
    /// The type there.
    pub ty: TypeId,
    /// Which scheduler.
    pub flavor: Flavor,
}

/// A scheduler of tokio's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavor {
    /// Tasks run on one thread.
    CurrentThread,
    /// Tasks run on workers.
    MultiThread,
    /// Not a runtime of its own: tasks that stay on one thread of another.
    LocalSet,
}

/// What a runtime's memory says of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Its name; `None`: it has none, or unknown.
    pub name: Option<String>,
    /// The first task of each of its lists, where there is one.
    pub heads: Vec<u64>,
    /// Its workers; `None`: unknown.
    pub workers: Option<u64>,
}

impl Program {
    /// What the context of a thread says whose thread-local block of this program begins at an address.
    #[must_use]
    pub fn context(&self, block: u64, snapshot: &Snapshot, options: Options) -> Step<ThreadContext> {
        let mut walk = Walk::new(self, snapshot, options);
        let context = self.read_context(&mut walk, block).unwrap_or_default();
        walk.step(context)
    }

    fn read_context(&self, walk: &mut Walk<'_>, block: u64) -> Option<ThreadContext> {
        let local = self.index.context?;
        let at = block.wrapping_add(local.offset);
        walk.bytes(at, self.index.ty(local.ty).size)?;
        let (at, context) = walk.find_live(local.ty, at, &|walk, id| {
            walk.program().is(walk.program().index.ty(id), "tokio::runtime::context", "Context")
        })?;
        let runtime = self.field(context, "current").and_then(|(offset, ty)| {
            let at = at.wrapping_add(offset);
            let is_handle = |walk: &Walk<'_>, id: TypeId| {
                walk.program().is(walk.program().index.ty(id), "tokio::runtime::scheduler", "Handle")
            };
            let (at, handle) = walk.find_live(ty, at, &is_handle)?;
            self.runtime_of_handle(walk, handle, at)
        });
        let task_id = self.field(context, "current_task_id").and_then(|(offset, ty)| {
            let is_id = |walk: &Walk<'_>, id: TypeId| {
                let ty = walk.program().index.ty(id);
                walk.program().index.text(ty.name) == "Id"
                    && walk.program().index.text(ty.path).starts_with("tokio")
            };
            let (at, _) = walk.find_live(ty, at.wrapping_add(offset), &is_id)?;
            walk.word(at).filter(|id| *id != 0)
        });
        let is_worker = self.field(context, "scheduler").and_then(|(offset, ty)| {
            let (pointer, _) = self.first_pointer(ty)?;
            walk.word(at.wrapping_add(offset).wrapping_add(pointer))
        });
        Some(ThreadContext { runtime, task_id, is_worker: is_worker.is_some_and(|at| at != 0) })
    }

    /// The runtime of a `scheduler::Handle`, which is an enumeration of `Arc`s.
    fn runtime_of_handle(&self, walk: &mut Walk<'_>, handle: TypeId, at: u64) -> Option<RuntimeRef> {
        let variant = walk.variant(self.index.ty(handle), at)?;
        let flavor = match self.index.text(variant.name) {
            "CurrentThread" => Flavor::CurrentThread,
            "MultiThread" => Flavor::MultiThread,
            _ => return None,
        };
        let (offset, inner) = self.first_pointer(variant.ty)?;
        let at = walk.address(at.wrapping_add(variant.offset).wrapping_add(offset))?;
        Some(RuntimeRef { address: at, ty: inner, flavor })
    }

    /// The runtime that a task belongs to, by the scheduler in its cell; `None`: it has none (a closure of the blocking pool), or unknown.
    #[must_use]
    pub fn runtime_of_task(
        &self,
        header: u64,
        snapshot: &Snapshot,
        options: Options,
    ) -> Step<Option<RuntimeRef>> {
        let mut walk = Walk::new(self, snapshot, options);
        let runtime = self.scheduler_of(&mut walk, header, options);
        walk.step(runtime)
    }

    fn scheduler_of(&self, walk: &mut Walk<'_>, header: u64, options: Options) -> Option<RuntimeRef> {
        let cell = self.cell_of(walk, header, options)?;
        let (core_at, core) = self.field(cell, "core")?;
        let (scheduler_at, scheduler) = self.field(core, "scheduler")?;
        let (pointer_at, inner) = self.first_pointer(scheduler)?;
        let name = self.index.full_name(scheduler);
        let flavor = match &*name {
            name if name.contains("multi_thread") => Flavor::MultiThread,
            name if name.contains("current_thread") => Flavor::CurrentThread,
            name if name.contains("task::local") => Flavor::LocalSet,
            _ => return None,
        };
        let at = header.wrapping_add(core_at).wrapping_add(scheduler_at).wrapping_add(pointer_at);
        Some(RuntimeRef { address: walk.address(at)?, ty: inner, flavor })
    }

    /// What a runtime's memory says of it.
    #[must_use]
    pub fn runtime(&self, of: RuntimeRef, snapshot: &Snapshot, options: Options) -> Step<Runtime> {
        let mut walk = Walk::new(self, snapshot, options);
        let runtime = self.read_runtime(&mut walk, of);
        walk.step(runtime)
    }

    fn read_runtime(&self, walk: &mut Walk<'_>, of: RuntimeRef) -> Runtime {
        // What the handles share is read at once where its size is known.
        let _ = walk.bytes(of.address, self.index.ty(of.ty).size);
        let heads = self.heads(walk, of).unwrap_or_default();
        Runtime { name: self.runtime_name(walk, of), heads, workers: self.workers(walk, of) }
    }

    /// The heads of the lists of owned tasks: several behind a pointer with a length, or one by value.
    fn heads(&self, walk: &mut Walk<'_>, of: RuntimeRef) -> Option<Vec<u64>> {
        let owned = |_: TypeId, ty: &crate::types::Type| {
            let name = self.index.text(ty.name);
            name.starts_with("OwnedTasks<") || name.starts_with("LocalOwnedTasks<")
        };
        let (offset, owned) = self.find(of.ty, &owned)?;
        let owned_at = of.address.wrapping_add(offset);
        let slice = self
            .find(owned, &|id, _| self.field(id, "data_ptr").is_some() && self.field(id, "length").is_some());
        let Some((slice_at, slice)) = slice else {
            let head = walk.word(owned_at.wrapping_add(self.list_head(owned)?))?;
            return Some(vec![head].into_iter().filter(|head| *head != 0).collect());
        };
        let slice_at = owned_at.wrapping_add(slice_at);
        let (data_at, data) = self.field(slice, "data_ptr")?;
        let Kind::Pointer(element) = self.index.ty(data).kind else { return None };
        let at = walk.word(slice_at.wrapping_add(data_at))?;
        let count = walk.word(slice_at.wrapping_add(self.field(slice, "length")?.0))?.min(MAX_LISTS);
        let (head_at, size) = (self.list_head(element)?, self.index.ty(element).size);
        walk.bytes(at, size.saturating_mul(count))?;
        let heads = (0..count)
            .map(|number| walk.word(at.wrapping_add(number.wrapping_mul(size)).wrapping_add(head_at)));
        let heads: Vec<Option<u64>> = heads.collect();
        Some(heads.into_iter().flatten().filter(|head| *head != 0).collect())
    }

    fn list_head(&self, id: TypeId) -> Option<u64> {
        let is_list =
            |_: TypeId, ty: &crate::types::Type| self.index.text(ty.name).starts_with("LinkedList<");
        let (offset, list) = self.find(id, &is_list)?;
        offset.checked_add(self.field(list, "head")?.0)
    }

    fn workers(&self, walk: &mut Walk<'_>, of: RuntimeRef) -> Option<u64> {
        if of.flavor != Flavor::MultiThread {
            return Some(1);
        }
        let (offset, shared) = self.find(of.ty, &|id, _| self.field(id, "remotes").is_some())?;
        let (remotes_at, remotes) = self.field(shared, "remotes")?;
        let length_at = self.field(remotes, "length")?.0;
        walk.word(of.address.wrapping_add(offset).wrapping_add(remotes_at).wrapping_add(length_at))
    }

    fn runtime_name(&self, walk: &mut Walk<'_>, of: RuntimeRef) -> Option<String> {
        let (offset, handle) = self.find(of.ty, &|id, _| self.field(id, "blocking_spawner").is_some())?;
        let (name_at, name) = self.field(handle, "name")?;
        let is_string = |walk: &Walk<'_>, id: TypeId| {
            walk.program().is(walk.program().index.ty(id), "alloc::string", "String")
        };
        let at = of.address.wrapping_add(offset).wrapping_add(name_at);
        let (at, string) = walk.find_live(name, at, &is_string)?;
        let (data, length) = self.string_parts(string)?;
        let length = walk.word(at.wrapping_add(length))?;
        let data = walk.word(at.wrapping_add(data))?;
        let bytes = walk.bytes(data, length.min(MAX_NAME_BYTES)).filter(|_| length > 0)?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }
}
