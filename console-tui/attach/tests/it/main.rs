//! Programs of `tests/attach`, built and started, and looked at from outside.
#![cfg(target_os = "linux")]

mod corefile;
mod cores;
mod ends;
mod load;
mod looking;
mod programs;
mod shapes;
mod trees;
