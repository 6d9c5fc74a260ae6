//! Frames of await trees: the futures that the program wants to see the awaits of, each a slot from its first poll to its end.
//!
//! The thread knows which frame a new one is inside of: it holds the frame that is being polled. So a tree costs nothing but its frames, and nothing
//! is done where no future is traced. The text and place are the program's own constants, so no table and no copy of them is needed.
//!
//! Invariant: a frame's task and parent are of its first poll, or the parent's slot is another's by now, as its generation shows. Limits: as many
//! frames as resources; further ones are counted with those. 128 bytes a frame. A frame costs about 60 ns, and 10 ns a poll.

use std::{
    cell::Cell,
    panic::Location,
    sync::{
        Mutex, PoisonError,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

use crate::{
    arena::{Arena, Slot, is_slot_of},
    clock::{Clock, Ticks},
    id::{FrameId, MAX_SLOTS, TaskId},
    thread,
};

thread_local! {
    /// The frame that this thread polls now, of whichever recorder; 0: none.
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// The frame that this thread polls; 0: none.
#[inline]
pub(crate) fn current() -> u64 {
    CURRENT.try_with(Cell::get).unwrap_or(0)
}

/// The slot.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct AwaitFrame {
    key: AtomicU64,
    live: AtomicU32,
    task: AtomicU64,
    facts: Mutex<Option<AwaitFacts>>,
}

#[derive(Debug, Clone, Copy)]
struct AwaitFacts {
    text: &'static str,
    place: &'static Location<'static>,
    parent: u64,
    created: Ticks,
}

const _: () = assert!(is_slot_of::<AwaitFrame>(128), "the module's text says so");

impl Slot for AwaitFrame {
    const PAGE: usize = 256;
    type Shared = ();
}

/// A frame as a reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameReading {
    /// Whose.
    pub id: FrameId,
    /// The frame that awaits it, if that was polled when this one was first.
    pub parent: Option<FrameId>,
    /// The task that polled it last.
    pub task: Option<TaskId>,
    /// What the program calls it.
    pub text: &'static str,
    /// Where it is awaited.
    pub place: &'static Location<'static>,
    /// When it was first polled.
    pub created: Ticks,
}

/// A frame that is being polled; puts back the one around it when it is dropped.
#[derive(Debug)]
pub struct EnteredFrame(u64);

impl Drop for EnteredFrame {
    fn drop(&mut self) {
        let _torn_down = CURRENT.try_with(|current| current.set(self.0));
    }
}

/// The frames of a recorder.
#[derive(Debug)]
pub struct AwaitFrames {
    number: u8,
    clock: Clock,
    slots: Arena<AwaitFrame>,
    untracked: AtomicU64,
}

impl AwaitFrames {
    pub(crate) fn new(number: u8, clock: Clock, max: u32) -> Self {
        Self { number, clock, slots: Arena::new(max.clamp(1, MAX_SLOTS)), untracked: AtomicU64::new(0) }
    }

    /// Frames past the limit.
    pub(crate) fn untracked(&self) -> u64 {
        self.untracked.load(Relaxed)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots.memory_bytes()
    }

    /// Makes a frame inside the one that this thread polls; `None` at the limit.
    pub fn begin(&self, text: &'static str, place: &'static Location<'static>) -> Option<FrameId> {
        let Some(number) = self.slots.allocate() else {
            self.untracked.fetch_add(1, Relaxed);
            return None;
        };
        let (_, slot) = self.slots.slot(number)?;
        let generation =
            FrameId::from_u64(slot.key.load(Relaxed)).map_or(1, |last| last.generation().wrapping_add(1));
        let id = FrameId::new(self.number, generation, number);
        let facts = AwaitFacts { text, place, parent: current(), created: self.clock.ticks() };
        {
            // With the lock held: a reader never sees the facts of one frame with the key of another.
            let mut kept = slot.facts.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = Some(facts);
            slot.task.store(0, Relaxed);
            slot.key.store(id.to_u64(), Relaxed);
        }
        slot.live.store(1, Release);
        Some(id)
    }

    /// A poll of the frame begins on this thread; it ends when the result is dropped.
    #[inline]
    pub fn enter(&self, id: FrameId) -> EnteredFrame {
        if let Some(slot) = self.frame(id) {
            slot.task.store(thread::actor_in(self.number), Relaxed);
        }
        EnteredFrame(CURRENT.try_with(|current| current.replace(id.to_u64())).unwrap_or(0))
    }

    /// The frame's future has ended or was dropped.
    pub fn end(&self, id: FrameId) {
        if let Some(slot) = self.frame(id) {
            slot.live.store(0, Release);
            self.slots.free(id.index());
        }
    }

    /// The frames of a task, in no order. Scans all frames: for a reader's request only.
    pub fn of_task(&self, task: TaskId) -> Vec<FrameReading> {
        let slots = self.slots.pages().flat_map(|page| page.slots.iter());
        slots.filter_map(AwaitFrame::read).filter(|frame| frame.task == Some(task)).collect()
    }

    fn frame(&self, id: FrameId) -> Option<&AwaitFrame> {
        let (_, slot) = self.slots.slot(id.index())?;
        (slot.key.load(Relaxed) == id.to_u64()).then_some(slot)
    }
}

impl AwaitFrame {
    fn read(&self) -> Option<FrameReading> {
        if self.live.load(Acquire) == 0 {
            return None;
        }
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        let AwaitFacts { text, place, parent, created } = (*facts)?;
        let id = FrameId::from_u64(self.key.load(Relaxed))?;
        let task = TaskId::from_u64(self.task.load(Relaxed));
        let reading = FrameReading { id, parent: FrameId::from_u64(parent), task, text, place, created };
        (self.live.load(Acquire) != 0).then_some(reading)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test's unwrap is an assertion")]

    use std::panic::Location;

    use crate::{Limits, Recorder, Spawn};

    #[test]
    fn a_frame_is_inside_of_the_one_that_is_polled_around_it() {
        let recorder = Recorder::new(Limits::default());
        let task = recorder.spawn(&Spawn::default());
        recorder.enter(task);
        let outer = recorder.frames.begin("outer", Location::caller()).unwrap();
        let inner = {
            let _outer = recorder.frames.enter(outer);
            let inner = recorder.frames.begin("inner", Location::caller()).unwrap();
            let _inner = recorder.frames.enter(inner);
            inner
        };
        let beside = recorder.frames.begin("beside", Location::caller()).unwrap();
        drop(recorder.frames.enter(beside));
        recorder.exit(task);

        let mut frames = recorder.frames.of_task(task);
        frames.sort_by_key(|frame| frame.text);
        let seen: Vec<_> = frames.iter().map(|frame| (frame.text, frame.parent)).collect();
        assert_eq!(seen, [("beside", None), ("inner", Some(outer)), ("outer", None)]);

        recorder.frames.end(inner);
        recorder.frames.end(inner);
        assert_eq!(recorder.frames.of_task(task).len(), 2);
        let again = recorder.frames.begin("again", Location::caller()).unwrap();
        assert_eq!((again.index(), again == inner), (inner.index(), false));
        assert_eq!(recorder.frames.of_task(task).len(), 2, "not polled by any task yet");
    }

    #[test]
    fn past_the_limit_frames_are_counted() {
        let recorder = Recorder::new(Limits { max_resources: 1, ..Limits::default() });
        let frames: Vec<_> =
            std::iter::from_fn(|| recorder.frames.begin("frame", Location::caller())).take(100_000).collect();
        assert!(frames.len() < 100_000);
        assert_eq!(recorder.losses().untracked_resources, 1);
    }
}
