//! Signals, children and timers.

use std::time::Duration;

use taskscope::{
    process::Command,
    signal::unix::{SignalKind, signal},
    time::interval,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Book;
use crate::stage::Stage;

/// Bytes that go to the child and come back.
const ECHOED_BYTES: usize = 10_000;
const TICK: Duration = Duration::from_millis(20);

/// A task that listens for SIGUSR1, and one that waits for a SIGUSR2 that never comes.
pub(crate) fn signals(stage: &Stage) {
    let book = Book::default();
    let own = book.clone();
    stage.spawn_named("reloader", async move {
        let mut signals = signal(SignalKind::user_defined1()).expect("it can be listened for");
        own.set("listens", true);
        while signals.recv().await.is_some() {
            own.add("received", 1);
        }
    });
    let own = book.clone();
    stage.spawn_named("dumper", async move {
        let mut signals = signal(SignalKind::user_defined2()).expect("it can be listened for");
        own.set("listens too", true);
        signals.recv().await;
    });
    book.answer_all();
}

/// Children that end in each way, and one that goes on and echoes.
pub(crate) fn children(stage: &Stage) {
    let book = Book::default();
    let own = book.clone();
    stage.spawn_named("parent", async move {
        let mut ended = Vec::new();
        for (key, script) in [("well", "exit 0"), ("badly", "exit 7"), ("killed", "kill -TERM $$")] {
            let mut child = Command::new("sh").args(["-c", script]).spawn().expect("there is a shell");
            own.set(&format!("{key} pid"), child.id());
            let status = child.wait().await.expect("it is our child");
            own.set(key, status.to_string());
            ended.push(child);
        }
        let mut echo = Command::new("cat");
        echo.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut echo = echo.spawn().expect("there is cat");
        own.set("echo pid", echo.id());
        let mut input = echo.stdin.take().expect("it is a pipe");
        let mut output = echo.stdout.take().expect("it is a pipe");
        input.write_all(&[7; ECHOED_BYTES]).await.expect("it reads");
        output.read_exact(&mut [0; ECHOED_BYTES]).await.expect("it echoes");
        own.set("echoed", ECHOED_BYTES);
        // It has nothing more to say: this waits until the program ends, and with it the child's input.
        own.set("echo ended", format!("{:?}", output.read(&mut [0; 1]).await));
        drop((input, ended, echo));
    });
    book.answer_all();
}

/// A task that waits for a timer over and over, and one that waits for an hour.
pub(crate) fn timers(stage: &Stage) {
    let book = Book::default();
    let own = book.clone();
    stage.spawn_named("ticker", async move {
        let mut ticks = interval(TICK);
        loop {
            ticks.tick().await;
            own.add("ticks", 1);
        }
    });
    stage.spawn_named("sleeper", async {
        taskscope::time::sleep(Duration::from_secs(3600)).await;
    });
    stage.spawn_named("patient", async {
        // It never comes, but its time does not run out either.
        let never = std::future::pending::<()>();
        taskscope::time::timeout(Duration::from_secs(1800), never).await.unwrap_or_default();
    });
    book.answer_all();
}
