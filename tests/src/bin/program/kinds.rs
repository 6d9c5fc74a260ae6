//! One task of each kind, with known parents, wakers and times.

use std::{
    future::{pending, poll_fn},
    sync::mpsc,
    task::{Poll, Waker},
    thread,
    time::Duration,
};

use serde_json::json;
use taskscope::FutureExt as _;
use tokio::{
    sync::oneshot,
    task::{JoinHandle, LocalSet},
};

use crate::stage::{Stage, answer, commands};

/// How long the poll of `busy` is, and how often it is polled so.
const BUSY: Duration = Duration::from_millis(60);
const BUSY_POLLS: u32 = 3;

/// Starts them; each command is answered.
pub(crate) fn run(stage: &Stage) {
    let release = blocking(stage);
    local();
    let Some(handle) = stage.spawner.handle.clone() else { return };
    stage.spawn_named("outer", async move {
        pending::<()>().instrument_task_in(&handle, "inner").await;
    });
    family(stage);
    stage.spawn_named("woken-by-thread", woken_by_a_thread());
    stage.spawn_named("busy", async {
        for _ in 0..BUSY_POLLS {
            thread::sleep(BUSY);
            tokio::task::yield_now().await;
        }
        pending::<()>().await;
    });
    for _ in commands() {
        answer(&json!({ "busy_ns": (BUSY * BUSY_POLLS).as_nanos() as u64 }));
    }
    // The blocking task holds up the end of the runtime until now.
    drop(release);
}

fn blocking(stage: &Stage) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    stage.runtime.spawn_blocking(move || {
        // Until the other side is dropped.
        let _over = released.recv();
    });
    release
}

/// A thread with a runtime of its own, whose root waits for a local task.
fn local() {
    thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        LocalSet::new().block_on(&runtime, async {
            let local: JoinHandle<()> = tokio::task::spawn_local(pending());
            let _never = local.await;
        });
    });
}

/// A parent, its child, and a sibling that wakes the child.
fn family(stage: &Stage) {
    let (sender, receiver) = oneshot::channel::<()>();
    let spawner = stage.spawner.clone();
    stage.spawn_named("parent", async move {
        spawner.spawn_named("child", async move {
            let _woken = receiver.await;
            pending::<()>().await;
        });
        spawner.spawn_named("sibling", async move {
            // After the child has gone to sleep: a timer fires when workers are idle.
            tokio::time::sleep(Duration::from_millis(300)).await;
            let _sent = sender.send(());
            pending::<()>().await;
        });
        pending::<()>().await;
    });
}

async fn woken_by_a_thread() {
    let (sender, wakers) = mpsc::channel::<Waker>();
    let waking = thread::Builder::new().name("waking thread".to_owned());
    waking.spawn(move || wakers.iter().for_each(Waker::wake)).expect("a thread");
    let mut polls = 0;
    poll_fn(move |context| {
        polls += 1;
        if polls == 1 {
            let _sent = sender.send(context.waker().clone());
        }
        Poll::<()>::Pending
    })
    .await;
}
