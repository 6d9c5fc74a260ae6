//! Tokio's own locks, without any wrapper: who holds them, who waits, and what that costs, as a console gets it; on both kinds of runtime.

#![cfg(tokio_unstable)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]
#![allow(clippy::similar_names, reason = "a test reads from top to bottom")]

use std::{
    collections::HashMap,
    future::Future,
    panic::Location,
    pin::{Pin, pin},
    sync::{Arc, OnceLock},
    task::Poll,
    time::{Duration, Instant},
};

use taskscope_proto::{
    agent::AgentRef,
    rows::{Checked, Columns, HolderRow},
    v1::{self, taskscope_client::TaskscopeClient},
};
use tokio::sync::{Mutex, OwnedMutexGuard, RwLock, Semaphore, oneshot};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};

/// A holder as sent: who, permits, shared.
type Holder = (AgentRef, u32, bool);

#[derive(Debug, Default, Clone)]
struct Lock {
    holders: Vec<Holder>,
    more_holders: u32,
    acquisitions: u64,
    contended: u64,
    hold_ns: u64,
    wait_ns: u64,
    longest_hold_ns: u64,
    hold_p99_ns: u64,
    wait_p99_ns: u64,
    free: bool,
    knows: u32,
}

#[derive(Debug, Default, Clone)]
struct Op {
    source: String,
    resource: Option<u32>,
    task: Option<u32>,
    polls: u64,
    granted: bool,
}

/// What a console knows after folding frames.
#[derive(Default)]
struct Seen {
    sites: HashMap<u32, (String, u32)>,
    tasks: HashMap<String, AgentRef>,
    /// Slot and generation by the line where it was made.
    made_at: HashMap<u32, (u32, u32)>,
    locks: HashMap<u32, Lock>,
    ops: HashMap<u32, Op>,
    details: Vec<v1::ResourceDetail>,
    complete: bool,
}

fn rows<C: Columns>(columns: Option<C>) -> Checked<C> {
    Checked::new(columns.unwrap_or_default()).unwrap()
}

impl Seen {
    fn fold(&mut self, frame: v1::Frame) {
        for site in frame.sites {
            self.sites.insert(site.index, (site.file, site.line));
        }
        let tasks = rows(frame.tasks);
        for (slot, row) in tasks.rows() {
            if let Some(name) = tasks.text(row.name) {
                let task = AgentRef::Task { slot, generation: row.generation };
                self.tasks.insert(name.to_owned(), task);
            }
        }
        for slot in frame.freed_resources {
            self.locks.remove(&slot);
        }
        for (slot, row) in rows(frame.resources).rows() {
            let Some((file, line)) = self.sites.get(&row.site) else { continue };
            if file.ends_with("tokio_locks.rs") {
                self.made_at.insert(*line, (slot, row.generation));
            }
        }
        for slot in frame.freed_ops {
            self.ops.remove(&slot);
        }
        self.fold_ops(&rows(frame.ops), &rows(frame.op_stats));
        self.fold_locks(&rows(frame.locks));
        self.details.extend(frame.resource_details);
        self.complete |= frame.snapshot_end;
    }

    fn fold_ops(&mut self, new: &Checked<v1::OpColumns>, stats: &Checked<v1::OpStatColumns>) {
        for (slot, row) in new.rows() {
            let source = new.text(row.source).unwrap().to_owned();
            let resource = row.resource.map(|resource| resource.slot);
            self.ops.insert(slot, Op { source, resource, ..Op::default() });
        }
        for (slot, row) in stats.rows() {
            let op = self.ops.get_mut(&slot).unwrap();
            op.task = row.task.map(|task| task.slot);
            op.polls = row.polls;
            op.granted = row.granted_ago_ns.is_some();
        }
    }

    fn fold_locks(&mut self, locks: &Checked<v1::LockColumns>) {
        for (slot, row, holders) in locks.rows_with_items() {
            let holder = |of: HolderRow| {
                assert_eq!(of.site, 0, "tokio does not say where a lock was taken");
                (of.holder, of.permits, of.shared)
            };
            let lock = Lock {
                holders: holders.map(holder).collect(),
                more_holders: row.more_holders,
                acquisitions: row.acquisitions,
                contended: row.contended,
                hold_ns: row.hold_ns,
                wait_ns: row.wait_ns,
                longest_hold_ns: row.longest_hold_ns,
                hold_p99_ns: row.hold_p99_ns,
                wait_p99_ns: row.wait_p99_ns,
                free: row.free_ago_ns.is_some(),
                knows: row.knows,
            };
            self.locks.insert(slot, lock);
        }
    }

    fn lock(&self, made: Made) -> Option<&Lock> {
        self.locks.get(&self.made_at.get(&made.0)?.0)
    }

    /// Operations on a lock itself, not on the semaphore inside of it.
    fn ops_on(&self, made: Made) -> impl Iterator<Item = &Op> {
        let slot = self.made_at.get(&made.0).map(|(slot, _)| *slot);
        self.ops.values().filter(move |op| slot.is_some() && op.resource == slot)
    }

    fn is_held(&self, made: Made, holders: &[(&str, u32, bool)]) -> bool {
        let Some(lock) = self.lock(made) else { return false };
        let wanted: Option<Vec<Holder>> = holders
            .iter()
            .map(|(name, permits, shared)| Some((*self.tasks.get(*name)?, *permits, *shared)))
            .collect();
        wanted.is_some_and(|wanted| {
            wanted.len() == lock.holders.len() && wanted.iter().all(|holder| lock.holders.contains(holder))
        })
    }

    fn waits(&self, made: Made, name: &str) -> bool {
        let Some(AgentRef::Task { slot, .. }) = self.tasks.get(name) else { return false };
        self.ops_on(made).any(|op| op.task == Some(*slot) && op.polls > 0)
    }
}

/// Where a lock was made: its line in this file.
#[derive(Debug, Clone, Copy)]
struct Made(u32);

#[track_caller]
fn here<T>(lock: T) -> (Arc<T>, Made) {
    (Arc::new(lock), Made(Location::caller().line()))
}

struct Console {
    requests: tokio::sync::mpsc::Sender<v1::WatchRequest>,
    frames: tonic::Streaming<v1::Frame>,
    seen: Seen,
}

fn wish() -> v1::WatchRequest {
    v1::WatchRequest { protocol: 1, interval_ms: 50, ..v1::WatchRequest::default() }
}

impl Console {
    async fn connect() -> Self {
        let address = server().to_string();
        let channel = tonic::transport::Endpoint::new(address).unwrap().connect().await.unwrap();
        let (requests, receiver) = tokio::sync::mpsc::channel(8);
        requests.send(wish()).await.unwrap();
        let frames =
            TaskscopeClient::new(channel).watch(ReceiverStream::new(receiver)).await.unwrap().into_inner();
        Self { requests, frames, seen: Seen::default() }
    }

    async fn until(&mut self, what: &str, condition: impl Fn(&Seen) -> bool) -> &Seen {
        let wait = async {
            while !(self.seen.complete && condition(&self.seen)) {
                let frame = self.frames.next().await.expect("the stream goes on").unwrap();
                self.seen.fold(frame);
            }
        };
        let done = tokio::time::timeout(Duration::from_secs(30), wait).await;
        assert!(done.is_ok(), "never: {what}; {:?} {:?}", self.seen.locks, self.seen.ops);
        &self.seen
    }
}

/// One subscriber for all threads of this process: a runtime's workers have none of their own.
fn server() -> &'static taskscope::Address {
    static SERVER: OnceLock<taskscope::Address> = OnceLock::new();
    SERVER.get_or_init(|| {
        let (subscriber, server) = taskscope::builder()
            .bind("127.0.0.1:0")
            .retention(Duration::from_secs(600))
            .wrap(tracing::subscriber::NoSubscriber::default());
        tracing::subscriber::set_global_default(subscriber).unwrap();
        server.spawn().unwrap()
    })
}

/// Runs a test on a runtime of each kind.
fn on_both<F: Future<Output = ()>>(test: impl Fn() -> F) {
    server();
    let one = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    one.block_on(test());
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    many.block_on(test());
}

fn spawn<T: Send + 'static>(
    name: &str,
    future: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::task::Builder::new().name(name).spawn(future).unwrap()
}

/// Holds what `acquire` gives until the sender is used; the time between is what the program measured.
fn hold<G: Send + 'static>(
    name: &str,
    acquire: impl Future<Output = G> + Send + 'static,
) -> (oneshot::Sender<()>, tokio::task::JoinHandle<(Duration, Duration)>) {
    let (release, released) = oneshot::channel();
    let task = spawn(name, async move {
        let began = Instant::now();
        let guard = acquire.await;
        let acquired = Instant::now();
        released.await.unwrap();
        let held = acquired.elapsed();
        drop(guard);
        (acquired - began, held)
    });
    (release, task)
}

/// Long enough that a machine's hiccups don't matter.
const LONG: Duration = Duration::from_millis(300);
/// A hiccup.
const HICCUP_NS: u128 = 150_000_000;

fn about(sent_ns: u64, measured: Duration) -> bool {
    u128::from(sent_ns).abs_diff(measured.as_nanos()) < HICCUP_NS
}

#[test]
fn a_mutex_names_its_holder_and_its_waiter_and_times_both() {
    on_both(async || {
        let mut console = Console::connect().await;
        let (mutex, made) = here(Mutex::new(()));
        let (release, holder) = hold("holder", Arc::clone(&mutex).lock_owned());
        console.until("it is held", |p| p.is_held(made, &[("holder", 1, false)])).await;
        let (release_next, waiter) = hold("waiter", Arc::clone(&mutex).lock_owned());
        console.until("the other waits", |p| p.waits(made, "waiter")).await;
        tokio::time::sleep(LONG).await;
        release.send(()).unwrap();
        let (_, held) = holder.await.unwrap();
        let seen = console.until("the other holds it", |p| p.is_held(made, &[("waiter", 1, false)])).await;
        let lock = seen.lock(made).unwrap();
        assert_eq!((lock.acquisitions, lock.contended, lock.more_holders, lock.free), (2, 1, 0, false));
        assert_eq!(lock.knows, v1::LockKnows::Holders as u32 | v1::LockKnows::Times as u32);
        assert!(about(lock.hold_ns, held), "{lock:?}, {held:?}");
        release_next.send(()).unwrap();
        let (waited, _) = waiter.await.unwrap();
        let seen = console.until("it is free", |p| p.lock(made).is_some_and(|lock| lock.free)).await;
        let lock = seen.lock(made).unwrap();
        assert!(about(lock.wait_ns, waited), "{lock:?}, {waited:?}");
        assert!(lock.holders.is_empty() && lock.wait_p99_ns > 0);

        let (slot, generation) = seen.made_at[&made.0];
        let resource_details = vec![v1::ResourceRef { slot, generation }];
        console.requests.send(v1::WatchRequest { resource_details, ..wish() }).await.unwrap();
        let seen = console.until("its histograms come", |p| !p.details.is_empty()).await;
        let count = |histogram: &Option<v1::Histogram>| histogram.as_ref().unwrap().count.iter().sum::<u64>();
        assert_eq!((count(&seen.details[0].holds), count(&seen.details[0].waits)), (2, 1));
    });
}

#[test]
fn sums_are_those_of_the_program() {
    const TASKS: u64 = 4;
    const ROUNDS: u64 = 500;
    on_both(async || {
        let mut console = Console::connect().await;
        let (mutex, made) = here(Mutex::new(()));
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let mutex = Arc::clone(&mutex);
                tokio::spawn(async move {
                    let mut held = Duration::ZERO;
                    for _ in 0..ROUNDS {
                        let guard = mutex.lock().await;
                        let acquired = Instant::now();
                        tokio::task::yield_now().await;
                        held += acquired.elapsed();
                        drop(guard);
                    }
                    held
                })
            })
            .collect();
        let mut held = Duration::ZERO;
        for task in tasks {
            held += task.await.unwrap();
        }
        let done =
            |p: &Seen| p.lock(made).is_some_and(|lock| lock.acquisitions == TASKS * ROUNDS && lock.free);
        let seen = console.until("all are counted", done).await;
        let lock = seen.lock(made).unwrap();
        // Tokio reports a hold from right before the guard is returned until right after it is dropped; the clocks differ by a hair.
        let held_ns = held.as_nanos() as f64;
        assert!(lock.hold_ns as f64 > held_ns * 0.999, "{lock:?}, {held:?}");
        assert!((lock.hold_ns as f64) < held_ns * 2.0 + HICCUP_NS as f64, "{lock:?}, {held:?}");
        assert!(lock.holders.is_empty() && lock.contended > 0 && lock.contended < TASKS * ROUNDS);
        assert!(lock.hold_p99_ns <= lock.longest_hold_ns && lock.hold_p99_ns > 0);
    });
}

#[test]
fn a_guard_dropped_by_another_task_frees_the_lock() {
    on_both(async || {
        let mut console = Console::connect().await;
        let (mutex, made) = here(Mutex::new(()));
        let (give, given) = oneshot::channel::<OwnedMutexGuard<()>>();
        let lock = Arc::clone(&mutex);
        let giver = spawn("giver", async move { give.send(lock.lock_owned().await).unwrap() });
        giver.await.unwrap();
        console.until("who took it holds it", |p| p.is_held(made, &[("giver", 1, false)])).await;
        spawn("taker", async move { drop(given.await.unwrap()) }).await.unwrap();
        console.until("it is free", |p| p.lock(made).is_some_and(|lock| lock.free)).await;
    });
}

#[test]
fn a_rwlock_names_its_readers_and_its_writer() {
    on_both(async || {
        let mut console = Console::connect().await;
        let (lock, made) = here(RwLock::new(()));
        let (release_one, one) = hold("reader one", Arc::clone(&lock).read_owned());
        let (release_two, two) = hold("reader two", Arc::clone(&lock).read_owned());
        let both = [("reader one", 1, true), ("reader two", 1, true)];
        console.until("both read", |p| p.is_held(made, &both)).await;
        let (release_writer, writer) = hold("writer", Arc::clone(&lock).write_owned());
        console.until("the writer waits", |p| p.waits(made, "writer")).await;
        release_one.send(()).unwrap();
        one.await.unwrap();
        console.until("one reads", |p| p.is_held(made, &[("reader two", 1, true)])).await;
        release_two.send(()).unwrap();
        two.await.unwrap();
        console.until("the writer holds it", |p| p.is_held(made, &[("writer", 1, false)])).await;
        release_writer.send(()).unwrap();
        writer.await.unwrap();
        let free = |p: &Seen| p.lock(made).is_some_and(|lock| lock.free);
        let seen = console.until("it is free", free).await;
        let lock = seen.lock(made).unwrap();
        assert_eq!((lock.acquisitions, lock.contended), (3, 1));
    });
}

#[test]
fn a_semaphore_names_who_holds_its_permits() {
    on_both(async || {
        let mut console = Console::connect().await;
        let (semaphore, made) = here(Semaphore::new(3));
        let (release_two, two) = hold("two", Arc::clone(&semaphore).acquire_many_owned(2));
        console.until("two are held", |p| p.is_held(made, &[("two", 2, true)])).await;
        let (release_one, one) = hold("one", Arc::clone(&semaphore).acquire_owned());
        console.until("all are held", |p| p.is_held(made, &[("two", 2, true), ("one", 1, true)])).await;
        let (release_next, next) = hold("next", Arc::clone(&semaphore).acquire_many_owned(2));
        console.until("the next waits", |p| p.waits(made, "next")).await;
        // One of two: no one holds it until the next has both.
        release_one.send(()).unwrap();
        one.await.unwrap();
        console.until("one is let go", |p| p.is_held(made, &[("two", 2, true)])).await;
        release_two.send(()).unwrap();
        two.await.unwrap();
        console.until("the next holds two", |p| p.is_held(made, &[("next", 2, true)])).await;
        release_next.send(()).unwrap();
        let (waited, _) = next.await.unwrap();
        let free = |p: &Seen| p.lock(made).is_some_and(|lock| lock.free);
        let seen = console.until("it is free", free).await;
        let lock = seen.lock(made).unwrap();
        assert_eq!((lock.acquisitions, lock.contended), (3, 1));
        assert!(about(lock.wait_ns, waited), "{lock:?}, {waited:?}");
        assert_ne!(lock.knows & v1::LockKnows::Holders as u32, 0);

        // What tokio says nothing of makes the holders unknown, not wrong.
        drop(semaphore.try_acquire().unwrap());
        let unknown =
            |p: &Seen| p.lock(made).is_some_and(|lock| lock.knows & v1::LockKnows::Holders as u32 == 0);
        console.until("the holders are unknown", unknown).await;
    });
}

#[test]
fn a_lock_given_to_a_future_that_is_not_polled_is_sent() {
    on_both(async || {
        let mut console = Console::connect().await;
        let (mutex, made) = here(Mutex::new(()));
        let (release, holder) = hold("first", Arc::clone(&mutex).lock_owned());
        console.until("it is held", |p| p.is_held(made, &[("first", 1, false)])).await;
        let lock = Arc::clone(&mutex);
        let (stop, stopped) = oneshot::channel::<()>();
        let stuck = spawn("stuck", async move {
            let mut forgotten = Box::pin(lock.lock());
            std::future::poll_fn(|context| Poll::Ready(forgotten.as_mut().poll(context).is_pending())).await;
            let mut again = pin!(lock.lock());
            let mut stopped = pin!(stopped);
            std::future::poll_fn(|context| {
                let _waits = again.as_mut().poll(context);
                Pin::new(&mut stopped).poll(context).map(drop)
            })
            .await;
        });
        let waits = |p: &Seen| p.ops_on(made).filter(|op| op.polls > 0).count() == 2;
        let seen = console.until("it waits twice", waits).await;
        assert!(!seen.ops.values().any(|op| op.granted));
        release.send(()).unwrap();
        holder.await.unwrap();
        let given =
            |p: &Seen| p.lock(made).is_some_and(|lock| lock.free) && p.ops_on(made).any(|op| op.granted);
        let seen = console.until("it is given to the one that is not polled", given).await;
        let ops: Vec<&Op> = seen.ops_on(made).collect();
        let AgentRef::Task { slot, .. } = seen.tasks["stuck"] else { panic!("a task") };
        assert!(ops.iter().all(|op| op.source == "Mutex::lock" && op.task == Some(slot)), "{ops:?}");
        assert_eq!(ops.iter().filter(|op| op.granted).count(), 1, "{ops:?}");
        let given = ops.iter().find(|op| op.granted).map(|op| op.polls);
        assert_eq!(given, Some(1), "{ops:?}");
        assert!(seen.ops.values().all(|op| op.source != "Acquire::new"), "it is a part of them");
        stop.send(()).unwrap();
        stuck.await.unwrap();
        // Both futures are gone: whoever comes next gets it, and nothing is left over.
        drop(mutex.lock().await);
        console
            .until("it is free", |p| p.lock(made).is_some_and(|lock| lock.free && lock.acquisitions == 2))
            .await;
    });
}
