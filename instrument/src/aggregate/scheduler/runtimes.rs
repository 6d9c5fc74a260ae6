//! A runtime's own counts.

use taskscope_proto::v1;
use tokio::runtime::RuntimeFlavor;

use crate::runtime::KnownRuntime;

pub(super) fn runtime(known: &KnownRuntime) -> v1::Runtime {
    let metrics = known.handle.metrics();
    let flavor = match known.handle.runtime_flavor() {
        RuntimeFlavor::CurrentThread => v1::RuntimeFlavor::CurrentThread,
        RuntimeFlavor::MultiThread => v1::RuntimeFlavor::MultiThread,
        // Tokio may come to have more.
        _ => v1::RuntimeFlavor::Unspecified,
    };
    let runtime = v1::Runtime {
        index: known.index,
        name: known.name.clone(),
        flavor: flavor.into(),
        workers: metrics.num_workers() as u32,
        alive_tasks: Some(metrics.num_alive_tasks() as u64),
        injection_queue: Some(metrics.global_queue_depth() as u64),
        max_blocking_threads: known.max_blocking_threads,
        ..v1::Runtime::default()
    };
    #[cfg(tokio_unstable)]
    let runtime = with_unstable(runtime, &metrics);
    runtime
}

#[cfg(tokio_unstable)]
fn with_unstable(runtime: v1::Runtime, metrics: &tokio::runtime::RuntimeMetrics) -> v1::Runtime {
    let runtime = v1::Runtime {
        blocking_threads: Some(metrics.num_blocking_threads() as u64),
        idle_blocking_threads: Some(metrics.num_idle_blocking_threads() as u64),
        blocking_queue: Some(metrics.blocking_queue_depth() as u64),
        ..runtime
    };
    #[cfg(target_has_atomic = "64")]
    let runtime = v1::Runtime {
        spawned_tasks: Some(metrics.spawned_tasks_count()),
        remote_schedules: Some(metrics.remote_schedule_count()),
        budget_yields: Some(metrics.budget_forced_yield_count()),
        io_registered: Some(metrics.io_driver_fd_registered_count()),
        io_deregistered: Some(metrics.io_driver_fd_deregistered_count()),
        io_ready: Some(metrics.io_driver_ready_count()),
        ..runtime
    };
    runtime
}
