//! Servers that mean harm: garbage instead of frames, and frames that are lies.

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use taskscope_model::{Config, screen::header::ConnectionState};
use taskscope_proto::{Message as _, limits, v1};
use taskscope_tests::{console::Console, fake::Fake, program::Program, screen::Screen};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use crate::{harmful, start};

/// A whole snapshot of nothing.
fn empty() -> v1::Frame {
    v1::Frame {
        sequence: 1,
        now_ns: 1_000_000_000,
        hello: Some(v1::Hello { protocol: limits::PROTOCOL_VERSION, instance: 7, ..v1::Hello::default() }),
        snapshot_start: true,
        snapshot_end: true,
        process: Some(v1::Process::default()),
        ..v1::Frame::default()
    }
}

fn next(sequence: u64) -> v1::Frame {
    v1::Frame { sequence, hello: None, snapshot_start: false, snapshot_end: false, ..empty() }
}

/// Tasks with these slots, and counters of the same.
fn with_tasks(mut frame: v1::Frame, slot_delta: Vec<u32>) -> v1::Frame {
    let rows = slot_delta.len();
    frame.tasks = Some(v1::TaskColumns {
        slot_delta: slot_delta.clone(),
        generation: vec![1; rows],
        ..v1::TaskColumns::default()
    });
    frame.stats =
        Some(v1::StatColumns { slot_delta, polls: vec![u64::MAX; rows], ..v1::StatColumns::default() });
    frame
}

/// What a real server sends.
async fn real() -> (Program, Vec<v1::Frame>) {
    let mut program = start(&["hostile"]);
    program.ask("ready");
    let mut console = Console::open(program.address()).await;
    let mut frames = Vec::new();
    for _ in 0..3 {
        frames.push(console.next().await.expect("the stream is open"));
    }
    (program, frames)
}

/// A console survives the server, and knows a loss of its own when it is over.
async fn survives(fake: &Fake, wanted: impl FnMut(&taskscope_model::Model) -> bool) -> Screen {
    let mut screen = Screen::open(fake.address());
    screen.wait_for("the effect", wanted).await;
    let written = screen.written();
    assert_eq!(harmful(&written), None, "{written:?}");
    screen
}

#[tokio::test]
async fn messages_of_random_bytes_end_the_stream_with_a_reason() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..20 {
        let bytes =
            prop::collection::vec(any::<u8>(), 1..2000).new_tree(&mut runner).expect("bytes").current();
        let fake = Fake::start_raw(vec![empty().encode_to_vec(), bytes]).await;
        // Either the bytes are no frame, and the stream ends; or they happen to be one, without a sequence: a gap.
        survives(&fake, |model| {
            let header = model.header();
            matches!(header.connection, ConnectionState::Lost { .. })
                || header.losses.gaps + header.losses.rejected_frames > 0
        })
        .await;
    }
}

#[tokio::test]
async fn a_port_that_speaks_something_else_is_named() {
    for greeting in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\0\xff\x1b[2J", b"SSH-2.0-OpenSSH\r\n", b""]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let greeter = tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                // The console may have gone before it was greeted.
                let _gone = connection.write_all(greeting).await;
            }
        });
        let mut screen = Screen::open(&address);
        screen
            .wait_for("the failure", |model| {
                matches!(model.header().connection, ConnectionState::Lost { .. })
            })
            .await;
        if let ConnectionState::Lost { reason, retry_in } = screen.model.header().connection {
            assert!(reason.len() > 10 && harmful(&reason).is_none(), "{reason:?}");
            assert!(retry_in.is_some(), "it tries again");
        }
        greeter.abort();
    }
}

#[tokio::test]
async fn frames_that_break_the_rules_are_refused_whole() {
    let mut short = with_tasks(next(2), vec![0, 1, 1]);
    short.stats.as_mut().expect("it has some").polls.pop();
    let hostile = vec![
        short,
        with_tasks(next(2), vec![1 << 31]),
        with_tasks(next(2), vec![u32::MAX, u32::MAX]),
        with_tasks(next(2), vec![5, 0]),
        with_tasks(next(2), vec![1; limits::MAX_TASKS_PER_FRAME + 1]),
        v1::Frame { freed: vec![0; limits::MAX_FREED_PER_FRAME + 1], ..next(2) },
    ];
    for frame in hostile {
        let fake = Fake::start(&[empty(), frame.clone()]).await;
        let screen = survives(&fake, |model| model.header().losses.rejected_frames > 0).await;
        assert!(screen.report().tasks.is_empty(), "nothing of it is applied: {frame:?}");
    }
}

#[tokio::test]
async fn numbers_are_never_trusted() {
    let mut frame = with_tasks(next(2), vec![0, 1, 1]);
    frame.now_ns = u64::MAX;
    let stats = frame.stats.as_mut().expect("it has some");
    for column in [
        &mut stats.busy_ns,
        &mut stats.scheduled_ns,
        &mut stats.wakes,
        &mut stats.self_wakes,
        &mut stats.state_ago_ns,
        &mut stats.last_waker,
        &mut stats.last_wake_ago_ns_plus1,
        &mut stats.longest_poll_ns,
        &mut stats.longest_scheduled_ns,
        &mut stats.waker_clones,
        &mut stats.waker_drops,
    ] {
        *column = vec![u64::MAX; 3];
    }
    stats.wakers_plus1 = vec![u32::MAX; 3];
    stats.state = vec![i32::MIN, i32::MAX, 3];
    let tasks = frame.tasks.as_mut().expect("it has some");
    tasks.site = vec![limits::MAX_SITES as u32 - 1; 3];
    tasks.kind = vec![i32::MIN; 3];
    tasks.name = vec![u32::MAX; 3];
    tasks.knows = vec![u32::MAX; 3];
    tasks.created_ago_ns = vec![u64::MAX; 3];
    tasks.size_bytes = vec![u32::MAX; 3];
    tasks.original_size_bytes = vec![u32::MAX; 3];
    tasks.parent_slot_plus1 = vec![limits::MAX_SLOTS; 3];
    tasks.parent_generation = vec![u32::MAX; 3];
    frame.process = Some(v1::Process {
        alive: 1 << 31,
        spawned: u64::MAX,
        own_cpu_ns: u64::MAX,
        hot_path_ns: u64::MAX,
        late_wakes: u64::MAX,
        ..v1::Process::default()
    });
    let mut back = frame.clone();
    (back.sequence, back.now_ns) = (3, 0);
    let fake = Fake::start(&[empty(), frame, back]).await;
    let mut screen = survives(&fake, |model| model.report().tasks.len() == 3).await;
    // Sparklines, rates and lints of it all.
    screen.watch_for(std::time::Duration::from_secs(2)).await;
    assert_eq!(harmful(&screen.written()), None);
}

#[tokio::test]
async fn strings_without_end_are_cut() {
    let mut frame = with_tasks(next(2), vec![0]);
    let tasks = frame.tasks.as_mut().expect("it has some");
    tasks.strings = vec!["\u{1b}]0;漢\u{202e}".repeat(200_000)];
    tasks.name = vec![1];
    tasks.fields = vec![1];
    let mut hello = empty();
    hello.hello.as_mut().expect("it has one").process_name = "\u{9b}31m".repeat(100_000);
    hello.hello.as_mut().expect("it has one").problems = vec!["\u{1b}[5m".repeat(10_000); 20];
    frame.sites = vec![v1::Site { index: 1, file: "\u{7}".repeat(100_000), line: 1, column: 1 }];
    let fake = Fake::start(&[hello, frame]).await;
    let screen = survives(&fake, |model| model.report().tasks.len() == 1).await;
    let written = screen.written();
    assert!(written.len() < 64 * 1024, "{} bytes written", written.len());
}

#[tokio::test]
async fn a_console_keeps_no_more_tasks_than_its_limit() {
    const LIMIT: usize = 20_000;
    // A full frame of tasks each, as far apart as slots can be.
    let rows = limits::MAX_TASKS_PER_FRAME as u32;
    let frames: Vec<_> = (0..40)
        .map(|i| {
            let mut deltas = vec![1; rows as usize];
            deltas[0] = i * rows;
            with_tasks(if i == 0 { empty() } else { next(u64::from(i) + 1) }, deltas)
        })
        .collect();
    let fake = Fake::start(&frames).await;
    let mut screen = Screen::open_with(fake.address(), Config { max_tasks: LIMIT, ..Config::default() });
    let over = 40 * u64::from(rows) - LIMIT as u64;
    screen.wait_for("all frames", |model| model.header().losses.tasks_over_limit == over).await;
    assert_eq!(screen.report().tasks.len(), LIMIT);
    assert!(screen.report().totals.client_losses >= over, "and it says so");
}

#[tokio::test]
async fn real_frames_with_flipped_bits_do_no_harm() {
    let (_program, frames) = real().await;
    let whole: Vec<_> = frames.iter().map(v1::Frame::encode_to_vec).collect();
    let mut runner = TestRunner::deterministic();
    for _ in 0..60 {
        let places = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8);
        let mut messages = whole.clone();
        for message in &mut messages {
            for (place, flipped) in places.new_tree(&mut runner).expect("places").current() {
                let index = place.index(message.len());
                message[index] ^= flipped;
            }
        }
        // Most are still frames. The model's word for them is the test; the stream itself was tested above.
        let mut model = taskscope_model::Model::new(Config::default());
        let mut feed = |event| drop(taskscope_model::update(&mut model, event));
        feed(taskscope_model::Event::Connection(taskscope_model::ConnectionEvent::Connected));
        for frame in messages.iter().filter_map(|message| v1::Frame::decode(&message[..]).ok()) {
            feed(taskscope_model::Event::Frame(Box::new(frame)));
        }
        let report = serde_json::to_string(&model.report()).expect("a report is JSON");
        let read: serde_json::Value = serde_json::from_str(&report).expect("and JSON again");
        assert_eq!(harmful(&read.to_string()), None);
    }
}
