//! All tasks and runtimes of a program as they are now, task by task at one moment each.
//!
//! The program goes on meanwhile. So every task's pieces of memory are read twice: a tree counts only when both are equal and the task was not being polled,
//! which a few tries must show; else the task is listed without a tree, and why.

mod look;
mod named;
mod roots;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rustc_hash::FxHashSet;
use taskscope_await::{Index, Options, Program, Runtime, RuntimeRef, Task};

use self::{look::Look, named::Named, roots::Roots};
use crate::{
    error::AttachError,
    fixed::{Fixed, Known},
    maps::{self, Map},
    process::Thread,
    scan,
    source::Source,
};

/// Tasks that are read.
pub const MAX_TASKS: usize = 1 << 20;
/// Frames of all trees of a look.
pub const MAX_LOOK_FRAMES: usize = 2 << 20;
/// A look ends after it, whatever it has.
pub const MAX_LOOK: Duration = Duration::from_secs(30);
/// Memory is looked through again after so many times what the last look took.
const SCAN_SHARE: u32 = 20;
/// And at least this long after it.
const LEAST_SCAN_PAUSE: Duration = Duration::from_secs(2);

/// A program that is read again and again.
#[derive(Debug)]
pub struct Observer {
    source: Source,
    program: Arc<Program>,
    executable: String,
    options: Options,
    vtables: FxHashSet<u64>,
    fixed: Fixed,
    tokio_version: Option<String>,
    /// An address of the program that can be read for as long as it is there.
    first: u64,
    /// What a look through all memory found, beside the lists.
    scanned: Scanned,
    named: Named,
    roots: Roots,
}

#[derive(Debug, Default)]
struct Scanned {
    headers: Vec<u64>,
    left_bytes: u64,
    next: Option<Instant>,
}

/// What was seen.
#[derive(Debug, Default, Clone)]
pub struct Observed {
    /// Every task, by address.
    pub tasks: Vec<SeenTask>,
    /// Every runtime that a thread is in or a task belongs to.
    pub runtimes: Vec<SeenRuntime>,
    /// Every thread.
    pub threads: Vec<SeenThread>,
    /// Tasks past [`MAX_TASKS`], [`MAX_LOOK_FRAMES`] or [`MAX_LOOK`]; some of them may be none.
    pub more_tasks: u64,
    /// Bytes of memory that were not looked through.
    pub left_bytes: u64,
    /// How long all of it took.
    pub took: Duration,
}

/// A task and where it belongs.
#[derive(Debug, Clone)]
pub struct SeenTask {
    /// What its memory says.
    pub task: Task,
    /// Index into [`Observed::runtimes`]; `None`: none, or unknown.
    pub runtime: Option<usize>,
    /// Why it has no tree though it waits: it changed while it was read.
    pub changed: bool,
}

/// A runtime.
#[derive(Debug, Clone)]
pub struct SeenRuntime {
    /// Which.
    pub of: RuntimeRef,
    /// What its memory says.
    pub runtime: Runtime,
}

/// A thread and what its context says.
#[derive(Debug, Clone)]
pub struct SeenThread {
    /// What the kernel says.
    pub thread: Thread,
    /// Index into [`Observed::runtimes`]; `None`: it is in none.
    pub runtime: Option<usize>,
    /// tokio's id of the task that it polls.
    pub task_id: Option<u64>,
    /// It runs the runtime's scheduler.
    pub is_worker: bool,
}

impl Observer {
    /// Finds the program in the process, and the tables by which tasks are recognized.
    ///
    /// # Errors
    /// The process has ended, or its program is not mapped.
    pub fn new(source: Source, program: Arc<Program>, strings: bool) -> Result<Self, AttachError> {
        let executable = source.executable()?;
        let maps = source.maps()?;
        let first = program.index().segments.iter().map(|(from, _)| *from).min().unwrap_or(0);
        let bias =
            maps::bias(&maps, &executable, first).ok_or(AttachError::NoProgram { pid: source.pid() })?;
        let vtables = scan::task_vtables(&program, &source, &maps, &executable, bias);
        let options = Options { bias, strings };
        let fixed = Fixed::new(&maps, &executable);
        Ok(Self {
            tokio_version: tokio_version(program.index()),
            source,
            program,
            executable,
            options,
            vtables,
            fixed,
            first: bias.wrapping_add(first),
            scanned: Scanned::default(),
            named: Named::default(),
            roots: Roots::default(),
        })
    }

    /// What is read.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Path of the executable.
    #[must_use]
    pub fn executable(&self) -> &str {
        &self.executable
    }

    /// The version of tokio in the program, by the path of its sources; `None`: unknown.
    #[must_use]
    pub fn tokio_version(&self) -> Option<&str> {
        self.tokio_version.as_deref()
    }

    /// Looks at everything once.
    ///
    /// # Errors
    /// The process has ended, or executed another program.
    pub fn look(&mut self) -> Result<Observed, AttachError> {
        let started = Instant::now();
        let maps = self.source.maps()?;
        let kernel_threads = self.source.threads();
        self.scan_if_due(&maps, &kernel_threads);
        let mut roots = std::mem::take(&mut self.roots);
        let mut look = Look::new(self);
        let threads = kernel_threads.into_iter().map(|thread| look.seen_thread(thread));
        let mut threads: Vec<SeenThread> = threads.collect();
        let headers = look.headers();
        let (mut tasks, mut frames, mut more_tasks) = (Vec::<SeenTask>::new(), 0, 0);
        for (number, (header, listed)) in headers.iter().enumerate() {
            if number == MAX_TASKS || frames > MAX_LOOK_FRAMES || started.elapsed() > MAX_LOOK {
                more_tasks = (headers.len() - number) as u64;
                break;
            }
            let seen = look.task(*header, *listed);
            frames += seen.as_ref().map_or(0, |seen| seen.task.tree.frames.len());
            tasks.extend(seen);
        }
        let found = roots.look(&look, &threads, &maps);
        tasks.extend(found);
        tasks.sort_by_key(|seen| seen.task.header);
        let runtimes = look.runtimes(&mut threads, &mut tasks);
        self.roots = roots;
        forget_moved(&mut tasks);
        // One that ended meanwhile has lost tasks that the look did not come to, and one that is another program by now never had them.
        if !self.source.has(self.first) {
            return Err(AttachError::Ended { pid: self.source.pid() });
        }
        let left_bytes = self.scanned.left_bytes;
        Ok(Observed { tasks, runtimes, threads, more_tasks, left_bytes, took: started.elapsed() })
    }

    fn known(&self) -> Known<'_, Source> {
        Known { memory: &self.source, fixed: &self.fixed }
    }

    /// Looks through all memory when the last time is long enough ago.
    fn scan_if_due(&mut self, maps: &[Map], threads: &[Thread]) {
        let now = Instant::now();
        let Some(vtable_offset) = self.program.vtable_offset() else { return };
        if self.scanned.next.is_some_and(|next| now < next) {
            return;
        }
        let pid = self.source.pid();
        let others = threads.iter().filter(|thread| thread.os_id != pid);
        let heaps = maps::heaps(maps, &others.filter_map(|thread| thread.pointer).collect::<Vec<_>>());
        let scan = scan::scan(&self.source, &heaps, &self.vtables, vtable_offset);
        let pause = (now.elapsed() * SCAN_SHARE).max(LEAST_SCAN_PAUSE);
        self.scanned =
            Scanned { headers: scan.headers, left_bytes: scan.left_bytes, next: Some(now + pause) };
    }
}

/// By the path of its sources.
fn tokio_version(index: &Index) -> Option<String> {
    index.texts.iter().find_map(|text| {
        let (_, rest) = text.split_once("/tokio-")?;
        let (version, _) = rest.split_once('/')?;
        version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
    })
}

/// A future that moved to another task left its bytes where it was: what a task polls no other has put aside.
fn forget_moved(tasks: &mut [SeenTask]) {
    let frames = tasks.iter().flat_map(|seen| &seen.task.tree.frames);
    let aside: FxHashSet<u64> =
        frames.clone().filter(|frame| frame.not_polled.is_some()).map(|frame| frame.address).collect();
    if aside.is_empty() {
        return;
    }
    let polled = frames.filter(|frame| frame.not_polled.is_none() && aside.contains(&frame.address));
    let moved: FxHashSet<u64> = polled.map(|frame| frame.address).filter(|address| *address != 0).collect();
    for seen in tasks {
        let mut gone_below = None;
        seen.task.tree.frames.retain(|frame| {
            if gone_below.is_some_and(|depth| frame.depth > depth) {
                return false;
            }
            let is_gone = frame.not_polled.is_some() && moved.contains(&frame.address);
            gone_below = is_gone.then_some(frame.depth);
            !is_gone
        });
    }
}
