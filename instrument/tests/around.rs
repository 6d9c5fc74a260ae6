//! Files, children, signals and timers on record.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]
#![cfg(all(unix, feature = "fs", feature = "process", feature = "signal"))]

#[path = "support/record.rs"]
mod record;

use std::{process::Stdio, time::Duration};

use record::recorder;
use taskscope::{fs, process::Command, signal::unix, time};
use taskscope_recorder::{AttributeValue, IoReading, Op};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The streams of a type whose address starts like this.
fn streams(concrete_type: &str, local: &str) -> Vec<IoReading> {
    let recorder = recorder();
    recorder
        .resources
        .pages()
        .flat_map(|page| page.slots.iter())
        .filter(|resource| {
            resource
                .description()
                .is_some_and(|known| recorder.resources.name_of(known.concrete_type) == concrete_type)
        })
        .filter_map(|resource| recorder.resources.read_io(resource))
        .filter(|io| io.local.starts_with(local))
        .collect()
}

/// Whether an operation with this name is under way.
fn waits(method: &str) -> bool {
    let recorder = recorder();
    let ops = recorder.resources.op_pages().flat_map(|page| page.slots.iter()).filter_map(Op::read);
    ops.into_iter().any(|op| recorder.resources.name_of(op.source) == method && op.polls > 0)
}

async fn until(what: &str, wanted: impl Fn() -> bool) {
    let wait = async {
        while !wanted() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test]
async fn a_file_shows_its_path_and_bytes() {
    recorder();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.txt");
    let words = path.to_str().unwrap().to_owned();
    fs::write(&path, "twelve bytes").await.unwrap();
    let mut file = fs::File::open(&path).await.unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).await.unwrap();
    let files = streams("File", &words);
    assert_eq!(
        files.iter().map(|io| io.inward.bytes).collect::<Vec<_>>(),
        [12],
        "the write is over, and gone"
    );
    drop(file);
    let mut file = fs::OpenOptions::new().append(true).open(&path).await.unwrap();
    file.write_all(b", and more").await.unwrap();
    file.flush().await.unwrap();
    assert_eq!(streams("File", &words)[0].outward.bytes, 10);
    assert_eq!(fs::read_to_string(&path).await.unwrap(), "twelve bytes, and more");
    let missing = fs::read(folder.path().join("none")).await.unwrap_err();
    assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_child_is_waited_for_and_shows_how_it_ended() {
    recorder();
    let mut command = Command::new("sh");
    command.args(["-c", "read line; echo got $line; exit 3"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let pid = child.id().unwrap();
    let mine = format!("sh (pid {pid})");
    assert_eq!(*streams("Child", &mine)[0].peer, *"running");
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let waiting = tokio::spawn(async move { (child.wait().await.unwrap(), child) });
    until("it has a waiter", || waits("Child::wait")).await;
    stdin.write_all(b"this\n").await.unwrap();
    let mut answer = String::new();
    stdout.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "got this\n");
    assert_eq!(streams("ChildPipe", "stdout").iter().filter(|io| *io.peer == *mine).count(), 1);
    let (status, _child) = waiting.await.unwrap();
    assert_eq!(status.code(), Some(3));
    assert_eq!(*streams("Child", &mine)[0].peer, *"exit status: 3");
    let output = Command::new("echo").arg("hello").output().await.unwrap();
    assert_eq!(output.stdout, b"hello\n");
}

#[tokio::test]
async fn a_signal_is_counted_and_waited_for() {
    recorder();
    let mut signals = unix::signal(unix::SignalKind::user_defined1()).unwrap();
    let waiting = tokio::spawn(async move { (signals.recv().await, signals) });
    until("a task listens", || waits("Signal::recv")).await;
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::USR1).unwrap();
    let (received, _signals) = waiting.await.unwrap();
    assert_eq!(received, Some(()));
    assert_eq!(streams("Signal", "SIGUSR1")[0].inward.operations, 1);
}

/// Lengths of the timers of a type, in milliseconds.
fn lengths_ms(concrete_type: &str) -> Vec<u64> {
    let recorder = recorder();
    let timers = recorder.resources.pages().flat_map(|page| page.slots.iter()).filter(|resource| {
        resource
            .description()
            .is_some_and(|known| recorder.resources.name_of(known.concrete_type) == concrete_type)
    });
    let values = timers.flat_map(taskscope_recorder::Resource::attributes).filter_map(|attribute| {
        match attribute.value {
            AttributeValue::Number(ms) if recorder.resources.name_of(attribute.name) == "duration" => {
                Some(ms)
            }
            _ => None,
        }
    });
    values.collect()
}

#[tokio::test]
async fn timers_show_their_length_and_who_waits() {
    recorder();
    let waiting = tokio::spawn(time::timeout(Duration::from_secs(4_321), std::future::pending::<()>()));
    until("the timer", || waits("timeout") && lengths_ms("Timeout").contains(&4_321_000)).await;
    waiting.abort();
    until("it is gone", || !lengths_ms("Timeout").contains(&4_321_000)).await;

    let mut ticks = time::interval(Duration::from_millis(7));
    ticks.tick().await;
    ticks.tick().await;
    assert!(lengths_ms("Interval").contains(&7));
    let start = std::time::Instant::now();
    time::sleep(Duration::from_millis(15)).await;
    assert!(start.elapsed() >= Duration::from_millis(15) && !waits("sleep"));
    let elapsed = time::timeout(Duration::from_millis(5), std::future::pending::<()>()).await;
    assert!(elapsed.is_err());
}
