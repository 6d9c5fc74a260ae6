//! Programs that hang, each in a way that people met, and one that does not: `faults NAME` prints `ready PID` when it hangs, and stays.
//!
//! Plain tokio: no flag, no `tracing`, nothing of taskscope.

mod actors;
mod healthy;
mod join;
mod server;

use std::{env, future, time::Duration};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

#[tokio::main(worker_threads = 2)]
async fn main() {
    let name = env::args().nth(1).unwrap_or_default();
    match &*name {
        "transfers" => server::transfers().await,
        "drain_locked" => join::drain_locked().await,
        "actor_cycle" => actors::cycle().await,
        "ask_each_other" => actors::ask().await,
        "futurelock" => join::futurelock().await,
        "healthy" => healthy::run(),
        _ => {
            eprintln!("usage: faults transfers|drain_locked|actor_cycle|ask_each_other|futurelock|healthy");
            std::process::exit(2);
        }
    }
    println!("ready {}", std::process::id());
    future::pending::<()>().await;
}
