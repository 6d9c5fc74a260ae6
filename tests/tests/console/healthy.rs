//! Healthy servers under load: nothing serious is said against them.

use std::time::Duration;

use taskscope_model::LintKind;
use taskscope_tests::screen::Screen;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{scheduler::watch_innocents, start};

const CLIENTS: usize = 10;

/// How long a server is watched: long enough for every lint to lose its patience. `TASKSCOPE_HEALTHY_S=60` for more.
fn watched() -> Duration {
    let asked = std::env::var("TASKSCOPE_HEALTHY_S").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(asked.unwrap_or(10))
}

#[tokio::test]
async fn a_busy_redis_is_not_blamed() {
    let mut program = start(&["redis", "--source", "layer"]);
    let port = program.ask("port")["port"].as_u64().expect("a number") as u16;
    let mut screen = Screen::open(program.address());
    let load: Vec<_> = (0..CLIENTS)
        .map(|i| {
            tokio::spawn(async move {
                let mut client = mini_redis::client::connect(("127.0.0.1", port)).await.expect("it listens");
                loop {
                    client.set("key", format!("{i}").into()).await.expect("the server answers");
                    client.get("key").await.expect("the server answers");
                }
            })
        })
        .collect();
    screen.wait_for("the connections", |model| model.report().tasks.len() > CLIENTS).await;
    watch_innocents(&mut screen, watched()).await;
    let report = screen.report();
    assert!(report.totals.polls > Some(1000), "{:?}", report.totals);
    load.iter().for_each(tokio::task::JoinHandle::abort);
    // The clients are gone; what waits for the next one is no lost waker either.
    screen.watch_for(Duration::from_secs(2)).await;
    let lost: Vec<_> =
        screen.report().lints.into_iter().filter(|lint| lint.lint == LintKind::LostWaker).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[tokio::test]
async fn a_busy_axum_is_not_blamed() {
    let mut program = start(&["axum"]);
    let port = program.ask("port")["port"].as_u64().expect("a number") as u16;
    let mut screen = Screen::open(program.address());
    let load: Vec<_> = (0..CLIENTS)
        .map(|_| {
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
                let mut answer = [0; 1024];
                loop {
                    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("it reads");
                    let bytes = stream.read(&mut answer).await.expect("it answers");
                    assert!(answer[..bytes].starts_with(b"HTTP/1.1 200"));
                }
            })
        })
        .collect();
    screen.wait_for("the connections", |model| model.report().tasks.len() > CLIENTS).await;
    watch_innocents(&mut screen, watched()).await;
    let requests = program.ask("requests")["requests"].as_u64().expect("a count");
    println!("{requests} requests in {:?}", watched());
    assert!(requests > 1000, "{requests} requests are no load");
    load.iter().for_each(tokio::task::JoinHandle::abort);
}
