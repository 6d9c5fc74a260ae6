//! Locks and channels: from frames to findings, for faults and for what only looks like them.

mod asks;
mod bits;
mod cycles;
mod lints;
mod overview;
mod scene;
mod semaphores;
mod tables;
mod wire;
