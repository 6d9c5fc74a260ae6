/work/main/instrument/macros/target-b/tests/trybuild/x86_64-unknown-linux-gnu/debug/deps/taskscope_macros_tests-287f2e52496f8614.d: main.rs

/work/main/instrument/macros/target-b/tests/trybuild/x86_64-unknown-linux-gnu/debug/deps/libtaskscope_macros_tests-287f2e52496f8614.rmeta: main.rs

main.rs:
