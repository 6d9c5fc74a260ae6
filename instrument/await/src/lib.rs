//! Walks the memory of parked tokio tasks: types and bytes in, await trees out.
//!
//! [`Index`] is what the debug information of a program says, as far as it matters here; [`Snapshot`] holds pieces of the program's memory. A [`Program`]
//! walks from a task's header ([`Program::task`]) to its await tree ([`Tree`]): which function is parked at which `.await`, and what the innermost
//! waits for. Bytes that are missing are asked for ([`Step::Missing`]), so that one system call can read them for many tasks.
//!
//! Pure: no files, no processes, no debug information, no tokio, no `unsafe`. Every byte may be hostile: all loops, depths and sizes have limits, and a
//! tree that can't be read whole says why.

mod index;
mod layout;
mod leaves;
mod list;
mod names;
mod roles;
mod root;
mod runtime;
mod snapshot;
mod task;
mod tree;
pub mod types;
mod walk;

pub use index::{Index, IndexError, MAX_TEXTS, MAX_TYPES, TaskFn, ThreadLocal};
pub use list::Neighbours;
pub use runtime::{Flavor, Runtime, RuntimeRef, ThreadContext};
pub use snapshot::{MAX_PIECE_BYTES, MAX_PIECES, MAX_SNAPSHOT_BYTES, Snapshot};
pub use task::{Task, TaskKind, TaskState};
pub use tree::{Channel, ChannelKind, End, Frame, FrameKind, FrameState, Guard, LockKind, Tree, Wait};
pub use walk::{
    MAX_CHILDREN, MAX_DEPTH, MAX_FRAMES, MAX_ITEMS, MAX_LOCALS, MAX_PROBLEMS, MAX_SET, MAX_UNNAMED,
    MAX_VISITS, Options, Program, Step,
};
