//! Instructions of a poll, a spawn, a lock, a channel and a timer as a program pays them, through tokio and its spans: `.ci/run instructions`.
//!
//! The `bare` ones have no budget of ours: they are tokio's, and the difference to them is what being recorded costs. Of that, `unheard` is what tokio's
//! spans cost with no one who looks at them; and `bare` has `tracing`'s look for a log in it, which it leaves out once there is a subscriber. What the limits
//! mean, and what they leave out, is said in the recorder's `benches/instructions.rs`.

#![expect(missing_docs, reason = "in what the macros of gungraun make")]

#[path = "overhead/unheard.rs"]
mod unheard;

use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{Mutex, mpsc},
    time::{Duration, sleep},
};
use tracing::subscriber::NoSubscriber;
use unheard::Unheard;

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
    lock_all(&runtime);
    send_all(&runtime);
    runtime
}

fn bare_with_time() -> Runtime {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a timer needs no resource");
    sleep_all(&runtime);
    runtime
}

/// No server: nothing is read while the instructions are counted, and its thread would add instructions of its own.
fn wrapped() -> Runtime {
    let (subscriber, _server) = taskscope::builder().wrap(NoSubscriber::default());
    tracing::subscriber::set_global_default(subscriber).expect("each benchmark is a process of its own");
    bare()
}

fn wrapped_with_time() -> Runtime {
    drop(wrapped());
    bare_with_time()
}

fn unheard() -> Runtime {
    tracing::subscriber::set_global_default(Unheard).expect("each benchmark is a process of its own");
    bare()
}

fn unheard_with_time() -> Runtime {
    drop(unheard());
    bare_with_time()
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

fn lock_all(runtime: &Runtime) {
    let lock = Mutex::new(());
    runtime.block_on(async {
        for _ in 0..OPERATIONS {
            drop(lock.lock().await);
        }
    });
}

fn send_all(runtime: &Runtime) {
    let (sender, mut receiver) = mpsc::channel(1);
    runtime.block_on(async {
        for number in 0..OPERATIONS {
            sender.send(number).await.expect("the receiver is alive");
            receiver.recv().await.expect("the sender is alive");
        }
    });
}

fn sleep_all(runtime: &Runtime) {
    runtime.block_on(async {
        for _ in 0..OPERATIONS {
            drop(sleep(Duration::from_secs(60)));
        }
    });
}

#[library_benchmark]
#[bench::bare(setup = bare)]
#[bench::unheard(setup = unheard)]
#[bench::wrapped(setup = wrapped, config = budget(2170))]
fn poll_and_wake(runtime: Runtime) -> Runtime {
    yield_all(&runtime);
    runtime
}

#[library_benchmark]
#[bench::bare(setup = bare)]
#[bench::unheard(setup = unheard)]
#[bench::wrapped(setup = wrapped, config = budget(7060))]
fn spawn_and_join(runtime: Runtime) -> Runtime {
    spawn_all(&runtime);
    runtime
}

#[library_benchmark]
#[bench::bare(setup = bare)]
#[bench::unheard(setup = unheard)]
#[bench::wrapped(setup = wrapped, config = budget(7818))]
fn lock_and_unlock(runtime: Runtime) -> Runtime {
    lock_all(&runtime);
    runtime
}

#[library_benchmark]
#[bench::bare(setup = bare)]
#[bench::unheard(setup = unheard)]
#[bench::wrapped(setup = wrapped, config = budget(5370))]
fn send_and_receive(runtime: Runtime) -> Runtime {
    send_all(&runtime);
    runtime
}

#[library_benchmark]
#[bench::bare(setup = bare_with_time)]
#[bench::unheard(setup = unheard_with_time)]
#[bench::wrapped(setup = wrapped_with_time, config = budget(2568))]
fn sleep_made_and_dropped(runtime: Runtime) -> Runtime {
    sleep_all(&runtime);
    runtime
}

library_benchmark_group!(
    name = through_tokio,
    benchmarks = [poll_and_wake, spawn_and_join, lock_and_unlock, send_and_receive, sleep_made_and_dropped]
);

main!(library_benchmark_groups = through_tokio);
