//! Walks the memory of parked tokio tasks: types and bytes in, await trees out.
//!
//! Pure: no files, no processes, no debug information, no tokio.

mod index;
pub mod types;

pub use index::{Index, IndexError, MAX_TEXTS, MAX_TYPES, TaskFn, ThreadLocal};
