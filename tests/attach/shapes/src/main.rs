//! Parks a task of every shape that an await tree can have, prints `ready PID`, and waits to be looked at.
//!
//! Plain tokio: no flag, no `tracing`, nothing of taskscope. The root of each task is an `async fn` with the name of its shape.
//! Nothing here waits for a time to pass: each shape is parked when its runtime has nothing left to do.

mod combined;
mod guards;
mod nested;
mod runtimes;
mod waits;

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use tokio::runtime::{Builder, Handle};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

fn main() {
    let runtime =
        Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        nested::spawn();
        combined::spawn();
        waits::spawn().await;
        guards::spawn().await;
    });
    let mut handles = vec![runtime.handle().clone()];
    handles.extend(runtimes::start());
    handles.iter().for_each(wait_until_idle);
    println!("ready {}", std::process::id());
    runtime.block_on(root_future());
}

/// The shape of a future that no task holds: it lies on the stack of `block_on`.
async fn root_future() {
    nested::third(7).await;
}

/// No task is queued and each worker sleeps, which it does when it found nothing to do.
fn wait_until_idle(handle: &Handle) {
    let metrics = handle.metrics();
    let is_idle = || {
        metrics.global_queue_depth() == 0
            && (0..metrics.num_workers()).all(|worker| metrics.worker_park_unpark_count(worker) % 2 == 1)
    };
    // Twice with a pause between: a worker that hands a task to another wakes it a moment later.
    while !(is_idle() && {
        thread::sleep(Duration::from_millis(20));
        is_idle()
    }) {
        thread::sleep(Duration::from_millis(1));
    }
}

/// A thread with a runtime of its own, once its handle is known.
fn on_a_thread(run: impl FnOnce(mpsc::Sender<Handle>) + Send + 'static) -> Handle {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || run(sender));
    receiver.recv().expect("the thread sends the handle of its runtime")
}

/// Kept for as long as the process lives, so that the other end of it waits.
fn keep<T>(value: T) {
    std::mem::forget(value);
}

/// Wakes no waiter, ever.
fn silent() -> Arc<tokio::sync::Notify> {
    Arc::new(tokio::sync::Notify::new())
}
