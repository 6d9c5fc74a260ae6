//! The process that is watched: a checkout service with its clients, and faults of the kinds that the lints know.
//!
//! Invariant: it ends when its standard input does. Limit: two workers, so that one blocked worker is felt.

#[cfg(not(tokio_unstable))]
use std::sync::Arc;
use std::{io, thread};

#[cfg(not(tokio_unstable))]
use taskscope::Handle;
use tokio::{runtime, sync::oneshot, task::JoinHandle};
use tracing::dispatcher;

use super::{checkout, faults, peers};

/// Workers of its runtime.
const WORKERS: usize = 2;

/// Names tasks: as tokio does where it can, and as taskscope does where tokio is built without `tokio_unstable`.
#[derive(Debug, Clone)]
pub(super) struct Spawner {
    #[cfg(not(tokio_unstable))]
    handle: Arc<Handle>,
}

impl Spawner {
    #[cfg(tokio_unstable)]
    #[track_caller]
    #[expect(clippy::unused_self, reason = "without tokio_unstable there is something in it")]
    pub(super) fn spawn<F>(&self, name: &str, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let spawned = tokio::task::Builder::new().name(name).spawn(future);
        spawned.expect("only the spawning of blocking tasks can fail")
    }

    #[cfg(not(tokio_unstable))]
    #[track_caller]
    pub(super) fn spawn<F>(&self, name: &str, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        taskscope::task::Builder::new().name(name).handle(&self.handle).spawn(future)
    }
}

/// Runs until standard input ends.
///
/// # Errors
/// When nothing can be bound or started.
pub(crate) fn main() -> color_eyre::Result<()> {
    let (subscriber, server) = taskscope::builder()
        .bind("127.0.0.1:0")
        .name("checkout-api")
        .wrap(tracing::subscriber::NoSubscriber::default());
    let spawner = Spawner {
        #[cfg(not(tokio_unstable))]
        handle: Arc::new(server.handle().clone()),
    };
    dispatcher::set_global_default(dispatcher::Dispatch::new(subscriber))?;
    let address = server.spawn()?;
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("checkout-worker")
        .enable_all()
        .build()?;
    let (ended, end) = oneshot::channel();
    // The console holds the other end; nothing is ever written to it.
    thread::spawn(move || ended.send(io::copy(&mut io::stdin().lock(), &mut io::sink())));
    // What spawns them lives as long as they do: a task can be asked who spawned it.
    runtime.block_on(async {
        checkout::start(&spawner).await?;
        faults::start(&spawner);
        peers::start(&spawner).await?;
        println!("{address}");
        end.await.unwrap_or(Ok(0))
    })?;
    runtime.shutdown_background();
    Ok(())
}
