//! What is on record of the locks, read from the recorder itself. The recorder is the process's default one: each test has locks of its own name.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod books;
mod truth;

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use taskscope_recorder::{Agent, Holder, LockReading, Op, OpReading, Recorder, Resource, ResourceId, TaskId};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{Barrier, Mutex, Notify, OwnedMutexGuard, RwLock, RwLockWriteGuard, Semaphore};
use crate::{handle::Handle, task::Builder};

/// No machine is so slow.
const PATIENCE: Duration = Duration::from_secs(60);

fn recorder() -> &'static Recorder {
    // The default that comes first stays: it must be the one whose grants another test hears of.
    #[cfg(all(tokio_unstable, feature = "server"))]
    std::sync::LazyLock::force(&crate::source::tests::DEFAULT);
    crate::builder().build_handle().set_default();
    Handle::default_handle().unwrap().recorder()
}

fn resource(name: &str) -> ResourceId {
    let all = recorder().resources.pages().flat_map(|page| page.slots.iter()).filter_map(Resource::id);
    let named: Vec<_> = all.filter(|id| recorder().resources.name(*id).as_deref() == Some(name)).collect();
    assert_eq!(named.len(), 1, "{name}");
    named[0]
}

fn read(name: &str) -> LockReading {
    recorder().resources.read_lock(recorder().resources.get(resource(name)).unwrap()).unwrap()
}

/// Who waits, the one who waits longest first.
fn waiters(name: &str) -> Vec<OpReading> {
    let id = resource(name);
    let all = recorder().resources.op_pages().flat_map(|page| page.slots.iter()).filter_map(Op::read);
    let mut waiters: Vec<_> = all.filter(|op| op.resource == Some(id)).collect();
    waiters.sort_by_key(|op| op.created);
    waiters
}

fn line(site: u32) -> u32 {
    let place = recorder().sites.site(site).unwrap().place();
    assert!(place.file.ends_with("sync/tests.rs"), "{place:?}");
    place.line
}

/// The one that holds it.
fn holder(name: &str) -> Holder {
    let holders = read(name).holders;
    assert_eq!(holders.len(), 1, "{holders:?}");
    holders[0]
}

fn task_name(task: Option<TaskId>) -> String {
    recorder().tasks.get(task.unwrap()).unwrap().description().unwrap().name.to_string()
}

fn name_of(waker: Agent) -> String {
    let Agent::Task(task) = waker else { panic!("{waker:?} is no task") };
    task_name(Some(task))
}

/// Waits for something that other tasks do.
async fn until(what: &str, is: impl Fn() -> bool) {
    let wait = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}: not after {PATIENCE:?}"));
}

fn spawn<T: Send + 'static>(name: &str, future: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    recorder();
    Builder::new().name(name).spawn(future)
}

/// One poll that must say "pending".
async fn fruitless<F: Future>(mut future: Pin<&mut F>) {
    poll_fn(|context| {
        assert!(future.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn holder_and_waiters_are_recorded_with_their_places() {
    static ACCOUNTS: Mutex<u32> = Mutex::with_name("accounts", 0);
    let (release, released) = oneshot::channel::<()>();
    let first = spawn("first", async {
        let guard = ACCOUNTS.lock().await;
        released.await.unwrap();
        drop(guard);
    });
    let locked_at = line!() - 4;
    // Looking is no acquisition.
    until("the first has it", || format!("{ACCOUNTS:?}").contains("locked")).await;
    let second = spawn("second", async { *ACCOUNTS.lock().await += 1 });
    let waited_at = line!() - 1;
    until("the second waits", || waiters("accounts").len() == 1).await;
    let third = spawn("third", async { *ACCOUNTS.lock().await += 1 });
    until("the third waits", || waiters("accounts").len() == 2).await;

    let held = holder("accounts");
    assert_eq!((name_of(held.by).as_str(), line(held.place), held.shared), ("first", locked_at, false));
    let waiting = waiters("accounts");
    assert_eq!([task_name(waiting[0].task), task_name(waiting[1].task)], ["second", "third"]);
    assert_eq!(line(waiting[0].site), waited_at);
    assert_eq!(recorder().resources.name_of(waiting[0].source), "Mutex::lock");
    assert!(waiting.iter().all(|op| !op.running && op.polls == 1 && op.created > held.since));
    assert_eq!((read("accounts").acquisitions, read("accounts").contended), (1, 0));

    release.send(()).unwrap();
    for task in [first, second, third] {
        task.await.unwrap();
    }
    let after = read("accounts");
    assert_eq!((after.acquisitions, after.contended, after.holders.len()), (3, 2, 0));
    assert!(after.free_since.is_some() && after.knows.places && after.longest_wait > 0);
    assert!(waiters("accounts").is_empty());
}

#[tokio::test]
async fn a_wait_that_is_given_up_ends_and_counts_as_no_acquisition() {
    recorder();
    let mutex = Mutex::with_name("given up", ());
    let guard = mutex.lock().await;
    {
        let mut waiting = pin!(mutex.lock());
        fruitless(waiting.as_mut()).await;
        assert_eq!(waiters("given up").len(), 1);
    }
    assert!(waiters("given up").is_empty());
    // It gets the lock while it is not polled, and is dropped: the next one has it.
    {
        let mut chosen = pin!(mutex.lock());
        fruitless(chosen.as_mut()).await;
        drop(guard);
        assert!(mutex.try_lock().is_err(), "it is the chosen one's");
        assert_eq!((read("given up").holders.len(), waiters("given up").len()), (0, 1));
        assert!(read("given up").free_since.is_some());
    }
    assert!(mutex.try_lock().is_ok());
    assert_eq!((read("given up").acquisitions, read("given up").contended), (2, 0));
}

#[tokio::test]
async fn a_guard_may_end_on_another_thread_and_as_a_part() {
    recorder();
    let mutex = Arc::new(Mutex::with_name("elsewhere", (1, 2)));
    let guard = spawn("taker", Arc::clone(&mutex).lock_owned()).await.unwrap();
    // Who took it, wherever the guard is.
    assert_eq!(name_of(holder("elsewhere").by), "taker");
    let part = OwnedMutexGuard::map(guard, |pair| &mut pair.1);
    assert_eq!(read("elsewhere").holders.len(), 1);
    std::thread::spawn(move || drop(part)).join().unwrap();
    let after = read("elsewhere");
    assert!(after.holders.is_empty() && after.free_since.is_some() && after.hold > 0, "{after:?}");
}

#[tokio::test]
async fn a_lock_that_moves_is_the_same_lock() {
    recorder();
    let mut one = Mutex::with_name("one", 1);
    let mut other = Mutex::with_name("other", 2);
    drop((one.lock().await, other.lock().await));
    std::mem::swap(&mut one, &mut other);
    for (mutex, name) in [(&one, "other"), (&other, "one")] {
        let _guard = mutex.lock().await;
        let mut waiting = pin!(mutex.lock());
        fruitless(waiting.as_mut()).await;
        assert_eq!(waiters(name).len(), 1, "{name}");
    }
    let boxed = Box::new(one);
    let _guard = boxed.lock().await;
    let mut waiting = pin!(boxed.lock());
    fruitless(waiting.as_mut()).await;
    assert_eq!((waiters("other").len(), waiters("one").len()), (1, 0));
    drop(other);
    let gone = recorder().resources.pages().flat_map(|page| page.slots.iter()).filter_map(Resource::id);
    assert!(gone.into_iter().all(|id| recorder().resources.name(id).as_deref() != Some("one")));
}

#[tokio::test]
async fn readers_beside_each_other_and_the_writer_that_waits() {
    recorder();
    let lock = Arc::new(RwLock::with_name("routes", 0));
    let mine = lock.read().await;
    let theirs = spawn("reader", Arc::clone(&lock).read_owned()).await.unwrap();
    let reading = read("routes");
    assert!(reading.holders.len() == 2 && reading.holders.iter().all(|holder| holder.shared));
    let mut writing = pin!(lock.write());
    fruitless(writing.as_mut()).await;
    assert_eq!(recorder().resources.name_of(waiters("routes")[0].source), "RwLock::write");
    drop((mine, theirs));
    let writer = writing.await;
    assert!(!holder("routes").shared && waiters("routes").is_empty());
    let reader = RwLockWriteGuard::downgrade_map(writer, |value| value);
    assert!(holder("routes").shared);
    drop(reader);
    let after = read("routes");
    assert_eq!((after.acquisitions, after.contended, after.holders.len()), (4, 1, 0));
}

#[tokio::test]
async fn permits_are_recorded_through_splits_and_merges() {
    recorder();
    let semaphore = Arc::new(Semaphore::with_name("slots", 5));
    let permits = || {
        let mut permits: Vec<_> = read("slots").holders.iter().map(|holder| holder.permits).collect();
        permits.sort_unstable();
        permits
    };
    let mut three = semaphore.acquire_many(3).await.unwrap();
    let since = holder("slots").since;
    let one = three.split(1).unwrap();
    assert_eq!(permits(), [1, 2]);
    assert!(
        read("slots").holders.iter().all(|holder| holder.since == since),
        "a part is held as long as the whole"
    );
    three.merge(one);
    assert_eq!(permits(), [3]);
    let mut owned = Arc::clone(&semaphore).acquire_many_owned(2).await.unwrap();
    let part = owned.split(1).unwrap();
    assert_eq!(permits(), [1, 1, 3]);
    let mut waiting = pin!(semaphore.acquire());
    fruitless(waiting.as_mut()).await;
    owned.merge(part);
    owned.forget();
    assert_eq!(permits(), [3]);
    semaphore.close();
    assert!(waiting.await.is_err());
    assert!(waiters("slots").is_empty());
    drop(three);
    assert_eq!((read("slots").holders.len(), read("slots").acquisitions, read("slots").contended), (0, 2, 0));
}

#[test]
fn a_blocked_thread_waits_and_holds() {
    recorder();
    let mutex = Arc::new(Mutex::with_name("blocking", ()));
    let guard = mutex.blocking_lock();
    assert!(matches!(holder("blocking").by, Agent::Thread(_)));
    let other = Arc::clone(&mutex);
    let thread = std::thread::spawn(move || drop(other.blocking_lock_owned()));
    while waiters("blocking").iter().all(|op| op.thread == 0) {
        std::thread::yield_now();
    }
    let waiting = waiters("blocking");
    assert!(waiting[0].running && waiting[0].task.is_none());
    assert_eq!(recorder().resources.name_of(waiting[0].source), "Mutex::blocking_lock_owned");
    drop(guard);
    thread.join().unwrap();
    assert_eq!((read("blocking").acquisitions, read("blocking").contended), (2, 1));
    assert!(waiters("blocking").is_empty());
}

#[tokio::test]
async fn who_waits_for_a_notification_or_at_a_barrier_is_recorded() {
    recorder();
    let notify = Arc::new(Notify::with_name("bell"));
    let ringing = spawn("listener", Arc::clone(&notify).notified_owned());
    until("it waits", || waiters("bell").len() == 1).await;
    assert_eq!(task_name(waiters("bell")[0].task), "listener");
    notify.notify_one();
    ringing.await.unwrap();
    assert!(waiters("bell").is_empty());

    let barrier = Barrier::with_name("start", 2);
    let mut first = pin!(barrier.wait());
    fruitless(first.as_mut()).await;
    assert_eq!(recorder().resources.name_of(waiters("start")[0].source), "Barrier::wait");
    assert!(barrier.wait().await.is_leader() && !first.await.is_leader());
    assert!(waiters("start").is_empty());
}

#[tokio::test(flavor = "current_thread")]
async fn a_free_lock_still_costs_budget() {
    recorder();
    let mutex = Mutex::new(0);
    let other = tokio::spawn(std::future::ready(()));
    // Tokio's budget is 128 operations; without it this task would never let the other one run.
    for _ in 0..1000 {
        *mutex.lock().await += 1;
    }
    assert!(other.is_finished());
}
