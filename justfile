# The one entry to every chore. What CI runs is in .ci/run, which needs no `just`.

# Lists the chores.
default:
    @just --list --unsorted

# All that a change must pass, or some of it: `just ci fmt clippy`.
ci *steps:
    .ci/run {{ steps }}

# Formats every crate.
fmt:
    cargo fmt --all

# Every interleaving of the recorder's lock-free parts.
loom: (ci "loom")

# The wrappers on stable tokio, without any flag.
stable: (ci "stable")

# Writes proto/src/generated from the schema.
gen-proto:
    TASKSCOPE_REGENERATE=1 cargo test -p taskscope-proto --test drift

# Writes docs/LINTS.md from the lints.
gen-lints:
    TASKSCOPE_REGENERATE=1 cargo test -p taskscope-model --test lints

# Draws the screenshots from the fixtures, through the real views.
shots:
    cargo run -p screenshots

# Shows and accepts changed snapshots of screens and of `--help` (needs cargo-insta).
snapshots:
    cargo insta test --review -p taskscope-console

# Time of each operation on the hot path.
bench:
    cargo bench -p taskscope-recorder

# What watching costs, against console-subscriber: nanoseconds an operation. docs/BENCHMARKS.md explains how to read these four.
bench-overhead:
    cargo bench -p taskscope --bench overhead

# What watching costs real servers under load, against console-subscriber: answers a second, CPU an answer.
bench-servers:
    cargo bench -p taskscope-tests --bench servers

# What the library costs a cold build, against console-subscriber: crates, seconds.
bench-build *profile:
    cargo bench -p taskscope-tests --bench build -- {{ profile }}

# What tasks cost in memory, in the program and in the console.
bench-memory: console
    cargo bench -p taskscope-tests --bench memory

# Many tasks, from the wire to the screen: all of it, or `just bench-scale connect|wire|frames|streams|keys`.
bench-scale *part: console
    cargo bench -p taskscope-tests --bench scale -- {{ part }}

# Instructions of the hot path, against their budget.
instructions: (ci "instructions")

# Healthy servers under load and idle, also beside busy loops, with every lint in `--fail-on`: no task may be accused. `just soak 60 load`.
soak *arguments: console
    cargo build --release -p taskscope-tests --bin program
    cargo bench -p taskscope-tests --bench soak -- {{ arguments }}

[private]
console:
    cargo build --release -p taskscope-console

# Licences, bans and advisories (needs cargo-deny).
deny:
    cargo deny check

# A demo service with real faults, and the console on it.
demo:
    cargo run --release -- demo
