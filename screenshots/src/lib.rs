//! Draws fixtures through the real views of the console to SVG and PNG.
//!
//! ```text
//! made-up service ──▶ frames ──▶ console ──▶ buffer ──▶ SVG ──▶ PNG
//! ```
//!
//! Invariant: a picture shows what the console draws; nothing here knows what a screen looks like. The same fixture gives
//! the same SVG, so that `tests/pictures.rs` finds committed pictures that are stale.

mod attached;
mod frames;
mod io;
mod locks;
pub mod palette;
mod png;
mod scheduler;
mod service;
mod shots;
mod svg;

pub use png::{PngError, png};
pub use shots::{SHOTS, Shot};
pub use svg::svg;
