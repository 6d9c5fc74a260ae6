/work/main/instrument/macros/target-b/tests/trybuild/x86_64-unknown-linux-gnu/debug/deps/taskscope_macros_tests-3d84287dc246f769.d: main.rs

/work/main/instrument/macros/target-b/tests/trybuild/x86_64-unknown-linux-gnu/debug/deps/libtaskscope_macros_tests-3d84287dc246f769.rmeta: main.rs

main.rs:
