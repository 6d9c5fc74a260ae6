//! Runtimes beside the first: on one thread, with tasks that stay on it, and with a lock of std's held on its stack.

use std::{
    rc::Rc,
    sync::{Mutex, mpsc},
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::{LocalSet, spawn_local},
    time::sleep,
};

use crate::{
    LONG,
    nested::{fourth, third},
    on_a_thread,
};

pub fn start() -> [Handle; 2] {
    [on_a_thread(local_set), on_a_thread(current_thread)]
}

fn local_set(started: mpsc::Sender<Handle>) {
    let runtime = one_thread();
    let local = LocalSet::new();
    local.block_on(&runtime, local_root(started, runtime.handle().clone()));
}

async fn local_root(started: mpsc::Sender<Handle>, handle: Handle) {
    spawn_local(local_task(Rc::new(5)));
    tokio::spawn(on_current_thread());
    let _ = started.send(handle);
    third(1).await;
}

async fn local_task(number: Rc<u64>) {
    third(*number).await;
    drop(number);
}

async fn on_current_thread() {
    fourth("on one thread").await;
}

fn current_thread(started: mpsc::Sender<Handle>) {
    let runtime = one_thread();
    let handle = runtime.handle().clone();
    runtime.block_on(async move {
        let _ = started.send(handle);
        hold_std_mutex().await;
    });
}

#[allow(clippy::await_holding_lock)] // Reason: that is the shape.
async fn hold_std_mutex() {
    let lock = Mutex::new(5u8);
    let guard = lock.lock().expect("no thread panics with it");
    sleep(LONG).await;
    drop(guard);
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}
