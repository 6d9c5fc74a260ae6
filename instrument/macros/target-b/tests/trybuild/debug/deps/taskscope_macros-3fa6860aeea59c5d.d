/work/main/instrument/macros/target-b/tests/trybuild/debug/deps/taskscope_macros-3fa6860aeea59c5d.d: /work/main/instrument/macros/src/lib.rs /work/main/instrument/macros/src/entry.rs /work/main/instrument/macros/src/options.rs /work/main/instrument/macros/src/trace.rs

/work/main/instrument/macros/target-b/tests/trybuild/debug/deps/libtaskscope_macros-3fa6860aeea59c5d.so: /work/main/instrument/macros/src/lib.rs /work/main/instrument/macros/src/entry.rs /work/main/instrument/macros/src/options.rs /work/main/instrument/macros/src/trace.rs

/work/main/instrument/macros/src/lib.rs:
/work/main/instrument/macros/src/entry.rs:
/work/main/instrument/macros/src/options.rs:
/work/main/instrument/macros/src/trace.rs:
