//! What the thread hooks record of each thread: when it parked, which worker it is.
//!
//! One process-wide table by thread number, two words a thread: hooks know no recorder. Written by the thread itself. Cost: a clock read a
//! park and an unpark, about 15 ns each.

use std::sync::{
    LazyLock,
    atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use taskscope_recorder::{Clock, MAX_THREADS, Ticks};

static THREADS: [Words; MAX_THREADS] = [const { Words { changed: AtomicU64::new(0) } }; MAX_THREADS];
/// Ticks of all clocks are the same: only what they count from differs.
static CLOCK: LazyLock<Clock> = LazyLock::new(Clock::start);

/// A cache line of its own: each is written by another thread.
#[repr(align(64))]
struct Words {
    /// When the thread last parked or unparked; the lowest bit: it is parked. 0: the hooks never ran.
    changed: AtomicU64,
}

/// What a thread's hooks recorded last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parking {
    pub(crate) parked: bool,
    pub(crate) since: Ticks,
}

/// What the hooks of this thread recorded last; `None` when it has none.
pub(crate) fn parking(thread: u32) -> Option<Parking> {
    match words(thread)?.changed.load(Acquire) {
        0 => None,
        changed => Some(Parking { parked: changed & 1 == 1, since: changed | 1 }),
    }
}

/// The calling thread starts, parks (`true`) or unparks.
pub(crate) fn note(parked: bool) {
    if let Some(words) = words(taskscope_recorder::thread_number()) {
        words.changed.store(CLOCK.ticks() & !1 | u64::from(parked), Release);
    }
}

/// The calling thread ends.
pub(crate) fn forget() {
    if let Some(words) = words(taskscope_recorder::thread_number()) {
        words.changed.store(0, Relaxed);
    }
}

/// None for the number that threads share.
fn words(thread: u32) -> Option<&'static Words> {
    let own = thread >= 1 && (thread as usize) < MAX_THREADS;
    own.then(|| &THREADS[thread as usize])
}
