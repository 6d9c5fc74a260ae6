//! The wire of taskscope: messages, generated stubs, limits, and the few conversions both ends need.
//!
//! `WIRE.md` beside this crate is the specification; `proto/taskscope/v1/taskscope.proto` is the schema.
//! The code under `src/generated` is committed, so that no user of the crate needs a protobuf compiler;
//! `tests/drift.rs` makes it and fails when it is stale.
//!
//! Invariant: nothing here knows what a task is *for*. The crate turns bytes into checked values and back,
//! and holds the numbers that both ends must agree on ([`limits`]).
//!
//! Limit: the messages are as hostile as their sender. Read columns through [`rows`] and text with the
//! care that the terminal needs; a decoded message is bounded ([`decode`]), not sane.

pub mod agent;
pub mod columns;
pub mod cut;
pub mod decode;
pub mod limits;
pub mod rows;

pub use prost::Message;

/// The generated messages and stubs of `taskscope.v1`.
#[allow(
    missing_docs,
    unused_qualifications,
    clippy::pedantic,
    reason = "written by a generator: the schema holds the comments, and its paths are whole on purpose"
)]
#[rustfmt::skip]
pub mod v1 {
    include!("generated/taskscope.v1.rs");
}
