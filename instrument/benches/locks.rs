//! What a lock of `taskscope::sync` costs over tokio's own, in one run: `cargo bench -p taskscope --bench locks`.
//!
//! Three stages of one process: without a recorder, with one, and with tokio's own spans recorded besides.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};
use tokio::{runtime::Runtime, task::unconstrained};

/// The same loops over both crates' locks.
macro_rules! cases {
    ($group:expr, $runtime:expr, $crate_name:literal, $sync:path) => {{
        use $sync as sync;
        let mutex = sync::Mutex::new(0_u64);
        case($group, $runtime, concat!($crate_name, " mutex, free"), async |rounds| {
            for _ in 0..rounds {
                *black_box(&mutex).lock().await += 1;
            }
        });
        case($group, $runtime, concat!($crate_name, " mutex, try_lock"), async |rounds| {
            for _ in 0..rounds {
                drop(black_box(&mutex).try_lock());
            }
        });
        case($group, $runtime, concat!($crate_name, " mutex, wanted by two"), async |rounds| {
            let half = async || {
                for _ in 0..rounds.div_ceil(2) {
                    let mut guard = black_box(&mutex).lock().await;
                    *guard += 1;
                    // The other one finds it taken.
                    tokio::task::yield_now().await;
                }
            };
            tokio::join!(half(), half());
        });
        let rwlock = sync::RwLock::new(0_u64);
        case($group, $runtime, concat!($crate_name, " rwlock, free read"), async |rounds| {
            for _ in 0..rounds {
                black_box(*black_box(&rwlock).read().await);
            }
        });
        case($group, $runtime, concat!($crate_name, " rwlock, free write"), async |rounds| {
            for _ in 0..rounds {
                *black_box(&rwlock).write().await += 1;
            }
        });
        let semaphore = sync::Semaphore::new(1);
        case($group, $runtime, concat!($crate_name, " semaphore, free"), async |rounds| {
            for _ in 0..rounds {
                drop(black_box(&semaphore).acquire().await);
            }
        });
        let notify = sync::Notify::new();
        case($group, $runtime, concat!($crate_name, " notify, notified already"), async |rounds| {
            for _ in 0..rounds {
                black_box(&notify).notify_one();
                notify.notified().await;
            }
        });
    }};
}

fn case(group: &mut BenchmarkGroup<'_, WallTime>, runtime: &Runtime, name: &str, run: impl AsyncFn(u64)) {
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
    cases!(group, runtime, "tokio", tokio::sync);
    cases!(group, runtime, "taskscope", taskscope::sync);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    stage(&mut criterion, &runtime, "no recorder");
    // The recorder is there from here on, but sees no span yet.
    let subscriber = taskscope::wrap(tracing_subscriber::registry());
    stage(&mut criterion, &runtime, "recorder");
    tracing::subscriber::set_global_default(subscriber)?;
    stage(&mut criterion, &runtime, "recorder and tokio's spans");
    criterion.final_summary();
    Ok(())
}
