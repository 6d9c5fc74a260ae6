//! The numbers that both ends must agree on, each with its reason.
//!
//! Invariant: a sender that keeps to these is never refused; a receiver that enforces them is never forced to
//! hold more than [`MAX_DECODE_BYTES`] of a message or one entry per slot below [`MAX_SLOTS`].

use std::time::Duration;

/// The newest version of the protocol that this crate speaks. See "Versions" in `WIRE.md`.
pub const PROTOCOL_VERSION: u32 = 1;

/// Where a server listens and a client looks by default. Loopback, because the stream shows
/// the insides of a program and has no authentication.
pub const DEFAULT_BIND: &str = "127.0.0.1:6669";

/// Largest encoded frame that a server sends. Small enough that a snapshot in flight delays the next delta by
/// little and that a slow link shows progress; large enough for a full [`MAX_TASKS_PER_FRAME`] of plain tasks.
pub const MAX_FRAME_BYTES: usize = 1024 * 1024;

/// Largest message that a receiver accepts. Four times what a sender may send, so that a small miscount on
/// the other side is not fatal, and still a bound that a hostile peer can't pass.
pub const MAX_DECODE_BYTES: usize = 4 * 1024 * 1024;

/// Bytes kept of a task's name; the rest is cut and counted in `Process.truncated`. Names are read by people,
/// in a column: a longer one is data in the wrong place.
pub const MAX_NAME_BYTES: usize = 256;

/// Bytes kept of a task's further fields, all together. Room for a handful of `key=value` pairs.
pub const MAX_FIELDS_BYTES: usize = 512;

/// Bytes kept of a source path, from its end: places differ in the file's name.
pub const MAX_PATH_BYTES: usize = 512;

/// Bytes kept of a thread's name. Linux itself keeps 15.
pub const MAX_THREAD_NAME_BYTES: usize = 64;

/// Bytes kept of every text of `Hello` other than its problems (process name, versions, system).
pub const MAX_HELLO_TEXT_BYTES: usize = 256;

/// Sentences in `Hello.problems`. There are fewer ways than this to blind the recorder.
pub const MAX_PROBLEMS: usize = 16;

/// Bytes kept of one sentence in `Hello.problems`: what is wrong and the cure.
pub const MAX_PROBLEM_BYTES: usize = 1024;

/// Rows of each set of columns in a frame. A row takes about 80 bytes at its widest, plus its text:
/// the sender cuts a frame at this or at [`MAX_FRAME_BYTES`], whichever comes first.
pub const MAX_TASKS_PER_FRAME: usize = 8192;

/// Slots named in `Frame.freed`. Five bytes each at most, so the list alone never fills a frame.
pub const MAX_FREED_PER_FRAME: usize = 65_536;

/// Spawn sites known by name. Programs have hundreds of places that spawn; more is generated code, and is
/// folded into one "other" that `Process.folded_sites` counts.
pub const MAX_SITES: usize = 4096;

/// Threads known by name. The blocking pool of tokio holds 512 by default.
pub const MAX_THREADS: usize = 1024;

/// Tasks whose details a client gets at a time. A screen shows one, with room for a comparison; each costs
/// the recorder a ring and a table of wakers.
pub const MAX_DETAILS: usize = 4;

/// Wakers listed for a task; further ones are summed in `TaskDetail.other_wakes`.
pub const MAX_WAKERS: usize = 64;

/// Timeline events of one frame, over all its details. The oldest go first and are counted in `lost_events`.
pub const MAX_EVENTS_PER_FRAME: usize = 4096;
/// Gaps in a task's timeline in a frame.
pub const MAX_EVENT_GAPS: usize = 64;

/// Events of `Frame.events` in a frame: 17 bytes each at most. What is left comes in the next frame.
pub const MAX_STREAMED_EVENTS: usize = 16_384;

/// Buckets of a histogram that have a count. The recorder's layout has fewer; a receiver needs the bound.
pub const MAX_BUCKETS: usize = 1024;

/// Slots there can be: a slot number is below this. It leaves 40 bits of a waker's code for the generation,
/// and a receiver that keeps an entry per slot is bounded by it.
pub const MAX_SLOTS: u32 = 1 << 24;

/// Time between frames that a server uses when the client names none: twice a second is what an eye follows.
pub const DEFAULT_INTERVAL: Duration = Duration::from_millis(500);

/// Shortest time between frames. Below it, the server's cost rises and no terminal shows the difference.
pub const MIN_INTERVAL: Duration = Duration::from_millis(50);

/// Longest time between frames; also how long a healthy stream is silent at most. A paused stream has no bound.
pub const MAX_INTERVAL: Duration = Duration::from_secs(10);

/// Clients served at a time. Each has a cursor over all slots; further ones are refused with a reason.
pub const MAX_CLIENTS: usize = 16;

/// Holders listed for a lock; further ones are counted in `LockColumns.more_holders`. A deadlock is proven only where each is known.
pub const MAX_HOLDERS: usize = 1024;

/// Resources whose details a client gets at a time.
pub const MAX_RESOURCE_DETAILS: usize = 4;

/// Runtimes in a frame. Programs have one or two; tests make hundreds, one after the other.
pub const MAX_RUNTIMES: usize = 32;

/// Workers in a frame, over all runtimes.
pub const MAX_WORKERS: usize = 1024;

/// Stuck polls in a frame: those that go on first.
pub const MAX_STUCK_POLLS: usize = 32;

/// Frames of a captured stack; further ones are said to be missing.
pub const MAX_STACK_FRAMES: usize = 64;

/// Files of code that the addresses of a stack are in: as many as frames, if each was in another.
pub const MAX_CODE_FILES: usize = MAX_STACK_FRAMES;

/// Bytes of a file's build-id; linkers write 8 to 32.
pub const MAX_BUILD_ID_BYTES: usize = 64;

/// Long polls in a frame; the oldest are dropped and counted.
pub const MAX_LONG_POLLS: usize = 4096;

/// Await trees in a frame.
pub const MAX_AWAIT_TREES: usize = 256;

/// Frames of an await tree.
pub const MAX_AWAIT_FRAMES: usize = 512;

/// Descriptors in a frame; further ones are counted in `Descriptors.more`.
pub const MAX_DESCRIPTORS: usize = 4096;

/// Bytes kept of a text about runtimes, stacks, await trees and descriptors: a function's name, an address, a sentence.
pub const MAX_TEXT_BYTES: usize = 512;
