//! The server's manners: consoles that pause, lag, ask again, crowd, or say nonsense.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use taskscope_proto::{
    limits,
    v1::{self, EventKind, TaskState},
};
use taskscope_tests::{
    console::{Console, wish},
    fold::Fold,
    program::Program,
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tonic::Code;

use crate::start;

async fn idle(tasks: usize) -> (Program, Console) {
    let mut program = start(&["idle"]);
    program.ask(&format!("spawn {tasks}"));
    let mut console = Console::open(program.address()).await;
    console.wait_for("the tasks", knows(tasks)).await;
    (program, console)
}

fn knows(tasks: usize) -> impl Fn(&Fold) -> bool {
    move |fold| fold.complete && fold.in_state(TaskState::Idle).count() == tasks
}

#[tokio::test]
async fn a_paused_console_hears_nothing_and_then_everything() {
    let (mut program, mut paused) = idle(100).await;
    let mut other = Console::open(program.address()).await;
    paused.ask(|wish| wish.paused = true).await;
    // Frames that were on their way are let through.
    while paused.next_within(Duration::from_secs(1)).await.is_some() {}
    program.ask("spawn 50");
    other.wait_for("the new tasks", knows(150)).await;
    assert!(paused.next_within(Duration::from_millis(500)).await.is_none(), "a pause is a pause");
    paused.ask(|wish| wish.paused = false).await;
    paused.wait_for("what happened meanwhile", knows(150)).await;
    assert_eq!(paused.fold.snapshots, 1, "without a new snapshot");
}

#[tokio::test]
async fn a_slow_console_delays_no_other() {
    let (mut program, mut fast) = idle(1_000).await;
    // Reads nothing, so that its stream is full; the windows of HTTP/2 hold some frames, not these.
    let mut slow = Console::open(program.address()).await;
    program.ask("spawn 100000");
    let took = fast.wait_for("every task", knows(101_000)).await;
    program.ask("end");
    fast.wait_for("every end", |fold| fold.live().count() == 0).await;
    let frames = fast.fold.sequence;
    println!("beside a console that reads nothing, another one knew 100,000 tasks after {took:?}");
    // It skips to the newest state.
    slow.wait_for("the end", |fold| {
        fold.complete && fold.process.spawned == 101_000 && fold.live().count() == 0
    })
    .await;
    assert!(frames > 3);
}

#[tokio::test]
async fn a_resync_sends_everything_anew() {
    let (_program, mut console) = idle(20_000).await;
    let before = console.fold.tasks.clone();
    console.ask(|wish| wish.resync = 1).await;
    console.wait_for("a second snapshot", |fold| fold.snapshots == 2 && fold.complete).await;
    assert_eq!(before.len(), console.fold.tasks.len());
    for (slot, task) in &before {
        let again = &console.fold.tasks[slot];
        assert_eq!(
            (task.generation, task.tokio_id, task.polls),
            (again.generation, again.tokio_id, again.polls)
        );
    }
    assert!(!console.fold.sites.is_empty() && console.fold.hello.is_some());
    // The same number again asks for nothing.
    console.ask(|_| {}).await;
    for _ in 0..5 {
        console.next().await.expect("the stream is open");
    }
    assert_eq!(console.fold.snapshots, 2);
}

#[tokio::test]
async fn consoles_are_served_up_to_the_limit() {
    let (program, first) = idle(10).await;
    let mut consoles = vec![first];
    for _ in 1..limits::MAX_CLIENTS {
        let mut console = Console::open(program.address()).await;
        console.wait_for("the tasks", knows(10)).await;
        consoles.push(console);
    }
    let refused = Console::open_with(program.address(), wish()).await.expect_err("there is no seat left");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    let all = limits::MAX_CLIENTS as u32;
    consoles[0].wait_for("the count", |fold| fold.process.clients == all).await;

    // One goes, and its seat is free.
    consoles.pop();
    consoles[0].wait_for("one less", |fold| fold.process.clients == all - 1).await;
    let mut next = Console::open(program.address()).await;
    next.wait_for("the tasks", knows(10)).await;
    let instances: HashSet<u64> = consoles
        .iter()
        .chain([&next])
        .filter_map(|console| Some(console.fold.hello.as_ref()?.instance))
        .collect();
    assert_eq!(instances.len(), 1, "one process, one instance");
}

#[tokio::test]
async fn frames_come_no_faster_than_the_shortest_interval() {
    let (_program, mut console) = idle(10).await;
    console.ask(|wish| wish.interval_ms = 1).await;
    let (start, first) = (Instant::now(), console.fold.now_ns);
    let frames = 20;
    for _ in 0..frames {
        console.next().await.expect("the stream is open");
    }
    // By the server's clock, as frames can wait on the way. One early frame answers the request.
    let least = limits::MIN_INTERVAL * (frames - 2);
    let took = Duration::from_nanos(console.fold.now_ns - first);
    assert!(took >= least, "{frames} frames in {took:?} ({:?} here)", start.elapsed());
}

#[tokio::test]
async fn a_request_beyond_the_longest_interval_is_still_a_stream_of_frames() {
    let (_program, mut console) = idle(10).await;
    console.ask(|wish| wish.interval_ms = u32::MAX).await;
    // The early answer, and then one that the clamped interval brings.
    let first = console.fold.now_ns;
    let longest = limits::MAX_INTERVAL.as_nanos() as u64;
    console
        .wait_for("a frame after the longest interval", |fold| fold.now_ns >= first + longest * 9 / 10)
        .await;
}

#[tokio::test]
async fn a_console_that_ends_its_requests_is_still_served() {
    let (mut program, mut console) = idle(10).await;
    console.end_requests();
    program.ask("spawn 5");
    console.wait_for("what came after", knows(15)).await;
}

#[tokio::test]
async fn nonsense_is_refused_with_a_reason() {
    let (program, mut healthy) = idle(10).await;
    let mute = v1::WatchRequest { protocol: 0, ..wish() };
    let refused = match Console::open_with(program.address(), mute).await {
        Err(status) => status,
        Ok(mut console) => console.next().await.expect_err("version 0 is none"),
    };
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");

    let many = vec![v1::TaskRef { slot: u32::MAX, generation: u32::MAX }; 1 << 20];
    let endless = v1::WatchRequest { details: many, ..wish() };
    let refused = match Console::open_with(program.address(), endless).await {
        Err(status) => status,
        Ok(mut console) => console.next().await.expect_err("ten megabytes are too many"),
    };
    assert!(!refused.message().is_empty(), "{refused:?}");

    // A thousand details, of tasks that never were: four are looked at, none is answered.
    let missing = |slot| v1::TaskRef { slot, generation: 7 };
    healthy.ask(|wish| wish.details = (0..1000).map(missing).chain([missing(u32::MAX)]).collect()).await;
    for _ in 0..5 {
        healthy.next().await.expect("the stream is open");
    }
    assert!(healthy.fold.details.is_empty());
    assert_eq!(healthy.fold.live().count(), 10);
}

#[tokio::test]
async fn a_newer_console_is_answered_in_the_version_both_know() {
    let (program, _console) = idle(10).await;
    let newer = v1::WatchRequest { protocol: 1000, ..wish() };
    let mut console = Console::open_with(program.address(), newer).await.expect("the server answers");
    console.wait_for("the tasks", knows(10)).await;
    assert_eq!(console.fold.hello.expect("it is sent").protocol, limits::PROTOCOL_VERSION);
}

#[tokio::test]
async fn a_unix_socket_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a place for a socket");
    let path = folder.path().join("scope");
    let mut program = start(&["idle", "--bind", &format!("unix:{}", path.display())]);
    program.ask("spawn 10");
    let mut console = Console::open(program.address()).await;
    console.wait_for("the tasks", knows(10)).await;
    let mode = path.metadata().expect("the socket is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn frames_are_compressed_for_those_who_ask() {
    let (program, _console) = idle(10_000).await;
    let mut compressed = Console::open_compressed(program.address()).await;
    compressed.wait_for("the tasks", knows(10_000)).await;
    assert_eq!(compressed.encoding(), Some("gzip"));
    let mut plain = Console::open(program.address()).await;
    plain.wait_for("the tasks", knows(10_000)).await;
    assert_eq!(plain.encoding(), None, "and for no other client");
}

#[tokio::test]
async fn details_have_the_whole_history_of_a_task() {
    let mut program = start(&["counted"]);
    let mut console = Console::open(program.address()).await;
    let busy = |fold: &Fold| fold.complete && fold.live().any(|task| task.polls > 100);
    console.wait_for("a task with a past", busy).await;
    let task = console.fold.live().max_by_key(|task| task.polls).expect("there is one").clone();
    let wanted = v1::TaskRef { slot: task.slot, generation: task.generation };
    console.ask(|wish| wish.details = vec![wanted]).await;
    let mut events = Vec::new();
    console
        .wait_for("its timeline", |fold| {
            for detail in &fold.details {
                assert_eq!(detail.task, Some(wanted), "nothing else was asked for");
                events.extend(detail.events.iter().map(v1::Event::kind));
            }
            events.len() > 200
        })
        .await;
    for kind in [EventKind::PollStart, EventKind::PollEnd, EventKind::Wake] {
        assert!(events.contains(&kind), "{kind:?}");
    }
    program.ask("stop");
    // The task was a driver, and has ended; or a resident, and is still.
    let detail = console.fold.details[0].clone();
    let counted: u64 = detail.polls.as_ref().expect("there were polls").count.iter().sum();
    assert!(
        counted > 0 && counted >= detail.scheduled.expect("there were waits").count.iter().sum::<u64>() / 2
    );
    assert!(detail.wakers.iter().map(|waker| waker.count).sum::<u64>() + detail.other_wakes > 0);
}

#[tokio::test]
async fn garbage_on_the_port_disturbs_no_client() {
    let (mut program, mut console) = idle(10).await;
    let address = program.address().trim_start_matches("http://").to_owned();
    let mut connections = Vec::new();
    for i in 0..100_usize {
        let mut connection = TcpStream::connect(&address).await.expect("it listens");
        let garbage: Vec<u8> = match i % 4 {
            0 => Vec::new(),
            1 => b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            2 => (0..4096).map(|byte| (byte * 31 + i) as u8).collect(),
            // The preface of HTTP/2, and then no frame of it.
            _ => [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &[0xff; 512]].concat(),
        };
        // Some are hung up on before they have said it all.
        let _refused = connection.write_all(&garbage).await;
        connections.push(connection);
    }
    program.ask("spawn 20");
    console.wait_for("what came meanwhile", knows(30)).await;
    let mut late = Console::open(program.address()).await;
    late.wait_for("everything", knows(30)).await;
    assert_eq!(late.fold.process.clients, 2, "and none of them has a seat");
}
