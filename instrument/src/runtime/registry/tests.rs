//! Runtimes stay listed for as long as a thread drives them.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{sync::mpsc, thread};

use tokio::{
    runtime::{Builder, Id, LocalOptions, Runtime},
    sync::oneshot,
    task::LocalSet,
};

use super::*;
use crate::{source::tests::DEFAULT, task::FutureExt as _};

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn is_listed(id: Id) -> bool {
    let recorder = crate::Handle::default_handle().unwrap().recorder();
    known(recorder).iter().any(|known| known.handle.id() == id)
}

/// Something that drives a runtime on a thread of its own.
struct Driven {
    id: Id,
    stop: oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Driven {
    /// `drive` is given the means to say that it is ready, and the end to wait for.
    fn start(
        drive: impl FnOnce(mpsc::Sender<Handle>, oneshot::Receiver<()>) + Send + 'static,
    ) -> (Self, Handle) {
        let (ready, is_ready) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || drive(ready, stopped));
        let handle = is_ready.recv().unwrap();
        (Self { id: handle.id(), stop, thread }, handle)
    }

    fn assert_stays_until_the_end(self) {
        // Each look may be the one that forgets it.
        for _ in 0..3 {
            assert!(is_listed(self.id));
        }
        self.stop.send(()).unwrap();
        self.thread.join().unwrap();
        assert!(!is_listed(self.id), "no thread drives it any more");
    }
}

/// Local tasks, which are not among the runtime's own, and one blocking task that has ended.
async fn local_tasks() {
    let forever = tokio::task::spawn_local(std::future::pending::<()>());
    tokio::task::spawn_local(tokio::task::yield_now()).await.unwrap();
    tokio::task::spawn_blocking(|| ()).await.unwrap();
    assert!(!forever.is_finished());
}

fn local_set() -> Driven {
    Driven::start(|ready, stopped| {
        let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
        let _default = tracing::dispatcher::set_default(&DEFAULT);
        let runtime = current_thread();
        LocalSet::new().block_on(&runtime, async {
            local_tasks().await;
            assert_eq!(runtime.metrics().num_alive_tasks(), 0);
            ready.send(runtime.handle().clone()).unwrap();
            stopped.await.unwrap();
        });
    })
    .0
}

#[test]
fn runtimes_with_local_tasks_stay_after_a_blocking_task() {
    let several: Vec<Driven> = (0..4).map(|_| local_set()).collect();
    several.into_iter().for_each(Driven::assert_stays_until_the_end);
}

#[test]
fn a_runtime_whose_block_on_began_before_stays_too() {
    let (driven, _) = Driven::start(|ready, stopped| {
        let runtime = current_thread();
        LocalSet::new().block_on(&runtime, async {
            let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
            let _default = tracing::dispatcher::set_default(&DEFAULT);
            let handle = crate::Handle::default_handle().unwrap();
            crate::runtime::found_here(handle, std::panic::Location::caller());
            local_tasks().await;
            ready.send(runtime.handle().clone()).unwrap();
            stopped.await.unwrap();
        });
    });
    driven.assert_stays_until_the_end();
}

#[test]
fn a_local_runtime_stays() {
    let (driven, _) = Driven::start(|ready, stopped| {
        let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
        let _default = tracing::dispatcher::set_default(&DEFAULT);
        let runtime =
            Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap();
        runtime.block_on(async {
            local_tasks().await;
            ready.send(Handle::current()).unwrap();
            stopped.await.unwrap();
        });
    });
    driven.assert_stays_until_the_end();
}

#[test]
fn a_thread_that_merely_has_a_handle_ends_no_runtime() {
    let (driven, handle) = Driven::start(|ready, stopped| {
        let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
        let _default = tracing::dispatcher::set_default(&DEFAULT);
        let runtime = current_thread();
        LocalSet::new().block_on(&runtime, async {
            local_tasks().await;
            ready.send(runtime.handle().clone()).unwrap();
            stopped.await.unwrap();
        });
    });
    let other = thread::spawn(move || {
        let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
        let _default = tracing::dispatcher::set_default(&DEFAULT);
        // In its context, without driving it.
        let context = handle.enter();
        let recorder = crate::Handle::default_handle().unwrap();
        futures_util::FutureExt::now_or_never(
            std::future::ready(()).instrument_task_in(recorder, "in its context"),
        );
        drop(context);
        // Polled for it, while another thread drives it; then a runtime of this thread's own.
        handle.block_on(tokio::task::yield_now());
        current_thread().block_on(async { tokio::spawn(async {}).await.unwrap() });
    });
    other.join().unwrap();
    driven.assert_stays_until_the_end();
}

#[test]
fn a_block_on_that_returned_ends_a_runtime_without_tasks() {
    let (driven, _) = Driven::start(|ready, stopped| {
        let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
        let _default = tracing::dispatcher::set_default(&DEFAULT);
        let runtime = current_thread();
        runtime.block_on(async { tokio::task::yield_now().await });
        ready.send(runtime.handle().clone()).unwrap();
        stopped.blocking_recv().unwrap();
    });
    assert!(!is_listed(driven.id), "its thread lives, and does something else");
    driven.stop.send(()).unwrap();
    driven.thread.join().unwrap();
}
