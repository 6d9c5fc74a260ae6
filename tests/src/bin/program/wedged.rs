//! Every worker blocked: tasks that sleep with their thread.

use std::{thread, time::Duration};

use serde_json::json;

use crate::stage::{Stage, answer, commands};

/// `wedge SECONDS`: blocks every worker. `spawn N`: tasks that then wait for one.
pub(crate) fn run(stage: &Stage) {
    for command in commands() {
        if let Some(seconds) = command.strip_prefix("wedge ") {
            let time = Duration::from_secs(seconds.parse().unwrap_or(1));
            for worker in 0..stage.workers {
                stage.spawn_named(&format!("wedge {worker}"), async move { thread::sleep(time) });
            }
        } else if let Some(number) = command.strip_prefix("spawn ") {
            for _ in 0..number.parse().unwrap_or(0) {
                stage.spawn(async {});
            }
        }
        answer(&json!({}));
    }
}
