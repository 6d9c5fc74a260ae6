//! The whole way in one process: a traced runtime, the server, a console's stream.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{collections::HashMap, future::poll_fn, task::Poll, time::Duration};

use taskscope::FutureExt as _;
use taskscope_proto::{
    rows::{Checked, Columns},
    v1::{self, taskscope_client::TaskscopeClient},
};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};

const IDLE: i32 = v1::TaskState::Idle as i32;
const DONE: i32 = v1::TaskState::Done as i32;

/// What a console knows after folding frames, in the simplest way.
#[derive(Default)]
struct Seen {
    hello: v1::Hello,
    generations: HashMap<u32, u32>,
    names: HashMap<u32, String>,
    polls: HashMap<u32, u64>,
    wakes: HashMap<u32, u64>,
    states: HashMap<u32, i32>,
    details: Vec<v1::TaskDetail>,
    resources: HashMap<u32, Resource>,
    ops: HashMap<u32, Op>,
    /// Kinds of all events, by slot.
    events: HashMap<u32, Vec<i32>>,
    events_lost: u64,
    complete: bool,
}

#[derive(Debug, Default)]
struct Resource {
    concrete_type: String,
    internal: bool,
    parent: Option<u32>,
    attributes: Vec<(String, u64)>,
}

#[derive(Debug, Default)]
struct Op {
    source: String,
    resource: Option<u32>,
    task: Option<u32>,
    polls: u64,
}

fn rows<C: Columns>(columns: Option<C>) -> Checked<C> {
    Checked::new(columns.unwrap_or_default()).unwrap()
}

impl Seen {
    fn fold(&mut self, frame: v1::Frame) {
        self.hello = frame.hello.unwrap_or(std::mem::take(&mut self.hello));
        for slot in frame.freed {
            self.generations.remove(&slot);
            self.names.remove(&slot);
        }
        let tasks = rows(frame.tasks);
        for (slot, task) in tasks.rows() {
            self.generations.insert(slot, task.generation);
            self.names.insert(slot, tasks.text(task.name).unwrap_or_default().to_owned());
        }
        for (slot, stat) in rows(frame.stats).rows() {
            self.polls.insert(slot, stat.polls);
            self.wakes.insert(slot, stat.wakes);
            self.states.insert(slot, stat.state.into());
        }
        self.fold_resources(&rows(frame.resources), &rows(frame.resource_stats));
        self.fold_ops(&rows(frame.ops), &rows(frame.op_stats));
        frame.freed_resources.iter().for_each(|slot| drop(self.resources.remove(slot)));
        frame.freed_ops.iter().for_each(|slot| drop(self.ops.remove(slot)));
        self.details.extend(frame.details);
        if let Some(events) = frame.events {
            for (slot, kind) in events.slot.iter().zip(&events.kind) {
                self.events.entry(*slot).or_default().push(*kind);
            }
            self.events_lost = events.lost;
        }
        self.complete |= frame.snapshot_end;
    }

    fn fold_resources(
        &mut self,
        new: &Checked<v1::ResourceColumns>,
        stats: &Checked<v1::ResourceStatColumns>,
    ) {
        for (slot, row) in new.rows() {
            let resource = Resource {
                concrete_type: new.text(row.concrete_type).unwrap().to_owned(),
                internal: row.internal,
                parent: row.parent.map(|parent| parent.slot),
                attributes: Vec::new(),
            };
            self.resources.insert(slot, resource);
        }
        for (slot, _, attributes) in stats.rows_with_items() {
            let named = attributes.map(|of| (stats.text(of.name).unwrap().to_owned(), of.value));
            self.resources.get_mut(&slot).unwrap().attributes = named.collect();
        }
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
        }
    }

    fn slot(&self, name: &str) -> Option<u32> {
        self.names.iter().find(|(_, known)| *known == name).map(|(slot, _)| *slot)
    }

    fn is(&self, name: &str, state: i32) -> bool {
        self.slot(name).is_some_and(|slot| self.states[&slot] == state)
    }
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
    async fn connect(address: &taskscope::Address) -> Self {
        let channel = tonic::transport::Endpoint::new(address.to_string()).unwrap().connect().await.unwrap();
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
        tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
        &self.seen
    }
}

fn builder() -> taskscope::Builder {
    // Kept long enough that no slow machine misses a finished task.
    taskscope::builder().bind("127.0.0.1:0").name("stream-test").retention(Duration::from_secs(600))
}

/// A second subscriber, so that tracing asks every one about a callsite: while there is one alone, it asks that of the thread that meets the
/// callsite first, and the server's thread has none.
fn second_subscriber() {
    static SECOND: std::sync::OnceLock<tracing::Dispatch> = std::sync::OnceLock::new();
    SECOND.get_or_init(|| tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default()));
}

fn wrapped() -> (impl tracing::Subscriber, taskscope::Handle, taskscope::Address) {
    second_subscriber();
    let (subscriber, server) = builder().wrap(tracing::subscriber::NoSubscriber::default());
    let handle = server.handle().clone();
    (subscriber, handle, server.spawn().unwrap())
}

#[cfg(tokio_unstable)]
#[tokio::test]
async fn a_console_sees_the_tasks_of_tokio() {
    let (subscriber, _, address) = wrapped();
    let _default = tracing::subscriber::set_default(subscriber);
    let mut console = Console::connect(&address).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::task::Builder::new().name("sleeper").spawn(stopped).unwrap();
    let seen = console.until("the task idles", |p| p.is("sleeper", IDLE)).await;
    assert_eq!(seen.hello.process_name, "stream-test");
    assert_eq!(seen.hello.problems, Vec::<String>::new());
    assert_eq!(seen.polls[&seen.slot("sleeper").unwrap()], 1);
    stop.send(()).unwrap();
    task.await.unwrap().unwrap();
    let seen = console.until("the task ends", |p| p.is("sleeper", DONE)).await;
    let slot = seen.slot("sleeper").unwrap();
    assert_eq!((seen.polls[&slot], seen.wakes[&slot]), (2, 1));
}

#[cfg(tokio_unstable)]
#[tokio::test]
async fn details_have_histograms_wakers_and_a_timeline() {
    let (subscriber, _, address) = wrapped();
    let _default = tracing::subscriber::set_default(subscriber);
    let mut console = Console::connect(&address).await;
    let (kick, mut kicked) = tokio::sync::mpsc::channel::<()>(1);
    tokio::task::Builder::new()
        .name("worker")
        .spawn(async move { while kicked.recv().await.is_some() {} })
        .unwrap();
    console.until("the task is there", |p| p.slot("worker").is_some()).await;
    let slot = console.seen.slot("worker").unwrap();
    let generation = console.seen.generations[&slot];
    let details = vec![v1::TaskRef { slot, generation }];
    console.requests.send(v1::WatchRequest { details, ..wish() }).await.unwrap();
    console.until("details come", |p| !p.details.is_empty()).await;
    for _ in 0..5 {
        kick.send(()).await.unwrap();
        tokio::task::yield_now().await;
    }
    let wakes = |p: &Seen| p.details.iter().flat_map(|d| &d.events).filter(|e| e.kind == 3).count();
    let seen = console.until("wakes are on the timeline", |p| wakes(p) >= 3).await;
    let last = seen.details.last().unwrap();
    let polls: u64 = last.polls.as_ref().unwrap().count.iter().sum();
    assert!(polls >= 3, "{last:?}");
    assert!(last.wakers.iter().map(|w| w.count).sum::<u64>() >= 3, "{last:?}");
}

/// Polls itself five times, waking itself before each but the first, and once more for nothing.
async fn five_polls() {
    let mut polls = 0;
    poll_fn(|context| {
        polls += 1;
        context.waker().wake_by_ref();
        if polls == 5 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

async fn wrapped_tasks_are_seen_once(traced: bool) {
    let (subscriber, handle, address) = wrapped();
    let _default = traced.then(|| tracing::subscriber::set_default(subscriber));
    let mut console = Console::connect(&address).await;
    let spawned = taskscope::task::Builder::new().name("wrapped").handle(&handle).spawn(five_polls());
    spawned.await.unwrap();
    let named = tokio::spawn(five_polls().instrument_task_in(&handle, "named"));
    named.await.unwrap();

    let seen = console.until("both ended", |p| p.is("wrapped", DONE) && p.is("named", DONE)).await;
    for name in ["wrapped", "named"] {
        let slot = seen.slot(name).unwrap();
        assert_eq!((seen.polls[&slot], seen.wakes[&slot]), (5, 5), "{name}");
        assert_eq!(seen.names.values().filter(|known| *known == name).count(), 1);
    }
}

#[tokio::test]
async fn a_wrapped_task_counts_by_itself() {
    wrapped_tasks_are_seen_once(false).await;
}

#[cfg(tokio_unstable)]
#[tokio::test]
async fn a_wrapped_task_is_tokios_task_where_spans_arrive() {
    wrapped_tasks_are_seen_once(true).await;
}

#[tokio::test]
async fn a_named_future_inside_a_task_is_a_future_of_its_own() {
    let (subscriber, handle, address) = wrapped();
    let _default = tracing::subscriber::set_default(subscriber);
    let mut console = Console::connect(&address).await;
    let inner = handle.clone();
    let task = async move {
        tokio::task::yield_now().await;
        five_polls().instrument_task_in(&inner, "part").await;
    };
    taskscope::task::Builder::new().name("whole").handle(&handle).spawn(task).await.unwrap();
    let seen = console.until("both ended", |p| p.is("whole", DONE) && p.is("part", DONE)).await;
    let part = seen.slot("part").unwrap();
    assert_eq!(seen.polls[&part], 5);
    assert_ne!(Some(part), seen.slot("whole"));
}

#[cfg(tokio_unstable)]
#[test]
fn hooks_see_tasks_without_a_span_and_call_the_programs_own() {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };
    let server = builder().wrap(tracing::subscriber::NoSubscriber::default()).1;
    let handle = server.handle().clone();
    let address = server.spawn().unwrap();
    let own_calls = Arc::new(AtomicU64::new(0));
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let calls = Arc::clone(&own_calls);
    taskscope::Hooks::new(&handle)
        .on_before_task_poll(move |_| {
            calls.fetch_add(1, Ordering::Relaxed);
        })
        .install(runtime.enable_all());
    let runtime = runtime.build().unwrap();
    runtime.block_on(async {
        tokio::spawn(five_polls()).await.unwrap();
    });
    assert_eq!(own_calls.load(Ordering::Relaxed), 5);
    let outside = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    outside.block_on(async {
        let mut console = Console::connect(&address).await;
        let seen = console.until("it ended", |p| p.states.values().any(|state| *state == DONE)).await;
        assert_eq!(seen.polls.values().copied().collect::<Vec<_>>(), [5]);
    });
}

#[cfg(tokio_unstable)]
#[tokio::test]
async fn a_lock_and_who_waits_for_it_are_sent() {
    let (subscriber, _, address) = wrapped();
    let _default = tracing::subscriber::set_default(subscriber);
    let mut console = Console::connect(&address).await;
    let lock = std::sync::Arc::new(tokio::sync::Mutex::new(()));
    let guard = lock.lock().await;
    let waiting = std::sync::Arc::clone(&lock);
    let waiter = tokio::task::Builder::new()
        .name("waiter")
        .spawn(async move {
            drop(waiting.lock().await);
        })
        .unwrap();
    let waits = |p: &Seen| {
        let task = p.slot("waiter");
        p.ops
            .values()
            .any(|op| op.source == "Mutex::lock" && op.polls > 0 && task.is_some() && op.task == task)
    };
    let seen = console.until("the waiter's operation is there", waits).await;
    let op = seen.ops.values().find(|op| op.source == "Mutex::lock").unwrap();
    let mutex = &seen.resources[&op.resource.unwrap()];
    assert_eq!(mutex.concrete_type, "Mutex");
    assert_eq!(mutex.attributes, [("locked".to_owned(), 1)]);
    let part = seen.resources.values().find(|resource| resource.parent == op.resource).unwrap();
    assert!(part.internal && part.concrete_type == "Semaphore", "{part:?}");

    drop(guard);
    waiter.await.unwrap();
    // The test's own timers are resources, too.
    let mutex = |p: &Seen, locked| {
        let mut all = p.resources.values().filter(|r| r.concrete_type == "Mutex");
        all.any(|r| r.attributes == [("locked".to_owned(), locked)])
    };
    let unlocked = |p: &Seen| mutex(p, 0) && !p.ops.values().any(|op| op.source == "Mutex::lock");
    console.until("it is unlocked, without a waiter", unlocked).await;
    drop(lock);
    console.until("it is gone", |p| !p.resources.values().any(|r| r.concrete_type == "Mutex")).await;
}

#[cfg(tokio_unstable)]
#[tokio::test]
async fn all_events_of_all_tasks_come_to_whoever_asks() {
    const TASKS: usize = 50;
    let (subscriber, _, address) = wrapped();
    let _default = tracing::subscriber::set_default(subscriber);
    let mut console = Console::connect(&address).await;
    let before = tokio::spawn(async { tokio::task::id() }).await.unwrap();
    console.until("a task ended", |p| p.states.values().any(|state| *state == DONE)).await;
    assert!(console.seen.events.is_empty(), "{before} was sent without a request");

    console.requests.send(v1::WatchRequest { events: true, ..wish() }).await.unwrap();
    // The wish is heard when the first event comes.
    let wished = async {
        while console.seen.events.is_empty() {
            let echo = tokio::spawn(five_polls());
            let frame = console.frames.next().await.expect("the stream goes on").unwrap();
            console.seen.fold(frame);
            echo.await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wished).await.expect("events come");
    let spawn = |_| tokio::task::Builder::new().name("busy").spawn(five_polls()).unwrap();
    let busy: Vec<_> = (0..TASKS).map(spawn).collect();
    for task in busy {
        task.await.unwrap();
    }
    let count = |p: &Seen, kind| {
        let busy = p.names.iter().filter(|(_, name)| *name == "busy").map(|(slot, _)| slot);
        let events = busy.filter_map(|slot| p.events.get(slot)).flatten();
        events.filter(|known| **known == kind as i32).count()
    };
    let all = |p: &Seen| {
        count(p, v1::EventKind::Wake) == 5 * TASKS && count(p, v1::EventKind::PollEnd) >= 5 * TASKS
    };
    let seen = console.until("every event is there", all).await;
    // Tokio enters a task once more to drop it: no event, but where the thread lost its CPU right before that.
    let (starts, ends) = (count(seen, v1::EventKind::PollStart), count(seen, v1::EventKind::PollEnd));
    assert_eq!(starts, ends);
    assert!(ends < 5 * TASKS + TASKS / 2, "{ends}");
    assert_eq!(seen.events_lost, 0);
}
