//! `taskscope_fuzz::await_walk`, for libfuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| taskscope_fuzz::await_walk(bytes));
