//! Programs of `tests/attach`, built and started, and looked at from outside.
#![cfg(target_os = "linux")]

mod corefile;
mod cores;
mod ends;
mod frames;
mod hostile;
mod load;
mod looking;
mod programs;
mod separate;
mod shapes;
mod trees;
