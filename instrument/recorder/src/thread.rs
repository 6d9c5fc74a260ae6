//! What each thread knows of itself: the task it polls, its number, its event rings.
//!
//! Threads are numbered process-wide, 1-based; an exited thread's number is used again. Limit: [`MAX_THREADS`] numbers, all threads
//! beyond share the last one, named "other threads".

pub(crate) mod slots;

use std::{
    cell::{Cell, OnceCell, RefCell},
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::ThreadId,
};

use crate::{
    id::{ResourceId, TaskId},
    ring::Ring,
    worker::Workers,
};

/// Threads that get a number of their own.
pub const MAX_THREADS: usize = 1024;
/// Bytes of a thread's name that are kept.
pub const MAX_THREAD_NAME_BYTES: usize = 64;

thread_local! {
    static STACK: Stack = const { Stack { number: Cell::new(0), polling: Cell::new(0), root: Cell::new(0), sent: Cell::new(0), depth: Cell::new(0), spans: [const { Cell::new(0) }; MAX_NESTED_SPANS] } };
    /// Held for its destructor, which gives the number back.
    static NUMBER: OnceCell<Number> = const { OnceCell::new() };
    static RINGS: RefCell<Vec<(u64, Weak<Ring>)>> = const { RefCell::new(Vec::new()) };
}

/// Spans inside spans that a thread distinguishes (tasks, their locks and operations, `block_in_place`, named futures); deeper
/// ones count, but what happens in them is put down to the last one that fits.
const MAX_NESTED_SPANS: usize = 32;

/// The spans entered on this thread, of whichever recorders, innermost last.
struct Stack {
    /// This thread's number; 0: not taken yet.
    number: Cell<u32>,
    /// The same, once the function of [`on_first_poll`] was called for this thread.
    polling: Cell<u32>,
    /// The task that is polled here outside of all spans, see [`set_root`]; 0: none.
    root: Cell<u64>,
    /// The channel that the task which is polled here sent to, see [`sent_to`]; 0: none, [`SEVERAL`].
    sent: Cell<u64>,
    depth: Cell<usize>,
    spans: [Cell<u64>; MAX_NESTED_SPANS],
}

/// The id of the task that this thread polls now, 0 when none or when the thread is being torn down.
#[inline]
pub(crate) fn current() -> u64 {
    innermost(|raw| TaskId::from_u64(raw).map(TaskId::to_u64)).unwrap_or(0)
}

/// The same, and outside of any task the thread's root: whose doing it is that a lock is taken here, or an operation polled. No word for who
/// wakes: outside of tasks that may be the driver.
#[inline]
pub(crate) fn actor() -> u64 {
    match current() {
        0 => STACK.try_with(|stack| stack.root.get()).unwrap_or(0),
        task => task,
    }
}

/// The same, if it is a task of this recorder; else 0.
#[inline]
pub(crate) fn actor_in(recorder: u8) -> u64 {
    TaskId::from_u64(actor()).filter(|id| id.recorder() == recorder).map_or(0, TaskId::to_u64)
}

/// The task of this recorder that the calling thread polls now.
#[inline]
pub(crate) fn current_in(recorder: u8) -> Option<TaskId> {
    TaskId::from_u64(current()).filter(|id| id.recorder() == recorder)
}

/// From now on what happens on the calling thread outside of any task is the doing of this one: the future of a `block_on` that began before
/// anything was recorded, so that no span records its polls. `None`: it has ended.
pub fn set_root(task: Option<TaskId>) {
    let _torn_down = STACK.try_with(|stack| stack.root.set(task.map_or(0, TaskId::to_u64)));
}

/// In `Stack::sent`: it sent to more than one channel.
const SEVERAL: u64 = u64::MAX;

/// The task that is polled here sent to this channel. What it waits for later in the same poll may be the answer.
#[inline]
pub(crate) fn sent_to(channel: ResourceId) {
    let _torn_down = STACK.try_with(|stack| {
        let one = matches!(stack.sent.get(), 0) || stack.sent.get() == channel.to_u64();
        stack.sent.set(if one { channel.to_u64() } else { SEVERAL });
    });
}

/// The task that is polled here makes something that an answer can come through: what it sent before is no question for it.
#[inline]
pub(crate) fn sent_nothing() {
    let _torn_down = STACK.try_with(|stack| stack.sent.set(0));
}

/// The only channel that the task which is polled here sent to in this poll, since [`sent_nothing`].
#[inline]
pub(crate) fn sent() -> Option<ResourceId> {
    STACK
        .try_with(|stack| ResourceId::from_u64(stack.sent.get()).filter(|_| stack.sent.get() != SEVERAL))
        .ok()
        .flatten()
}

/// The innermost span on this thread that `wanted` wants.
#[inline]
pub(crate) fn innermost<T>(wanted: impl Fn(u64) -> Option<T>) -> Option<T> {
    STACK
        .try_with(|stack| {
            let depth = stack.depth.get().min(stack.spans.len());
            stack.spans[..depth].iter().rev().find_map(|span| wanted(span.get()))
        })
        .ok()
        .flatten()
}

/// How many of the spans that are entered on this thread say `this`, from the innermost on until one says none.
#[inline]
#[expect(clippy::option_option, reason = "the answers of `crate::id::entered`")]
pub(crate) fn entered_times<T: PartialEq>(says: impl Fn(u64) -> Option<Option<T>>, this: T) -> usize {
    let count = |stack: &Stack| {
        let depth = stack.depth.get().min(stack.spans.len());
        let said = stack.spans[..depth].iter().rev().filter_map(|span| says(span.get()));
        said.map_while(|said| said).filter(|said| *said == this).count()
    };
    STACK.try_with(count).unwrap_or(0)
}

/// A span is entered here.
#[inline]
pub(crate) fn push(span: u64) {
    let _torn_down = STACK.try_with(|stack| stack.push(span));
}

/// A task's poll begins here. Returns the thread's number.
#[inline]
pub(crate) fn push_task(task: TaskId) -> u32 {
    STACK
        .try_with(|stack| {
            stack.push(task.to_u64());
            stack.sent.set(0);
            match stack.polling.get() {
                0 => stack.first_poll(task),
                number => number,
            }
        })
        .unwrap_or(0)
}

/// The innermost span is left here. Returns the thread's number; 0 when it has none.
#[inline]
pub(crate) fn pop() -> u32 {
    STACK
        .try_with(|stack| {
            stack.depth.set(stack.depth.get().saturating_sub(1));
            stack.number.get()
        })
        .unwrap_or(0)
}

static FIRST_POLL: OnceLock<fn(u32, TaskId)> = OnceLock::new();

/// Calls `report` with a thread's number and the task at the thread's first poll, on that thread and inside the poll; and again at the
/// first poll after [`expect_another_runtime`]. The first caller in a process wins.
pub fn on_first_poll(report: fn(u32, TaskId)) {
    let _already_set = FIRST_POLL.set(report);
}

/// The calling thread is about to drive another runtime than before, perhaps.
pub fn expect_another_runtime() {
    let _torn_down = STACK.try_with(|stack| stack.polling.set(0));
}

/// This thread's number; 0 while the thread is being torn down. The first call on a thread takes a lock, later ones cost 1 ns.
#[inline]
pub fn number() -> u32 {
    STACK.try_with(Stack::number).unwrap_or(0)
}

impl Stack {
    #[inline]
    fn push(&self, span: u64) {
        let depth = self.depth.get();
        if let Some(top) = self.spans.get(depth) {
            top.set(span);
        }
        self.depth.set(depth + 1);
    }

    #[cold]
    fn first_poll(&self, task: TaskId) -> u32 {
        let number = self.number();
        self.polling.set(number);
        if let Some(report) = FIRST_POLL.get() {
            report(number, task);
        }
        number
    }

    #[inline]
    fn number(&self) -> u32 {
        match self.number.get() {
            0 => self.take_number(),
            number => number,
        }
    }

    #[cold]
    fn take_number(&self) -> u32 {
        let number = NUMBER.try_with(|number| number.get_or_init(Number::take).0).unwrap_or(0);
        self.number.set(number);
        number
    }
}

/// Runs `push` with this thread's ring of a recorder, making it with `make` at first use. The recorder alone owns it, so that it can give
/// the memory back without asking the thread.
pub(crate) fn with_ring(recorder: u64, make: impl FnOnce() -> Arc<Ring>, push: impl FnOnce(&Ring)) {
    let _torn_down = RINGS.try_with(|rings| {
        let Ok(mut rings) = rings.try_borrow_mut() else { return };
        let mut known = rings.iter().filter(|(owner, _)| *owner == recorder);
        if let Some(ring) = known.find_map(|(_, ring)| ring.upgrade()) {
            push(&ring);
            return;
        }
        // The recorder freed them when no timeline was watched, or is gone itself.
        rings.retain(|(_, ring)| ring.strong_count() > 0);
        let ring = make();
        push(&ring);
        rings.push((recorder, Arc::downgrade(&ring)));
    });
}

/// A numbered thread, or the last one that had the number.
#[derive(Debug, Clone)]
pub struct ThreadName {
    /// Its number.
    pub number: u32,
    /// Its name, which others may have, too.
    pub name: Arc<str>,
    /// The operating system's id of it; `None` where that is unknown.
    pub os_id: Option<u32>,
}

/// The names of all numbered threads, and a version that rises with each change.
pub fn names() -> (u64, Vec<ThreadName>) {
    let registry = registry();
    let names = registry.threads.iter().zip(1..).map(|(thread, number)| ThreadName {
        number,
        name: thread.name.clone(),
        os_id: thread.os_id,
    });
    (VERSION.load(Relaxed), names.collect())
}

/// Rises whenever a thread's name is new.
pub fn names_version() -> u64 {
    VERSION.load(Relaxed)
}

/// What is known of a numbered thread.
#[derive(Debug, Clone)]
pub struct ThreadInfo {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: Arc<str>,
    /// Std's id of it.
    pub id: ThreadId,
    /// The operating system's id of it, as in `/proc/self/task`; `None` where that is unknown.
    pub os_id: Option<u32>,
}

/// The numbered threads that live, in the order of their numbers. Those that share the last number are not among them.
pub fn threads() -> Vec<ThreadInfo> {
    let registry = registry();
    let numbered = registry.threads.iter().take(MAX_THREADS - 1).enumerate();
    let alive = numbered.filter_map(|(index, thread)| {
        let id = thread.alive?;
        Some(ThreadInfo { number: index as u32 + 1, name: thread.name.clone(), id, os_id: thread.os_id })
    });
    alive.collect()
}

/// Lets `workers` know whenever a number gets another thread, for as long as they live.
pub(crate) fn report_new_threads(workers: Weak<Workers>) {
    let mut registry = registry();
    registry.tables.retain(|table| table.strong_count() > 0);
    registry.tables.push(workers);
}

static VERSION: AtomicU64 = AtomicU64::new(0);
static REGISTRY: Mutex<Registry> =
    Mutex::new(Registry { threads: Vec::new(), free: Vec::new(), tables: Vec::new() });

struct Registry {
    threads: Vec<KnownThread>,
    free: Vec<u32>,
    tables: Vec<Weak<Workers>>,
}

/// The thread of a number, or the last one that had it.
struct KnownThread {
    name: Arc<str>,
    os_id: Option<u32>,
    alive: Option<ThreadId>,
}

fn registry() -> std::sync::MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number that goes back when its thread ends.
struct Number(u32);

impl Number {
    fn take() -> Self {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed thread");
        let name: Arc<str> = crate::text::cut(name, MAX_THREAD_NAME_BYTES).into();
        let known = KnownThread { name, os_id: os_id(), alive: Some(thread.id()) };
        let mut registry = registry();
        VERSION.fetch_add(1, Relaxed);
        if let Some(number) = registry.free.pop() {
            let index = number as usize - 1;
            registry.threads[index] = known;
            for workers in registry.tables.iter().filter_map(Weak::upgrade) {
                if let Some(worker) = workers.get(index).and_then(OnceLock::get) {
                    worker.next_thread();
                }
            }
            return Self(number);
        }
        match registry.threads.len() {
            len if len < MAX_THREADS - 1 => registry.threads.push(known),
            len if len < MAX_THREADS => {
                registry.threads.push(KnownThread { name: "other threads".into(), os_id: None, alive: None });
            }
            _ => {}
        }
        Self(registry.threads.len() as u32)
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        // What runs here from now on, in other destructors, has no number: another thread may take this one.
        let _torn_down = STACK.try_with(|stack| {
            stack.number.set(0);
            stack.polling.set(0);
        });
        // The last number is shared: no thread gives it back.
        if (self.0 as usize) < MAX_THREADS {
            let mut registry = registry();
            registry.threads[self.0 as usize - 1].alive = None;
            registry.free.push(self.0);
        }
    }
}

/// The operating system's id of the calling thread.
fn os_id() -> Option<u32> {
    #[cfg(target_os = "linux")]
    return u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).ok();
    #[cfg(not(target_os = "linux"))]
    None
}
