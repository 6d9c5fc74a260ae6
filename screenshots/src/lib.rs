//! Draws fixtures through the real views of the console to SVG and PNG.
//!
//! ```text
//! fixture (frames, keys, time) ──▶ model ──▶ view ──▶ Buffer ──▶ SVG ──▶ PNG
//! ```
//!
//! Invariant: a picture shows what the console draws: nothing here knows what a screen looks like. The same fixtures give the
//! same SVG, so that `tests/pictures.rs` can tell when the committed pictures are stale.

pub mod palette;
mod png;
mod svg;

pub use png::{PngError, png};
pub use svg::svg;
