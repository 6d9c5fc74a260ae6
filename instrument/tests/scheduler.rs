//! Runtimes, workers and stuck polls as a console gets them, beside what the program itself counts.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

#[cfg(target_os = "linux")]
#[path = "scheduler/poll_time.rs"]
mod poll_time;

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    task::Poll,
    time::{Duration, Instant},
};

#[cfg(tokio_unstable)]
use taskscope::Hooks;
use taskscope::{Address, Handle, runtime::Builder};
use taskscope_proto::{
    rows::Checked,
    v1::{self, WorkerState, taskscope_client::TaskscopeClient},
};
use tokio::{runtime::Runtime, task::JoinHandle};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};

/// One recorder and server for all tests of this process: tracing's global subscriber can be set once.
static WATCHED: LazyLock<(Handle, Address)> = LazyLock::new(|| {
    let builder = taskscope::builder().bind("127.0.0.1:0").retention(Duration::from_secs(600));
    let (subscriber, server) = builder.wrap(tracing::subscriber::NoSubscriber::default());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let handle = server.handle().clone();
    (handle, server.spawn().unwrap())
});

/// What a console knows.
#[derive(Debug, Default)]
struct Seen {
    names: HashMap<u32, String>,
    sites: HashMap<u32, v1::Site>,
    threads: HashMap<u32, String>,
    scheduler: v1::Scheduler,
    long_polls: Vec<v1::LongPoll>,
    problems: Vec<String>,
    complete: bool,
}

impl Seen {
    fn fold(&mut self, frame: v1::Frame) {
        let tasks = Checked::new(frame.tasks.unwrap_or_default()).unwrap();
        for (slot, row) in tasks.rows() {
            self.names.insert(slot, tasks.text(row.name).unwrap_or_default().to_owned());
        }
        self.sites.extend(frame.sites.into_iter().map(|site| (site.index, site)));
        self.threads.extend(frame.threads.into_iter().map(|thread| (thread.index, thread.name)));
        if let Some(scheduler) = frame.scheduler {
            for poll in &scheduler.long_polls {
                assert!(
                    poll.site == 0 || self.sites.contains_key(&poll.site),
                    "a place is sent before it is used"
                );
            }
            self.long_polls.extend(scheduler.long_polls.iter().copied());
            self.scheduler = scheduler;
        }
        self.problems = frame.hello.map_or(std::mem::take(&mut self.problems), |hello| hello.problems);
        self.complete |= frame.snapshot_end;
    }

    fn runtime(&self, name: &str) -> Option<&v1::Runtime> {
        self.scheduler.runtimes.iter().find(|runtime| runtime.name == name)
    }

    fn workers(&self, name: &str) -> Vec<&v1::Worker> {
        let Some(runtime) = self.runtime(name) else { return Vec::new() };
        self.scheduler.workers.iter().filter(|worker| worker.runtime == runtime.index).collect()
    }

    fn polls(&self, name: &str) -> u64 {
        self.workers(name).iter().filter_map(|worker| worker.polls).sum()
    }

    fn is(&self, task: Option<v1::TaskRef>, name: &str) -> bool {
        task.is_some_and(|task| self.names.get(&task.slot).is_some_and(|known| known == name))
    }

    fn stuck(&self, name: &str) -> Option<&v1::StuckPoll> {
        self.scheduler.stuck.iter().find(|poll| self.is(poll.task, name))
    }
}

/// A console, on a runtime of its own.
struct Console {
    runtime: Runtime,
    _requests: tokio::sync::mpsc::Sender<v1::WatchRequest>,
    frames: tonic::Streaming<v1::Frame>,
    seen: Seen,
}

impl Console {
    fn connect() -> Self {
        let address = WATCHED.1.to_string();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (requests, receiver) = tokio::sync::mpsc::channel(8);
        let frames = runtime.block_on(async {
            let channel = tonic::transport::Endpoint::new(address).unwrap().connect().await.unwrap();
            let wish = v1::WatchRequest { protocol: 1, interval_ms: 50, ..v1::WatchRequest::default() };
            requests.send(wish).await.unwrap();
            TaskscopeClient::new(channel).watch(ReceiverStream::new(receiver)).await.unwrap().into_inner()
        });
        Self { runtime, _requests: requests, frames, seen: Seen::default() }
    }

    fn until(&mut self, what: &str, condition: impl Fn(&Seen) -> bool) -> &Seen {
        let Self { runtime, frames, seen, .. } = self;
        let wait = runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(30), async {
                while !(seen.complete && condition(seen)) {
                    seen.fold(frames.next().await.expect("the stream goes on").unwrap());
                }
            })
            .await
        });
        assert!(wait.is_ok(), "never: {what}; last: {:#?}", self.seen.scheduler);
        &self.seen
    }
}

fn spawn<F>(runtime: &Runtime, name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    taskscope::task::Builder::new().name(name).handle(&WATCHED.0).spawn_on(future, runtime.handle())
}

/// A task that is polled `polls` times, each time counted by itself.
async fn polled(polls: u64, counted: Arc<AtomicU64>) {
    let mut left = polls;
    poll_fn(|context| {
        counted.fetch_add(1, Relaxed);
        left -= 1;
        if left == 0 {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn spin(length: Duration) {
    let start = Instant::now();
    while start.elapsed() < length {
        std::hint::spin_loop();
    }
}

#[test]
fn polls_of_workers_are_those_that_the_program_counts() {
    let mut console = Console::connect();
    let runtime = Builder::new_multi_thread().name("exact").worker_threads(2).build().unwrap();
    let counted = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> =
        (1..=50).map(|n| spawn(&runtime, "counted", polled(n, Arc::clone(&counted)))).collect();
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
    let polls = counted.load(Relaxed);
    assert_eq!(polls, 50 * 51 / 2);
    let seen = console.until("all polls are there", |p| p.polls("exact") >= polls);
    assert_eq!(seen.polls("exact"), polls);
    let known = seen.runtime("exact").unwrap();
    assert_eq!((known.flavor(), known.workers), (v1::RuntimeFlavor::MultiThread, 2));
    assert_eq!((known.alive_tasks, known.max_blocking_threads), (Some(0), Some(512)));
    assert_eq!(seen.workers("exact").len(), 2);
    for worker in seen.workers("exact").into_iter().filter(|worker| worker.polls > Some(0)) {
        assert!(seen.threads.contains_key(&worker.thread), "{worker:?}");
        assert!(worker.poll_ns > Some(0) && worker.busy_ns.is_some());
        #[cfg(target_os = "linux")]
        assert!(
            worker.cpu_ns > Some(0)
                && worker.run_queue_wait_ns.is_some()
                && worker.voluntary_switches.is_some()
        );
        // Tokio's own count is of its polls, and so at least ours.
        #[cfg(tokio_unstable)]
        assert!(worker.local_queue == Some(0) && worker.steals.is_some());
    }
}

#[test]
fn a_blocked_worker_is_seen_while_it_is_blocked() {
    let mut console = Console::connect();
    let runtime = Builder::new_multi_thread().name("blocked").worker_threads(1).build().unwrap();
    let (release, released) = mpsc::channel::<()>();
    let task = spawn(&runtime, "blocker", async move { released.recv().unwrap() });
    let seen = console.until("the poll is stuck", |p| p.stuck("blocker").is_some());
    let stuck = seen.stuck("blocker").unwrap();
    assert_eq!(stuck.duration_ns, 0, "it goes on");
    assert!(stuck.started_ago_ns >= 100_000_000);
    assert!(seen.sites[&stuck.site].file.ends_with("tests/scheduler.rs"), "{:?}", seen.sites[&stuck.site]);
    let workers = seen.workers("blocked");
    assert_eq!((workers[0].state(), workers[0].thread), (WorkerState::Polling, stuck.thread));
    assert!(seen.is(workers[0].task, "blocker"));
    assert!(workers[0].state_ago_ns >= 100_000_000);
    #[cfg(target_os = "linux")]
    assert_eq!((workers[0].kernel_state.as_str(), stuck.kernel_state.as_str()), ("futex", "futex"));

    release.send(()).unwrap();
    runtime.block_on(task).unwrap();
    // The end of both is sent, perhaps a frame apart, with one length.
    console.until("the poll ends", |p| {
        let Some(stuck_ns) = p.stuck("blocker").map(|poll| poll.duration_ns) else { return false };
        p.long_polls
            .iter()
            .any(|poll| stuck_ns > 0 && p.is(poll.task, "blocker") && poll.duration_ns == stuck_ns)
    });
    console.until("the worker parks", |p| {
        p.workers("blocked")
            .iter()
            .all(|worker| worker.state() == WorkerState::Parked && worker.task.is_none())
    });
}

#[test]
fn long_polls_are_sent_once_with_their_task() {
    let mut console = Console::connect();
    let runtime = Builder::new_current_thread().name("long").build().unwrap();
    let handle = WATCHED.0.clone();
    runtime.block_on(async {
        let hog = async {
            for _ in 0..3 {
                spin(Duration::from_millis(3));
                tokio::task::yield_now().await;
            }
        };
        taskscope::task::Builder::new().name("hog").handle(&handle).spawn(hog).await.unwrap();
    });
    let of_hog = |p: &Seen| p.long_polls.iter().filter(|poll| p.is(poll.task, "hog")).count();
    let seen = console.until("the polls are sent", |p| of_hog(p) >= 3);
    for poll in seen.long_polls.iter().filter(|poll| seen.is(poll.task, "hog")) {
        assert!(poll.duration_ns >= 3_000_000 && poll.started_ago_ns >= poll.duration_ns, "{poll:?}");
    }
    assert_eq!((of_hog(seen), seen.scheduler.lost_long_polls), (3, 0));
    let histogram = seen.scheduler.polls.clone().unwrap();
    assert!(histogram.max_ns >= 3_000_000 && histogram.count.iter().sum::<u64>() >= 4);
}

#[test]
fn parks_and_hooks_are_the_programs_own_too() {
    let mut console = Console::connect();
    let count = || Arc::new(AtomicU64::new(0));
    let (started, stopped, parked, unparked) = (count(), count(), count(), count());
    let up = |counter: &Arc<AtomicU64>| {
        let counter = Arc::clone(counter);
        move || _ = counter.fetch_add(1, Relaxed)
    };
    let runtime = Builder::new_multi_thread()
        .name("hooked")
        .worker_threads(1)
        .enable_all()
        .on_thread_start(up(&started))
        .on_thread_stop(up(&stopped))
        .on_thread_park(up(&parked))
        .on_thread_unpark(up(&unparked))
        .build()
        .unwrap();
    let task = spawn(&runtime, "sleeper", async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    runtime.block_on(task).unwrap();
    // Tokio counts what its hooks don't see, too: a worker that wakes for nothing parks again without them.
    let metrics = runtime.metrics();
    let seen = console.until("every park is counted", |p| {
        let worker =
            p.workers("hooked").into_iter().find(|worker| worker.parks == Some(metrics.worker_park_count(0)));
        worker
            .is_some_and(|worker| worker.state() == WorkerState::DrivingIo || cfg!(not(target_os = "linux")))
    });
    let worker = seen.workers("hooked")[0];
    assert!(worker.parks >= Some(5));
    assert!(parked.load(Relaxed) >= 5 && Some(parked.load(Relaxed)) <= worker.parks);
    assert_eq!(parked.load(Relaxed), unparked.load(Relaxed) + 1);
    assert!(worker.state_ago_ns > 0);
    drop(runtime);
    assert_eq!((started.load(Relaxed), stopped.load(Relaxed)), (1, 1));
    console.until("the runtime is gone", |p| p.runtime("hooked").is_none());
}

#[cfg(tokio_unstable)]
#[test]
fn hooks_of_tasks_are_chained() {
    let count = || Arc::new(AtomicU64::new(0));
    let (spawned, before, after, ended) = (count(), count(), count(), count());
    let up = |counter: &Arc<AtomicU64>| {
        let counter = Arc::clone(counter);
        move |_: &tokio::runtime::TaskMeta<'_>| _ = counter.fetch_add(1, Relaxed)
    };
    for hooks in [Hooks::new(&WATCHED.0), Hooks::default()] {
        let hooks = hooks
            .on_task_spawn(up(&spawned))
            .on_before_task_poll(up(&before))
            .on_after_task_poll(up(&after))
            .on_task_terminate(up(&ended));
        let runtime = Builder::new_current_thread().hooks(hooks).build().unwrap();
        runtime.block_on(async { tokio::spawn(tokio::task::yield_now()).await.unwrap() });
    }
    let all = [spawned, before, after, ended].map(|counter| counter.load(Relaxed));
    assert_eq!(all, [2, 4, 4, 2]);
}

#[cfg(tokio_unstable)]
#[test]
fn runtimes_are_found_without_being_built_here() {
    let mut console = Console::connect();
    let many = tokio::runtime::Builder::new_multi_thread().name("found").worker_threads(3).build().unwrap();
    many.block_on(async { tokio::spawn(async {}).await.unwrap() });
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let one = std::thread::spawn(|| {
        let one = tokio::runtime::Builder::new_current_thread().name("found too").build().unwrap();
        let local = tokio::task::LocalSet::new();
        one.block_on(local.run_until(async {
            tokio::task::spawn_local(stopped).await.unwrap().unwrap();
        }));
    });
    let seen =
        console.until("both are found", |p| p.runtime("found").is_some() && p.runtime("found too").is_some());
    assert_eq!(seen.runtime("found").unwrap().workers, 3);
    let one_thread = seen.runtime("found too").unwrap();
    assert_eq!((one_thread.flavor(), one_thread.workers), (v1::RuntimeFlavor::CurrentThread, 1));
    let indices: std::collections::HashSet<u32> = seen.scheduler.runtimes.iter().map(|r| r.index).collect();
    assert_eq!(indices.len(), seen.scheduler.runtimes.len());
    stop.send(()).unwrap();
    one.join().unwrap();
    drop(many);
    console.until("both are gone", |p| p.runtime("found").is_none() && p.runtime("found too").is_none());
}

#[test]
fn many_runtimes_one_after_the_other_leave_nothing_behind() {
    let mut console = Console::connect();
    for _ in 0..100 {
        let runtime = Builder::new_current_thread().name("one of many").enable_all().build().unwrap();
        runtime.block_on(spawn(&runtime, "one of many", async {})).unwrap();
    }
    let left = |p: &Seen| p.scheduler.runtimes.iter().filter(|r| r.name == "one of many").count();
    // A snapshot that is no older than they are.
    let _last = Builder::new_current_thread().name("the last").build().unwrap();
    console.until("the one after them is there", |p| p.runtime("the last").is_some());
    // Without tokio's spans an ended runtime is known by its standing still for two seconds.
    let seen = console.until("they are gone", |p| left(p) <= 1);
    assert!(left(seen) <= 1);
    assert!(!seen.problems.iter().any(|problem| problem.contains("runtimes are not shown")));
}

#[test]
fn a_place_given_away_is_marked_and_its_thread_not_accused() {
    let mut console = Console::connect();
    let runtime = Builder::new_multi_thread().name("in place").worker_threads(1).build().unwrap();
    let (release, released) = mpsc::channel::<()>();
    let counted = Arc::new(AtomicU64::new(0));
    runtime.block_on(spawn(&runtime, "first", polled(3, Arc::clone(&counted)))).unwrap();
    console.until("the worker has a thread", |p| p.workers("in place").iter().any(|w| w.polls == Some(3)));
    let task = spawn(&runtime, "allowed", async move {
        tokio::task::block_in_place(|| released.recv().unwrap());
    });
    // Polled by the thread that took the place.
    runtime.block_on(spawn(&runtime, "next", polled(2, counted))).unwrap();
    let seen = console.until("the place has changed hands", |p| {
        p.workers("in place").iter().any(|worker| worker.handed_over)
    });
    let blocked = seen.scheduler.workers.iter().find(|worker| seen.is(worker.task, "allowed")).unwrap();
    assert_eq!((blocked.runtime, blocked.state()), (0, WorkerState::Polling));
    let seen = console.until("it has blocked for long", |p| {
        let mut workers = p.scheduler.workers.iter();
        workers.any(|worker| p.is(worker.task, "allowed") && worker.state_ago_ns > 300_000_000)
    });
    assert!(seen.stuck("allowed").is_none(), "{:?}", seen.stuck("allowed"));
    release.send(()).unwrap();
    runtime.block_on(task).unwrap();
}

#[cfg(tokio_unstable)]
#[test]
fn the_blocking_pool_is_counted() {
    let mut console = Console::connect();
    let runtime =
        Builder::new_multi_thread().name("pool").worker_threads(1).max_blocking_threads(2).build().unwrap();
    let (release, released) = mpsc::channel::<()>();
    let released = Arc::new(std::sync::Mutex::new(released));
    let closures: Vec<_> = (0..5)
        .map(|_| {
            let released = Arc::clone(&released);
            runtime.spawn_blocking(move || released.lock().unwrap().recv().unwrap())
        })
        .collect();
    let seen = console.until("the pool is full", |p| {
        p.runtime("pool")
            .is_some_and(|pool| pool.blocking_threads == Some(2) && pool.blocking_queue == Some(3))
    });
    let pool = seen.runtime("pool").unwrap();
    assert_eq!((pool.max_blocking_threads, pool.idle_blocking_threads), (Some(2), Some(0)));
    (0..5).for_each(|_| release.send(()).unwrap());
    for closure in closures {
        runtime.block_on(closure).unwrap();
    }
    let seen = console.until("the pool is idle", |p| {
        p.runtime("pool")
            .is_some_and(|pool| pool.idle_blocking_threads == Some(2) && pool.blocking_queue == Some(0))
    });
    // A closure in the blocking pool may take as long as it likes, and its thread is no worker.
    assert!(
        seen.scheduler.stuck.iter().all(|poll| seen.sites.get(&poll.site).is_none_or(|site| site.line != 0))
    );
    assert_eq!(seen.workers("pool").len(), 1);
}

#[cfg(all(tokio_unstable, target_os = "linux"))]
#[test]
fn a_driver_that_no_thread_drives_is_reported() {
    use std::io::Write as _;
    use tokio::io::AsyncReadExt as _;

    let mut console = Console::connect();
    let runtime = Builder::new_multi_thread().name("lost").worker_threads(1).enable_all().build().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut writer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (reader, _) = listener.accept().unwrap();
    reader.set_nonblocking(true).unwrap();
    let reading = spawn(&runtime, "reader", async move {
        let mut reader = tokio::net::TcpStream::from_std(reader).unwrap();
        reader.read_u8().await.unwrap()
    });
    console.until("the worker drives", |p| {
        p.workers("lost").iter().any(|worker| worker.state() == WorkerState::DrivingIo)
    });
    let (release, released) = mpsc::channel::<()>();
    let blocker = spawn(&runtime, "blocker of the driver", async move { released.recv().unwrap() });
    let seen = console.until("the poll is stuck", |p| p.stuck("blocker of the driver").is_some());
    assert_eq!(seen.runtime("lost").unwrap().driver_lost_ago_ns, None, "nothing is ready");
    writer.write_all(&[7]).unwrap();
    console.until("the driver is lost", |p| {
        p.runtime("lost")
            .is_some_and(|lost| lost.driver_lost_ago_ns.is_some_and(|since| since >= 500_000_000))
    });
    release.send(()).unwrap();
    runtime.block_on(blocker).unwrap();
    assert_eq!(runtime.block_on(reading).unwrap(), 7);
    console.until("it is driven again", |p| {
        p.runtime("lost").is_some_and(|lost| lost.driver_lost_ago_ns.is_none())
    });
}
