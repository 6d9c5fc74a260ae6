//! Parks one task, prints `ready PID`, and waits to be looked at. Quick to build with any kind of debug information.

use std::{future::Future, pin::Pin, sync::Arc};

use tokio::{runtime::Builder, sync::Notify, task::yield_now};

fn main() {
    let runtime = Builder::new_current_thread().build().expect("a runtime starts");
    runtime.block_on(async {
        let parked = tokio::spawn(outer(3));
        yield_now().await;
        println!("ready {}", std::process::id());
        let _ = parked.await;
    });
}

async fn outer(depth: u32) -> u32 {
    let notify = Arc::new(Notify::new());
    inner(depth, notify).await
}

fn inner(depth: u32, notify: Arc<Notify>) -> Pin<Box<dyn Future<Output = u32> + Send>> {
    Box::pin(async move {
        if depth == 0 {
            notify.notified().await;
            return 0;
        }
        inner(depth - 1, notify).await + 1
    })
}
