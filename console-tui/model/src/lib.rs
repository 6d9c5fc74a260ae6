//! The client state of taskscope: everything that the console knows and decides, without a terminal, a socket or a clock.
//!
//! ```text
//! keys, time, frames ──▶ update(&mut Model, Event) ──▶ Vec<Effect> ──▶ the shell
//!                               │
//!                          &Model ──▶ views, reports
//! ```
//!
//! Invariants: nothing but [`update`] changes a [`Model`], and the same events give the same model; no input, however
//! hostile, panics or grows it without bound; no text that it hands out holds a character that a terminal obeys.
//!
//! Limit: it shows the process as of the newest frame. Times of running polls and present waits are exact at that moment
//! and don't advance between frames.

pub mod action;
pub(crate) mod analysis;
pub mod columns;
pub mod config;
pub(crate) mod cow;
pub mod effect;
pub mod event;
pub mod format;
pub mod id;
pub(crate) mod line;
pub mod lints;
pub(crate) mod losses;
pub mod model;
pub mod nav;
pub(crate) mod query;
pub mod report;
pub mod screen;
pub(crate) mod severity;
pub(crate) mod store;
pub(crate) mod stream;
pub(crate) mod table;
pub mod tables;
pub(crate) mod text;

pub use action::Action;
pub use columns::{ColumnId, ColumnSpec};
pub use config::{Config, TableConfig};
pub use effect::{Effect, MemoryWish};
pub use event::{ConnectionEvent, Edit, Event, MemoryNews, Target};
pub use id::{DescriptorId, IoKey, OpKey, ResourceKey, SiteId, TaskKey, WorkerKey};
pub use lints::{Judged, LintConfig, LintKind};
pub use losses::Losses;
pub use model::{Model, update};
pub use nav::{InputKind, OverlayKind, Screen, ShowStrip, Tab, WaitsOf};
pub use screen::Tone;
pub use severity::{Confidence, Severity};
pub use store::ingest::WireError;
pub use tables::TableId;
