//! Real servers under their own kind of load, read as a console reads them.

use std::time::Duration;

use serde_json::Value;
use taskscope_proto::v1::TaskKind;
use taskscope_tests::{
    console::Console,
    fold::{Fold, Task},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::start;

const CLIENTS: usize = 20;
const REQUESTS: usize = 200;

fn port(answer: &Value) -> u64 {
    answer["port"].as_u64().expect("a number")
}

/// Tasks spawned in a file of the server's own source.
fn spawned_in<'f>(fold: &'f Fold, file: &str) -> Vec<&'f Task> {
    let sites = fold.sites_in(file);
    fold.live().filter(|task| sites.contains(&task.site)).collect()
}

/// What holds of every task of a healthy server.
fn sane(fold: &Fold) {
    for task in fold.live() {
        let age_ns = fold.now_ns - task.created_ns;
        assert!(task.busy_ns + task.scheduled_ns <= age_ns + 1_000_000, "more than its life: {task:?}");
        assert!(
            task.kind == TaskKind::BlockOn as i32 || task.polls <= task.wakes + 1,
            "polled for nothing: {task:?}"
        );
        assert!(task.drops <= task.clones + task.wakes, "more wakers dropped than made: {task:?}");
    }
    assert_eq!(fold.process.untracked + fold.process.truncated + fold.process.folded_sites, 0);
}

async fn redis(source: &str) {
    let mut program = start(&["redis", "--source", source]);
    let port = port(&program.ask("port"));
    let mut console = Console::open(program.address()).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(mini_redis::client::connect(("127.0.0.1", port as u16)).await.expect("it listens"));
    }
    let connections = |fold: &Fold| spawned_in(fold, "mini-redis-0.4.1/src/server.rs").len();
    console.wait_for("a task a connection", |fold| fold.complete && connections(fold) == CLIENTS).await;
    for (i, client) in clients.iter_mut().enumerate() {
        for n in 0..REQUESTS {
            let value = format!("{i}-{n}");
            client.set("key", value.clone().into()).await.expect("the server answers");
            assert_eq!(
                client.get("key").await.expect("the server answers").as_deref(),
                Some(value.as_bytes())
            );
        }
    }
    // Each request is read by at least one poll of its connection.
    let served = |task: &Task| task.polls > REQUESTS as u64 && task.busy_ns > 0;
    console
        .wait_for("their work", |fold| {
            spawned_in(fold, "mini-redis-0.4.1/src/server.rs").into_iter().filter(|task| served(task)).count()
                == CLIENTS
        })
        .await;
    sane(&console.fold);
    // The database's own task, which waits for keys to expire.
    assert_eq!(spawned_in(&console.fold, "mini-redis-0.4.1/src/db.rs").len(), 1);

    drop(clients);
    console.wait_for("their end", |fold| connections(fold) == 0).await;
    let sites = console.fold.sites_in("mini-redis-0.4.1/src/server.rs");
    let ended = console.fold.sums_of(|site| sites.contains(&site));
    assert_eq!((ended.spawned, ended.finished), (CLIENTS as u64, CLIENTS as u64));
    assert!(ended.polls > (CLIENTS * REQUESTS * 2) as u64);
}

#[tokio::test]
async fn mini_redis_wrapped() {
    redis("wrap").await;
}

#[tokio::test]
async fn mini_redis_with_the_layer() {
    redis("layer").await;
}

/// A client in a closed loop: the next request follows the answer to the last.
async fn request_in_a_loop(port: u64, requests: usize) {
    let mut connection = TcpStream::connect(("127.0.0.1", port as u16)).await.expect("it listens");
    let mut answer = vec![0; 4096];
    for _ in 0..requests {
        connection.write_all(b"GET / HTTP/1.1\r\nHost: local\r\n\r\n").await.expect("the server reads");
        let mut got = 0;
        while !answer[..got].ends_with(b"hello") {
            let more = connection.read(&mut answer[got..]).await.expect("the server answers");
            assert!(more > 0, "the server hung up: {:?}", String::from_utf8_lossy(&answer[..got]));
            got += more;
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn axum_under_load() {
    let mut program = start(&["axum"]);
    let port = port(&program.ask("port"));
    let mut console = Console::open(program.address()).await;
    let mut load = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        load.spawn(request_in_a_loop(port, REQUESTS));
    }
    let load = async { load.join_all().await };
    tokio::pin!(load);
    let mut most = 0;
    loop {
        tokio::select! {
            _ = &mut load => break,
            frame = console.next() => {
                frame.expect("the stream is open");
                most = most.max(spawned_in(&console.fold, "serve/mod.rs").len());
                sane(&console.fold);
            }
        }
    }
    let requests = program.ask("requests")["requests"].as_u64().expect("a number");
    assert_eq!(requests, (CLIENTS * REQUESTS) as u64);
    let finished = |fold: &Fold| {
        let sites = fold.sites_in("serve/mod.rs");
        fold.sums_of(|site| sites.contains(&site))
    };
    console.wait_for("the connections' end", |fold| finished(fold).finished == CLIENTS as u64).await;
    let sums = finished(&console.fold);
    assert_eq!(sums.spawned, CLIENTS as u64, "a task a connection: {:?}", console.fold.sites);
    // The handler yields once: a poll to read the request and one more to answer it.
    assert!(sums.polls >= requests * 2 && sums.wakes >= requests, "{sums:?}");
    println!("axum: {requests} requests on {CLIENTS} connections ({most} seen at once): {sums:?}");
    tokio::time::timeout(Duration::from_secs(5), console.next())
        .await
        .expect("it goes on")
        .expect("it is open");
}
