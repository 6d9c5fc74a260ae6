//! What each thread knows of itself: the task it polls, its number, its event rings.
//!
//! Threads are numbered process-wide, 1-based; an exited thread's number is used again. Limit: [`MAX_THREADS`] numbers, all threads
//! beyond share the last one, named "other threads".

use std::{
    cell::{Cell, OnceCell, RefCell},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::{id::TaskId, ring::Ring};

/// Threads that get a number of their own.
pub const MAX_THREADS: usize = 1024;
/// Bytes of a thread's name that are kept.
const MAX_THREAD_NAME_BYTES: usize = 64;

thread_local! {
    static STACK: Stack = const { Stack { number: Cell::new(0), depth: Cell::new(0), spans: [const { Cell::new(0) }; MAX_NESTED_SPANS] } };
    /// Held for its destructor, which gives the number back.
    static NUMBER: OnceCell<Number> = const { OnceCell::new() };
    static RINGS: RefCell<Vec<(u64, Arc<Ring>)>> = const { RefCell::new(Vec::new()) };
}

/// Spans inside spans that are told apart on a thread (tasks, their locks and operations, `block_in_place`, named futures); deeper
/// ones count, but what happens in them is put down to the last one that fits.
const MAX_NESTED_SPANS: usize = 32;

/// The spans entered on this thread, of whichever recorders, innermost last.
struct Stack {
    /// This thread's number; 0: not taken yet.
    number: Cell<u32>,
    depth: Cell<usize>,
    spans: [Cell<u64>; MAX_NESTED_SPANS],
}

/// The id of the task that this thread polls now, 0 when none or when the thread is being torn down.
#[inline]
pub(crate) fn current() -> u64 {
    innermost(|raw| TaskId::from_u64(raw).map(TaskId::to_u64)).unwrap_or(0)
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

/// A span is entered here. Returns the thread's number.
#[inline]
pub(crate) fn push(span: u64) -> u32 {
    STACK
        .try_with(|stack| {
            let depth = stack.depth.get();
            if let Some(top) = stack.spans.get(depth) {
                top.set(span);
            }
            stack.depth.set(depth + 1);
            stack.number()
        })
        .unwrap_or(0)
}

/// The innermost span is left here.
#[inline]
pub(crate) fn pop() {
    let _torn_down = STACK.try_with(|stack| stack.depth.set(stack.depth.get().saturating_sub(1)));
}

/// This thread's number; 0 while the thread is being torn down. The first call on a thread takes a lock, later ones cost 1 ns.
#[inline]
pub(crate) fn number() -> u32 {
    STACK.try_with(Stack::number).unwrap_or(0)
}

impl Stack {
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

/// Runs `push` with this thread's ring of a recorder, making it with `make` at first use.
pub(crate) fn with_ring(recorder: u64, make: impl FnOnce() -> Arc<Ring>, push: impl FnOnce(&Ring)) {
    let _torn_down = RINGS.try_with(|rings| {
        let Ok(mut rings) = rings.try_borrow_mut() else { return };
        if let Some((_, ring)) = rings.iter().find(|(owner, _)| *owner == recorder) {
            push(ring);
            return;
        }
        // Rings of recorders that are gone have no other owner left.
        rings.retain(|(_, ring)| Arc::strong_count(ring) > 1);
        let ring = make();
        push(&ring);
        rings.push((recorder, ring));
    });
}

/// The names of all numbered threads, and a version that rises with each change.
pub fn names() -> (u64, Vec<(u32, Arc<str>)>) {
    let registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
    let names = registry.names.iter().enumerate().map(|(i, name)| (i as u32 + 1, name.clone())).collect();
    (VERSION.load(Relaxed), names)
}

/// Rises whenever a thread's name is new.
pub fn names_version() -> u64 {
    VERSION.load(Relaxed)
}

static VERSION: AtomicU64 = AtomicU64::new(0);
static REGISTRY: Mutex<Registry> = Mutex::new(Registry { names: Vec::new(), free: Vec::new() });

struct Registry {
    names: Vec<Arc<str>>,
    free: Vec<u32>,
}

/// A number that goes back when its thread ends.
struct Number(u32);

impl Number {
    fn take() -> Self {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed thread");
        let name: Arc<str> = crate::text::cut(name, MAX_THREAD_NAME_BYTES).into();
        let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
        VERSION.fetch_add(1, Relaxed);
        if let Some(number) = registry.free.pop() {
            registry.names[number as usize - 1] = name;
            return Self(number);
        }
        match registry.names.len() {
            len if len < MAX_THREADS - 1 => registry.names.push(name),
            len if len < MAX_THREADS => registry.names.push("other threads".into()),
            _ => {}
        }
        Self(registry.names.len() as u32)
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        // The shared last number is nobody's to give back.
        if (self.0 as usize) < MAX_THREADS {
            REGISTRY.lock().unwrap_or_else(PoisonError::into_inner).free.push(self.0);
        }
    }
}
