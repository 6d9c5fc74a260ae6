//! Stable tokio, no flag: tasks spawned through taskscope are seen, and any future can be given a name.
//!
//! `cargo run --example stable`, and `taskscope` in another terminal.

use std::time::Duration;

use taskscope::FutureExt as _;
use tokio::{task::JoinSet, time::sleep};

#[tokio::main]
async fn main() {
    taskscope::init();

    taskscope::task::Builder::new().name("heartbeat").spawn(async {
        loop {
            sleep(Duration::from_secs(1)).await;
        }
    });
    loop {
        let mut round = JoinSet::new();
        for number in 0..10_u64 {
            round.spawn(sleep(Duration::from_millis(100 * number)).instrument_task("work"));
        }
        taskscope::spawn(async move { round.join_all().await }).await.expect("sleeping does not panic");
    }
}
