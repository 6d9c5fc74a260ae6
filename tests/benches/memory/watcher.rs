//! A process that watches another one and keeps nothing of what it hears.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use taskscope_tests::console::{dial, wish};
use tokio::{runtime::Builder, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;

use crate::Outcome;

/// Ends with its drop.
pub(crate) struct Watcher(Child);

impl Watcher {
    /// Starts it and waits until it has a whole snapshot.
    pub(crate) fn start(address: &str) -> Outcome<Self> {
        let mut child =
            Command::new(std::env::current_exe()?).args(["watch", address]).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no stdout")?).read_line(&mut line)?;
        if line.trim() != "complete" {
            return Err("the watcher has no snapshot".into());
        }
        Ok(Self(child))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // Already dead is dead as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The process itself.
pub(crate) fn run(address: &str) -> Outcome<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let (wishes, requests) = mpsc::channel(1);
        wishes.send(wish()).await?;
        let mut frames = dial(address).await?.watch(ReceiverStream::new(requests)).await?.into_inner();
        while let Some(frame) = frames.message().await? {
            if frame.snapshot_end {
                println!("complete");
            }
        }
        Ok(())
    })
}
