//! Instructions of a poll and of a spawn as a program pays them, through tokio and its spans: `.ci/run instructions`.
//!
//! The `bare` ones have no budget of ours: they are tokio's, and the difference to them is what being recorded costs. What the limits
//! mean, and what they leave out, is said in the recorder's `benches/instructions.rs`.

#![expect(missing_docs, reason = "in what the macros of gungraun make")]

use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use tokio::runtime::{Builder, Runtime};
use tracing::subscriber::NoSubscriber;

/// Each benchmark does so many: the costs of the first and of the harness vanish in them.
const OPERATIONS: u64 = 1_000;

fn budget(instructions_an_operation: u64) -> LibraryBenchmarkConfig {
    let limit = instructions_an_operation * OPERATIONS * 105 / 100;
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, limit)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

fn bare() -> Runtime {
    let runtime = Builder::new_current_thread().build().expect("a runtime without drivers needs no resource");
    // What is made lazily is made.
    spawn_all(&runtime);
    yield_all(&runtime);
    runtime
}

/// No server: nothing is read while the instructions are counted, and its thread would add instructions of its own.
fn wrapped() -> Runtime {
    let (subscriber, _server) = taskscope::builder().wrap(NoSubscriber::default());
    tracing::subscriber::set_global_default(subscriber).expect("each benchmark is a process of its own");
    bare()
}

fn yield_all(runtime: &Runtime) {
    let yielding = runtime.spawn(async {
        for _ in 0..OPERATIONS {
            tokio::task::yield_now().await;
        }
    });
    runtime.block_on(yielding).expect("yielding does not panic");
}

fn spawn_all(runtime: &Runtime) {
    let spawning = runtime.spawn(async {
        for _ in 0..OPERATIONS {
            tokio::spawn(async {}).await.expect("doing nothing does not panic");
        }
    });
    runtime.block_on(spawning).expect("spawning does not panic");
}

#[library_benchmark]
#[bench::bare(setup = bare)]
#[bench::wrapped(setup = wrapped, config = budget(2225))]
fn poll_and_wake(runtime: Runtime) -> Runtime {
    yield_all(&runtime);
    runtime
}

#[library_benchmark]
#[bench::bare(setup = bare)]
#[bench::wrapped(setup = wrapped, config = budget(7318))]
fn spawn_and_join(runtime: Runtime) -> Runtime {
    spawn_all(&runtime);
    runtime
}

library_benchmark_group!(name = through_tokio, benchmarks = [poll_and_wake, spawn_and_join]);

main!(library_benchmark_groups = through_tokio);
