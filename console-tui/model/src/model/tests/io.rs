//! I/O: frames about streams and descriptors, rows, lints.

mod lints;
mod rows;
mod scene;
mod wire;
