//! Tasks with one fault each, as the lints know them, and healthy ones beside them.

use std::{
    future::{pending, poll_fn},
    hint::black_box,
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::time::sleep;

use crate::stage::{Stage, answer, commands};

/// Starts all faults; each command is answered.
pub(crate) fn run(stage: &Stage) {
    stage.spawn_named("self-waker", {
        let mut polls = 0_u32;
        poll_fn(move |context| {
            context.waker().wake_by_ref();
            polls = polls.wrapping_add(1);
            // Now and then, so that the machine's other work gets on.
            if polls.is_multiple_of(2048) {
                thread::sleep(Duration::from_micros(500));
            }
            Poll::<()>::Pending
        })
    });
    // Its waker is dropped: nothing is left to wake it.
    stage.spawn_named("lost-waker", pending::<()>());
    stage.spawn_named("never-yields", async {
        spin(Duration::from_secs(600));
    });
    stage.spawn_named("long-poll", async {
        loop {
            thread::sleep(Duration::from_millis(150));
            sleep(Duration::from_millis(50)).await;
        }
    });
    stage.spawn_named("large-future", large::<8192>());
    stage.spawn_named("auto-boxed-future", large::<40_000>());
    storm(stage);
    leak(stage);
    stage.spawn_named("healthy", async {
        loop {
            sleep(Duration::from_millis(100)).await;
        }
    });
    for _ in commands() {
        answer(&json!({}));
    }
}

fn spin(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        // Half the time, so that the machine's other work gets on.
        thread::sleep(Duration::from_millis(1));
    }
}

async fn large<const BYTES: usize>() {
    let held = black_box([1_u8; BYTES]);
    loop {
        sleep(Duration::from_millis(200)).await;
        black_box(&held);
    }
}

/// A thousand wakes for each poll.
pub(crate) fn storm(stage: &Stage) {
    let (sender, receiver) = std::sync::mpsc::channel::<std::task::Waker>();
    thread::spawn(move || {
        for waker in receiver {
            for _ in 0..1000 {
                waker.wake_by_ref();
            }
            thread::sleep(Duration::from_millis(5));
        }
    });
    stage.spawn_named(
        "wake-storm",
        poll_fn(move |context| {
            // The thread ends with this task.
            let _sent = sender.send(context.waker().clone());
            Poll::<()>::Pending
        }),
    );
}

/// Ever more tasks, none of which ends.
fn leak(stage: &Stage) {
    let spawner = stage.spawner.clone();
    stage.spawn_named("leaking", async move {
        loop {
            spawner.spawn(async {
                let (_sender, receiver) = tokio::sync::oneshot::channel::<()>();
                // The sender lives as long as the task: no value will be sent.
                let _never = receiver.await;
            });
            sleep(Duration::from_millis(10)).await;
        }
    });
}
