/work/main/instrument/macros/target-b/tests/trybuild/x86_64-unknown-linux-gnu/debug/deps/trybuild000-5af600cae30b4b4d.d: /work/main/instrument/macros/tests/ui/wrong.rs

/work/main/instrument/macros/target-b/tests/trybuild/x86_64-unknown-linux-gnu/debug/deps/libtrybuild000-5af600cae30b4b4d.rmeta: /work/main/instrument/macros/tests/ui/wrong.rs

/work/main/instrument/macros/tests/ui/wrong.rs:
