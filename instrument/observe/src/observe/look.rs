//! A look at all threads, runtimes and tasks.

use rustc_hash::{FxHashMap, FxHashSet};
use taskscope_await::{Neighbours, RuntimeRef, Snapshot, Step, Task, TaskState, Tree, types::TypeId};

use super::{MAX_TASKS, Observer, SeenRuntime, SeenTask, SeenThread};
use crate::{memory, process::Thread};

/// Tries to read a task that changes meanwhile.
const TRIES: usize = 4;

/// One look under way.
pub(super) struct Look<'o> {
    observer: &'o Observer,
    runtimes: Vec<SeenRuntime>,
    by_address: FxHashMap<u64, usize>,
    /// Where each task of a list has the pointers of that list.
    links: FxHashMap<u64, u64>,
}

impl<'o> Look<'o> {
    pub(super) fn new(observer: &'o Observer) -> Self {
        Self { observer, runtimes: Vec::new(), by_address: FxHashMap::default(), links: FxHashMap::default() }
    }

    /// What a thread's context says; the runtime that it is in is noted.
    pub(super) fn seen_thread(&mut self, thread: Thread) -> SeenThread {
        let observer = self.observer;
        let tls_bytes = observer.program.index().tls_bytes;
        // The program's own block ends where the thread's pointer points to.
        let block = thread.pointer.map(|pointer| pointer.wrapping_sub(tls_bytes));
        let context = block.and_then(|block| {
            self.read(|snapshot| observer.program.context(block, snapshot, observer.options))
        });
        let context = context.unwrap_or_default();
        let runtime = context.runtime.map(|of| self.runtime(of));
        SeenThread { thread, runtime, task_id: context.task_id, is_worker: context.is_worker }
    }

    /// The runtimes that a thread is in or a task belongs to; their numbers change accordingly.
    pub(super) fn runtimes(self, threads: &mut [SeenThread], tasks: &mut [SeenTask]) -> Vec<SeenRuntime> {
        let mut numbers: Vec<Option<usize>> = vec![None; self.runtimes.len()];
        let mut kept = Vec::new();
        let of_threads = threads.iter_mut().filter_map(|seen| seen.runtime.as_mut());
        for number in of_threads.chain(tasks.iter_mut().filter_map(|seen| seen.runtime.as_mut())) {
            let new = *numbers[*number].get_or_insert_with(|| {
                kept.push(self.runtimes[*number].clone());
                kept.len() - 1
            });
            *number = new;
        }
        kept
    }

    pub(super) fn observer(&self) -> &'o Observer {
        self.observer
    }

    /// The future that code blocks on.
    pub(super) fn blocks_on(&self, address: u64) -> Option<TypeId> {
        self.observer.program.blocks_on(address.wrapping_sub(self.observer.options.bias))
    }

    /// tokio's id of a task.
    pub(super) fn task_id(&self, header: u64) -> Option<u64> {
        let observer = self.observer;
        self.read(|snapshot| observer.program.task_id(header, snapshot, observer.options)).flatten()
    }

    /// The future of a `block_on` that is parked at an address, at one moment.
    pub(super) fn root(&self, ty: TypeId, address: u64) -> Option<Task> {
        let (observer, known) = (self.observer, self.observer.known());
        let mut snapshot = Snapshot::new();
        let step = |snapshot: &Snapshot| observer.program.root(ty, address, snapshot, observer.options);
        let task = memory::walk(&known, &mut snapshot, step).flatten();
        task.filter(|_| memory::is_unchanged(&known, &snapshot))
    }

    fn read<T>(&self, step: impl FnMut(&Snapshot) -> Step<T>) -> Option<T> {
        memory::walk(&self.observer.known(), &mut Snapshot::new(), step)
    }

    /// The number of a runtime, which is read when it is new.
    fn runtime(&mut self, of: RuntimeRef) -> usize {
        if let Some(number) = self.by_address.get(&of.address) {
            return *number;
        }
        let observer = self.observer;
        let runtime = self.read(|snapshot| observer.program.runtime(of, snapshot, observer.options));
        self.runtimes.push(SeenRuntime { of, runtime: runtime.unwrap_or_default() });
        let number = self.runtimes.len() - 1;
        self.by_address.insert(of.address, number);
        number
    }

    /// All headers, ascending, each with whether a list has it.
    pub(super) fn headers(&mut self) -> Vec<(u64, bool)> {
        let mut listed = FxHashSet::default();
        let mut followed = 0;
        self.follow_new(&mut followed, &mut listed);
        let observer = self.observer;
        // A task that only the memory shows may be of a runtime, or a `LocalSet`, that no thread is in now: then that one's list has more.
        for header in &observer.scanned.headers {
            if listed.contains(header) {
                continue;
            }
            let of =
                self.read(|snapshot| observer.program.runtime_of_task(*header, snapshot, observer.options));
            if let Some(of) = of.flatten() {
                self.runtime(of);
                self.follow_new(&mut followed, &mut listed);
            }
        }
        let scanned = observer.scanned.headers.iter().filter(|header| !listed.contains(header));
        let mut headers: Vec<(u64, bool)> = scanned.map(|header| (*header, false)).collect();
        headers.extend(listed.iter().map(|header| (*header, true)));
        headers.sort_unstable();
        headers
    }

    /// The tasks in the lists of the runtimes from number `followed` on.
    fn follow_new(&mut self, followed: &mut usize, listed: &mut FxHashSet<u64>) {
        let observer = self.observer;
        let new = self.runtimes.get(*followed..).unwrap_or_default();
        let heads: Vec<u64> = new.iter().flat_map(|seen| seen.runtime.heads.iter().copied()).collect();
        for head in heads {
            let mut next = Some(head);
            while let Some(header) = next.filter(|header| *header != 0)
                && listed.len() < MAX_TASKS
                && listed.insert(header)
            {
                let neighbours = self
                    .read(|snapshot| observer.program.neighbours(header, snapshot, observer.options))
                    .flatten();
                self.links.extend(neighbours.map(|neighbours| (header, neighbours.at)));
                next = neighbours.map(|neighbours| neighbours.next);
            }
        }
        *followed = self.runtimes.len();
    }

    /// A task at one moment; `None`: there is none.
    pub(super) fn task(&mut self, header: u64, listed: bool) -> Option<SeenTask> {
        let observer = self.observer;
        let known = observer.known();
        let mut snapshot = Snapshot::new();
        let mut seen = None;
        for _ in 0..TRIES {
            snapshot.clear();
            let task = memory::walk(&known, &mut snapshot, |snapshot| {
                observer.program.task(header, snapshot, observer.options)
            })?;
            let Some(task) = task else {
                if memory::is_unchanged(&known, &snapshot) {
                    return None;
                }
                continue;
            };
            if task.internal || (!listed && !task.may_live()) {
                return None;
            }
            // Mostly all of it is there already.
            let of = memory::walk(&known, &mut snapshot, |snapshot| {
                observer.program.runtime_of_task(header, snapshot, observer.options)
            });
            let of = of.flatten();
            let lives = of.is_none_or(|of| self.is_linked(header, of, &mut snapshot));
            let waits = matches!(task.state, TaskState::Idle | TaskState::Scheduled);
            let unchanged = !waits || memory::is_unchanged(&known, &snapshot);
            seen = lives.then_some((task, of, !unchanged));
            if lives && unchanged {
                break;
            }
        }
        let (mut task, of, changed) = seen?;
        if changed {
            // A torn look is worth nothing.
            task.tree = Tree::default();
        }
        let runtime = of.map(|of| self.runtime(of));
        Some(SeenTask { task, runtime, changed })
    }

    /// Whether a list of its runtime leads to a task. Memory that was given back looks like the task that it was, until another thing is there.
    /// The snapshot has the task's memory.
    fn is_linked(&self, header: u64, of: RuntimeRef, snapshot: &mut Snapshot) -> bool {
        let observer = self.observer;
        let neighbours = memory::walk(&observer.known(), snapshot, |snapshot| {
            observer.program.neighbours(header, snapshot, observer.options)
        });
        match neighbours.flatten() {
            None => false,
            Some(Neighbours { previous: 0, .. }) => {
                let runtime = self.read(|snapshot| observer.program.runtime(of, snapshot, observer.options));
                runtime.is_some_and(|runtime| runtime.heads.contains(&header))
            }
            Some(Neighbours { previous, .. }) => self.leads_to(previous, header),
        }
    }

    /// Whether the task after another one is this one.
    fn leads_to(&self, previous: u64, header: u64) -> bool {
        let observer = self.observer;
        let leads =
            |found: Option<Option<Neighbours>>| found.flatten().is_some_and(|found| found.next == header);
        let at = self.links.get(&previous);
        let is_known = at.is_some_and(|at| {
            leads(self.read(|snapshot| observer.program.neighbours_at(*at, snapshot, observer.options)))
        });
        is_known
            || leads(self.read(|snapshot| observer.program.neighbours(previous, snapshot, observer.options)))
    }
}
