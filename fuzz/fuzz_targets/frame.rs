//! `taskscope_fuzz::frame`, for libfuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| taskscope_fuzz::frame(bytes));
