//! Tasks that do nothing: many at once, for a long time; and many that end.

use std::{future::pending, thread, time::Instant};

use serde_json::json;
use tokio::task::JoinHandle;

use crate::stage::{Stage, answer, commands, rss_bytes};

/// Finished tasks in flight at a time.
const BATCH: usize = 100;

/// `spawn N`: that many tasks that wait for ever. `rss`: memory.
pub(crate) fn run(stage: &Stage) {
    let mut tasks = Vec::new();
    for command in commands() {
        if let Some(number) = command.strip_prefix("spawn ") {
            let start = Instant::now();
            let number: usize = number.parse().unwrap_or(0);
            tasks.extend((0..number).map(|_| stage.spawn(pending::<()>())));
            answer(&json!({ "spawned": tasks.len(), "took_ms": start.elapsed().as_millis() as u64 }));
        } else if command == "end" {
            tasks.iter().for_each(JoinHandle::abort);
            wait_for_end(&tasks);
            tasks.clear();
            answer(&json!({}));
        } else {
            answer(&json!({ "rss": rss_bytes() }));
        }
    }
}

/// `finish N`: that many tasks begin, are polled four times, and end. Answers with the memory afterwards.
pub(crate) fn million(stage: &Stage) {
    for command in commands() {
        let number: usize =
            command.strip_prefix("finish ").and_then(|number| number.parse().ok()).unwrap_or(0);
        for first in (0..number).step_by(BATCH) {
            let batch: Vec<_> = (first..number.min(first + BATCH))
                .map(|i| {
                    let work = async {
                        for _ in 0..3 {
                            tokio::task::yield_now().await;
                        }
                    };
                    // One in ten has a name, and so memory beside its slot.
                    if i % 10 == 0 {
                        stage.spawn_named(&format!("named {i}"), work)
                    } else {
                        stage.spawn(work)
                    }
                })
                .collect();
            wait_for_end(&batch);
        }
        answer(&json!({ "rss": rss_bytes() }));
    }
}

/// Without `block_on`, which is a task of its own to the console.
fn wait_for_end(tasks: &[JoinHandle<()>]) {
    while !tasks.iter().all(JoinHandle::is_finished) {
        thread::yield_now();
    }
}
