//! The hot path of taskscope: what runs on the threads of the watched program.
//!
//! A task is a slot of 192 bytes in a paged arena. The thread that polls a task is the only writer of its counters, so they are plain
//! relaxed stores: no lock, no look-up by hash, no channel and no allocation on the poll path, and nothing that could be dropped. Polls,
//! wakes and spawns are exact, always; what goes beyond a limit is counted in [`Losses`].
//!
//! Events exist only while a client watches a task's timeline: then each thread writes fixed-size entries to its own ring.
//!
//! There is no `unsafe` here: everything shared is an atomic, a `OnceLock` or behind a lock off the poll path.
//!
//! ```
//! use taskscope_recorder::{Limits, Recorder, Spawn};
//!
//! let recorder = Recorder::new(Limits::default());
//! let task = recorder.spawn(&Spawn { name: "fetch", ..Spawn::default() });
//! recorder.enter(task);
//! recorder.wake(task, false);
//! recorder.exit(task);
//! let counters = recorder.tasks.get(task).and_then(|slot| slot.counters()).unwrap();
//! assert_eq!((counters.polls, counters.self_wakes), (1, 1));
//! ```

mod arena;
mod clock;
mod frame;
mod free_list;
pub mod histogram;
mod id;
mod names;
mod read;
mod recorder;
mod records;
mod resource;
mod ring;
mod site;
mod sync;
mod task;
mod text;
mod thread;
mod worker;

pub use arena::{Arena, Page, Slot};
pub use clock::{Clock, Ticks};
pub use frame::{AwaitFrames, EnteredFrame, FrameReading};
pub use free_list::FreeList;
pub use id::{AnyId, FrameId, MAX_SLOTS, OpId, ResourceId, TaskId, borrowed, is_borrowed, is_ours};
pub use read::{Counters, Description, Histograms, State};
pub use recorder::{Current, Limits, Losses, NewResource, Recorder, Resources, Spawn, Tasks, Timelines};
pub use records::{
    RecordKind,
    channel::{ChannelReading, ChannelRef, UNKNOWN_DEPTH},
    holders::MAX_HOLDERS,
    io::{IoDirection, IoReading, IoRef, MAX_TEXT_BYTES},
    lock::{HoldToken, Holder, LockHistograms, LockKnows, LockReading, LockRef},
};
pub use resource::{
    Attribute, AttributeValue, Change, MAX_ATTRIBUTES, Op, OpReading, Resource, ResourceDescription,
};
pub use ring::{Event, EventKind, Ring};
pub use site::{MAX_PATH_BYTES, MAX_SITES, Place, PlaceKey, Site, SiteTotals, Sites};
pub use task::{Agent, CountWakers, Knows, MAX_FIELDS_BYTES, MAX_NAME_BYTES, Task, TaskKind, Touched};
pub use thread::{
    MAX_THREAD_NAME_BYTES, MAX_THREADS, ThreadInfo, ThreadName, expect_another_runtime,
    names as thread_names, names_version as thread_names_version, number as thread_number, on_first_poll,
    set_root, threads,
};
pub use worker::{
    AllPolls, LongPoll, LongPolls, Spent, ThreadPolls, ThreadReading, ThreadTimes, WorkerReading,
};
