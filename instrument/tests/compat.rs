//! An unmodified client of `console-api` 0.9 on our port.

#![cfg(all(feature = "console-api", tokio_unstable))]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use console_api::{
    Field, async_ops, field,
    instrument::{
        InstrumentRequest, PauseRequest, ResumeRequest, State, StateRequest, TaskDetailsRequest, Temporality,
        Update, instrument_client::InstrumentClient,
    },
    resources,
    tasks::{self, DurationHistogram, TaskDetails, task_details::PollTimesHistogram},
};
use tokio_stream::StreamExt as _;
use tonic::{Streaming, transport::Channel};

/// As in stream.rs: no machine is so slow.
const PATIENCE: Duration = Duration::from_secs(60);
/// What their client decodes at most: tonic's default.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// What a console knows after its updates, in the way that theirs folds them: a new row counts only with its counters.
#[derive(Default)]
struct Seen {
    metadata: Vec<u64>,
    tasks: HashMap<u64, (tasks::Task, tasks::Stats)>,
    resources: HashMap<u64, (resources::Resource, resources::Stats)>,
    ops: HashMap<u64, (async_ops::AsyncOp, async_ops::Stats)>,
    updates: usize,
    largest: usize,
    dropped: u64,
}

impl Seen {
    fn fold(&mut self, update: Update) {
        self.updates += 1;
        self.largest = self.largest.max(taskscope_proto::Message::encoded_len(&update));
        let metadata = update.new_metadata.unwrap_or_default().metadata;
        self.metadata.extend(metadata.iter().map(|metadata| metadata.id.unwrap().id));
        let mut tasks = update.task_update.unwrap();
        for task in tasks.new_tasks {
            assert!(self.metadata.contains(&task.metadata.unwrap().id));
            let id = task.id.unwrap().id;
            let stats = tasks.stats_update.remove(&id).expect("a new task has counters");
            assert!(self.tasks.insert(id, (task, stats)).is_none(), "an id is used twice");
        }
        for (id, stats) in tasks.stats_update {
            self.tasks.get_mut(&id).expect("counters are of a task that was sent").1 = stats;
        }
        let mut resources = update.resource_update.unwrap();
        for resource in resources.new_resources {
            let id = resource.id.unwrap().id;
            let stats = resources.stats_update.remove(&id).expect("a new resource has attributes");
            assert!(self.resources.insert(id, (resource, stats)).is_none(), "an id is used twice");
        }
        for (id, stats) in resources.stats_update {
            self.resources.get_mut(&id).unwrap().1 = stats;
        }
        let mut ops = update.async_op_update.unwrap();
        for op in ops.new_async_ops {
            let id = op.id.unwrap().id;
            let stats = ops.stats_update.remove(&id).expect("a new operation has counters");
            assert!(self.ops.insert(id, (op, stats)).is_none(), "an id is used twice");
        }
        for (id, stats) in ops.stats_update {
            self.ops.get_mut(&id).unwrap().1 = stats;
        }
        self.dropped += tasks.dropped_events + resources.dropped_events;
    }

    fn named(&self, name: &str) -> Option<(u64, &tasks::Stats)> {
        let has = |field: &Field| text(field, "task.name").as_deref() == Some(name);
        let (id, task) = self.tasks.iter().find(|(_, (task, _))| task.fields.iter().any(has))?;
        Some((*id, &task.1))
    }
}

fn text(field: &Field, name: &str) -> Option<String> {
    let named = matches!(&field.name, Some(field::Name::StrName(known)) if known == name);
    named.then(|| field.value.as_ref().unwrap().to_string())
}

struct Console {
    client: InstrumentClient<Channel>,
    updates: Streaming<Update>,
    state: Streaming<State>,
    seen: Seen,
}

impl Console {
    async fn connect(address: &taskscope::Address) -> Self {
        let channel = tonic::transport::Endpoint::new(address.to_string()).unwrap().connect().await.unwrap();
        let mut client = InstrumentClient::new(channel);
        let updates = client.watch_updates(InstrumentRequest {}).await.unwrap().into_inner();
        let state = client.watch_state(StateRequest {}).await.unwrap().into_inner();
        Self { client, updates, state, seen: Seen::default() }
    }

    async fn update(&mut self) {
        let update = patiently(self.updates.next(), "an update").await.expect("the stream goes on").unwrap();
        self.seen.fold(update);
    }

    async fn until(&mut self, what: &str, condition: impl Fn(&Seen) -> bool) -> &Seen {
        let wait = async {
            while !condition(&self.seen) {
                self.update().await;
            }
        };
        patiently(wait, what).await;
        &self.seen
    }

    async fn temporality(&mut self) -> Temporality {
        let state = patiently(self.state.next(), "a state").await.expect("the stream goes on").unwrap();
        Temporality::try_from(state.temporality).unwrap()
    }

    async fn details(&mut self, task: u64) -> Streaming<TaskDetails> {
        let request = TaskDetailsRequest { id: Some(task.into()) };
        self.client.watch_task_details(request).await.unwrap().into_inner()
    }
}

async fn patiently<T>(future: impl Future<Output = T>, what: &str) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// A second subscriber, so that tracing asks every one about a callsite: while there is one alone, it asks that of the thread that meets the
/// callsite first, and the server's thread has none.
fn second_subscriber() {
    static SECOND: OnceLock<tracing::Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default()));
}

fn serve() -> (impl tracing::Subscriber, taskscope::Address) {
    second_subscriber();
    let builder = taskscope::builder()
        .bind("127.0.0.1:0")
        .retention(Duration::from_secs(600))
        .publish_interval(Duration::from_millis(50));
    let (subscriber, server) = builder.wrap(tracing::subscriber::NoSubscriber::default());
    (subscriber, server.spawn().unwrap())
}

#[tokio::test]
async fn every_task_of_a_big_program_arrives_in_messages_that_their_client_takes() {
    const TASKS: usize = 10_000;
    let (subscriber, address) = serve();
    let _default = tracing::subscriber::set_default(subscriber);
    let stop = Arc::new(tokio::sync::Notify::new());
    for number in 0..TASKS {
        let stop = Arc::clone(&stop);
        let name = format!("a task of many with quite a long name, number {number}");
        tokio::task::Builder::new().name(&name).spawn(async move { stop.notified().await }).unwrap();
    }
    let mut console = Console::connect(&address).await;
    let idle = |stats: &tasks::Stats| stats.poll_stats.as_ref().unwrap().polls == 1;
    let all = |p: &Seen| p.tasks.values().filter(|(_, stats)| idle(stats)).count() >= TASKS;
    let seen = console.until("all tasks were polled", all).await;
    assert!(seen.largest < MAX_MESSAGE_BYTES * 3 / 4, "{} bytes", seen.largest);
    assert!(seen.updates > 1);
    assert_eq!(seen.dropped, 0);

    stop.notify_waiters();
    let ended = |p: &Seen| p.tasks.values().filter(|(_, s)| s.dropped_at.is_some()).count() >= TASKS;
    console.until("all tasks ended", ended).await;
}

fn histogram(sent: &DurationHistogram) -> hdrhistogram::Histogram<u64> {
    hdrhistogram::serialization::Deserializer::new().deserialize(&mut sent.raw_histogram.as_slice()).unwrap()
}

#[tokio::test]
async fn details_have_histograms_that_decode() {
    let (subscriber, address) = serve();
    let _default = tracing::subscriber::set_default(subscriber);
    let (kick, mut kicked) = tokio::sync::mpsc::channel::<()>(1);
    let work = async move {
        while kicked.recv().await.is_some() {
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let worker = tokio::task::Builder::new().name("worker").spawn(work).unwrap();
    for _ in 0..10 {
        kick.send(()).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut console = Console::connect(&address).await;
    let seen = console.until("the task is there", |p| p.named("worker").is_some()).await;
    let task = seen.named("worker").unwrap().0;
    let mut details = console.details(task).await;
    let sent = patiently(details.next(), "details").await.unwrap().unwrap();
    assert_eq!(sent.task_id.unwrap().id, task);
    let Some(PollTimesHistogram::Histogram(polls)) = sent.poll_times_histogram else {
        panic!("no histogram of polls");
    };
    let (decoded, stats) = (histogram(&polls), console.seen.named("worker").unwrap().1);
    assert_eq!(decoded.len(), stats.poll_stats.as_ref().unwrap().polls);
    assert!(decoded.max() >= 20_000_000, "{} ns", decoded.max());
    assert!(decoded.max() <= polls.max_value + polls.max_value / 100);
    let scheduled = histogram(sent.scheduled_times_histogram.as_ref().unwrap());
    assert_eq!(scheduled.len(), decoded.len());

    drop(kick);
    worker.await.unwrap();
    let missing = TaskDetailsRequest { id: Some(42.into()) };
    let refused = console.client.watch_task_details(missing).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::NotFound);
}

#[tokio::test]
async fn a_lock_and_who_waits_for_it_are_sent() {
    let (subscriber, address) = serve();
    let _default = tracing::subscriber::set_default(subscriber);
    let lock = Arc::new(tokio::sync::Mutex::new(()));
    let guard = lock.lock().await;
    let waiting = Arc::clone(&lock);
    let wait = async move { drop(waiting.lock().await) };
    let waiter = tokio::task::Builder::new().name("waiter").spawn(wait).unwrap();
    let mut console = Console::connect(&address).await;
    let op = |p: &Seen| {
        let waiter = p.named("waiter")?.0;
        let of_waiter = |stats: &async_ops::Stats| stats.task_id.is_some_and(|task| task.id == waiter);
        let waits = |(op, stats): &&(async_ops::AsyncOp, async_ops::Stats)| {
            op.source == "Mutex::lock" && of_waiter(stats) && stats.poll_stats.as_ref().unwrap().polls > 0
        };
        p.ops.values().find(waits).cloned()
    };
    let seen = console.until("the waiter's operation is there", |p| op(p).is_some()).await;
    let counters = seen.named("waiter").unwrap().1;
    assert_eq!(counters.waker_clones - counters.waker_drops, 1, "the lock holds its waker: {counters:?}");
    let (row, stats) = op(seen).unwrap();
    assert!(stats.dropped_at.is_none());
    let mutex = row.resource_id.unwrap().id;
    let (resource, stats) = &seen.resources[&mutex];
    assert_eq!((resource.concrete_type.as_str(), resource.is_internal), ("Mutex", false));
    let file = resource.location.as_ref().unwrap().file.as_ref().unwrap();
    assert!(file.ends_with("compat.rs"), "{file}");
    let locked = |stats: &resources::Stats| text(stats.attributes[0].field.as_ref().unwrap(), "locked");
    assert_eq!(locked(stats), Some("true".to_owned()));
    let parts =
        |(row, _): &&(resources::Resource, _)| row.parent_resource_id.is_some_and(|id| id.id == mutex);
    let (part, _) = seen.resources.values().find(parts).expect("the lock's semaphore");
    assert!(part.is_internal && part.concrete_type == "Semaphore", "{part:?}");

    drop(guard);
    waiter.await.unwrap();
    let unlocked = |p: &Seen| locked(&p.resources[&mutex].1) == Some("false".to_owned());
    console.until("it is unlocked", unlocked).await;
    let id = row.id.unwrap().id;
    let seen = console.until("the wait is over", |p| p.ops[&id].1.dropped_at.is_some()).await;
    assert!(seen.ops[&id].1.poll_stats.as_ref().unwrap().polls > 0, "the last counters stay");
    drop(lock);
    console.until("it is gone", |p| p.resources[&mutex].1.dropped_at.is_some()).await;
}

#[tokio::test]
async fn a_pause_is_for_the_connection_that_asked() {
    let (subscriber, address) = serve();
    let _default = tracing::subscriber::set_default(subscriber);
    let (mut one, mut other) = (Console::connect(&address).await, Console::connect(&address).await);
    assert_eq!((one.temporality().await, other.temporality().await), (Temporality::Live, Temporality::Live));
    one.client.pause(PauseRequest {}).await.unwrap();
    assert_eq!(one.temporality().await, Temporality::Paused);

    let stop = tokio::task::Builder::new().name("later").spawn(std::future::pending::<()>()).unwrap();
    other.until("the other one goes on", |p| p.named("later").is_some()).await;
    // What was on its way when the pause came may still arrive; while the other one hears a lot, nothing new does.
    for _ in 0..20 {
        other.update().await;
        let moment = Duration::from_millis(1);
        if let Ok(update) = tokio::time::timeout(moment, one.updates.next()).await {
            one.seen.fold(update.unwrap().unwrap());
        }
    }
    assert!(one.seen.named("later").is_none());

    one.client.resume(ResumeRequest {}).await.unwrap();
    assert_eq!(one.temporality().await, Temporality::Live);
    one.until("it catches up", |p| p.named("later").is_some()).await;
    stop.abort();
}

#[tokio::test]
async fn a_console_too_many_is_refused_and_one_that_left_makes_room() {
    let (_subscriber, address) = serve();
    let mut consoles = Vec::new();
    for _ in 0..taskscope_proto::limits::MAX_CLIENTS {
        consoles.push(Console::connect(&address).await);
    }
    let channel = tonic::transport::Endpoint::new(address.to_string()).unwrap().connect().await.unwrap();
    let mut late = InstrumentClient::new(channel);
    let refused = late.watch_updates(InstrumentRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    consoles.pop();
    let seated = async {
        while late.watch_updates(InstrumentRequest {}).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    patiently(seated, "a seat").await;
}

/// The task's fields as their client reads them: name and typed value.
fn typed(task: &tasks::Task) -> Vec<(String, field::Value)> {
    let name = |field: &Field| match &field.name {
        Some(field::Name::StrName(name)) => name.clone(),
        other => panic!("a name as text, not {other:?}"),
    };
    let mut fields: Vec<_> =
        task.fields.iter().map(|field| (name(field), field.value.clone().unwrap())).collect();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    fields
}

/// Spans of tasks as a program or another runtime can make them, alive for as long as these are.
fn spans_of_the_programs_own() -> [tracing::Span; 2] {
    let all = tracing::trace_span!(
        target: "tokio::task",
        parent: None,
        "runtime.spawn",
        kind = "fibre",
        url = "GET /a b=1 c=2",
        path = %"/x y=3",
        dbg = ?Some("a b"),
        retries = -3,
        user.id = 7_u64,
        cached = true,
        ratio = 0.5,
        loc.file = "their.rs",
        loc.line = 1_u64,
        loc.col = 2_u64,
    );
    let known = tracing::trace_span!(target: "tokio::task", parent: None, "runtime.spawn", kind = "task", marker = true);
    [all, known]
}

async fn fields_at(address: &taskscope::Address, marker: &str) -> Vec<(String, field::Value)> {
    let mut console = Console::connect(address).await;
    let has = |task: &tasks::Task| task.fields.iter().any(|field| text(field, marker).is_some());
    let seen = console.until("the task is there", |p| p.tasks.values().any(|(task, _)| has(task))).await;
    typed(&seen.tasks.values().find(|(task, _)| has(task)).unwrap().0)
}

#[tokio::test]
async fn fields_of_a_programs_own_spans_arrive_as_from_console_subscriber() {
    use tracing_subscriber::layer::SubscriberExt as _;
    let (subscriber, ours) = serve();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let layer = console_subscriber::ConsoleLayer::builder()
        .server_addr(free)
        .publish_interval(Duration::from_millis(50))
        .spawn();
    let theirs = taskscope::Address::Tcp(free);
    let watched = {
        let _default = tracing::subscriber::set_default(subscriber);
        spans_of_the_programs_own()
    };
    let watched_by_them = {
        let _default = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        spans_of_the_programs_own()
    };
    let listens = async {
        while tokio::net::TcpStream::connect(free).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    patiently(listens, "their server listens").await;
    assert_eq!(fields_at(&ours, "url").await, fields_at(&theirs, "url").await);
    // The kind is one of tokio's: once, and as tokio sends it.
    let kind = ("kind".to_owned(), field::Value::DebugVal("task".to_owned()));
    let marker = ("marker".to_owned(), field::Value::BoolVal(true));
    assert_eq!(fields_at(&ours, "marker").await, [kind, marker]);
    drop((watched, watched_by_them));
}
