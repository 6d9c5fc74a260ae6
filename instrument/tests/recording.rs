//! `TASKSCOPE=off|on|lazy`: when a program is recorded, and what is said of the time before.
//!
//! One test: tracing keeps for all subscribers of a process together whether a callsite is wanted.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]
#![cfg(all(feature = "server", tokio_unstable))]

use std::{sync::Arc, time::Duration};

#[cfg(feature = "signal")]
use rustix::process::Signal;
use taskscope::{Address, Handle, Recording, internals::recorder};
use taskscope_proto::v1::{self, taskscope_client::TaskscopeClient};
use taskscope_recorder::{Description, Op, Resource, State, Task, TaskKind};
use tokio::sync::{Mutex, Notify};
use tracing::subscriber::NoSubscriber;

async fn until(what: &str, wanted: impl Fn() -> bool) {
    let wait = async {
        while !wanted() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// Tasks that are alive, with how often they were polled.
fn tasks(handle: &Handle) -> Vec<(Description, u64)> {
    let slots = recorder(handle).tasks.pages().flat_map(|page| &page.slots);
    let alive = slots.filter_map(|task: &Task| {
        let counters = task.counters().filter(|counters| counters.state != State::Done)?;
        Some((task.description()?, counters.polls))
    });
    alive.filter(|(task, _)| task.kind == TaskKind::Task).collect()
}

fn names(handle: &Handle) -> Vec<String> {
    tasks(handle)
        .into_iter()
        .map(|(task, _)| task.name.into_string())
        .filter(|name| !name.is_empty())
        .collect()
}

/// Mutexes that readers see.
fn mutexes(handle: &Handle) -> usize {
    let recorder = recorder(handle);
    let slots = recorder.resources.pages().flat_map(|page| &page.slots);
    let known = slots.filter_map(Resource::description);
    known.filter(|resource| recorder.resources.name_of(resource.concrete_type) == "Mutex").count()
}

/// Of each wait for a mutex: whether it is known which.
fn waits(handle: &Handle) -> Vec<bool> {
    let recorder = recorder(handle);
    let ops = recorder.resources.op_pages().flat_map(|page| &page.slots).filter_map(Op::read);
    ops.filter(|op| recorder.resources.name_of(op.source) == "Mutex::lock")
        .map(|op| op.resource.is_some())
        .collect()
}

fn spawn(name: &str, future: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
    tokio::task::Builder::new().name(name).spawn(future).unwrap()
}

/// A console that looks until it is dropped, once it has its first frame.
async fn console(address: &Address) -> (tokio::sync::mpsc::Sender<v1::WatchRequest>, v1::Hello) {
    let channel = tonic::transport::Endpoint::new(address.to_string()).unwrap().connect().await.unwrap();
    let mut client = TaskscopeClient::new(channel);
    let (wishes, requests) = tokio::sync::mpsc::channel(1);
    wishes.send(v1::WatchRequest { protocol: 1, interval_ms: 50, ..Default::default() }).await.unwrap();
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut frames = client.watch(requests).await.unwrap().into_inner();
    let hello = frames.message().await.unwrap().unwrap().hello.unwrap();
    let kept = wishes.clone();
    tokio::spawn(async move {
        // Ends when the test drops its side.
        while let Ok(Some(_)) = frames.message().await {
            if kept.strong_count() == 1 {
                break;
            }
        }
    });
    (wishes, hello)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lazy_program_is_recorded_while_someone_looks_and_an_off_one_never() {
    off_is_nothing().await;
    let linger = Duration::from_millis(200);
    let lazy = taskscope::builder().recording(Recording::Lazy).linger(linger).bind("127.0.0.1:0");
    #[cfg(feature = "signal")]
    let lazy = lazy.recording_signal(Signal::USR2.as_raw());
    let (subscriber, server) = lazy.wrap(NoSubscriber::default());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let handle = server.handle().clone();
    let address = server.spawn().unwrap();

    // No console looks: nothing is recorded.
    let gate = Arc::new(Notify::new());
    let wait = || {
        let gate = Arc::clone(&gate);
        async move { gate.notified().await }
    };
    let _before = spawn("before", wait());
    let old_lock = Arc::new(Mutex::new(()));
    let wrapped = Arc::new(taskscope::sync::Mutex::new(()));
    drop(wrapped.lock().await);
    assert!(!handle.is_recording());
    assert_eq!((names(&handle).len(), mutexes(&handle)), (0, 0));

    // A console comes: what is made from now on is there, and what was before is said to be missing.
    let (first, hello) = console(&address).await;
    assert!(handle.is_recording());
    let said = hello.problems.join(" ");
    assert!(said.contains("TASKSCOPE=lazy") && said.contains("from before are not listed"), "{said}");
    let lock = Arc::new(Mutex::new(()));
    let guard = Arc::clone(&lock).lock_owned().await;
    let contended = Arc::clone(&lock);
    let waiting = spawn("waiting", async move { drop(contended.lock().await) });
    until("the wait is seen", || waits(&handle) == [true]).await;
    drop(wrapped.lock().await);
    let of_old = Arc::clone(&old_lock);
    let old_guard = old_lock.lock().await;
    let for_old = spawn("waits for an old lock", async move { drop(of_old.lock().await) });
    until("so is that for a lock from before, which is not known", || waits(&handle).contains(&false)).await;
    assert_eq!(mutexes(&handle), 2, "the new one, and the wrapper at its first use");
    drop(old_guard);
    for_old.await.unwrap();

    // It leaves: after a while nothing is recorded any more.
    drop(first);
    until("recording stops", || !handle.is_recording()).await;
    assert_eq!(mutexes(&handle), 1, "the wrapper's alone: events of the other may be missed");
    assert_eq!(waits(&handle), [false]);
    let _meanwhile = spawn("meanwhile", wait());
    drop(guard);
    waiting.await.unwrap();
    assert!(!names(&handle).iter().any(|name| name == "meanwhile"));

    // The program starts it itself, and the lock of then stays unknown though it is used.
    let _kept = spawn("never recorded", wait());
    handle.start_recording();
    let _second = spawn("second", wait());
    let waits_at_the_gate =
        || tasks(&handle).iter().any(|(task, polls)| task.name.as_ref() == "second" && *polls == 1);
    until("the new task is there, and waits", waits_at_the_gate).await;
    assert_eq!(names(&handle), ["second"]);
    drop(lock.lock().await);
    assert_eq!(mutexes(&handle), 1);
    let second = tasks(&handle).into_iter().find(|(task, _)| task.name.as_ref() == "second").unwrap().0;
    assert!(second.knows.wakers && second.knows.wakes);
    handle.stop_recording();
    assert!(!handle.is_recording());

    // A task of then is kept with its polls, and with wakes that are not known.
    handle.start_recording();
    let second = tasks(&handle).into_iter().find(|(task, _)| task.name.as_ref() == "second").unwrap().0;
    assert!(!second.knows.wakers && !second.knows.wakes && !second.knows.scheduled);
    gate.notify_waiters();
    until("it ends", || names(&handle).is_empty()).await;
    handle.stop_recording();

    // So do its signals, in turns.
    #[cfg(feature = "signal")]
    for recording in [true, false, true] {
        rustix::process::kill_process(rustix::process::getpid(), Signal::USR2).unwrap();
        until("the signal is taken", || handle.is_recording() == recording).await;
    }
}

/// Alone, before any subscriber is set.
async fn off_is_nothing() {
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let before = threads();
    let off = taskscope::builder().recording(Recording::Off).bind("127.0.0.1:0");
    let handle = off.clone().try_init().unwrap();
    assert!(!tracing::dispatcher::has_been_set(), "the program is as without us");
    let (subscriber, server) = off.wrap(NoSubscriber::default());
    assert_eq!(server.spawn().unwrap(), Address::Nowhere);
    assert_eq!(threads(), before);
    let _scoped = tracing::subscriber::set_default(subscriber);
    taskscope::spawn(async {}).await.unwrap();
    tokio::spawn(async {}).await.unwrap();
    handle.start_recording();
    assert!(!handle.is_recording());
    assert!(Handle::default_handle().is_none());
    assert!(handle.problems().join(" ").contains("TASKSCOPE=off"));
    assert_eq!(tasks(&handle).len(), 0);
}
