//! An axum server, and a process that loads it in a closed loop.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use tokio::runtime::Runtime;

use crate::{Outcome, this, workloads::Spawner};

const CONNECTIONS: usize = 16;
const LOAD_TIME: Duration = Duration::from_secs(2);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n";

/// Serves until the load is over; returns nanoseconds a request.
pub(crate) fn serve_under_load(runtime: &Runtime, spawner: &Spawner) -> Outcome<f64> {
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?.to_string();
    let router = Router::new().route("/", get(|| async { "ok" }));
    runtime.block_on(async {
        spawner.spawn(async move { axum::serve(listener, router).await });
    });
    let output = this(&["load", &address]).stdout(Stdio::piped()).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// The load: plain threads, one request after the other on each connection.
pub(crate) fn load(address: &str) {
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let address = address.to_owned();
            thread::spawn(move || requests(&address).expect("the server answers"))
        })
        .collect();
    let start = Instant::now();
    let requests: u64 =
        clients.into_iter().map(|client| client.join().expect("a client does not panic")).sum();
    println!("{}", start.elapsed().as_nanos() as f64 / requests as f64);
}

fn requests(address: &str) -> std::io::Result<u64> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_nodelay(true)?;
    let mut answer = [0; 1024];
    let mut requests = 0;
    let end = Instant::now() + LOAD_TIME;
    while Instant::now() < end {
        connection.write_all(REQUEST)?;
        // The answer is small enough for one segment.
        if connection.read(&mut answer)? == 0 {
            break;
        }
        requests += 1;
    }
    Ok(requests)
}
