//! The watchdog: a poll that blocks its worker is sent with the stack of the thread, and logged; what may block is not accused.
#![cfg(all(
    tokio_unstable,
    feature = "stacks",
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{
    io::{self, Read as _, Write as _},
    sync::{Mutex, OnceLock, mpsc},
    time::Duration,
};

use taskscope_proto::v1::{self, taskscope_client::TaskscopeClient};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tracing_subscriber::prelude::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// What the program's own subscriber was given.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One recorder for all tests of the process: the workers' threads see the global subscriber alone.
fn server() -> &'static taskscope::Address {
    static SERVER: OnceLock<taskscope::Address> = OnceLock::new();
    SERVER.get_or_init(|| {
        let log = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| Log);
        let builder = taskscope::builder().bind("127.0.0.1:0").log_stuck(true);
        let (subscriber, server) = builder.wrap(tracing_subscriber::registry().with(log));
        tracing::subscriber::set_global_default(subscriber).unwrap();
        server.spawn().unwrap()
    })
}

fn program() -> tokio::runtime::Runtime {
    server();
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Reads frames as a console until one has what is looked for.
fn from_frames<T>(mut look: impl FnMut(&v1::Frame) -> Option<T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let endpoint = tonic::transport::Endpoint::new(server().to_string()).unwrap();
        let (requests, receiver) = tokio::sync::mpsc::channel(1);
        let wish = v1::WatchRequest { protocol: 1, interval_ms: 50, ..v1::WatchRequest::default() };
        requests.send(wish).await.unwrap();
        let mut client = TaskscopeClient::new(endpoint.connect().await.unwrap());
        let mut frames = client.watch(ReceiverStream::new(receiver)).await.unwrap().into_inner();
        let found = async {
            loop {
                let frame = frames.next().await.unwrap().unwrap();
                if let Some(found) = look(&frame) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("the frame looked for comes")
    })
}

fn stuck(frame: &v1::Frame, function: &'static str) -> Option<v1::StuckPoll> {
    let in_it = |poll: &v1::StuckPoll| poll.stack.iter().any(|frame| frame.function.ends_with(function));
    frame.scheduler.as_ref()?.stuck.iter().map(named).find(in_it)
}

/// With the names that the program has (feature `symbols`), or that a console finds in the files that it names.
fn named(poll: &v1::StuckPoll) -> v1::StuckPoll {
    assert_eq!(poll.code_files.is_empty(), cfg!(feature = "symbols") || poll.stack.is_empty(), "{poll:#?}");
    let mut stack = Vec::new();
    for frame in &poll.stack {
        let Some(file) = (frame.code_file as usize).checked_sub(1).map(|index| &poll.code_files[index])
        else {
            stack.push(frame.clone());
            continue;
        };
        if file.path == "[vdso]" {
            continue;
        }
        let opened = std::fs::File::open(&file.path).unwrap();
        assert_eq!(taskscope_names::build_id(&opened).unwrap_or_default(), file.build_id, "{file:?}");
        let looked = taskscope_names::in_file(&opened, &file.path, &[frame.address]).unwrap();
        stack.extend(looked.frames.into_iter().flatten().map(|frame| v1::StackFrame {
            own: frame.is_own(),
            function: frame.function,
            file: frame.file,
            line: frame.line,
            ..v1::StackFrame::default()
        }));
    }
    v1::StuckPoll { stack, ..poll.clone() }
}

#[test]
fn a_poll_that_blocks_is_sent_with_its_stack_and_logged() {
    const LINE: u32 = line!() + 3;
    #[inline(never)]
    fn reads_without_await(mut reader: io::PipeReader) -> usize {
        reader.read(&mut [0; 8]).unwrap()
    }
    let program = program();
    let (reader, mut writer) = io::pipe().unwrap();
    let task = program.spawn(async move { reads_without_await(reader) });
    let poll = from_frames(|frame| stuck(frame, "reads_without_await"));
    assert_eq!(poll.duration_ns, 0, "it goes on: {poll:#?}");
    assert_eq!(poll.kernel_state, "read");
    assert!(poll.captured_ago_ns_plus1 > 0 && poll.task.is_some() && poll.site != 0, "{poll:#?}");
    let own = poll.stack.iter().find(|frame| frame.own).unwrap();
    assert!(own.function.ends_with("reads_without_await"), "{poll:#?}");
    assert_eq!((own.file.ends_with("instrument/tests/stacks.rs"), own.line), (true, LINE), "{poll:#?}");
    let foreign = ["tokio::", "std::", "core::", "<tokio::", "<core::", "taskscope"];
    for frame in poll.stack.iter().filter(|frame| frame.own) {
        assert!(!foreign.iter().any(|krate| frame.function.starts_with(krate)), "{frame:?}");
    }

    writer.write_all(b"on").unwrap();
    assert_eq!(program.block_on(task).unwrap(), 2, "the read went on");
    let over = from_frames(|frame| stuck(frame, "reads_without_await").filter(|poll| poll.duration_ns > 0));
    assert!(over.duration_ns >= 100_000_000, "the stack outlives the poll: {over:#?}");

    let log = String::from_utf8(LOG.lock().unwrap().clone()).unwrap();
    // Without names in the program the log has addresses in it, and says how to have names.
    let (known_by, place) = if cfg!(feature = "symbols") {
        ("reads_without_await", "tests/stacks.rs:")
    } else {
        ("kernel_state=\"read\"", "feature `symbols`")
    };
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(known_by)).collect();
    assert_eq!(lines.len(), 1, "once a poll: {log}");
    assert!(lines[0].contains("WARN taskscope::stuck: a poll has gone on for"), "{log}");
    assert!(lines[0].contains("kernel_state=\"read\"") && lines[0].contains(place), "{log}");
    let has_address = lines[0].contains(" stack=\"stacks-") && lines[0].contains("+0x");
    assert_eq!(has_address, !cfg!(feature = "symbols"), "{log}");
}

#[test]
fn closures_of_the_blocking_pool_and_block_in_place_are_not_accused() {
    #[inline(never)]
    fn may_block(wait: &mpsc::Receiver<()>) {
        wait.recv().unwrap();
    }
    #[inline(never)]
    fn guilty(wait: &mpsc::Receiver<()>) {
        wait.recv().unwrap();
    }
    let program = program();
    let channels: Vec<_> = (0..3).map(|_| mpsc::channel()).collect();
    let (senders, mut receivers): (Vec<_>, Vec<_>) = channels.into_iter().unzip();
    let wait = receivers.pop().unwrap();
    let pool = program.spawn_blocking(move || may_block(&wait));
    let wait = receivers.pop().unwrap();
    let in_place = program.spawn(async move { tokio::task::block_in_place(|| may_block(&wait)) });
    std::thread::sleep(Duration::from_millis(300));
    let wait = receivers.pop().unwrap();
    // Stuck later than the others: once it is sent, they would have been.
    let stuck_task = program.spawn(async move { guilty(&wait) });
    let accused = from_frames(|frame| {
        stuck(frame, "guilty")?;
        Some(stuck(frame, "may_block"))
    });
    assert_eq!(accused, None);
    for sender in &senders {
        sender.send(()).unwrap();
    }
    program.block_on(async { (pool.await.unwrap(), in_place.await.unwrap(), stuck_task.await.unwrap()) });
    let log = String::from_utf8(LOG.lock().unwrap().clone()).unwrap();
    assert!(!log.contains("may_block"), "nor are they logged: {log}");
    let in_line = log.lines().filter(|line| line.contains("kernel_state=\"futex\""));
    assert!(in_line.count() <= 1, "the guilty one alone is: {log}");
}
