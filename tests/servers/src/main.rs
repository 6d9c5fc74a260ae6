//! `servers NAME serve` says where it listens and serves until it is killed; `servers NAME load ADDRESS` asks it for `LOAD_MS` and says how many answers came.
//! `WATCH` says what is installed in the server: see [`watch::install`].

mod dns;
mod grpc;
mod http;
#[path = "../../../instrument/benches/overhead/unheard.rs"]
mod unheard;
mod watch;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Answers that came.
type Answers = Arc<AtomicU64>;

#[tokio::main(worker_threads = 2)]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [name, "serve"] => {
            let watched_at = watch::install()?;
            let listens = |address: SocketAddr| println!("{address} {watched_at}");
            match name {
                "grpc" => grpc::serve(listens).await,
                "dns" => dns::serve(listens).await,
                "http" => http::serve(listens).await,
                _ => Err(format!("no server {name}").into()),
            }
        }
        [name, "load", address] => {
            let (address, answers) = (address.parse()?, Answers::default());
            match name {
                "grpc" => grpc::load(address, &answers),
                "dns" => dns::load(address, &answers),
                "http" => http::load(address, &answers),
                _ => return Err(format!("no server {name}").into()),
            }
            count(&answers).await
        }
        _ => Err("usage: servers grpc|dns|http serve | load ADDRESS".into()),
    }
}

/// After a start that is not counted: answers, and the time they took.
async fn count(answers: &AtomicU64) -> Outcome {
    tokio::time::sleep(Duration::from_millis(300)).await;
    println!("begin");
    let (start, before) = (Instant::now(), answers.load(Relaxed));
    let wanted_ms: u64 = std::env::var("LOAD_MS")?.parse()?;
    tokio::time::sleep(Duration::from_millis(wanted_ms)).await;
    println!("{} {}", answers.load(Relaxed) - before, start.elapsed().as_secs_f64());
    std::process::exit(0)
}
