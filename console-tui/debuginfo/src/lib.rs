//! Debug information of a program in, an [`Index`] for walks of its tasks out.
//!
//! [`read`] makes one pass over all entries and notes where tokio's functions, vtables and poll functions are; then it reads the types that those
//! lead to, and keeps the ones that can hold a future. About 200 MB of debug information a second and core. [`cached`] does that once for each
//! build.
//!
//! Limits: [`MAX_SECTION_BYTES`], [`MAX_READ_TYPES`], [`MAX_TYPE_ENTRIES`], [`MAX_PARTS`], [`MAX_NAME_BYTES`],
//! [`MAX_CACHE_FILES`]. What is past them is left out, and so are units that are damaged: [`Read::problem`] says so.

mod assemble;
mod cache;
mod die;
mod elf;
mod emit;
mod error;
mod functions;
mod graph;
mod parallel;
mod read;
mod relevance;
mod scan;
mod scopes;
mod sources;
mod symbols;
mod units;

pub use self::{
    cache::{Cached, MAX_CACHE_FILE_BYTES, MAX_CACHE_FILES, cached},
    die::MAX_PARTS,
    elf::MAX_SECTION_BYTES,
    emit::MAX_NAME_BYTES,
    error::DebugInfoError,
    graph::{MAX_READ_TYPES, MAX_TYPE_ENTRIES},
    read::{Progress, Read, Stats, read},
    sources::Sources,
};
pub use taskscope_await::Index;
