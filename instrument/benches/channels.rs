//! What a channel of `taskscope::sync` and a lock of `taskscope::lock` cost over the bare ones, in one run:
//! `cargo bench -p taskscope --bench channels --features parking_lot`.
//!
//! Two stages of one process: without a recorder, and with one. No operation waits here, but for the last case of the channels.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};
use tokio::{runtime::Runtime, task::unconstrained};

/// The same loops over both crates' channels. A round is one value sent and received.
macro_rules! channels {
    ($group:expr, $runtime:expr, $crate_name:literal, $sync:path) => {{
        use $sync as sync;
        let (sender, mut receiver) = sync::mpsc::channel(64);
        case($group, $runtime, concat!($crate_name, " mpsc, send and recv"), async |rounds| {
            for value in 0..rounds {
                used(black_box(&sender).send(value).await);
                used(receiver.recv().await);
            }
        });
        case($group, $runtime, concat!($crate_name, " mpsc, try_send and try_recv"), async |rounds| {
            for value in 0..rounds {
                used(black_box(&sender).try_send(value));
                used(receiver.try_recv());
            }
        });
        let (sender, mut receiver) = sync::mpsc::unbounded_channel();
        case($group, $runtime, concat!($crate_name, " unbounded mpsc, send and recv"), async |rounds| {
            for value in 0..rounds {
                used(black_box(&sender).send(value));
                used(receiver.recv().await);
            }
        });
        let (sender, mut receiver) = sync::broadcast::channel(64);
        case($group, $runtime, concat!($crate_name, " broadcast, send and recv"), async |rounds| {
            for value in 0..rounds {
                used(black_box(&sender).send(value));
                used(receiver.recv().await);
            }
        });
        let (sender, mut receiver) = sync::watch::channel(0);
        case($group, $runtime, concat!($crate_name, " watch, send and changed"), async |rounds| {
            for value in 0..rounds {
                used(black_box(&sender).send(value));
                used(receiver.changed().await);
            }
        });
        case($group, $runtime, concat!($crate_name, " oneshot, made, sent and received"), async |rounds| {
            for value in 0..rounds {
                let (sender, receiver) = sync::oneshot::channel();
                used(sender.send(value));
                used(receiver.await);
            }
        });
        case(
            $group,
            $runtime,
            concat!($crate_name, " mpsc, one place, each waits for the other"),
            async |rounds| {
                let (sender, mut receiver) = sync::mpsc::channel(1);
                let sending = async move {
                    for value in 0..rounds {
                        used(sender.send(value).await);
                    }
                };
                let receiving = async move { while receiver.recv().await.is_some() {} };
                tokio::join!(sending, receiving);
            },
        );
    }};
}

/// A round is one lock taken and released.
macro_rules! locks {
    ($group:expr, $runtime:expr, $name:literal, $mutex:expr, $rwlock:expr) => {{
        let (mutex, rwlock) = ($mutex, $rwlock);
        case($group, $runtime, concat!($name, " mutex, free"), async |rounds| {
            for _ in 0..rounds {
                used(black_box(&mutex).lock());
            }
        });
        case($group, $runtime, concat!($name, " rwlock, free read"), async |rounds| {
            for _ in 0..rounds {
                used(black_box(&rwlock).read());
            }
        });
        case($group, $runtime, concat!($name, " rwlock, free write"), async |rounds| {
            for _ in 0..rounds {
                used(black_box(&rwlock).write());
            }
        });
    }};
}

/// Generic, so that neither compiler nor lint looks into it.
fn used<T>(value: T) {
    drop(black_box(value));
}

fn case(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    name: &str,
    mut run: impl AsyncFnMut(u64),
) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|rounds| {
            let begin = Instant::now();
            runtime.block_on(unconstrained(run(rounds)));
            begin.elapsed()
        });
    });
}

fn stage(criterion: &mut Criterion, runtime: &Runtime, name: &str) {
    let group = &mut criterion.benchmark_group(name);
    group.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    channels!(group, runtime, "tokio", tokio::sync);
    channels!(group, runtime, "taskscope", taskscope::sync);
    locks!(group, runtime, "std", std::sync::Mutex::new(0), std::sync::RwLock::new(0));
    locks!(group, runtime, "taskscope", taskscope::lock::Mutex::new(0), taskscope::lock::RwLock::new(0));
    #[cfg(feature = "parking_lot")]
    {
        use taskscope::lock::parking_lot as recorded;
        locks!(group, runtime, "parking_lot", parking_lot::Mutex::new(0), parking_lot::RwLock::new(0));
        locks!(group, runtime, "taskscope parking_lot", recorded::Mutex::new(0), recorded::RwLock::new(0));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    stage(&mut criterion, &runtime, "no recorder");
    // The recorder is there from here on, but sees no span of tokio's.
    let _subscriber = taskscope::wrap(tracing_subscriber::registry());
    stage(&mut criterion, &runtime, "recorder");
    criterion.final_summary();
    Ok(())
}
