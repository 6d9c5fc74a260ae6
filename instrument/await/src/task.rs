//! A task of tokio's by the address of its header: its state, its id, and its await tree.

use crate::{
    Options, Program, Snapshot, Step, Tree, names,
    types::{Kind, TypeId},
    walk::Walk,
};

/// Bits of the word of a task's state, as tokio's `runtime/task/state.rs` has them.
const RUNNING: u64 = 1;
const COMPLETE: u64 = 2;
const NOTIFIED: u64 = 4;
const CANCELLED: u64 = 32;
/// References are counted above the bits.
const REFERENCE: u64 = 64;
/// More references than this no task has. An allocator that takes a task's memory back writes part of a pointer there.
const MAX_REFERENCES: u64 = 1 << 24;
/// Bytes of a header that are read at first: tokio aligns cells to 128.
pub(crate) const HEADER_BYTES: u64 = 128;

/// A task, as its memory has it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Task {
    /// Where its header is.
    pub header: u64,
    /// tokio's id; `None`: unknown.
    pub id: Option<u64>,
    /// The word of its state, to compare.
    pub word: u64,
    /// What it does.
    pub state: TaskState,
    /// It was aborted and has not ended yet.
    pub cancelled: bool,
    /// What spawned it.
    pub kind: TaskKind,
    /// A list of tasks has, or had, it.
    pub owned: bool,
    /// tokio made it for itself.
    pub internal: bool,
    /// The future's name.
    pub name: String,
    /// Where its function is declared: file, and line; empty and 0: unknown.
    pub declared: (String, u32),
    /// Bytes of the future; `None`: unknown.
    pub size_bytes: Option<u64>,
    /// What it awaits; without frames while it is polled.
    pub tree: Tree,
}

/// What spawned a task.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskKind {
    /// `spawn`.
    #[default]
    Task,
    /// `spawn_local`: of a `LocalSet`.
    Local,
    /// `spawn_blocking`: a closure for the blocking pool.
    Blocking,
    /// `block_on`: no task, the future on a thread's stack.
    Root,
}

impl TaskKind {
    /// By the generic arguments `T, S` of the function that polls it.
    fn of(arguments: &str) -> Self {
        if arguments.contains("BlockingSchedule") {
            Self::Blocking
        } else if arguments.contains("task::local::") {
            Self::Local
        } else {
            Self::Task
        }
    }
}

/// What a task does.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// It waits.
    #[default]
    Idle,
    /// It was woken and waits for a worker.
    Scheduled,
    /// A thread polls it.
    Running,
    /// It has ended; its result waits to be taken.
    Done,
}

impl Task {
    /// A future that is no function's is named after the first function in it.
    fn with(mut self, tree: Tree) -> Self {
        let function = tree.frames.iter().find(|frame| frame.kind.is_function());
        if let Some(function) = function.filter(|_| self.declared.1 == 0) {
            self.name.clone_from(&function.name);
            self.declared.clone_from(&function.declared);
        }
        Self { tree, ..self }
    }

    /// Whether memory that looks like this task may be one that lives: it was bound to a list or waits for the blocking pool, has references, and has not ended.
    #[must_use]
    pub fn may_live(&self) -> bool {
        self.state != TaskState::Done
            && self.word / REFERENCE > 0
            && (self.owned || self.kind == TaskKind::Blocking)
    }
}

impl TaskState {
    fn of(word: u64) -> Self {
        match word {
            word if word & COMPLETE != 0 => Self::Done,
            word if word & RUNNING != 0 => Self::Running,
            word if word & NOTIFIED != 0 => Self::Scheduled,
            _ => Self::Idle,
        }
    }
}

impl Program {
    /// The task whose header is at this address; `None`: there is no task.
    #[must_use]
    pub fn task(&self, header: u64, snapshot: &Snapshot, options: Options) -> Step<Option<Task>> {
        let mut walk = Walk::new(self, snapshot, options);
        let task = self.read_task(&mut walk, header, options);
        match walk.finish() {
            Step::Missing(missing) => Step::Missing(missing),
            Step::Done(tree) => Step::Done(task.map(|task| task.with(tree))),
        }
    }

    /// tokio's id of the task whose header is at this address; `None`: there is no task, or unknown. Reads a header and a word.
    #[must_use]
    pub fn task_id(&self, header: u64, snapshot: &Snapshot, options: Options) -> Step<Option<u64>> {
        let mut walk = Walk::new(self, snapshot, options);
        let id = walk.bytes(header, HEADER_BYTES).and_then(|_| walk.task_id(header));
        walk.step(id)
    }

    fn read_task(&self, walk: &mut Walk<'_>, header: u64, options: Options) -> Option<Task> {
        walk.bytes(header, HEADER_BYTES)?;
        let word = walk.word(header)?;
        let vtable = self.vtable_of(walk, header)?;
        let poll = self.vtable_word(walk, vtable, self.layout.poll)?.wrapping_sub(options.bias);
        let function = self.task_fn(poll)?;
        if word / REFERENCE > MAX_REFERENCES {
            return None;
        }
        let arguments = self.index.text(function.name);
        let mut task = Task {
            header,
            id: walk.task_id(header),
            word,
            state: TaskState::of(word),
            cancelled: word & CANCELLED != 0,
            kind: TaskKind::of(arguments),
            owned: self.owner(walk, header).is_some_and(|owner| owner != 0),
            internal: self.is_internal(function.future),
            name: self.task_name(function.future, arguments),
            declared: self
                .index
                .declared(self.index.ty(function.future))
                .map(|(file, line)| (file.to_owned(), line))
                .unwrap_or_default(),
            size_bytes: Some(self.index.ty(function.future).size).filter(|size| *size > 0),
            tree: Tree::default(),
        };
        if self.index.ty(function.future).kind == Kind::Unknown {
            task.size_bytes = None;
        }
        if matches!(task.state, TaskState::Idle | TaskState::Scheduled)
            && let Some((offset, ty)) = self.stage(function.cell)
            && walk.bytes(header, self.index.ty(function.cell).size).is_some()
        {
            let at = header.wrapping_add(offset);
            // What ended and was freed may look as if it waited; its future is gone.
            if !self.is_under_way(walk, ty, at) {
                return None;
            }
            walk.value(ty, at, 0);
            if task.kind != TaskKind::Blocking {
                walk.root(function.future);
            }
        }
        Some(task)
    }

    /// Number of the list that it is in; 0: none.
    fn owner(&self, walk: &mut Walk<'_>, header: u64) -> Option<u64> {
        walk.word(header.wrapping_add(self.layout.owner?))
    }

    /// The function that polls it.
    pub(crate) fn task_fn(&self, address: u64) -> Option<&crate::TaskFn> {
        let end = self.index.tasks.partition_point(|it| it.address <= address);
        self.index.tasks.get(end.checked_sub(1)?).filter(|it| it.address == address)
    }

    /// The type of the allocation of a task; `None`: there is no task, or unknown.
    pub(crate) fn cell_of(&self, walk: &mut Walk<'_>, header: u64, options: Options) -> Option<TypeId> {
        walk.bytes(header, HEADER_BYTES)?;
        let vtable = self.vtable_of(walk, header)?;
        let poll = self.vtable_word(walk, vtable, self.layout.poll)?.wrapping_sub(options.bias);
        let cell = self.task_fn(poll)?.cell;
        walk.bytes(header, self.index.ty(cell).size)?;
        Some(cell)
    }

    /// Whether the address of the file is a function that polls tasks.
    #[must_use]
    pub fn is_task_fn(&self, address: u64) -> bool {
        self.task_fn(address).is_some()
    }

    /// Whether a stage has a future, and not its result or nothing.
    fn is_under_way(&self, walk: &mut Walk<'_>, ty: TypeId, at: u64) -> bool {
        let stage = self.find(ty, &|_, ty| self.is(ty, "tokio::runtime::task::core", "Stage"));
        let Some((offset, stage)) = stage else { return true };
        let variant = walk.variant(self.index.ty(stage), at.wrapping_add(offset));
        variant.is_some_and(|variant| self.index.text(variant.name) == "Running")
    }

    fn stage(&self, cell: TypeId) -> Option<(u64, TypeId)> {
        let (core_at, core) = self.field(cell, "core")?;
        let (stage_at, stage) = self.field(core, "stage")?;
        Some((core_at.checked_add(stage_at)?, stage))
    }

    /// What a task is for: its future, or the closure that it runs on the blocking pool.
    fn work(&self, future: TypeId) -> TypeId {
        let ty = self.index.ty(future);
        let param = ty.params.iter().find(|(name, _)| self.index.text(*name) == "T");
        match param {
            Some((_, closure)) if self.is(ty, "tokio::runtime::blocking::task", "BlockingTask") => *closure,
            _ => future,
        }
    }

    /// Whether tokio made it for itself: the closure that is a worker.
    fn is_internal(&self, future: TypeId) -> bool {
        let ty = self.index.ty(self.work(future));
        self.index.text(ty.path).starts_with("tokio::runtime::scheduler::multi_thread")
    }

    fn task_name(&self, future: TypeId, arguments: &str) -> String {
        let ty = self.index.ty(self.work(future));
        let name = self.index.text(ty.name);
        // A closure that holds nothing is no type of the index, and its name is in that of what runs it.
        let closure = name.strip_prefix("BlockingTask<").and_then(|name| name.rsplit_once("::{closure_env"));
        if let Some((function, _)) = closure {
            return names::function(function);
        }
        if crate::roles::is_coroutine(name) || name.starts_with("{closure_env") {
            return names::function(self.index.text(ty.path));
        }
        if ty.kind == Kind::Unknown {
            // `T, S` without types: what is before the last comma outside of brackets.
            let mut depth = 0_i32;
            let end = arguments.char_indices().find_map(|(at, c)| match c {
                '<' | '(' | '[' => {
                    depth += 1;
                    None
                }
                '>' | ')' | ']' => {
                    depth -= 1;
                    None
                }
                ',' if depth == 0 => Some(at),
                _ => None,
            });
            return names::short(&arguments[..end.unwrap_or(arguments.len())]);
        }
        names::short(&self.index.full_name(future))
    }

    /// Where in a header the pointer to its vtable is.
    #[must_use]
    pub fn vtable_offset(&self) -> Option<u64> {
        self.layout.vtable
    }

    pub(crate) fn vtable_of(&self, walk: &mut Walk<'_>, header: u64) -> Option<u64> {
        walk.address(header.wrapping_add(self.layout.vtable?))
    }

    /// The word at an offset of a vtable, which is read whole.
    pub(crate) fn vtable_word(&self, walk: &mut Walk<'_>, vtable: u64, offset: Option<u64>) -> Option<u64> {
        walk.bytes(vtable, self.layout.vtable_bytes)?;
        walk.word(vtable.wrapping_add(offset?))
    }
}

impl Walk<'_> {
    /// tokio's id of the task with this header.
    pub(crate) fn task_id(&mut self, header: u64) -> Option<u64> {
        let program = self.program();
        let vtable = program.vtable_of(self, header)?;
        let offset = program.vtable_word(self, vtable, program.layout.id)?;
        self.word(header.wrapping_add(offset)).filter(|id| *id != 0)
    }
}
