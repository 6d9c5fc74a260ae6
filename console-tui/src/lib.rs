//! The taskscope terminal console: the impure shell around `taskscope-model`, and the pure views of it.
//!
//! ```text
//! keys, signals, frames ──▶ shell ──▶ model::update ──▶ effects ──▶ shell
//!                             │            │
//!                             │         &Model
//!                             ▼            ▼
//!                         terminal ◀── view::draw ──▶ hit map (what a click means)
//! ```
//!
//! Invariants: only [`shell`], [`demo`] and [`headless`] do I/O; [`view`] is a function of the model and the
//! theme; every text from the watched process reaches the terminal through ratatui, after the model has cleaned it.
//! Limit: on Windows there are no Unix sockets and no Ctrl-Z.

pub mod app;
#[cfg(target_os = "linux")]
pub mod attach;
pub mod cli;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod headless;
pub mod keymap;
pub mod nearest;
pub mod shell;
pub mod target;
pub mod theme;
pub mod view;
